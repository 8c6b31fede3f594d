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
    ("accuracy_matrix", lambda run: ([run(), run()],), "shows one run"),
    ("loss_parts", lambda run: ([run()],), "give one, as learn"),
    ("loss_parts", lambda run: (run(learned=0),), "no steps yet"),
    ("forgetting", lambda run: ([run("lwf"), run("finetune", learned=0)],), "no task has been learned yet"),
    ("old_and_new", lambda run: (run("lwf", tasks=1),), "two tasks or more"),
    ("old_and_new", lambda run: (run("lwf"), False), "never learned to compete: they can be shown with the task known"),
    ("gallery", lambda run: ([run("finetune"), run("lwf", learned=2)],), "learned all tasks; not so lwf"),
    ("accuracy_by_share", lambda run: ({},), "one share of the images or more"),
    ("accuracy_by_share", lambda run: ({1.0: [run("lwf")], 0.1: [run("finetune")]},), "the same methods"),
    ("accuracy_by_share", lambda run: ({1.0: [run(tasks=1)]},), "two tasks or more"),
    ("tasks", lambda run: ([], 0), "per_class must lie between 1 and 26"),
    ("table", lambda run: ([],), "the same keys in the same order"),
    ("table", lambda run: ([{"a": 1}, {"b": 2}],), "the same keys in the same order"),
    ("source", lambda run: (len,), "has no Python source to show"),
    ("adaptation", lambda run: ({"mas": GRID}, ROWS), r"of shape \(tasks, 2\)"),
    ("adaptation", lambda run: ({}, ROWS), "for one method or more"),
    ("growth", lambda run: ({},), "for one method or more"),
    ("growth", lambda run: ({"dfcnn": [0]},), "above 0"),
    ("accuracy_over_parameters", lambda run: ({},), "there is none"),
    ("accuracy_over_parameters", lambda run: ({"dfcnn": (0, 0.5)},), "dfcnn has others"),
    ("accuracy_over_parameters", lambda run: ({"dfcnn": (10, [54.0])},), "accuracies from 0 to 1"),
    ("storage", lambda run: ({"mas": [{"network": 1}] * 2, "lwf": [{"network": 1}]},), "same number of tasks"),
    ("agreement", lambda run: (GRID, GRID.T, ROWS), "of the same weights"),
    ("importance", lambda run: (LAYER, "other"), "mas has no importance for 'other': it has layer"),
    ("importance", lambda run: (LAYER | {"si": {"layer": torch.ones(3, 2)}}, "layer"), "of one shape"),
    ("importance", lambda run: (LAYER, "layer", "linear"), "scale is one of rank, log, not 'linear'"),
    ("damage", lambda run: ((0, 0.5), ALL), "2 shares need accuracies of shape"),
    ("damage", lambda run: ((0, 0.3, 0.2, 1), ALL), "shares rise from 0 to 1"),
    ("damage", lambda run: ((0, 0.1, 0.3, 0.9), {"best": GRID}), "least, random, most"),
    ("confusions", lambda run: ({}, CLASSES, NAMES), "one moment or two"),
    ("confusions", lambda run: ({"a": COUNTS}, CLASSES, NAMES[:3]), "a name for each of 4 classes"),
    ("confusions", lambda run: ({"a": COUNTS}, [2, 2, 1], [*NAMES, "e"]), r"shape \(5, 5\), not \(4, 4\)"),
    ("last_layer", lambda run: ({"a": [0] * 3}, {"a": [0] * 4}, CLASSES, NAMES), r"shape \(4,\), not \(3,\)"),
    ("ablation", lambda run: ({"eeil": [1.0]}, CLASSES), r"shape \(2,\)"),
    ("attention_maps", lambda run: (IMAGES, {}, ROWS, COLUMNS), "one method or more"),
    ("attention_maps", lambda run: (IMAGES, MAPS, ROWS, COLUMNS[1:]), r"lwm needs maps of shape \(2, 3, h, w\)"),
    ("attention_maps", lambda run: (IMAGES, MAPS, ["a"], COLUMNS), "a name for each"),
    ("attention_maps", lambda run: (IMAGES, MAPS, ROWS, COLUMNS, 60), "opacity lies between 0 and 1, not 60"),
    ("attention_drift", lambda run: ({"lwm": np.zeros((2, 3))}, COLUMNS), r"of shape \(images, 4\)"),
    ("selection", lambda run: (np.zeros((9, 3)), [0, 1], one(2), "herding", 1, AXES), r"places are \(9, 3\)"),
    ("selection", lambda run: (PLACES, [0, 1], one(2), "herding", 3, AXES), "2 of the places"),
    (
        "selection",
        lambda run: (PLACES, [0, 1], one(2), "nearest", 1, AXES),
        "2 distances for nearest and any others of",
    ),
    ("selection", lambda run: (PLACES, [0, 1], one(5), "closest", 1, AXES), "give 2 distances"),
    ("exemplars", lambda run: (IMAGES, 3), "a whole number from 1 to 2, not 3"),
    ("exemplars", lambda run: (IMAGES[:0], 1), "uint8, one or more"),
    ("evictions", lambda run: (IMAGES, {2: 2, 4: 3}), "kept falls from 2"),
    ("evictions", lambda run: (IMAGES, {2: 2, 4: 0}), "kept falls from 2"),
    ("knowledge_shares", lambda run: ([[-0.5, 1.5]],), "from 0 up"),
    ("knowledge_shares", lambda run: (GRID, ["a"]), "4 tasks need 4 names, not 1"),
    ("reverse_transfer", lambda run: (KNOWN[0], LEARNING), r"curves must be \(E, T\)"),
    ("reverse_transfer", lambda run: (KNOWN, LEARNING[1:]), "epoch_task"),
    ("transfer_table", lambda run: (KNOWN, LEARNING[1:]), "epoch_task"),
    ("filter_changes", lambda run: (np.zeros((2, 3, 1)),), r"changes \(tasks, tasks, layers\)"),
    ("filter_changes", lambda run: (np.zeros((1, 1, 1)),), "after two tasks or more"),
    ("temperature", lambda run: (torch.zeros(3, 8, 8), [1.0], "a"), "uint8"),
    ("temperature", lambda run: (IMAGES[0].T, [1.0], "a"), "1 or 3 channels"),
    ("temperature", lambda run: (IMAGES[0], [[1.0]], "a"), "row of finite numbers"),
    ("temperature", lambda run: (IMAGES[0], [1.0, np.nan], "ab"), "row of finite numbers"),
    ("temperature", lambda run: (IMAGES[0], [1.0, 2.0], "a"), "2 logits need as many names, not 1"),
    ("temperature", lambda run: (IMAGES[0], [1.0], "a", 0.0), "above 0"),
    ("temperature", lambda run: (IMAGES[0], [1.0], "a", np.inf), "above 0"),
    ("temperature", lambda run: (IMAGES[0], [1.0], "a", 2.0, 1), "from 0 to 0"),
]


@pytest.mark.parametrize(("figure", "given", "words"), REFUSED)
def test_what_does_not_fit_together_is_refused_in_one_sentence(figure, given, words, run):
    with pytest.raises(ValueError, match=words) as refused:
        getattr(show, figure)(*given(run))
    assert "\n" not in str(refused.value)
