import numpy as np
import pytest

import cltutor as cl
from cltutor.show.transfer import filter_distances
from cltutor.training.events import EpochDone, Stepped
from cltutor.widgets import base, reverse_transfer, training
from cltutor.widgets.reverse_transfer import epochs_between

pytestmark = pytest.mark.usefixtures("no_errors")

METHODS = ("dfcnn_small", "hard_sharing", "single_task")


@pytest.fixture
def tool(stream):
    return cl.widgets.ReverseTransfer(stream, METHODS, epochs=2)


@pytest.fixture(scope="module")
def trained(stream):
    made = cl.widgets.ReverseTransfer(stream, METHODS, epochs=2)
    train(made)
    return made


def train(tool):
    tool.actions.train.click()
    tool.training.join()


def press(tool, method):
    tool.controls.controls["method"].value = method


def test_before_training_the_classes_are_shown(tool):
    assert 'alt="Sample pictures of' in tool.panes[0].value
    assert [pane.value for pane in tool.panes[1:]] == ["", ""]


def test_it_learns_by_every_method_the_pressed_one_first(stream):
    tool = cl.widgets.ReverseTransfer(stream, METHODS, epochs=1, seed=3, method="hard_sharing", learning_rate=0.01)
    assert tool.recipes["hard_sharing"] == cl.methods.hard_sharing(epochs=1, learning_rate=0.01)
    train(tool)
    assert list(tool.runs) == ["hard_sharing", "dfcnn_small", "single_task"]
    assert all(run.complete and run.seed == 3 for run in tool.runs.values())
    assert tool.actions.bar.value == 1
    assert not tool.actions.busy
    tool.actions.train.click()
    assert "have been trained" in tool.actions.words.value


def test_the_numbers_are_those_of_learn(trained, stream):
    run = cl.learn(stream, trained.recipes["dfcnn_small"], progress=False)
    found = trained.runs["dfcnn_small"].curves
    np.testing.assert_array_equal(found.known, run.curves.known)
    np.testing.assert_array_equal(trained.changes["dfcnn_small"], filter_distances(run))
    assert list(trained.changes) == ["dfcnn_small"]  # no other method rebuilds filters


def test_old_tasks_are_tested_ten_times_a_task_or_more_and_at_its_end():
    assert [epochs_between(epochs) for epochs in (1, 5, 10, 20, 25, 100, 101, 2000)] == [1, 1, 1, 2, 1, 10, 1, 200]


def test_every_method_is_another_picture_and_comes_from_memory(trained, monkeypatch):
    monkeypatch.setattr(reverse_transfer, "draw", None)
    shown = set()
    for method in METHODS:
        press(trained, method)
        shown.add(trained.panes[0].value)
        assert f"Each task while it is learned and after, {method}: peaks average" in trained.panes[0].value
        assert f"What later tasks do to earlier ones, {method}, in points of accuracy" in trained.panes[1].value
        moved = f"How far later tasks move a task&#x27;s filters, {method}" in trained.panes[2].value
        assert moved == (method == "dfcnn_small")
        assert (trained.panes[2].value == "") == (method != "dfcnn_small")
    assert len(shown) == 3


def test_single_task_learning_is_a_dotted_line_of_the_others(trained, monkeypatch):
    seen = {}
    monkeypatch.setattr(reverse_transfer.show, "reverse_transfer", lambda *given: seen.update({given[2]: given[3]}))
    for name in METHODS:
        run, (key,) = trained.runs[name], [key for key in trained._album if key[:2] == ("curves", name)][-1:]
        assert key[3] == (name != "single_task")
        trained._album.pop(key)
        monkeypatch.setattr(reverse_transfer, "draw", lambda make: make() or "drawn")
        trained._pictures(name)
        trained._album.pop(key)
        assert run.complete
    alone = trained.runs["single_task"].curves
    peak = np.mean([np.nanmax(alone.known[alone.epoch_task == task, task]) for task in range(2)])
    assert seen["single_task"] == {}
    assert seen["hard_sharing"] == {"single_task, mean peak": pytest.approx(peak)}


def test_curves_grow_while_a_method_is_learned(tool, monkeypatch):
    monkeypatch.setattr(training, "PAUSE", 0)
    monkeypatch.setattr(training, "SHARE", 0)
    follow, seen = tool._follow, []

    def watch(event):
        follow(event)
        if isinstance(event, EpochDone) and event.run.name == "dfcnn_small":
            seen.append((len(tool.runs["dfcnn_small"].curves.epoch_task), tool.panes[0].value, tool.panes[2].value))

    monkeypatch.setattr(tool, "_follow", watch)
    train(tool)
    assert [count for count, _, _ in seen] == [1, 2, 3, 4]
    assert len({picture for _, picture, _ in seen}) == 4
    assert all("is shown when dfcnn_small has been learned" in words for _, _, words in seen)
    assert "How far later tasks move" in tool.panes[2].value


