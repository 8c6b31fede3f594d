"""Figures refuse what does not fit together, in one sentence."""

import numpy as np
import pytest
import torch

from cltutor import show

AXES = ("x", "y")
CLASSES, NAMES = [2, 2], list("abcd")
COUNTS, PLACES = np.eye(4), np.zeros((30, 2))
IMAGES = np.zeros((2, 3, 8, 8), dtype=np.uint8)
MAPS = {"lwm": np.zeros((2, 4, 3, 3))}
COLUMNS, ROWS = ["M0", "M1", "M2", "M3"], ["a", "b"]
GRID = np.full((4, 3), 0.5)
KNOWN, LEARNING = np.array([[0.5, np.nan], [0.6, 0.7]]), np.array([0, 1])
ALL = {"least": GRID, "most": GRID}
LAYER = {"mas": {"layer": torch.ones(2, 3)}}


def one(cut):
    """Distances of two strategies to `cut` exemplars."""
    return {"herding": np.zeros(cut), "closest": np.zeros(cut)}


REFUSED = [
    ("accuracy_over_time", lambda make: ([],), "give a run or a list of runs"),
    ("accuracy_over_time", lambda make: ("lwf",), "give a run or a list of runs"),
    ("accuracy_over_time", lambda make: ([make.run(tasks=3), make.run(tasks=2)],), "number of tasks, not 2 and 3"),
    ("accuracy_matrix", lambda make: ([make.run(), make.run()],), "shows one run"),
    ("loss_parts", lambda make: ([make.run()],), "give one, as learn"),
    ("loss_parts", lambda make: (make.run(learned=0),), "no steps yet"),
    ("forgetting", lambda make: ([make.run("lwf"), make.run("finetune", learned=1)],), "two tasks or more"),
    ("old_and_new", lambda make: (make.run("lwf", tasks=1),), "two tasks or more"),
    ("old_and_new", lambda make: (make.run("lwf"), False), "never learned to compete: they can be shown"),
    ("gallery", lambda make: ([make.run("finetune"), make.run("lwf", learned=2)],), "learned all tasks; not so lwf"),
    ("accuracy_by_share", lambda make: ({},), "one share of the images or more"),
    ("accuracy_by_share", lambda make: ({1.0: [make.run("lwf")], 0.1: [make.run("finetune")]},), "the same methods"),
    ("accuracy_by_share", lambda make: ({1.0: [make.run(tasks=1)]},), "two tasks or more"),
    ("tasks", lambda make: ([], 0), "per_class must lie between 1 and 26"),
    ("table", lambda make: ([{"a": 1}, {"b": 2}],), "the same keys in the same order"),
    ("source", lambda make: (len,), "has no Python source to show"),
    ("adaptation", lambda make: ({"mas": GRID}, ROWS), r"of shape \(tasks, 2\)"),
    ("adaptation", lambda make: ({}, ROWS), "for one method or more"),
    ("growth", lambda make: ({"dfcnn": [0]},), "above 0"),
    ("accuracy_over_parameters", lambda make: ({},), "there is none"),
    ("accuracy_over_parameters", lambda make: ({"dfcnn": (0, 0.5)},), "dfcnn has others"),
    ("accuracy_over_parameters", lambda make: ({"dfcnn": (10, [54.0])},), "accuracies from 0 to 1"),
    ("storage", lambda make: ({"mas": [{"network": 1}] * 2, "lwf": [{"network": 1}]},), "same number of tasks"),
    ("agreement", lambda make: (GRID, GRID.T, ROWS), "of the same weights"),
    ("importance", lambda make: (LAYER, "other"), "mas has no importance for 'other': it has layer"),
    ("importance", lambda make: (LAYER | {"si": {"layer": torch.ones(3, 2)}}, "layer"), "of one shape"),
    ("importance", lambda make: (LAYER, "layer", "linear"), "scale is one of rank, log, not 'linear'"),
    ("agreement", lambda make: (-GRID, GRID, ROWS), "finite numbers from 0 up"),
    ("agreement", lambda make: (GRID, GRID * np.nan, ROWS), "finite numbers from 0 up"),
    ("damage", lambda make: ((0, 0.5), ALL), "2 shares need accuracies of shape"),
    ("damage", lambda make: ((0, 0.3, 0.2, 1), ALL), "shares rise from 0 to 1"),
    ("convergence", lambda make: ({},), r"of shape \(seeds, epochs\)"),
    ("convergence", lambda make: ({"": {"mas": GRID, "lwf": GRID[:, :2]}},), "as many epochs for each method"),
    ("convergence", lambda make: ({"": {"mas": 2 * GRID + 1}},), "between 0 and 1"),
    ("damage", lambda make: ((0, 0.1, 0.3, 0.9), {"best": GRID}), "least, random, most"),
    ("confusions", lambda make: ({}, CLASSES, NAMES), "one moment or two"),
    ("confusions", lambda make: ({"a": COUNTS}, CLASSES, NAMES[:3]), "a name for each of 4 classes"),
    ("confusions", lambda make: ({"a": COUNTS}, [2, 2, 1], [*NAMES, "e"]), r"shape \(5, 5\), not \(4, 4\)"),
    ("last_layer", lambda make: ({"a": [0] * 3}, {"a": [0] * 4}, CLASSES, NAMES), r"shape \(4,\), not \(3,\)"),
    ("ablation", lambda make: ({"eeil": [1.0]}, CLASSES), r"shape \(2,\)"),
    ("attention_maps", lambda make: (IMAGES, {}, ROWS, COLUMNS), "one method or more"),
    ("attention_maps", lambda make: (IMAGES, MAPS, ROWS, COLUMNS[1:]), r"lwm needs maps of shape \(2, 3, h, w\)"),
    ("attention_maps", lambda make: (IMAGES, MAPS, ["a"], COLUMNS), "a name for each"),
    ("attention_maps", lambda make: (IMAGES, MAPS, ROWS, COLUMNS, 60), "opacity lies between 0 and 1, not 60"),
    ("attention_drift", lambda make: ({"lwm": np.zeros((2, 3))}, COLUMNS), r"of shape \(images, 4\)"),
    ("selection", lambda make: (np.zeros((9, 3)), [0, 1], one(2), "herding", 1, AXES), r"places are \(9, 3\)"),
    ("selection", lambda make: (PLACES, [0, 1], one(2), "herding", 3, AXES), "2 of the places"),
    ("selection", lambda make: (PLACES, [0, 1], one(2), "nearest", 1, AXES), "give 2 distances for nearest"),
    ("selection", lambda make: (PLACES, [0, 1], one(5), "closest", 1, AXES), "give 2 distances"),
    ("exemplars", lambda make: (IMAGES, 3), "a whole number from 1 to 2, not 3"),
    ("exemplars", lambda make: (IMAGES[:0], 1), "uint8, one or more"),
    ("evictions", lambda make: (IMAGES, {2: 2, 4: 3}), "kept falls from 2"),
    ("knowledge", lambda make: (make.network(), 0, 0, [4, 1]), r"has channels 0 to 3, not \[1, 4\]"),
    ("knowledge", lambda make: (make.network(), 0, 0, [-1]), "has channels 0 to 3"),
    ("knowledge", lambda make: (make.network(), 0, 9), "there is no task 9"),
    ("knowledge_shares", lambda make: ([[-0.5, 1.5]],), "from 0 up"),
    ("knowledge_shares", lambda make: (GRID, ["a"]), "4 tasks need 4 names, not 1"),
    ("reverse_transfer", lambda make: (KNOWN[0], LEARNING), r"curves must be \(E, T\)"),
    ("reverse_transfer", lambda make: (KNOWN, LEARNING[1:]), "epoch_task"),
    ("transfer_table", lambda make: (KNOWN, LEARNING[1:]), "epoch_task"),
    ("filter_changes", lambda make: (np.zeros((2, 3, 1)),), r"changes \(tasks, tasks, layers\)"),
    ("filter_changes", lambda make: (np.zeros((1, 1, 1)),), "after two tasks or more"),
    ("temperature", lambda make: (torch.zeros(3, 8, 8), [1.0], "a"), "uint8"),
    ("temperature", lambda make: (IMAGES[0].T, [1.0], "a"), "1 or 3 channels"),
    ("temperature", lambda make: (IMAGES[0], [[1.0]], "a"), "row of finite numbers"),
    ("temperature", lambda make: (IMAGES[0], [1.0, np.nan], "ab"), "row of finite numbers"),
    ("temperature", lambda make: (IMAGES[0], [1.0, 2.0], "a"), "2 logits need as many names, not 1"),
    ("temperature", lambda make: (IMAGES[0], [1.0], "a", 0.0), "above 0"),
    ("temperature", lambda make: (IMAGES[0], [1.0], "a", 2.0, 1), "from 0 to 0"),
]


@pytest.mark.parametrize(("figure", "given", "words"), REFUSED)
def test_what_does_not_fit_together_is_refused_in_one_sentence(figure, given, words, make):
    with pytest.raises(ValueError, match=words) as refused:
        getattr(show, figure)(*given(make))
    assert "\n" not in str(refused.value)
