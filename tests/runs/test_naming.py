from types import SimpleNamespace

import cltutor as cl
from cltutor.runs.naming import grouped


def labels(*recipes):
    return [label for label, _ in grouped([SimpleNamespace(name=r.name, recipe=r) for r in recipes])]


def test_runs_of_one_recipe_are_one_method_in_the_order_given():
    found = grouped([SimpleNamespace(name=r.name, recipe=r) for r in map(cl.methods.get, ("lwf", "mas", "lwf"))])
    assert [(label, len(runs)) for label, runs in found] == [("lwf", 2), ("mas", 1)]


def test_recipes_of_one_name_are_labelled_by_what_differs():
    assert labels(cl.methods.lwf(temperature=1.0), cl.methods.lwf(temperature=4.0)) == [
        "lwf temperature=1.0",
        "lwf temperature=4.0",
    ]


def test_recipes_that_differ_in_more_are_labelled_by_their_regime():
    both = [cl.methods.joint(heads="task", epochs=1000), cl.methods.joint(heads="class", learning_rate=0.012345678)]
    assert labels(*both) == ["joint", "joint heads=class"]


def test_recipes_that_differ_in_too_much_are_numbered():
    both = [cl.methods.lwf(temperature=1 + 1e-15, epochs=1000), cl.methods.lwf(temperature=3.0, learning_rate=0.012345)]
    assert labels(*both) == ["lwf (1)", "lwf (2)"]
