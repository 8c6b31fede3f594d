"""What is measured on the networks of a run, beside the same numbers computed in another way."""

import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.evaluation.retrieval import retrieval
from cltutor.studies.claims import extras
from cltutor.studies.claims.measures import STATISTICS
from cltutor.studies.claims.sides import OF_FACTS


@pytest.fixture(scope="module")
def run(patterns):
    """Three tasks by MAS, with a head per task."""
    return cl.learn(patterns, cl.methods.mas(epochs=4), seed=1, device="cpu", progress=False)


@pytest.fixture(scope="module")
def across(patterns):
    """Three tasks whose classes compete, with attention distilled."""
    recipe = cl.methods.lwm(epochs=2, gamma=0.5)
    return cl.learn(patterns, recipe, seed=1, device="cpu", progress=False)


def test_the_drop_of_a_class_is_that_of_its_own_test_images(patterns, run):
    label = patterns[0].classes[0]
    images = patterns[0].test.images[patterns[0].test.labels == label]
    right = []
    for task in (0, 2):
        with torch.no_grad():
            own = run.model_after(task)(images).head(0)
        right.append(100 * (own.argmax(1) == 0).float().mean().item())
    assert extras.first_class_drop(patterns, run) == pytest.approx(right[0] - right[1])


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
        assert extras.lost(patterns, run, which) == pytest.approx(accuracy(run.model) - accuracy(damaged), abs=1e-4)
    drawn = [accuracy(cl.importance.damage(run.model, omega, 0.3, "random", seed)) for seed in range(5)]
    expected = accuracy(run.model) - np.mean(drawn)
    assert extras.lost(patterns, run, "random") == pytest.approx(expected, abs=1e-4)


def test_attention_drifts_by_the_mean_distance_from_the_first_models_maps(patterns, across):
    base = patterns[0].test
    targets = patterns.positions(base.labels)
    unit = []
    for task in range(3):
        maps = cl.attention.grad_cam(across.model_after(task), base.images, targets).flatten(1).numpy()
        unit.append(maps / np.maximum(np.linalg.norm(maps, axis=1, keepdims=True), 1e-6))
    apart = [np.abs(unit[0] - later).sum(axis=1).mean() for later in unit[1:]]
    assert extras.drift(patterns, across) == pytest.approx(np.mean(apart), rel=1e-4)
    assert np.mean(apart) > 0


def test_the_attention_loss_is_read_without_its_weight_at_the_first_step_and_in_the_last_epoch(patterns, across):
    losses, tasks = across.curves.loss["AttentionDistillation"] / 0.5, across.curves.step_task
    own = [losses[tasks == task] for task in (1, 2)]
    assert extras.attention_at_first(patterns, across) == pytest.approx(np.mean([one[0] for one in own]))
    steps = len(own[0]) // 2
    expected = np.mean([one[steps:].mean() for one in own])
    assert extras.attention_at_last(patterns, across) == pytest.approx(expected)
    assert extras.attention_at_first(patterns, across) < 1e-4 < extras.attention_at_last(patterns, across)


def test_facts_are_asked_for_as_retrieval_asks():
    stream = cl.streams.facts(tasks=2, order=None, size=12, per_class=(2, 2))
    recipe = OF_FACTS["facts mas"](lam=5.0, epochs=1, batch_size=20, learning_rate=0.02)
    run = cl.learn(stream, recipe, 0, device="cpu", progress=False)
    found = retrieval(run, stream, classes=extras.subset())
    assert extras.map_of(stream, run, 1) == pytest.approx(100 * found["tasks"][1])
    assert extras.map_all(stream, run) == pytest.approx(100 * found["all"])
    assert extras.map_subset(stream, run) == pytest.approx(100 * found["classes"])
    names = [stream.class_names[label] for label in extras.subset()]
    assert names == [f"circle left of {other}" for other in ("square", "triangle", "star", "cross")]


def test_every_extra_belongs_to_a_statistic():
    assert {one.extra for one in STATISTICS.values()} - {""} == extras.EXTRAS.keys()
