"""Which tasks the loop tests, and when."""

import numpy as np
import pytest
import torch
from running import learn, regimes

import cltutor as cl
from cltutor.networks import TaskCNN
from cltutor.training.testing import due, validation_accuracy

TESTS = ["first", "second", "third", "fourth"]
SMALL = TaskCNN(channels=(4, 4, 4, 4), hidden=(8,))


@pytest.mark.parametrize(
    ("epoch", "every", "old_every", "expected"),
    [
        (0, 1, 1, ["first", "second", "third"]),
        (0, 2, 1, []),
        (1, 2, 1, ["first", "second", "third"]),
        (0, 1, 3, [None, None, "third"]),
        (2, 1, 3, ["first", "second", "third"]),
        (2, 2, 3, []),
        (5, 2, 3, ["first", "second", "third"]),
    ],
)
def test_old_tasks_may_be_tested_more_rarely_than_the_new_one(epoch, every, old_every, expected):
    assert due(TESTS, 2, epoch, every, old_every) == expected


def learned(stream, every=1, name="single_task", **settings):
    recipe = cl.methods.named(name)(backbone=SMALL, epochs=4, **settings)
    return learn(stream, recipe, test_every=every, test_old_every=2)


def test_curves_have_a_point_where_a_task_was_due_and_the_matrix_is_whole_all_the_same(tiny):
    run = learned(tiny)
    known, learning = run.curves.known, run.curves.epoch_task
    of_old = known[learning == 1, 0]
    assert np.isnan(of_old).tolist() == [True, False, True, False]
    assert not np.isnan(known[learning == 1, 1]).any()
    assert not np.isnan(run.accuracy()[1, :2]).any()
    assert run.accuracy()[1, 0] == of_old[-1]
    seldom = learned(tiny, every=3)
    assert np.isfinite(seldom.curves.known[:, 0]).tolist() == [False, False, True, *5 * [False]]
    assert np.isfinite(seldom.accuracy()[np.tril_indices(2)]).all()


@pytest.mark.parametrize("name", ["single_task", "dfcnn", "progressive", "tensor_factorization"])
def test_heads_with_paths_of_their_own_compete_at_the_end_of_a_task_and_in_every_epoch_only_if_trained_to(name, tiny):
    alone, *competing = (learned(tiny, name=name, heads=heads) for heads in regimes(name))
    assert len(competing) == (name == "tensor_factorization")  # the others need the task at test
    assert np.isnan(alone.curves.unknown).all()
    assert alone.curves.known[-1].tolist() == alone.accuracy()[1].tolist()
    assert not np.isnan(alone.accuracy(known_task=False, untrained=True)[1, :2]).any()
    assert not any(np.isnan(run.curves.unknown[-1, :2]).any() for run in competing)


def test_validation_is_among_the_classes_of_the_task():
    stream = cl.streams.digits(tasks=2, classes=range(4), validation=0.3).fewer(0.2)
    run = learn(stream, cl.methods.single_task(backbone=SMALL, epochs=1))
    network, task = run.model, stream[1]
    scores = network(task.validation.images).head(1)
    expected = (scores.argmax(1) + 2 == stream.positions(task.validation.labels)).double().mean().item()
    assert validation_accuracy(network, task, stream) == pytest.approx(expected)
    without = cl.streams.digits(tasks=2, classes=range(4))
    assert np.isnan(validation_accuracy(network, without[1], without))


@pytest.mark.parametrize("name", ["single_task", "progressive"])
def test_an_old_task_whose_head_can_not_change_is_not_asked_again_before_the_task_ends(name, tiny):
    recipe = cl.methods.named(name)(backbone=SMALL, epochs=2)
    asked = []
    for event in cl.train(tiny, recipe, device="cpu", record="predictions"):
        if isinstance(event, cl.events.TaskBegun) and event.task == 1:
            first = event.run.model_after(0)
        if isinstance(event, cl.events.EpochDone) and event.task == 1 and not asked:
            event.network.parts()["old"][0].register_forward_hook(lambda *_: asked.append(len(asked)))
    run = event.run
    curves, after = run.curves, run.accuracy()
    assert curves.known[2:, 0].tolist() == [after[0, 0]] * 2 == [after[1, 0]] * 2
    test = tiny[0].test
    now = (run.model(test.images).head(0).argmax(1) == tiny.positions(test.labels)).double().mean().item()
    assert now == after[1, 0]
    same = first(test.images).head(0), run.model(test.images).head(0)
    torch.testing.assert_close(*same, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["finetune", "single_task", "icarl"])
def test_predictions_are_what_the_accuracies_count_at_every_moment(name, tiny, tmp_path):
    run = learn(tiny, cl.methods.named(name)(epochs=2), record="predictions")
    labels = np.concatenate([tiny.positions(task.test.labels) for task in tiny])
    owner = np.repeat(np.arange(len(tiny)), run.test_sizes)
    after = run.curves.predicted_at[:, 1] == -1
    assert run.curves.predicted_at.tolist() == [[0, 1], [0, 2], [0, -1], [1, 1], [1, 2], [1, -1]]
    for known, taken in ((True, run.curves.predicted_known), (False, run.curves.predicted_unknown)):
        assert taken.dtype == np.uint8
        hits = np.where(taken == 255, np.nan, taken == labels)
        found = np.stack([hits[:, owner == task].mean(axis=1) for task in range(len(tiny))], axis=1)
        np.testing.assert_allclose(found[after], run.accuracy(known, untrained=True))
        np.testing.assert_allclose(found[~after], run.curves.known if known else run.curves.unknown)
    run.save(tmp_path / "run")
    again = cl.Run.load(tmp_path / "run")
    assert again.record == "predictions"
    assert np.array_equal(again.curves.predicted_unknown, run.curves.predicted_unknown)


def test_predictions_are_another_run_for_the_store_and_need_a_byte_per_class(tiny, tmp_path):
    plain = learn(tiny, "finetune", epochs=1, store=tmp_path)
    recorded = learn(tiny, "finetune", epochs=1, store=tmp_path, record="predictions")
    assert len(plain.curves.predicted_at) == 0 < len(recorded.curves.predicted_at)
    images, labels = torch.zeros(256, 1, 8, 8, dtype=torch.uint8), torch.arange(256)
    many = cl.streams.tensors(images, labels, images, labels, tasks=1)
    with pytest.raises(ValueError, match="record keeps a byte per prediction: at most 255 classes, not 256"):
        learn(many, "finetune", record="predictions")
