import pytest

import cltutor as cl
from cltutor.evaluation.metrics import average_accuracy
from cltutor.training.events import Diverged, EpochDone
from cltutor.widgets.training import Pace


@pytest.fixture
def toggle(stream, watched):
    return watched(cl.widgets.MethodToggle, stream, ("finetune", "lwf", "joint"), epochs=2)


@pytest.fixture
def press_train(train):
    def press(toggle, method=None):
        toggle.method.value = method or toggle.method.value
        train(toggle)

    return press


def test_stop_keeps_what_was_learned_and_training_again_replaces_it(toggle, press_train):
    toggle.epochs.text.value = 1000
    for _ in range(2):
        toggle.train.stop = lambda event: isinstance(event, EpochDone) and event.epoch == 1
        press_train(toggle)
        (run,) = toggle.runs
        assert (run.seed, len(run.curves.epoch_task), run.complete) == (0, 2, False)
    assert "stopped in task 1 of 2" in toggle.actions.words.value
    assert "finetune ends with" in toggle.pane.words


def test_the_line_below_speaks_of_the_question_that_the_picture_answers(toggle, press_train):
    press_train(toggle)
    (run,) = toggle.runs
    for known in (True, False):
        toggle.known_task.value = known
        average = 100 * average_accuracy(run.accuracy(known, untrained=True))
        regime = "task known at test" if known else "task unknown at test"
        words = toggle.actions.words.value
        assert f">finetune, seed 0: {average:.1f} % on average, " in words
        assert f"points forgotten ({regime}); " in words
    toggle.actions.clear.click()
    toggle.known_task.value = True
    assert "finetune" not in toggle.actions.words.value


def test_ones_own_run_stands_beside_the_given_ones_of_its_method_under_a_name_of_its_own(stream, watched, train):
    given = [cl.learn(stream, cl.methods.finetune(epochs=2), seed, progress=False) for seed in (0, 1)]
    toggle = watched(cl.widgets.MethodToggle, stream, ("finetune",), epochs=2, runs=given)
    train(toggle)
    assert [(run.name, run.seed) for run in toggle.runs] == [("finetune, yours", 2)]
    assert "finetune ends with" in toggle.pane.words
    assert "finetune, yours ends with" in toggle.pane.words
    assert "finetune, yours, seed 2: " in toggle.actions.words.value
    toggle.actions.clear.click()
    assert "Sample pictures" in toggle.pane.words


def test_train_pressed_twice_trains_once(toggle, press_train):
    toggle.train.stop = lambda event: toggle.actions.train.click()  # it never asks to stop
    press_train(toggle)
    assert len(toggle.runs) == len(toggle.train.recipes) == 1


def test_the_page_does_not_show_every_step(toggle, press_train):
    lines = []
    toggle.actions.words.observe(lambda change: lines.append(change.new), "value")
    toggle.pace = Pace(blink=10**6)
    toggle.epochs.text.value = 20
    press_train(toggle)
    assert len(lines) == 3  # getting ready, one of the steps, the end


def test_a_run_whose_loss_diverges_is_kept(toggle, press_train, errors):
    def diverge(event):
        if isinstance(event, EpochDone):
            raise Diverged("CrossEntropy became infinite in task 1 of finetune: lower learning_rate.")

    toggle.train.stop = diverge
    press_train(toggle)
    assert len(toggle.runs) == 1
    errors.expect(toggle, "CrossEntropy became infinite")


def test_equation_and_code_follow_the_controls(toggle):
    toggle.method.value = "lwf"
    toggle.temperature.slider.value = 4
    toggle.lam.text.value = 0.5
    toggle.heads.value = "class"
    equation, line = toggle.controls.formula
    assert equation.value == toggle.recipe._repr_html_()
    assert "<mi>T</mi><mo>&#x0003D;</mo><mn>4</mn>" in equation.value
    assert "cl.methods.lwf(temperature=4, lam=0.5, epochs=2, heads=&quot;class&quot;)" in line.value
    code = 'cl.widgets.MethodToggle(stream, method="lwf", heads="class", temperature=4, lam=0.5, epochs=2)'
    assert toggle.code == toggle.line.value == code


def test_every_method_remembers_its_own_settings_and_all_share_the_epochs(toggle):
    toggle.method.value = "lwf"
    toggle.temperature.text.value = 5
    toggle.epochs.text.value = 3
    assert not toggle.temperature.disabled
    toggle.method.value = "joint"
    assert (toggle.temperature.disabled, toggle.lam.disabled, toggle.epochs.disabled) == (True, True, False)
    assert [knob.layout.display for knob in (toggle.temperature, toggle.lam, toggle.epochs)] == ["none", "none", None]
    assert toggle.recipe == cl.methods.joint(epochs=3)
    toggle.method.value = "lwf"
    assert toggle.recipe == cl.methods.lwf(temperature=5, epochs=3)


def test_a_pasted_line_sets_the_controls(toggle):
    toggle.line.value = "cl.methods.lwf(temperature=3, lam=2, epochs=1, heads='class')"
    assert toggle.recipe == cl.methods.lwf(temperature=3, lam=2, epochs=1, heads="class")
    assert (toggle.method.value, toggle.temperature.value, toggle.lam.slider.value) == ("lwf", 3, 2)
    toggle.line.value = "MethodToggle(stream, methods=['l2', 'lwf'], known_task=False, seed=4)"
    assert toggle.method.options == ("l2", "lwf")
    assert toggle.recipe == cl.methods.l2()
    assert toggle.known_task.value is False
    toggle.line.value = "joint(epochs=2)"  # keeps the other buttons, the seed and the question at test
    line = 'method="joint", known_task=False, epochs=2, methods=("l2", "lwf", "joint"), seed=4'
    assert toggle.code == f"cl.widgets.MethodToggle(stream, {line})"


@pytest.mark.parametrize("name", cl.methods.names())
def test_the_line_of_every_method_is_python_that_makes_the_recipe(stream, watched, name):
    toggle = watched(cl.widgets.MethodToggle, stream, (name,), epochs=3)
    assert eval(toggle.controls.recipe_code, {"cl": cl}) == toggle.recipe


def test_settings_without_a_control_reach_every_method_and_the_lines(stream, watched):
    settings = {"learning_rate": 0.3, "backbone": cl.networks.SmallCNN(hidden=(8,))}
    toggle = watched(cl.widgets.MethodToggle, stream, method="lwf", **settings)
    assert toggle.recipe == cl.methods.lwf(**settings)
    written = "learning_rate=0.3, backbone=cl.networks.SmallCNN(hidden=(8,))"
    assert toggle.controls.recipe_code == f'cl.methods.lwf(temperature=2, lam=1, epochs=10, heads="task", {written})'
    code = toggle.code
    toggle.line.value = "cl.methods.finetune()"
    assert toggle.recipe == cl.methods.finetune()
    toggle.line.value = code
    assert (toggle.code, toggle.recipe) == (code, cl.methods.lwf(**settings))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("cl.methods.lwf(3)", "Give the settings of lwf by name"),
        ("cl.methods.finetune(temperature=3)", "finetune takes no temperature"),
        ("MethodToggle(stream, methods='lwf')", "methods is a list"),
    ],
)
def test_a_pasted_line_that_cannot_be_meant_changes_nothing(toggle, code, words, errors):
    before = toggle.code
    toggle.line.value = code
    assert toggle.code == toggle.line.value == before
    errors.expect(toggle, words)
