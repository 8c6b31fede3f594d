import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.networks import evaluating
from cltutor.training.events import EpochDone, Stepped
from cltutor.widgets import balance, base
from cltutor.widgets.balance import AFTER, ALONE, BEFORE

pytestmark = pytest.mark.usefixtures("no_errors")

NAMES = ["eeil_base", "eeil_da", "eeil_bf", "eeil"]
EPOCHS = 7  # 4 of training and 3 of fine-tuning, as 40 and 30 in the paper


@pytest.fixture
def tool(stream):
    return cl.widgets.Balance(stream, capacity=8, epochs=2)


@pytest.fixture(scope="module")
def trained(stream):
    made = cl.widgets.Balance(stream, capacity=8, epochs=EPOCHS)
    train(made)
    return made


@pytest.fixture(scope="module")
def at_epoch(stream):
    """The network of a method after an epoch of the second task, as a moment."""

    def learned(name, epoch):
        recipe = getattr(cl.methods, name)(memory=cl.memory.ExemplarMemory(8), epochs=EPOCHS)
        for event in cl.train(stream, recipe):
            if isinstance(event, EpochDone) and (event.task, event.epoch) == (1, epoch):
                return balance.look_at(event.network, stream)

    return learned


def train(tool):
    tool.actions.train.click()
    tool.training.join()


def toggle(tool, augmentation, fine_tuning):
    tool._toggles["augmentation"].value, tool._toggles["fine_tuning"].value = augmentation, fine_tuning


