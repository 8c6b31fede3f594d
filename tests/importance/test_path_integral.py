"""Synaptic Intelligence: the path integral by hand, with clipping, momentum and the anchor's own pull."""

from dataclasses import dataclass, replace

import pytest
import torch
from running import grown
from torch.nn import functional as F

import cltutor as cl
from cltutor.importance import PathIntegral, flat, path_integral
from cltutor.losses import Anchor, Batch, Context, CrossEntropy, Distillation
from cltutor.networks import MultiHead, SmallCNN
from cltutor.training.events import Stepped, TaskBegun, TaskDone

BACKBONE = SmallCNN(channels=(2,), hidden=(4,))

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot")


def test_omega_is_the_contribution_over_the_squared_way_and_a_damping():
    contribution, moved = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0, 2.0, 0.0])
    torch.testing.assert_close(path_integral(contribution, moved, 0.1), torch.tensor([2 / 1.1, 0.0, 5.0]))


def now(network) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.backbone.parameters()])


OTHERS = [50 * Anchor(PathIntegral()), 50 * Anchor(PathIntegral()) + 3 * Distillation() + Distillation(temperature=4)]


@pytest.mark.parametrize("clip", [1000.0, 0.05])
@pytest.mark.parametrize("others", OTHERS, ids=["alone", "beside distillation"])
def test_it_accumulates_the_gradient_of_the_tasks_own_loss_without_pull_or_clipping(patterns, others, clip):
    batches = []

    @dataclass(frozen=True, repr=False)
    class Watched(CrossEntropy):
        """Notes the gradient of the task's own loss, and the weights, at every step."""

        def __call__(self, batch, state):
            network = batch.context.network
            first = sum(network.classes[: batch.task])
            loss = F.cross_entropy(network(batch.images).head(batch.task), batch.labels - first)
            grads = torch.autograd.grad(loss, list(network.backbone.parameters()))
            batches.append((network, torch.cat([g.flatten() for g in grads]), now(network)))
            return super().__call__(batch, state)

    recipe = cl.methods.si(backbone=BACKBONE, epochs=2, clip=clip, batch_size=8)
    recipe = replace(recipe, loss=Watched() + others)
    expected = 0
    for event in cl.train(patterns, recipe, device="cpu"):
        if isinstance(event, TaskBegun):
            path, start = 0, None
        if isinstance(event, Stepped):
            network, gradient, before = batches.pop()
            start = before if start is None else start
            path = path - gradient * (now(network) - before)
        if isinstance(event, TaskDone):
            expected = expected + path_integral(path, now(network) - start, 0.001)
            accumulated = event.run.part_states["Anchor"]["importance"][0]
            torch.testing.assert_close(accumulated, expected, rtol=1e-3, atol=1e-6)
            assert accumulated.max() > 1e-3
            assert set(event.run.part_states["Anchor"]) == {"anchor", "importance"}


def test_beside_another_anchor_only_the_tasks_own_loss_counts():
    """On one weight by hand: a step down the sum of three terms, of which one learns labels."""
    network = grown(MultiHead(BACKBONE), 2)
    context, state, others = Context(network, 0), {}, []
    importance = PathIntegral()
    importance.begin_task(context, state)
    batch = Batch(context, torch.zeros(1), torch.zeros(1), torch.zeros(1), [0], torch.zeros(2), "task", {})
    own = sum(p.square().sum() for p in context.shared) / 2  # its gradient is the weights themselves
    others = [3 * flat(context.shared).sum(), flat(context.shared).pow(4).sum()]
    batch.beside = others
    expected = context.flat_shared()
    importance.before_backward(batch, state)
    (own + sum(others)).backward()
    importance.before_update(batch, state)
    torch.testing.assert_close(state["gradient"], expected, rtol=1e-4, atol=1e-5)


def test_by_default_its_damping_is_the_one_of_split_mnist():
    assert PathIntegral().damping == 0.001
    assert cl.methods.si() == cl.methods.si(damping=0.001)
