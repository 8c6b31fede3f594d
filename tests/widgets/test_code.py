import pytest

import cltutor as cl
from cltutor.widgets.code import State


def state(**values) -> State:
    return State(("finetune", "lwf", "l2"), **values)


def test_the_recipe_has_the_settings_that_its_method_takes():
    assert state(method="lwf", temperature=3, lam=0.5, epochs=7, heads="class").recipe == cl.methods.lwf(
        temperature=3, lam=0.5, epochs=7, heads="class"
    )
    assert state(method="l2", temperature=3, lam=0.1).recipe == cl.methods.l2(lam=0.1)
    assert state(method="finetune", temperature=3, lam=0.1).recipe == cl.methods.finetune()


def test_settings_without_a_control_reach_every_method():
    rate = state(method="lwf", settings={"learning_rate": 0.3})
    assert rate.recipe.schedule.learning_rate == 0.3
    assert rate.recipe_code == 'cl.methods.lwf(temperature=2, lam=1, epochs=10, heads="task", learning_rate=0.3)'


@pytest.mark.parametrize("name", cl.methods.names())
def test_the_recipe_s_line_is_python_that_makes_the_recipe(name):
    shown = State((name,), epochs=3)
    assert eval(shown.recipe_code, {"cl": cl}) == shown.recipe


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"method": "lwf", "temperature": 3.5, "lam": 0.25, "epochs": 4},
        {"method": "l2", "lam": 3.0, "seed": 5, "known_task": False, "heads": "class"},
        {"device": "cpu", "settings": {"learning_rate": 0.3, "backbone": cl.networks.SmallCNN(hidden=(8,))}},
    ],
)
def test_the_copied_line_sets_the_same_state_again(values):
    shown = state(**values)
    elsewhere = state(method="lwf", temperature=9, settings=shown.settings)
    again = elsewhere.pasted(shown.code)
    assert again == shown
    assert again.code == shown.code


def test_defaults_are_left_out_of_the_copied_line():
    assert State(("finetune", "lwf", "joint")).code == "cl.widgets.MethodToggle(stream)"
    assert state(method="lwf", temperature=2.0, lam=2.0).code == (
        'cl.widgets.MethodToggle(stream, methods=("finetune", "lwf", "l2"), method="lwf", lam=2)'
    )


def test_a_pasted_method_keeps_the_other_buttons_and_the_seed():
    again = state(seed=4, known_task=False).pasted("cl.methods.lwf(temperature=3, epochs=2)")
    assert again == state(seed=4, known_task=False, method="lwf", temperature=3, epochs=2)
    assert state().pasted("joint()").methods == ("finetune", "lwf", "l2", "joint")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "not one line of code"),
        ("lwf(temperature=", "not one line of code"),
        ("3 + 4", "not a call"),
        ("__import__('os').system('true')", "Give the settings of system by name"),
        ("cl.methods.lwf(3)", "Give the settings of lwf by name"),
        ("cl.methods.lwf(**more)", "Give the settings of lwf by name"),
        ("cl.methods.lwf(temperature=print(1))", r"temperature=print\(1\) cannot be set here"),
        ("cl.methods.lwf(temperature='warm')", "temperature is a number"),
        ("cl.methods.lwf(temperature=0)", "temperature is a finite number above 0"),
        ("cl.methods.lwf(epochs=0.5)", "epochs is a whole number from 1 up"),
        ("cl.methods.lwf(epoch=3)", "did you mean epochs"),
        ("cl.methods.lwf(heads='tasks')", 'heads is "task" or "class"'),
        ("cl.methods.finetune(temperature=3)", "finetune takes no temperature"),
        ("cl.methods.lfw()", "lfw is no method"),
        ("MethodToggle(stream, methods='lwf')", "methods is a list"),
        ("MethodToggle(stream, methods=['l_w_f'])", "did you mean lwf"),
        ("MethodToggle(stream, method='joint', methods=['lwf'])", "not among the methods here"),
        ("MethodToggle(stream, seed=-1)", "seed is a whole number"),
        ("MethodToggle(stream, known_task=1)", "known_task is True or False"),
    ],
)
def test_code_that_cannot_be_meant_is_refused_in_one_sentence(code, words):
    with pytest.raises(ValueError, match=words):
        state().pasted(code)
