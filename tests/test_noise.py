"""Noise on the gradients, its variance against the formula."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from cltutor.noise import GradientNoise


def _context(task: int = 0, seed: int = 0, size: int = 100) -> SimpleNamespace:
    """A network of a matrix and a vector whose gradients are 0, and a parameter that has none."""
    network = nn.ParameterList([torch.zeros(size, size), torch.zeros(size), torch.zeros(3)])
    for parameter in network[:2]:
        parameter.grad = torch.zeros_like(parameter)
    return SimpleNamespace(network=network, task=task, seed=seed)


def _noises(noise: GradientNoise, context: SimpleNamespace, steps: int) -> torch.Tensor:
    """(steps, P) what each step of a task adds to gradients of 0."""
    kept, added = {}, []
    noise.begin_task(context, kept)
    for _ in range(steps):
        gradients = [p.grad.zero_() for p in context.network if p.grad is not None]
        noise.before_step(context, kept)
        added.append(torch.cat([gradient.flatten() for gradient in gradients]).clone())
    return torch.stack(added)


@pytest.mark.parametrize(("eta", "gamma"), [(0.3, 0.55), (0.01, 0.0), (2.0, 1.0)])
def test_the_variance_is_eta_over_one_plus_step_to_the_gamma(eta, gamma):
    added = _noises(GradientNoise(eta, gamma), _context(), steps=30)
    expected = eta / (1.0 + torch.arange(30)) ** gamma
    assert torch.allclose(added.var(1), expected, rtol=0.06)  # four standard errors of 10,100 draws
    assert (added.mean(1).abs() < 4.5 * (expected / 10100).sqrt()).all()


def test_it_is_gaussian():
    added = _noises(GradientNoise(eta=1.0), _context(size=400), steps=1)[0]
    within = [(added.abs() < deviations).float().mean().item() for deviations in (1, 2, 3)]
    assert within == pytest.approx([0.6827, 0.9545, 0.9973], abs=0.005)


def test_it_is_added_to_the_gradient_and_to_both_parameters_a_noise_of_its_own():
    context, kept = _context(), {}
    for parameter in context.network[:2]:
        parameter.grad.fill_(10.0)
    noise = GradientNoise(eta=0.04)
    noise.begin_task(context, kept)
    noise.before_step(context, kept)
    matrix, vector = (parameter.grad for parameter in context.network[:2])
    assert matrix.mean().item() == pytest.approx(10, abs=0.01)
    assert vector.mean().item() == pytest.approx(10, abs=0.1)
    assert not torch.equal(matrix[0], vector)
    assert not torch.equal(matrix[0], matrix[1])


def test_a_parameter_without_a_gradient_gets_none_and_no_parameter_moves():
    context = _context()
    _noises(GradientNoise(), context, steps=2)
    assert context.network[2].grad is None
    assert all((parameter == 0).all() for parameter in context.network)
    for parameter in context.network:
        parameter.grad = None
    kept = {"step": torch.tensor(4)}
    GradientNoise().before_step(context, kept)
    assert kept["step"] == 5


def test_steps_and_variance_start_anew_with_every_task():
    context, kept, noise = _context(), {}, GradientNoise(eta=1.0, gamma=2.0)
    for task in range(2):
        context.task = task
        noise.begin_task(context, kept)
        assert kept["step"] == 0
        for step in range(3):
            gradient = context.network[0].grad.zero_()
            noise.before_step(context, kept)
            assert gradient.std().item() == pytest.approx(1 / (1 + step), rel=0.05)
    assert kept["step"] == 3
    assert kept["step"].dtype == torch.int64


def test_the_noise_depends_on_seed_task_and_step_and_on_nothing_else():
    noise = GradientNoise(gamma=0.0)
    first = _noises(noise, _context(), steps=2)
    torch.manual_seed(1)
    assert torch.equal(first, _noises(noise, _context(), steps=2))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, _noises(noise, _context(task=1), steps=2))
    assert not torch.equal(first, _noises(noise, _context(seed=1), steps=2))


def test_gradients_laid_out_with_channels_last_get_the_same_noise():
    added = []
    for layout in (torch.contiguous_format, torch.channels_last):
        parameter = nn.Parameter(torch.zeros(4, 3, 2, 2).to(memory_format=layout))
        parameter.grad = torch.zeros_like(parameter)
        context = SimpleNamespace(network=nn.ParameterList([parameter]), task=0, seed=0)
        kept = {}
        GradientNoise().begin_task(context, kept)
        GradientNoise().before_step(context, kept)
        added.append(parameter.grad)
    assert torch.equal(*added)


def test_the_global_random_state_is_left_alone():
    state = torch.get_rng_state()
    _noises(GradientNoise(), _context(), steps=1)
    assert torch.equal(state, torch.get_rng_state())


def test_it_prints_as_the_code_that_makes_it():
    assert repr(GradientNoise()) == "GradientNoise()"
    assert repr(GradientNoise(eta=0.1)) == "GradientNoise(eta=0.1)"


@pytest.mark.parametrize("name", ["eta", "gamma"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_values_that_are_negative_or_not_finite_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} of the noise is a finite number from 0 up"):
        GradientNoise(**{name: value})
