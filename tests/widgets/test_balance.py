import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.networks import evaluating
from cltutor.training.events import EpochDone
from cltutor.widgets import balance
from cltutor.widgets.balance import AFTER, ALONE, BEFORE, VIEWS

NAMES = ["eeil_base", "eeil_da", "eeil_bf", "eeil"]
EPOCHS = 7  # 4 of training and 3 of fine-tuning, as 40 and 30 in the paper


@pytest.fixture
def tool(stream, watched):
    return watched(cl.widgets.Balance, stream, capacity=8, epochs=2)


@pytest.fixture(scope="module")
def trained(stream, watched, train):
    made = watched(cl.widgets.Balance, stream, capacity=8, epochs=EPOCHS)
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


def toggle(tool, augmentation, fine_tuning):
    tool.controls.controls["augmentation"].value = augmentation
    tool.controls.controls["fine_tuning"].value = fine_tuning


def same(one, other):
    for part in ("confusion", "biases", "norms"):
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


def test_it_learns_by_the_four_combinations_of_table_2b_the_toggled_one_first(tool, train):
    assert tool.recipes["eeil_bf"] == cl.methods.eeil_bf(memory=cl.memory.ExemplarMemory(8), epochs=2)
    toggle(tool, False, True)
    train(tool)
    assert list(tool.results) == ["eeil_bf", "eeil", "eeil_base", "eeil_da"]
    assert [result.learned for result in tool.results.values()] == [2] * 4


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


def test_every_toggle_and_view_is_another_picture(trained):
    shown = set()
    for augmentation in (False, True):
        for fine_tuning in (False, True):
            toggle(trained, augmentation, fine_tuning)
            words = {}
            for name in VIEWS:
                view(trained, name)
                shown.add(str(trained.panes[0].drawing))
                words[name] = trained.panes[0].words
            assert f"Confusion matrices, {trained.method} (" in words["confusion"]
            assert (AFTER in words["confusion"]) == fine_tuning
            assert f"The last layer of the network, {trained.method} (" in words["last layer"]
            assert f"{trained.method} on a broad band" in words["accuracy"]
    assert len(shown) == 12
    view(trained, "confusion")


def test_a_touched_cell_shows_the_test_images_that_it_counts(trained, stream):
    toggle(trained, True, True)
    view(trained, "confusion")
    counts = trained.results["eeil"].moments[AFTER].confusion
    row, column = np.argwhere(counts > 0)[0]
    touch(trained, AFTER, row, column)
    true, taken = (stream.class_names[stream.classes[place]] for place in (row, column))
    assert f"{counts[row, column]} test images of {true} taken for {taken}" in trained.examples.value
    assert trained.examples.value.count("<img") == min(counts[row, column], balance.MOST)
    view(trained, "last layer")
    assert trained.examples.value == ""


def test_a_touched_curve_toggles_its_combination(trained):
    toggle(trained, True, True)
    view(trained, "accuracy")
    touch(trained, "eeil_bf", 0, 1)
    assert trained.method == "eeil_bf"
    assert "augmentation=False" in trained.code
    assert "eeil_bf on a broad band" in trained.panes[0].words
    toggle(trained, True, True)
    view(trained, "confusion")


def test_what_was_touched_counts_and_not_what_is_shown_by_now(trained, errors):
    """A click may arrive once another view has been chosen."""
    toggle(trained, True, True)
    view(trained, "accuracy")
    touch(trained, AFTER, 0, 0)
    assert "test images of" in trained.examples.value
    view(trained, "confusion")
    touch(trained, "eeil_da", 0, 1)
    assert trained.method == "eeil_da"
    assert errors.new == []
    toggle(trained, True, True)


def touch(tool, key, row, column):
    tool.panes[0].touched = {"key": key, "row": int(row), "column": int(column), "words": "", "count": id(key)}


def view(tool, name):
    tool.controls.controls["view"].value = name


def test_what_was_not_trained_or_not_finished_yet_says_so(tool, train):
    tool.train.stop = lambda event: event.run.name != "eeil" and event.task == 1
    train(tool)
    assert {name: result.learned for name, result in tool.results.items()} == {"eeil": 2, "eeil_base": 1}
    assert "Confusion matrices, eeil (" in tool.panes[0].words
    toggle(tool, True, False)
    assert "eeil_da (augmentation only) has not been trained yet: press Train." in tool.panes[0].words
    view(tool, "last layer")
    assert "eeil_da (augmentation only) has not been trained yet: press Train." in tool.panes[0].words
    view(tool, "accuracy")
    assert "eeil, after task 2, 4 classes seen: " in tool.panes[0].words
    view(tool, "confusion")
    toggle(tool, False, False)
    assert "eeil_base has learned 1 of 2 tasks" in tool.panes[0].words
