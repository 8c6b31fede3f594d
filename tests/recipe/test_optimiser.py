"""The updates, against torch.optim step by step."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from cltutor.recipe.optimiser import SGD, Pace, RMSProp, TensorFlowRMSProp


def twins():
    torch.manual_seed(0)
    first = [nn.Parameter(torch.randn(3, 2)), nn.Parameter(torch.randn(4)), nn.Parameter(torch.randn(2))]
    return first, [nn.Parameter(p.detach().clone()) for p in first]


def backward(step, *twins):
    for parameters in twins:
        sum((p.square() * (step + 1) + p.sin()).sum() for p in parameters).backward()


class Unfused(SGD):
    """As on a device whose update divides nothing."""

    fused = False


@pytest.mark.parametrize("clip", [0.5, 1e9])
@pytest.mark.parametrize("kind", [SGD, Unfused])
def test_it_equals_torchs_sgd_with_momentum_decay_and_clipping(kind, clip):
    ours, theirs = twins()
    optimiser = kind([(ours[:2], 0.1), (ours[2:], 0.01)], momentum=0.9, weight_decay=0.05, clip=clip)
    groups = [{"params": theirs[:2], "lr": 0.1}, {"params": theirs[2:], "lr": 0.01}]
    reference = torch.optim.SGD(groups, momentum=0.9, weight_decay=0.05)
    for step in range(5):
        if step == 3:
            optimiser.slow_down(10)
            for group in reference.param_groups:
                group["lr"] /= 10
        backward(step, ours, theirs)
        optimiser.clip_gradients()
        optimiser.step()
        nn.utils.clip_grad_norm_(theirs, clip)
        reference.step()
        reference.zero_grad()
        for own, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(own, other, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", [SGD, RMSProp, TensorFlowRMSProp])
def test_gradients_clipped_in_the_update_or_before_it_move_the_weights_alike(kind):
    ours, theirs = twins()
    later, now = (kind([(ps, 0.1)], momentum=0.5, weight_decay=0.1, clip=0.5) for ps in (ours, theirs))
    for step in range(3):
        backward(step, ours, theirs)
        for optimiser in (later, now):
            optimiser.clip_gradients()
        assert torch.cat([g.flatten() for g in now.clipped()]).norm() == pytest.approx(0.5, rel=1e-4)
        later.step()
        now.step()
        for own, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(own, other, rtol=1e-6, atol=1e-7)


def test_a_gradient_in_another_layout_than_its_weights_moves_the_right_ones():
    """The fused update reads both in the order of memory."""
    weight = nn.Parameter(torch.zeros(4, 3, 3, 3).to(memory_format=torch.channels_last))
    weight.grad = torch.arange(108.0).view(4, 3, 3, 3)
    optimiser = SGD([([weight], 1.0)], momentum=0.9, weight_decay=0.0, clip=1e9)
    optimiser.step()
    assert torch.equal(weight.detach(), -torch.arange(108.0).view(4, 3, 3, 3))


def test_rmsprop_equals_torchs_from_a_mean_square_of_one_bit_for_bit():
    ours, theirs = twins()
    optimiser = RMSProp([(ours, 0.01)], momentum=0.5, weight_decay=0.05, clip=1e9)
    reference = torch.optim.RMSprop(theirs, lr=0.01, alpha=0.9, momentum=0.5, weight_decay=0.05)
    for p in theirs:
        begin = {"step": torch.tensor(0.0), "square_avg": torch.ones_like(p), "momentum_buffer": torch.zeros_like(p)}
        reference.state[p] = begin
    for step in range(5):
        backward(step, ours, theirs)
        optimiser.step()
        reference.step()
        reference.zero_grad()
        assert all(torch.equal(p, q) for p, q in zip(ours, theirs, strict=True))


def test_the_first_step_of_rmsprop_by_hand():
    weight = nn.Parameter(torch.tensor([2.0]))
    (3 * weight).sum().backward()
    RMSProp([([weight], 0.1)], 0.0, 0.0, 1e9).step()
    assert weight.item() == pytest.approx(2 - 0.1 * 3 / (0.9 * 1 + 0.1 * 9) ** 0.5, rel=1e-6)


def test_tensorflows_rmsprop_is_its_formula_in_numpy():
    """ms = 0.9 ms + 0.1 g^2 from 1; step = momentum step + rate g / sqrt(ms + 1e-10); at two rates, one then halved."""
    ours, theirs = twins()
    optimiser = TensorFlowRMSProp([(ours[:2], 0.1), (ours[2:], 0.01)], momentum=0.5, weight_decay=0.05, clip=1e9)
    weights = [p.detach().double().numpy() for p in theirs]
    squares, steps = [np.ones_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    for step in range(6):
        if step == 3:
            optimiser.slow_down(2)
        backward(step, ours)
        optimiser.step()
        for i, rate in enumerate((0.1, 0.1, 0.01)):
            gradient = 2 * weights[i] * (step + 1) + np.cos(weights[i]) + 0.05 * weights[i]
            squares[i] = 0.9 * squares[i] + 0.1 * gradient**2
            steps[i] = 0.5 * steps[i] + rate / (2 if step >= 3 else 1) * gradient / np.sqrt(squares[i] + 1e-10)
            weights[i] = weights[i] - steps[i]
            np.testing.assert_allclose(ours[i].detach(), weights[i], atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "gradient", "moved"),
    [
        (TensorFlowRMSProp, 1e-5, 0.0284),
        (TensorFlowRMSProp, 1e-6, 0.0039),
        (RMSProp, 1e-5, 0.0395),
        (RMSProp, 1e-6, 0.0348),
    ],
)
def test_where_the_small_number_is_added_decides_how_far_a_weak_gradient_moves(kind, gradient, moved):
    """600 steps at a rate of 0.0001: 1e-10 inside the root is as much as 1e-5 outside."""
    weight = nn.Parameter(torch.zeros(1))
    optimiser = kind([([weight], 1e-4)], 0.0, 0.0, 1e9)
    for _ in range(600):
        weight.grad = torch.full((1,), gradient)
        optimiser.step()
    assert -weight.item() == pytest.approx(moved, abs=6e-5)


@pytest.mark.parametrize("kind", [SGD, RMSProp, TensorFlowRMSProp])
def test_a_parameter_without_a_gradient_is_not_moved_by_momentum_or_weight_decay(kind):
    ours, _ = twins()
    optimiser = kind([(ours, 0.1)], momentum=0.9, weight_decay=0.5, clip=1.0)
    sum(p.sum() for p in ours).backward()
    optimiser.step()
    still, moving = ours[0].detach().clone(), ours[1].detach().clone()
    ours[1].sum().backward()
    optimiser.step()
    assert torch.equal(ours[0], still)
    assert not torch.equal(ours[1], moving)


def test_training_does_not_import_pytorchs_compiler():
    code = """
