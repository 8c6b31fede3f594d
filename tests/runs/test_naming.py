from types import SimpleNamespace

import pytest

import cltutor as cl
from cltutor.runs.naming import grouped

m = cl.methods


@pytest.mark.parametrize(
    ("recipes", "expected"),
    [
        ([m.lwf(), m.mas(), m.lwf()], [("lwf", 2), ("mas", 1)]),
        ([m.lwf(temperature=1.0), m.lwf(temperature=4.0)], [("lwf temperature=1.0", 1), ("lwf temperature=4.0", 1)]),
        # what differs is too long for a label: by regime, else by number
        (
            [m.joint(heads="task", epochs=1000), m.joint(heads="class", learning_rate=0.012345678)],
            [("joint", 1), ("joint heads=class", 1)],
        ),
        (
            [m.lwf(temperature=1 + 1e-15, epochs=1000), m.lwf(temperature=3.0, learning_rate=0.012345)],
            [("lwf (1)", 1), ("lwf (2)", 1)],
        ),
    ],
)
def test_runs_are_grouped_by_recipe_with_the_shortest_label_that_tells_them_apart(recipes, expected):
    runs = [SimpleNamespace(name=recipe.name, recipe=recipe) for recipe in recipes]
    assert [(label, len(same)) for label, same in grouped(runs)] == expected
