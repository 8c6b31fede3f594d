"""What cannot be right is refused in one sentence: labels outside the head, shares outside 0 to 1, odd numbers."""

import math

import numpy as np
import pytest
import torch
from running import learn

import cltutor as cl
from cltutor.evaluation import answers, metrics, predicting, retrieval
from cltutor.importance import damage, mas
from cltutor.memory import SELECTIONS, select
from cltutor.runs import per_class

FEATURES = torch.rand(10, 5, generator=torch.Generator().manual_seed(0)) + 0.1
CURVES, LEARNING = np.array([[0.5, math.nan], [0.6, 0.7]]), [0, 1]


@pytest.fixture(scope="module")
def run(tiny):
    return learn(tiny, "finetune", epochs=1)


@pytest.mark.parametrize(
    ("labels", "words"),
    [([4] * 6, "0 to 3; these go from 4"), ([-1] * 6, "go from -1"), ([0.5] * 6, "whole"), ([0] * 3, "one per image")],
)
def test_labels_outside_the_head_or_of_another_number_are_refused(run, tiny, labels, words):
    images, labels = tiny[0].test.images[:6], torch.tensor(labels)
    for unknown in (True, False):
        with pytest.raises(ValueError, match=words):
            answers.accuracies(run.model, [(images, labels)], (1,), unknown=unknown)
    with pytest.raises(ValueError, match=words):
        predicting.class_means(FEATURES[:6], labels, 4)


def test_a_test_of_one_head_has_labels_of_its_task_alone_and_one_without_images_has_no_accuracy(run, tiny):
    test = (tiny[0].test.images[:4], torch.tensor([0, 1, 2, 3]))
    with pytest.raises(ValueError, match="these are of several"):
        answers.accuracies(run.model, [test], (1,), unknown=False)
    for unknown in (True, False):
        empty = answers.accuracies(run.model, [(test[0][:0], test[1][:0])], (1,), unknown=unknown)
        assert math.isnan(empty["known_top1"][0])
    with pytest.raises(ValueError, match="top is a whole number from 1 up, not 0"):
        answers.accuracies(run.model, [test], (0,))


@pytest.mark.parametrize("after", [-1, 2, 0.5, "1", True])
def test_a_task_that_the_run_has_not_learned_is_refused(run, tiny, after):
    for ask in (run.model_after, lambda task: retrieval.retrieval(run, tiny, task)):
        with pytest.raises(ValueError, match="there is no task|task is a whole number"):
            ask(after)


def test_what_is_no_run_or_another_stream_or_class_is_refused(run, tiny):
    other = cl.streams.digits(tasks=2)
    with pytest.raises(ValueError, match="give a run and the stream"):
        retrieval.retrieval("run", tiny)
    with pytest.raises(ValueError, match="This run learned"):
        per_class.class_accuracy(run, other)
    with pytest.raises(ValueError, match="no class with the label 99"):
        per_class.group_accuracy(run, tiny, [[99]])
    with pytest.raises(ValueError, match="known_task is True or False"):
        run.accuracy("unknown")


@pytest.mark.parametrize("bad", [0, -0.1, 1.1, 98, math.nan, "most", None])
def test_a_share_or_a_level_outside_0_to_1_is_refused(run, bad):
    with pytest.raises(ValueError, match="share is a number above 0 to 1"):
        metrics.epochs_to_peak(CURVES, LEARNING, bad)
    with pytest.raises(ValueError, match="level is a number above 0 to below 1"):
        metrics.mean_interval([1, 2, 3], bad)
    with pytest.raises(ValueError, match="a share of the images is a number"):
        cl.show.accuracy_by_share({bad: [run]})
    if bad != 0:
        with pytest.raises(ValueError, match="share is a number from 0 to 1"):
            damage(run.model, mas(run.model, torch.zeros(1, 1, 8, 8, dtype=torch.uint8)), bad)


def test_curves_in_percent_and_scores_that_are_no_numbers_are_refused_or_never_right(run):
    for metric in (metrics.peak_accuracy, metrics.retention, metrics.epochs_to_peak):
        for curves in (100 * CURVES, -CURVES):
            with pytest.raises(ValueError, match="divide percent by 100"):
                metric(curves, LEARNING)
    with pytest.raises(ValueError, match="positive numbers of test images"):
        metrics.average_incremental_accuracy([[0.5, math.nan], [0.5, 0.5]], [math.inf, 1])
    assert metrics.top_accuracy([[math.nan, math.nan], [math.nan, 1]], [0, 1], k=2) == 0.5
    for k, labels in ((0, [0]), (1.5, [0]), (True, [0]), (1, [0.5])):
        with pytest.raises(ValueError, match="k is a whole number from 1 up|labels must be columns"):
            metrics.top_accuracy([[0.1, 0.2]], labels, k)
    with pytest.raises(ValueError, match="relevant must be True or False"):
        metrics.average_precision([0.1, 0.2], [2, 5])
    omega = mas(run.model, torch.zeros(1, 1, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match="strength is a finite number from 0 up"):
        damage(run.model, omega, 0.1, how="perturb", strength=-1)
    with pytest.raises(ValueError, match="omega has nan"):
        damage(run.model, {name: value * math.nan for name, value in omega.items()}, 0.1)


@pytest.mark.parametrize("strategy", SELECTIONS)
@pytest.mark.parametrize("n", [0, -1, 11, 2.5, "3", True, None])
def test_a_number_of_exemplars_that_a_class_does_not_have_is_refused(strategy, n):
    with pytest.raises(ValueError, match="n is a whole number|must be 1 or more|has 10 images"):
        select(strategy, FEATURES, n)
    with pytest.raises(ValueError, match="not ndarray"):
        select(strategy, FEATURES.numpy(), 3)
