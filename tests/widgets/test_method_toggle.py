import pytest

import cltutor as cl
from cltutor.training.events import Diverged
from cltutor.widgets import method_toggle, training

pytestmark = pytest.mark.usefixtures("no_errors")


@pytest.fixture
def toggle(stream):
    return cl.widgets.MethodToggle(stream, ("finetune", "lwf", "joint"), epochs=2)


def expect(toggle, words):
    from cltutor.widgets import base

    assert words in toggle.message.value
    base._told.clear()


def press_train(toggle, method=None):
    if method:
        toggle.settings.method.value = method
    toggle.actions.train.click()
    toggle.training.join()


def test_it_begins_with_pictures_of_the_tasks(toggle):
    assert 'alt="Sample pictures of' in toggle.pane.value
    assert toggle.runs == []


def test_a_trained_run_is_the_one_that_learn_gives(toggle, stream):
    press_train(toggle, "lwf")
    (run,) = toggle.runs
    assert run.recipe == cl.methods.lwf(epochs=2) == toggle.recipe
    assert (run.accuracy() == cl.learn(stream, run.recipe, progress=False).accuracy()).sum() == 3
    assert 'alt="Accuracy of each task' in toggle.pane.value
    assert "lwf ends with" in toggle.pane.value
    assert toggle.actions.bar.value == 1
    assert "% on average" in toggle.actions.words.value
    assert not toggle.actions.busy


def test_runs_pile_up_and_clear_takes_them_away(toggle):
    press_train(toggle, "finetune")
    press_train(toggle, "lwf")
    assert [run.name for run in toggle.runs] == ["finetune", "lwf"]
    assert "finetune ends with" in toggle.pane.value
    assert "lwf ends with" in toggle.pane.value
    toggle.actions.clear.click()
    assert toggle.runs == []
    assert 'alt="Sample pictures of' in toggle.pane.value


def test_the_same_recipe_again_takes_the_next_seed(toggle):
    for _ in range(3):
        press_train(toggle)
    assert [run.seed for run in toggle.runs] == [0, 1, 2]
    press_train(toggle, "lwf")
    assert toggle.runs[-1].seed == 0


def test_the_switch_shows_what_was_recorded_without_drawing_or_training(toggle, monkeypatch):
    press_train(toggle)
    monkeypatch.setattr(method_toggle, "draw", None)
    monkeypatch.setattr(method_toggle, "train", None)
    known = toggle.pane.value
    toggle.settings.known_task.value = False
    assert "task unknown at test (some trained per task" in toggle.pane.value
    toggle.settings.known_task.value = True
    assert toggle.pane.value == known


def test_stop_keeps_what_was_learned_and_training_again_replaces_it(toggle, monkeypatch):
    toggle.settings.epochs.text.value = 1000
    follow = toggle._follow

    def stop_in_the_third_epoch(event):
        follow(event)
        if getattr(event, "epoch", 0) == 2:
            toggle.actions.stop.click()

    monkeypatch.setattr(toggle, "_follow", stop_in_the_third_epoch)
    press_train(toggle)
    (run,) = toggle.runs
    assert len(run.curves.epoch_task) == 2
    assert not run.complete
    assert "stopped in task 1 of 2" in toggle.actions.words.value
    assert "finetune ends with" in toggle.pane.value
    assert toggle.actions.stop.disabled
    press_train(toggle)
    assert [(run.seed, len(run.curves.epoch_task)) for run in toggle.runs] == [(0, 2)]


def test_train_pressed_twice_trains_once(toggle, monkeypatch):
    presses = []

    def press_again(event):
        if not presses:
            presses.append(toggle.actions.train.click())

    monkeypatch.setattr(toggle, "_follow", press_again)
    press_train(toggle)
    assert len(presses) == 1
    assert len(toggle.runs) == 1


def test_the_page_is_not_told_of_every_step(toggle, monkeypatch):
    told = []
    monkeypatch.setattr(toggle.actions, "say", lambda words, progress=None: told.append(words))
    monkeypatch.setattr(training, "BLINK", 10**6)
    toggle.settings.epochs.text.value = 20
    press_train(toggle)
    assert len(told) == 3  # getting ready, one of the steps, the end