import sys, torch, cltutor as cl
images, labels = torch.randint(0, 256, (8, 1, 8, 8), dtype=torch.uint8), torch.tensor([0, 1] * 4)
stream = cl.streams.tensors(images, labels, images, labels, tasks=1)
for optimiser in ("sgd", "rmsprop", "rmsprop_tf1"):
    cl.learn(stream, cl.methods.lwf(optimiser=optimiser), epochs=1, progress=False)
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_a_plateau_drops_the_rate_once_after_patience_epochs_without_a_rise():
    pace = Pace(patience=2, drop_every=None)
    drops = [pace.slows(value) for value in (0.5, 0.6, 0.6, 0.55, 0.9, 0.9, 0.9, 0.9)]
    assert drops == [False, False, False, True, False, False, False, False]
    assert not any(Pace(None, None).slows(0.5) for _ in range(9))


def test_the_rate_drops_after_every_so_many_epochs():
    pace = Pace(patience=None, drop_every=3)
    assert [pace.slows(float("nan")) for _ in range(7)] == [False, False, True, False, False, True, False]


def test_the_rate_drops_after_the_epochs_that_a_program_lists_once_where_two_rules_meet():
    pace = Pace(None, None, drop_at=(2, 5))
    assert [pace.slows(0.5) for _ in range(6)] == [False, True, False, False, True, False]
    both = Pace(None, drop_every=3, drop_at=(3, 4))
    assert [both.slows(0.5) for _ in range(6)] == [False, False, True, True, False, True]
