"""Which tasks the loop tests, and when."""

import numpy as np
import pytest
from running import learn

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


@pytest.mark.parametrize("name", ["single_task", "dfcnn", "progressive"])
def test_heads_with_paths_of_their_own_compete_at_the_end_of_a_task_and_in_every_epoch_only_if_trained_to(name, tiny):
    alone, competing = (learned(tiny, name=name, heads=heads) for heads in ("task", "class"))
    assert np.isnan(alone.curves.unknown).all()
    assert alone.curves.known[-1].tolist() == alone.accuracy()[1].tolist()
    assert not np.isnan(alone.accuracy(known_task=False, untrained=True)[1, :2]).any()
    assert not np.isnan(competing.curves.unknown[-1, :2]).any()


def test_validation_is_among_the_classes_of_the_task():
    stream = cl.streams.digits(tasks=2, classes=range(4), validation=0.3).fewer(0.2)
    run = learn(stream, cl.methods.single_task(backbone=SMALL, epochs=1))
    network, task = run.model, stream[1]
    scores = network(task.validation.images).head(1)
    expected = (scores.argmax(1) + 2 == stream.positions(task.validation.labels)).double().mean().item()
    assert validation_accuracy(network, task, stream) == pytest.approx(expected)
    without = cl.streams.digits(tasks=2, classes=range(4))
    assert np.isnan(validation_accuracy(network, without[1], without))
