"""Noise on the gradients, its variance against the formula."""

import pytest
import torch

import cltutor as cl
from cltutor.recipe.noise import GradientNoise


def zeros(size: int = 100) -> list[torch.Tensor]:
    """Gradients of 0 of a matrix and a vector."""
    return [torch.zeros(size, size), torch.zeros(size)]


def added(noise: GradientNoise, steps: int, key: tuple = ("noise", 0, 0), batch: int = 1, size: int = 100):
    """(steps, P) what each step of a task adds to gradients of 0."""
    rows = []
    for step in range(steps):
        noise.add(gradients := zeros(size), step, batch, key)
        rows.append(torch.cat([gradient.flatten() for gradient in gradients]))
    return torch.stack(rows)


@pytest.mark.parametrize(("eta", "gamma"), [(0.3, 0.55), (0.01, 0.0), (2.0, 1.0)])
def test_the_variance_is_eta_over_one_plus_step_to_the_gamma(eta, gamma):
    rows = added(GradientNoise(eta, gamma), steps=30)
    expected = eta / (1.0 + torch.arange(30)) ** gamma
    assert torch.allclose(rows.var(1), expected, rtol=0.06)  # four standard errors of 10,100 draws
    assert (rows.mean(1).abs() < 4.5 * (expected / 10100).sqrt()).all()


def test_on_a_gradient_averaged_over_a_batch_it_is_that_of_the_sum_divided_by_the_batch():
    noise = GradientNoise()
    torch.testing.assert_close(added(noise, 3, batch=128), added(noise, 3) / 128)


def test_in_the_programs_form_the_deviation_is_eta_over_one_plus_epoch_to_the_gamma_and_the_epoch_counts_from_one():
    noise, rows = GradientNoise(form="deviation"), []
    for epoch in range(5):
        noise.add(gradients := zeros(), 7, 4, ("noise",), epoch)
        rows.append(torch.cat([gradient.flatten() for gradient in gradients]).std().item())
    expected = [0.3 / (1 + epoch) ** 0.55 / 4 for epoch in (1, 2, 3, 4, 5)]
    assert rows == pytest.approx(expected, rel=0.03)  # four standard errors of 10,100 draws
    noise.add(first := zeros(), 0, 1, ("noise",), 3)
    noise.add(second := zeros(), 1, 1, ("noise",), 3)
    assert not torch.equal(first[0], second[0]), "it is drawn anew at every update of an epoch"


def test_where_nothing_has_a_gradient_nothing_is_added(tiny):
    """Joint training alternates batches of old and new tasks; a new head that learns alone has none for old ones."""
    GradientNoise().add([], 0, 8, ("noise",))
    recipe = cl.methods.lwf(memory=cl.memory.Everything(interleaved=True), lam=0, noise=GradientNoise(), epochs=5)
    assert cl.learn(tiny, recipe, device="cpu", progress=False).complete


def test_it_is_gaussian():
    row = added(GradientNoise(eta=1.0), steps=1, size=400)[0]
    within = [(row.abs() < deviations).float().mean().item() for deviations in (1, 2, 3)]
    assert within == pytest.approx([0.6827, 0.9545, 0.9973], abs=0.005)


def test_it_is_added_to_the_gradient_and_to_both_parameters_a_noise_of_its_own():
    gradients = [torch.full((100, 100), 10.0), torch.full((100,), 10.0)]
    GradientNoise(eta=0.04).add(gradients, 0, 1, ("noise",))
    matrix, vector = gradients
    assert matrix.mean().item() == pytest.approx(10, abs=0.01)
    assert vector.mean().item() == pytest.approx(10, abs=0.1)
    assert not torch.equal(matrix[0], vector)
    assert not torch.equal(matrix[0], matrix[1])


def test_the_same_key_and_step_give_the_same_noise_and_others_another():
    noise = GradientNoise(gamma=0.0)
    first, again, other = (added(noise, 2, ("noise", 0, task)) for task in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first[0], first[1])


def test_the_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    added(GradientNoise(), 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_in_a_run_it_counts_steps_within_a_task_over_all_phases(tiny):
    seen = []

    class Recording(GradientNoise):
        def add(self, gradients, step, batch, key, epoch):
            seen.append((key, step, batch, epoch))

    recipe = cl.methods.lwf(noise=Recording(), epochs=5, batch_size=12)
    cl.learn(tiny, recipe, seed=3, device="cpu", progress=False)
    keys, steps, batches, epochs = zip(*seen, strict=True)
    assert list(steps) == 2 * list(range(5 * 2)), "two tasks of 5 epochs of 2 batches"
    assert list(epochs) == 2 * [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert set(keys) == {("noise", 3, 0), ("noise", 3, 1)}
    assert set(batches) == {12}


def test_in_a_run_it_is_added_after_gradients_are_clipped(tiny):
    recipe = cl.methods.finetune(noise=GradientNoise(eta=100.0, gamma=0.0), epochs=1, clip=1e-9, weight_decay=0.0)
    run = cl.learn(tiny, recipe, device="cpu", progress=False)
    still = cl.learn(tiny, cl.methods.finetune(epochs=1, clip=1e-9, weight_decay=0.0), device="cpu", progress=False)
    name = "backbone.hidden.1.0.weight"
    moved = (run.states[0][name] - still.states[0][name]).std().item()
    assert moved == pytest.approx(0.02 * 10 / 24, rel=0.05), "one step: rate times deviation, over a batch of 24"
