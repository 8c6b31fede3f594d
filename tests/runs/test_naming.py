from types import SimpleNamespace

import pytest

import cltutor as cl
from cltutor.runs.naming import grouped, name_of

m, CE = cl.methods, cl.losses.CrossEntropy()


def run_of(recipe):
    return SimpleNamespace(name=recipe.name, recipe=recipe, competes=recipe.heads == "class")


@pytest.mark.parametrize(
    ("recipes", "expected"),
    [
        ([m.lwf(), m.mas(), m.lwf()], [("lwf", 2), ("mas", 1)]),
        ([m.lwf(temperature=1.0), m.lwf(temperature=4.0)], [("lwf temperature=1.0", 1), ("lwf temperature=4.0", 1)]),
        (
            [m.joint(), m.joint(heads="class", learning_rate=0.05), m.joint(heads="class", learning_rate=0.1)],
            [
                ("joint", 1),
                ("joint across tasks learning_rate=0.05", 1),
                ("joint across tasks learning_rate=0.1", 1),
            ],
        ),
        (
            [cl.Recipe("mine", CE), cl.Recipe("mine", CE, heads="class")],
            [("mine", 1), ("mine across tasks", 1)],
        ),
        # what differs is too long for a label
        (
            [m.lwf(temperature=1 + 1e-15, epochs=1000), m.lwf(temperature=3.0, learning_rate=0.012345678)],
            [("lwf (1)", 1), ("lwf (2)", 1)],
        ),
    ],
)
def test_runs_are_grouped_by_recipe_with_the_shortest_label_that_tells_them_apart(recipes, expected):
    runs = [run_of(recipe) for recipe in recipes]
    assert [(label, len(same)) for label, same in grouped(runs)] == expected


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (m.joint(), "joint"),
        (m.joint(heads="class", learning_rate=0.05), "joint across tasks"),
        (m.lwf(heads="class"), "lwf across tasks"),
        (m.eeil(), "eeil"),
        (m.eeil(heads="task"), "eeil per task"),
        (cl.Recipe("mine", CE, heads="class"), "mine"),
    ],
)
def test_a_name_is_short_and_depends_on_the_run_alone(recipe, expected):
    run, other = run_of(recipe), run_of(m.mas(heads="class"))
    assert name_of(run) == expected
    assert grouped([run])[0][0] == expected == grouped([run, other])[0][0]


def test_a_method_that_sets_its_own_heads_has_its_name():
    @cl.methods.register(fixed=["heads"])
    def only_across(**settings):
        return m.registry.compose("only_across", CE, m.registry.JOINT, heads="class", **settings)

    try:
        assert name_of(run_of(only_across())) == "only_across"
    finally:
        del m.registry._methods["only_across"]
