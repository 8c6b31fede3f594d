"""Synaptic Intelligence: the path integral by hand, with clipping, momentum and the anchor's own pull."""

import pytest
import torch
from torch.nn import functional as F

import cltutor as cl
from cltutor.importance import PathIntegral, path_integral
from cltutor.networks import SmallCNN
from cltutor.training.events import Stepped, TaskBegun, TaskDone

BACKBONE = SmallCNN(channels=(2,), hidden=(4,))

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot")


def test_omega_is_the_contribution_over_the_squared_way_and_a_damping():
    contribution, moved = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0, 2.0, 0.0])
    torch.testing.assert_close(path_integral(contribution, moved, 0.1), torch.tensor([2 / 1.1, 0.0, 5.0]))


def test_along_a_straight_small_path_the_contributions_add_up_to_the_fall_of_the_loss():
    weights = torch.tensor([1.0, -2.0], dtype=torch.float64)
    path, loss = torch.zeros(2, dtype=torch.float64), lambda w: (w[0] ** 2 + 3 * w[1] ** 2).item()
    start = loss(weights)
    for _ in range(2000):
        gradient = torch.tensor([2 * weights[0], 6 * weights[1]])
        step = -1e-4 * gradient
        path -= gradient * step
        weights = weights + step
    assert path.sum().item() == pytest.approx(start - loss(weights), rel=1e-3)


def now(network) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.backbone.parameters()])


@pytest.mark.parametrize("clip", [1000.0, 0.05])
def test_the_learner_gathers_the_gradient_of_the_tasks_own_loss_without_pull_or_clipping(monkeypatch, clip):
    stream = cl.streams.digits(tasks=[3, 3, 4], order=0)
    recipe = cl.methods.si(lam=50.0, backbone=BACKBONE, epochs=2, clip=clip)
    batches = []

    def own_gradient(batch) -> torch.Tensor:
        network = batch.context.network
        first = sum(network.classes[: batch.task])
        loss = F.cross_entropy(network(batch.images).head(batch.task), batch.labels - first)
        grads = torch.autograd.grad(loss, list(network.backbone.parameters()))
        return torch.cat([g.flatten() for g in grads])

    original = cl.losses.CrossEntropy.__call__

    def spy(term, batch, kept):
        batches.append((batch.context.network, own_gradient(batch), now(batch.context.network)))
        return original(term, batch, kept)

    monkeypatch.setattr(cl.losses.CrossEntropy, "__call__", spy)
    expected = 0
    for event in cl.train(stream, recipe, device="cpu"):
        if isinstance(event, TaskBegun):
            path, start = 0, None
        if isinstance(event, Stepped):
            network, gradient, before = batches.pop()
            start = before if start is None else start
            path = path - gradient * (now(network) - before)
        if isinstance(event, TaskDone):
            expected = expected + path_integral(path, now(network) - start, 0.1)
            gathered = event.run.part_states["Anchor"]["importance"][0]
            torch.testing.assert_close(gathered, expected, rtol=1e-3, atol=1e-6)
            assert gathered.max() > 0
            assert set(event.run.part_states["Anchor"]) == {"anchor", "importance"}


def test_a_damping_of_zero_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        PathIntegral(damping=0)