def test_a_method_that_was_not_trained_yet_is_told_and_stop_keeps_what_was_learned(tool, monkeypatch):
    follow, steps = tool._follow, []

    def stop_in_the_second_task(event):
        follow(event)
        if isinstance(event, Stepped) and event.task == 1:
            steps.append(event)
            tool.actions.stop.click()

    monkeypatch.setattr(tool, "_follow", stop_in_the_second_task)
    train(tool)
    assert len(steps) == 1
    assert "stopped" in tool.actions.words.value
    assert not tool.actions.busy
    assert tool.runs["dfcnn_small"].learned == 1
    assert "no old task has been tested since" in tool.panes[1].value
    press(tool, "single_task")
    assert "single_task has not been trained yet: press Train." in tool.panes[0].value
    assert [pane.value for pane in tool.panes[1:]] == ["", ""]
    monkeypatch.setattr(tool, "_follow", follow)
    train(tool)
    assert list(tool.runs) == ["single_task", "dfcnn_small", "hard_sharing"]
    assert all(run.complete for run in tool.runs.values())
    tool.actions.clear.click()
    assert tool.runs == tool.changes == {}
    assert 'alt="Sample pictures of' in tool.panes[0].value


def test_an_error_while_training_is_told_in_plain_words(tool, monkeypatch):
    def diverged(*arguments, **settings):
        raise ArithmeticError("CrossEntropy became infinite in task 1: lower learning_rate=9.")
        yield

    monkeypatch.setattr(reverse_transfer, "train", diverged)
    train(tool)
    assert "lower learning_rate=9." in tool.message.value
    assert not tool.actions.busy
    assert len(cl.widgets.errors()) == 1
    base._told.clear()


def test_the_state_is_copied_and_pasted_as_a_line(tool):
    press(tool, "single_task")
    listed = '("dfcnn_small", "hard_sharing", "single_task")'
    code = f'cl.widgets.ReverseTransfer(stream, method="single_task", methods={listed}, epochs=2)'
    assert tool.code == tool.controls.line.value == code
    tool.controls.line.value = f"ReverseTransfer(stream, methods={listed}, epochs=2)"
    assert tool.method == "dfcnn_small"
    tool.controls.line.value = code
    assert (tool.method, tool.code) == ("single_task", code)


def test_the_line_makes_the_same_widget_again(stream):
    tool = cl.widgets.ReverseTransfer(stream, epochs=3, seed=4, method="hard_sharing", learning_rate=0.01)
    again = eval(tool.code, {"cl": cl, "stream": stream})
    assert (again.code, again.recipes, again.seed, again.method) == (tool.code, tool.recipes, 4, "hard_sharing")
    assert cl.widgets.ReverseTransfer(stream).code == "cl.widgets.ReverseTransfer(stream)"


def test_a_line_that_does_not_fit_is_told_and_changes_nothing(tool):
    code = tool.code
    for line in (code.replace("epochs=2", "epochs=3"), code.replace("epochs=2", 'epochs=2, method="lwf"')):
        tool.controls.line.value = line
        assert "Nothing was changed" in tool.message.value
        assert tool.code == tool.controls.line.value == code
    base._told.clear()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"methods": ()}, "methods is a list of names of methods"),
        ({"methods": "dfcnn"}, "methods is a list of names of methods"),
        ({"methods": ["dfcn"]}, "There is no method 'dfcn'; did you mean dfcnn"),
        ({"epochs": 0}, "epochs is a whole number from 1 up, not 0"),
        ({"method": "lwf"}, "method is one of dfcnn, hard_sharing, single_task, not 'lwf'"),
        ({"learning_rat": 1}, "did you mean learning_rate"),
    ],
)
def test_bad_arguments_are_refused(stream, wrong, words):
    with pytest.raises(ValueError, match=words):
        cl.widgets.ReverseTransfer(stream, **wrong)


def test_a_stream_of_one_task_is_refused():
    with pytest.raises(ValueError, match="two tasks or more"):
        cl.widgets.ReverseTransfer(cl.streams.digits(tasks=1, classes=range(2)))


def test_every_control_says_what_it_is(tool):
    named = [tool.controls.controls["method"], tool.controls.line]
    assert all(control.description and control.tooltip for control in named)
    assert all(named[0].tooltips)