def same(one, other):
    for part in ("confusion", "biases", "norms"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


def test_before_training_the_classes_are_shown(tool):
    assert 'alt="Sample pictures of' in tool.panes[0].value
    assert [pane.value for pane in tool.panes[1:]] == ["", ""]


def test_it_learns_by_the_four_combinations_of_table_2b_the_toggled_one_first(stream):
    tool = cl.widgets.Balance(stream, capacity=8, epochs=2, augmentation=False)
    assert tool.recipes["eeil_bf"] == cl.methods.eeil_bf(memory=cl.memory.ExemplarMemory(8), epochs=2)
    train(tool)
    assert list(tool.results) == ["eeil_bf", "eeil", "eeil_base", "eeil_da"]
    assert [result.learned for result in tool.results.values()] == [2] * 4
    assert not tool.actions.busy
    assert tool.actions.bar.value == 1
    tool.actions.train.click()
    assert "have been trained" in tool.actions.words.value


def test_only_a_method_with_fine_tuning_has_a_before_and_an_after(trained):
    moments = {name: list(result.moments) for name, result in trained.results.items()}
    assert moments == {name: [BEFORE, AFTER] if name in ("eeil", "eeil_bf") else [ALONE] for name in NAMES}


@pytest.mark.parametrize(("tuned", "main_only"), [("eeil", "eeil_da"), ("eeil_bf", "eeil_base")])
def test_before_is_a_network_that_was_trained_with_the_main_phase_only(trained, at_epoch, tuned, main_only):
    same(trained.results[tuned].moments[BEFORE], at_epoch(main_only, 3))


def test_after_is_the_network_of_the_run(trained, stream):
    for name, words in (("eeil", AFTER), ("eeil_da", ALONE)):
        run = cl.learn(stream, trained.recipes[name], progress=False)
        found = trained.results[name]
        same(found.moments[words], balance.look_at(run.model, stream))
        expected = [np.nanmean(row) for row in run.accuracy(known_task=False)]  # as many test images in each task
        np.testing.assert_allclose(found.accuracy, expected)


def test_a_moment_is_the_confusion_of_all_tasks_and_the_last_layer(stream, trained):
    network = cl.learn(stream, trained.recipes["eeil"], epochs=2, progress=False).model
    found = balance.look_at(network, stream)
    expected = np.zeros((4, 4), dtype=int)
    for task in stream:
        for image, label in zip(task.test.images, task.test.labels, strict=True):
            with torch.no_grad(), evaluating(network):
                answer = int(network(image[None]).logits.argmax())
            expected[stream.classes.index(int(label)), answer] += 1
    np.testing.assert_array_equal(found.confusion, expected)
    for column, (head, row) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        layer = [m for m in network.heads[head].modules() if isinstance(m, torch.nn.Linear)][-1]
        assert found.biases[column] == layer.bias[row].item()
        np.testing.assert_allclose(found.norms[column], layer.weight[row].norm().item(), rtol=1e-6)


def test_looking_changes_nothing_in_the_network(stream, trained):
    network = cl.learn(stream, trained.recipes["eeil"], epochs=2, progress=False).model.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.random.get_rng_state()
    found = balance.look_at(network, stream)
    assert network.training
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    kept = found.biases.copy()
    for parameter in network.parameters():
        parameter.data.add_(1)  # as the next step does
    np.testing.assert_array_equal(found.biases, kept)


def test_accuracy_over_classes_seen_weighs_tasks_by_their_test_images():
    class Run:
        test_sizes = (30, 10, 20)

        def accuracy(self, known_task):
            assert not known_task
            return np.array([[1.0, np.nan, np.nan], [0.8, 0.4, np.nan], [np.nan] * 3])

    np.testing.assert_allclose(balance.accuracy_over_seen(Run()), [1.0, 0.7, np.nan])


def test_every_toggle_is_another_picture_and_comes_from_memory(trained, monkeypatch):
    monkeypatch.setattr(balance, "draw", None)
    shown = set()
    for augmentation in (False, True):
        for fine_tuning in (False, True):
            toggle(trained, augmentation, fine_tuning)
            shown.add(tuple(pane.value for pane in trained.panes))
            assert f"Confusion matrices, {trained.method} (" in trained.panes[0].value
            assert f"The last layer of the network, {trained.method} (" in trained.panes[1].value
            assert f"{trained.method} on a broad band" in trained.panes[2].value
            assert (AFTER in trained.panes[0].value) == fine_tuning
    assert len(shown) == 4


def test_a_combination_that_was_not_trained_yet_is_told(tool, monkeypatch):
    follow = tool._follow

    def stop_after_the_first(event):
        follow(event)
        if event.run.name != "eeil":
            tool.actions.stop.click()

    monkeypatch.setattr(tool, "_follow", stop_after_the_first)
    train(tool)
    assert "stopped" in tool.actions.words.value
    assert list(tool.results) == ["eeil"]
    assert "Confusion matrices, eeil (" in tool.panes[0].value
    toggle(tool, True, False)
    assert "eeil_da (augmentation only) has not been trained yet: press Train." in tool.panes[0].value
    assert tool.panes[1].value == ""
    assert "eeil averages" in tool.panes[2].value


def test_stop_ends_after_a_step_and_train_begins_that_combination_anew(tool, monkeypatch):
    follow, steps = tool._follow, []

    def stop_in_the_second_task(event):
        follow(event)
        if isinstance(event, Stepped) and event.task == 1:
            steps.append(event)
            tool.actions.stop.click()

    monkeypatch.setattr(tool, "_follow", stop_in_the_second_task)
    train(tool)
    assert len(steps) == 1
    assert {name: result.learned for name, result in tool.results.items()} == {"eeil": 1}
    assert "eeil has learned 1 of 2 tasks" in tool.panes[0].value
    assert not tool.actions.busy
    monkeypatch.setattr(tool, "_follow", follow)
    train(tool)
    assert [result.learned for result in tool.results.values()] == [2] * 4
    tool.actions.clear.click()
    assert tool.results == {}
    assert 'alt="Sample pictures of' in tool.panes[0].value


def test_an_error_while_training_is_told_in_plain_words(tool, monkeypatch):
    def diverged(*arguments, **settings):
        raise ArithmeticError("CrossEntropy became infinite in task 1: lower learning_rate=9.")
        yield

    monkeypatch.setattr(balance, "train", diverged)
    train(tool)
    assert "lower learning_rate=9." in tool.message.value
    assert not tool.actions.busy
    assert len(cl.widgets.errors()) == 1
    base._told.clear()


def test_the_state_is_copied_and_pasted_as_a_line(tool):
    toggle(tool, False, True)
    code = tool.code
    assert code == tool.controls.line.value == "cl.widgets.Balance(stream, augmentation=False, capacity=8, epochs=2)"
    tool.controls.line.value = "Balance(stream, fine_tuning=False, capacity=8, epochs=2)"
    assert tool.method == "eeil_da"
    tool.controls.line.value = code
    assert (tool.method, tool.code) == ("eeil_bf", code)


def test_the_line_makes_the_same_widget_again(stream):
    tool = cl.widgets.Balance(stream, 12, 3, seed=4, fine_tuning=False, learning_rate=0.01)
    again = eval(tool.code, {"cl": cl, "stream": stream})
    assert (again.code, again.recipes, again.seed, again.method) == (tool.code, tool.recipes, 4, "eeil_da")


def test_a_line_that_does_not_fit_is_told_and_changes_nothing(tool):
    for line in (
        "cl.widgets.Balance(stream, augmentation=2, capacity=8, epochs=2)",
        "cl.widgets.Balance(stream, capacity=9)",
    ):
        tool.controls.line.value = line
        assert "Nothing was changed" in tool.message.value
        assert tool.code == tool.controls.line.value == "cl.widgets.Balance(stream, capacity=8, epochs=2)"
    base._told.clear()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"capacity": 3}, "capacity must be at least 4"),
        ({"capacity": 0}, "whole number of images from 1 up"),
        ({"epochs": 1}, "epochs is a whole number from 2 up, one of them to fine-tune, not 1"),
        ({"augmentation": 1}, "augmentation is True or False, not 1"),
        ({"memory": None}, "memory cannot be set here"),
        ({"rate": 1}, "no setting 'rate'"),
    ],
)
def test_bad_arguments_are_refused(stream, wrong, words):
    with pytest.raises(ValueError, match=words):
        cl.widgets.Balance(stream, **wrong)


def test_a_stream_of_one_task_is_refused():
    with pytest.raises(ValueError, match="two tasks or more"):
        cl.widgets.Balance(cl.streams.digits(tasks=1, classes=range(2)))


def test_every_control_says_what_it_is(tool):
    assert all(control.description and control.tooltip for control in [*tool._toggles.values(), tool.controls.line])
