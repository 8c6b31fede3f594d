"""What is measured on a run, beside the same numbers computed in another way."""

import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.studies.claims import measures


@pytest.fixture(scope="module")
def run(patterns):
    """Three tasks by MAS, with a head per task."""
    return cl.learn(patterns, cl.methods.mas(epochs=4), seed=1, device="cpu", progress=False)


@pytest.fixture(scope="module")
def across(patterns):
    """Three tasks whose classes compete."""
    recipe = cl.methods.finetune(epochs=2, heads="class")
    return cl.learn(patterns, recipe, seed=1, device="cpu", progress=False)


def test_old_new_first_and_last_are_parts_of_the_accuracy_matrix(patterns, run, across):
    unknown = 100 * across.accuracy(known_task=False)
    assert measures.first(patterns, across) == unknown[2, 0] < measures.last(patterns, across) == unknown[2, 2]
    a = 100 * run.accuracy()
    assert measures.old(patterns, run) == pytest.approx((a[2, 0] + a[2, 1]) / 2)
    assert measures.new(patterns, run) == pytest.approx((a[1, 1] + a[2, 2]) / 2)
    assert measures.drop(patterns, run) == pytest.approx((a[0, 0] - a[2, 0] + a[1, 1] - a[2, 1]) / 2)
    assert measures.drop_of_first_task(patterns, run) == pytest.approx(a[0, 0] - a[2, 0])
    assert measures.better(patterns, run) == 50 * ((a[2, 0] > a[0, 0]) + (a[2, 1] > a[1, 1]))


def test_a_run_is_tested_in_the_regime_that_it_was_trained_for(patterns, run, across):
    sizes = np.array(across.test_sizes)
    unknown = 100 * across.accuracy(known_task=False)[2] @ sizes / sizes.sum()
    known = 100 * across.accuracy(known_task=True)[2] @ sizes / sizes.sum()
    assert measures.whole(patterns, across) == pytest.approx(unknown)
    assert measures.known(patterns, across) == pytest.approx(known)
    assert known > unknown
    steps = [measures.step(across, task) for task in (1, 2)]
    assert measures.step(across, -1) == steps[1] == measures.whole(patterns, across)
    assert measures.incremental(patterns, across) == pytest.approx(np.mean(steps))
    assert measures.whole(patterns, run) == pytest.approx(measures.known(patterns, run))


def test_the_peak_is_the_best_epoch_of_a_task_and_kept_is_what_is_left_of_it(patterns, run):
    curves, learning = 100 * run.curves.known, run.curves.epoch_task
    peaks = [curves[learning == task, task].max() for task in range(3)]
    left = [100 * 100 * run.accuracy()[2, task] / peaks[task] for task in range(2)]
    assert measures.peak(patterns, run) == pytest.approx(np.mean(peaks))
    assert measures.kept(patterns, run) == pytest.approx(np.mean(left))
    assert measures.kept_of_first(patterns, run) == pytest.approx(left[0])
    assert 1 <= measures.epochs(patterns, run) <= 4


def test_the_drop_of_a_class_is_that_of_its_own_test_images(patterns, run):
    label = patterns[0].classes[0]
    images = patterns[0].test.images[patterns[0].test.labels == label]
    right = []
    for task in (0, 2):
        with torch.no_grad():
            own = run.model_after(task)(images).head(0)
        right.append(100 * (own.argmax(1) == 0).float().mean().item())
    assert measures.drop_of_first_class(patterns, run) == pytest.approx(right[0] - right[1])


def test_what_pruning_costs_is_measured_on_the_networks_that_damage_makes(patterns, run):
    omega = cl.importance.by_name(run.model, run.part_states["Anchor"]["importance"][0])

    def accuracy(network):
        right = []
        for task in patterns:
            with torch.no_grad():
                own = network(task.test.images).head(task.index)
            first = patterns.positions(task.test.labels).min()
            right.append((own.argmax(1) + first == patterns.positions(task.test.labels)).float().mean().item())
        return 100 * np.mean(right)

    for which in ("least", "most"):
        damaged = cl.importance.damage(run.model, omega, 0.3, which)
        assert measures.lost(patterns, run, which) == pytest.approx(accuracy(run.model) - accuracy(damaged), abs=1e-4)
    drawn = [accuracy(cl.importance.damage(run.model, omega, 0.3, "random", seed)) for seed in range(5)]
    expected = accuracy(run.model) - np.mean(drawn)
    assert measures.lost(patterns, run, "random") == pytest.approx(expected, abs=1e-4)


def test_attention_drifts_by_the_mean_distance_from_the_first_models_maps(patterns, across):
    base = patterns[0].test
    targets = patterns.positions(base.labels)
    unit = []
    for task in range(3):
        maps = cl.attention.grad_cam(across.model_after(task), base.images, targets).flatten(1).numpy()
        unit.append(maps / np.maximum(np.linalg.norm(maps, axis=1, keepdims=True), 1e-6))
    apart = [np.abs(unit[0] - later).sum(axis=1).mean() for later in unit[1:]]
    assert measures.drift(patterns, across) == pytest.approx(np.mean(apart), rel=1e-4)
    assert np.mean(apart) > 0


def test_a_gap_is_signed_and_extremes_are_over_runs(patterns, run, across):
    values = [measures.whole(patterns, one) for one in (run, across)]
    assert measures.gap(patterns, run, across, of=measures.whole) == values[0] - values[1]
    assert measures.least(patterns, run, across, of=measures.whole) == min(values)
    assert measures.largest(patterns, run, across, of=measures.whole) == max(values)


def test_mas_stores_as_much_for_every_task_and_ewc_a_fisher_and_an_anchor_more_for_each(patterns):
    network = cl.methods.get("ewc").network.build(patterns.image_shape)
    for task in patterns:
        network.grow(len(task.classes))
    shared = sum(parameter.numel() for parameter in network.parameters_of("shared"))
    assert measures.growth(patterns, "mas") == 0
    assert measures.growth(patterns, "ewc") == pytest.approx(2 * 4 * shared / 1e6)
    assert measures.megabytes(patterns, "mas") > measures.megabytes(patterns, "lwf")
