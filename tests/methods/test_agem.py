"""A-GEM: the projection against a quadratic program, and the gradient of a run against one made by hand."""

import copy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch.nn import functional as F

import cltutor as cl
from cltutor.losses import Batch, Context
from cltutor.methods import GradientMemory
from cltutor.methods.agem import projected
from tests.methods.replaying import batch_of, remembered


@given(st.integers(0, 10_000))
def test_the_projection_solves_the_quadratic_program_of_eq_10(seed):
    """min 1/2 ||g' - g||^2 with g' . r >= 0, by a general solver."""
    g, r = np.random.default_rng(seed).normal(size=(2, 6))
    allowed = {"type": "ineq", "fun": lambda x: x @ r, "jac": lambda x: r}
    found = minimize(lambda x: ((x - g) ** 2).sum() / 2, g, jac=lambda x: x - g, constraints=[allowed], method="SLSQP")
    ours = projected(torch.from_numpy(g), torch.from_numpy(r)).numpy()
    np.testing.assert_allclose(ours, found.x, atol=1e-5)


def test_a_gradient_that_hurts_no_old_image_stays_and_one_that_does_becomes_orthogonal():
    reference = torch.tensor([1.0, -2.0, 0.5])
    for gradient in (torch.tensor([3.0, -1.0, 0.0]), torch.tensor([2.0, 1.0, 0.0])):  # the second is orthogonal
        assert torch.equal(projected(gradient, reference), gradient)
    harmful = torch.tensor([-1.0, 1.0, 2.0])
    changed = projected(harmful, reference)
    assert (changed @ reference).abs() < 1e-6
    assert torch.linalg.matrix_rank(torch.stack([harmful - changed, reference])) == 1
    assert torch.equal(projected(harmful, torch.zeros(3)), harmful)


@pytest.mark.parametrize("heads", ["class", "task"])
def test_before_an_update_the_gradient_is_projected_on_that_of_the_memory(heads):
    batch, state = batch_of(heads), remembered()
    network = batch.context.network
    places = batch.uniform(8, "reference").argsort()[:4]
    logits = network(state["images"][places]).logits[:, : 3 if heads == "class" else 2]
    by_hand = torch.autograd.grad(
        F.cross_entropy(logits, state["labels"][places]), list(network.parameters()), materialize_grads=True
    )
    reference = torch.cat([part.flatten() for part in by_hand])
    for parameter, part in zip(network.parameters(), by_hand, strict=True):
        parameter.grad = -part + 0.1 * torch.randn(part.shape, generator=torch.Generator().manual_seed(1))
    before = torch.cat([p.grad.flatten() for p in network.parameters()])
    assert before @ reference < 0
    GradientMemory().before_update(batch, state)
    after = torch.cat([p.grad.flatten() for p in network.parameters()])
    expected = before - (before @ reference) / (reference @ reference) * reference
    torch.testing.assert_close(after, expected)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_head_that_the_new_loss_does_not_reach_has_the_gradient_zero_and_is_moved_by_the_projection_alone(sign):
    batch, state = batch_of("task"), remembered()
    network = batch.context.network
    learning = list(network.parameters())
    places = batch.uniform(8, "reference").argsort()[:4]
    old = F.cross_entropy(network(state["images"][places]).logits[:, :2], state["labels"][places])
    reference = torch.autograd.grad(old, learning, materialize_grads=True)
    for name, parameter, part in zip(dict(network.named_parameters()), learning, reference, strict=True):
        parameter.grad = None if name.startswith("heads") else sign * part
    shared = sum(p.grad.square().sum() for p in learning if p.grad is not None)
    GradientMemory().before_update(batch, state)
    share = shared / sum(part.square().sum() for part in reference) if sign < 0 else 0.0
    for parameter, part in zip(network.heads[0].parameters(), reference[-4:-2], strict=True):
        torch.testing.assert_close(parameter.grad, share * part)
    assert not any(parameter.grad.any() for parameter in network.heads[1].parameters())


@dataclass(frozen=True, repr=False)
class Watched(GradientMemory):
    """Notes how long each step is whose gradient was projected."""

    lengths: ClassVar[list[float]] = []
    before: ClassVar[list] = []

    def before_update(self, batch, state):
        gradient = [p.grad.clone() for p in batch.context.shared]
        super().before_update(batch, state)
        stays = all(map(torch.equal, gradient, (p.grad for p in batch.context.shared)))
        self.before[:] = [] if stays else [[p.detach().clone() for p in batch.context.network.parameters()]]

    def after_update(self, batch, state):
        if self.before:
            steps = zip(batch.context.network.parameters(), self.before[0], strict=True)
            self.lengths.append(sum((now - then).double().square().sum() for now, then in steps).sqrt().item())


def test_the_gradient_is_projected_before_it_is_clipped(patterns):
    """A projected gradient is shorter than the one before: clipped first, its step would be shorter than the bound."""
    plain = {"momentum": 0.0, "weight_decay": 0.0, "clip": 1e-3, "learning_rate": 0.5, "epochs": 3}
    cl.learn(patterns, cl.methods.agem(memory=Watched(30), heads="class", **plain), device="cpu", progress=False)
    assert len(Watched.lengths) > 3
    assert Watched.lengths == pytest.approx([0.5 * 1e-3] * len(Watched.lengths), rel=1e-2)


def test_without_a_memory_the_gradient_stays():
    batch = batch_of("class")
    batch.student.logits.sum().backward()
    before = copy.deepcopy([p.grad for p in batch.context.network.parameters()])
    GradientMemory().before_update(batch, {})
    assert all(map(torch.equal, before, (p.grad for p in batch.context.network.parameters())))


def test_old_images_are_in_memory_and_never_in_the_pool_and_count_as_memory_in_use(patterns):
    run = cl.learn(patterns, cl.methods.agem(capacity=30, epochs=2), device="cpu", progress=False)
    assert run.part_states["memory"]["labels"].unique().tolist() == list(range(6))
    kept = 4 * 7  # of the first two tasks' classes: 30 // 4 each
    assert run.memory["images"] == kept * (64 + 8 + 8)
    pool = run.recipe.memory.pool(patterns, 2, torch.device("cpu"), run.part_states["memory"])
    assert len(pool) == len(patterns[2].train)


def test_a_step_that_would_hurt_old_images_does_not_to_first_order(patterns):
    """The loss on the memory after a small step: higher without the projection, not with it."""
    raised = {}
    for memory in (None, GradientMemory(capacity=30)):
        batch, state = batch_of("class"), remembered()
        state = {name: value.repeat(1, *[1] * (value.dim() - 1)) for name, value in state.items()}
        network = batch.context.network

        def old_loss(network=network, state=state):
            return F.cross_entropy(network(state["images"]).logits, state["labels"])

        context = Context(network, 1, "class")
        full = Batch(context, state["images"], state["labels"], torch.arange(8), [1], batch.task_of, "class", {}, (7,))
        F.cross_entropy(network(full.images).logits, torch.full((8,), 2)).backward()
        if memory:
            memory.before_update(full, state)
        before = old_loss().item()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter -= 1e-3 * parameter.grad
        raised[memory is not None] = old_loss().item() - before
    assert raised[False] > 1e-5
    assert raised[True] < 0.05 * raised[False]