def test_a_loss_that_explodes_is_told_and_the_run_kept(toggle, monkeypatch):
    def explode(*arguments, **options):
        yield from method_toggle_events(*arguments, **options)
        raise Diverged("CrossEntropy became infinite in task 1 of finetune: lower learning_rate.")

    method_toggle_events = method_toggle.train
    monkeypatch.setattr(method_toggle, "train", explode)
    press_train(toggle)
    assert len(toggle.runs) == 1
    assert not toggle.actions.busy
    expect(toggle, "CrossEntropy became infinite")


def test_equation_and_code_follow_the_controls(toggle):
    settings = toggle.settings
    settings.method.value = "lwf"
    settings.temperature.slider.value = 4
    settings.lam.text.value = 0.5
    settings.heads.value = "class"
    assert settings.equation.value == toggle.recipe._repr_latex_()
    assert "T=4" in settings.equation.value
    assert "cl.methods.lwf(temperature=4, lam=0.5, epochs=2, heads=&quot;class&quot;)" in settings.recipe_line.value
    code = 'cl.widgets.MethodToggle(stream, method="lwf", heads="class", temperature=4, lam=0.5, epochs=2)'
    assert toggle.code == settings.line.value == code


def test_knobs_that_a_method_does_not_take_are_switched_off(toggle):
    settings = toggle.settings
    off = {}
    for name in ("finetune", "lwf", "joint"):
        settings.method.value = name
        off[name] = settings.temperature.disabled, settings.lam.disabled, settings.epochs.disabled
    assert off == {"finetune": (True, True, False), "lwf": (False, False, False), "joint": (True, True, False)}


def test_every_method_remembers_its_own_settings_and_all_share_the_epochs(toggle):
    settings = toggle.settings
    settings.method.value = "lwf"
    settings.temperature.text.value = 5
    settings.epochs.text.value = 3
    settings.method.value = "joint"
    assert toggle.recipe == cl.methods.joint(epochs=3)
    settings.method.value = "lwf"
    assert toggle.recipe == cl.methods.lwf(temperature=5, epochs=3)


def test_a_pasted_line_sets_the_controls(toggle):
    settings = toggle.settings
    settings.line.value = "cl.methods.lwf(temperature=3, lam=2, epochs=1, heads='class')"
    assert toggle.recipe == cl.methods.lwf(temperature=3, lam=2, epochs=1, heads="class")
    assert (settings.method.value, settings.temperature.value, settings.lam.slider.value) == ("lwf", 3, 2)
    assert settings.heads.value == "class"
    settings.line.value = "MethodToggle(stream, methods=['l2', 'lwf'], known_task=False)"
    assert settings.method.options == ("l2", "lwf")
    assert toggle.recipe == cl.methods.l2()
    assert settings.known_task.value is False


def test_a_pasted_line_that_is_wrong_is_told_and_changes_nothing(toggle):
    before = toggle.code
    toggle.settings.line.value = "cl.methods.lwf(temperature=-1)"
    assert toggle.code == toggle.settings.line.value == before
    expect(toggle, "temperature is a finite number above 0, not -1. Nothing was changed.")


def test_it_shows_the_runs_it_is_given(stream, run):
    toggle = cl.widgets.MethodToggle(stream, runs=[run])
    assert toggle.runs == [run]
    assert "lwf ends with" in toggle.pane.value


def test_bad_arguments_are_refused(stream, run):
    with pytest.raises(ValueError, match="did you mean lwf"):
        cl.widgets.MethodToggle(stream, ["l_w_f"])
    with pytest.raises(ValueError, match="methods is a list"):
        cl.widgets.MethodToggle(stream, "lwf")
    with pytest.raises(ValueError, match="no setting 'rate'"):
        cl.widgets.MethodToggle(stream, rate=3)
    with pytest.raises(ValueError, match="runs must have learned the tasks of this stream"):
        cl.widgets.MethodToggle(cl.streams.digits(), runs=[run])


def test_every_control_says_what_it_is(toggle):
    controls = [toggle.settings.method, toggle.settings.heads, toggle.settings.known_task, toggle.settings.line]
    controls += [knob.text for knob in (toggle.settings.temperature, toggle.settings.lam, toggle.settings.epochs)]
    controls += [toggle.actions.train, toggle.actions.stop, toggle.actions.clear]
    assert all(control.description and control.tooltip for control in controls)
    assert all(toggle.settings.method.tooltips)
    assert len(toggle.settings.method.tooltips) == 3
