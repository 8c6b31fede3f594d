"""Figures refuse what does not fit together, in one sentence; tests/refusals tries what is wrong in itself."""

import numpy as np
import pytest
import torch

from cltutor import show

GRID, COUNTS = np.full((4, 3), 0.5), np.eye(4)
IMAGES = np.zeros((2, 3, 8, 8), dtype=np.uint8)
KNOWN, LEARNING = np.array([[0.5, np.nan], [0.6, 0.7]]), np.array([0, 1])
LAYER = {"mas": {"layer": torch.ones(2, 3)}}
PLACES, AXES = np.zeros((30, 2)), ("x", "y")
REFUSED = [
    ("accuracy_over_time", lambda make: ([make.run(tasks=3), make.run(tasks=2)],), "number of tasks, not 2 and 3"),
    ("accuracy_matrix", lambda make: ([make.run(), make.run()],), "run is a Run"),
    ("loss_parts", lambda make: (make.run(learned=0),), "no steps yet"),
    ("forgetting", lambda make: ([make.run("lwf"), make.run("finetune", learned=1)],), "two tasks or more"),
    ("old_and_new", lambda make: (make.run("lwf", tasks=1),), "two tasks or more"),
    ("old_and_new", lambda make: (make.run("lwf"), False), "never learned to compete: they can be shown"),
    ("gallery", lambda make: ([make.run("finetune"), make.run("lwf", learned=2)],), "learned all tasks; not so lwf"),
    ("accuracy_by_share", lambda make: ({1.0: [make.run("lwf")], 0.1: [make.run("finetune")]},), "the same methods"),
    ("accuracy_by_share", lambda make: ({1.0: [make.run(tasks=1)]},), "two tasks or more"),
    ("table", lambda make: ([{"a": 1}, {"b": 2}],), "the same keys in the same order"),
    ("source", lambda make: (len,), "is not written in Python"),
    ("adaptation", lambda make: ({"mas": GRID}, ["a", "b"]), r"of shape \(tasks, 2\)"),
    ("storage", lambda make: ({"mas": [{"network": 1}] * 2, "lwf": [{"network": 1}]},), "same number of tasks"),
    ("agreement", lambda make: (GRID, GRID.T, ("a", "b")), "of the same two weights or more"),
    ("importance", lambda make: (LAYER, "other"), "mas has no importance for 'other': it has layer"),
    ("importance", lambda make: (LAYER | {"si": {"layer": torch.ones(3, 2)}}, "layer"), "of one shape"),
    ("damage", lambda make: ((0, 0.5), {"least": GRID}), r"of one shape \(2, tasks\)"),
    ("damage", lambda make: ((0, 0.3, 0.2, 1), {"least": GRID}), "rise from 0 to 1"),
    ("damage", lambda make: ((0, 0.1, 0.3, 0.9), {"least": GRID * np.nan}), "each has a nan"),
    ("convergence", lambda make: ({"": {"mas": GRID, "lwf": GRID[:, :2]}},), "as many epochs"),
    ("confusions", lambda make: ({"a": COUNTS}, [2, 2], list("abc")), "a name for each of 4 classes"),
    ("confusions", lambda make: ({"a": COUNTS}, [2, 2, 1], list("abcde")), r"shape \(5, 5\), not \(4, 4\)"),
    ("last_layer", lambda make: ({"a": [0] * 4}, {"b": [0] * 4}, [2, 2], list("abcd")), "of the same moments"),
    ("ablation", lambda make: ({"eeil": [1.0]}, [2, 2]), "one number for each of 2 tasks"),
    ("attention_maps", lambda make: (IMAGES, {"lwm": np.zeros((2, 4, 3, 3))}, ["a"], ["M0"]), "as many rows"),
    ("attention_maps", lambda make: (IMAGES, {"lwm": np.zeros((2, 4, 3, 3))}, ["a", "b"], ["M0"]), r"\(2, 1, h, w\)"),
    ("attention_drift", lambda make: ({"lwm": np.zeros((2, 3))}, ["M0", "M1"]), "each of 2 models: M0, M1"),
    ("selection", lambda make: (PLACES, [0, 0], {"herding": [1, 1]}, "herding", 1, AXES), "different rows"),
    ("selection", lambda make: (PLACES, [0, 1], {"herding": [1, 1]}, "herding", 3, AXES), "from 1 to 2, not 3"),
    ("selection", lambda make: (PLACES, [0, 1], {"herding": [1] * 3}, "herding", 1, AXES), "at most 2 numbers"),
    ("exemplars", lambda make: (IMAGES, 3), "a whole number from 1 to 2, not 3"),
    ("evictions", lambda make: (IMAGES, {2: 2, 4: 3}), "kept falls from 2"),
    ("evictions", lambda make: (IMAGES, {4: 2, 2: 1}), "as classes arrive"),
    ("knowledge", lambda make: (make.network(), 0, 0, [4, 1]), r"has channels 0 to 3, not \[1, 4\]"),
    ("knowledge_shares", lambda make: ([[0.5, 1]],), "sum to one"),
    ("knowledge_shares", lambda make: (GRID / 2, ["a"]), "4 tasks need 4 names, not 1"),
    ("reverse_transfer", lambda make: (KNOWN, LEARNING[::-1]), "0 to 1, in each of 2 epochs"),
    ("filter_changes", lambda make: (np.zeros((1, 1, 1)),), "of two tasks or more"),
    ("temperature", lambda make: (IMAGES[0], [1.0, 2.0], ["a"]), "2 logits need as many names, not 1"),
]


@pytest.mark.parametrize(("figure", "given", "words"), REFUSED)
def test_what_does_not_fit_together_is_refused_in_one_sentence(figure, given, words, make):
    with pytest.raises(ValueError, match=words) as refused:
        getattr(show, figure)(*given(make))
    assert "\n" not in str(refused.value)
