"""The Fisher diagonal against a loop over single samples, and against the whole expectation over labels."""

import pytest
import torch
from torch import nn

import cltutor as cl
from cltutor.importance import fisher

BACKBONE = cl.networks.SmallCNN(channels=(4, 4), hidden=(8,))

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot")


def test_it_is_the_mean_of_each_samples_own_squared_gradient_of_the_log_likelihood(case, loop):
    model, images = case
    width = model.eval()(images).flatten(1).shape[1]
    labels = torch.randint(width, (len(images),))
    per_sample = loop(model, images, lambda output, k: torch.log_softmax(output, 0)[labels[k]])
    found = fisher(model, images, labels, chunk=4)
    for name, gradient in per_sample.items():
        torch.testing.assert_close(found[name], gradient[:, 0].square().mean(0), rtol=1e-9, atol=1e-12)


def test_labels_drawn_from_the_model_give_the_expectation_over_labels():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3)).double()
    images = torch.randn(4, 2, dtype=torch.float64)
    exact = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for image in images:
        for label, p in enumerate(model(image).softmax(0)):
            grads = torch.autograd.grad(torch.log_softmax(model(image), 0)[label], list(model.parameters()))
            for (name, _), grad in zip(model.named_parameters(), grads, strict=True):
                exact[name] += p.detach() * grad.square() / len(images)
    drawn = fisher(model, images.repeat(2000, 1), chunk=8000)
    for name, value in exact.items():
        torch.testing.assert_close(drawn[name], value, rtol=0.1, atol=0.01)


def test_the_same_seed_draws_the_same_labels_and_no_random_state_is_touched():
    model, images = nn.Linear(3, 4), torch.randn(20, 3)
    random = torch.random.get_rng_state()
    first, again, other = fisher(model, images, seed=1), fisher(model, images, seed=1), fisher(model, images, seed=2)
    assert torch.equal(torch.random.get_rng_state(), random)
    assert torch.equal(first["weight"], again["weight"])
    assert not torch.equal(first["weight"], other["weight"])


def flat_omega(run: cl.Run, after: int, *arguments, **named) -> torch.Tensor:
    network = run.model_after(after)
    omega = fisher(network, *arguments, **named)
    return torch.cat([omega[n].flatten() for n, _ in network.named_parameters() if n.startswith("backbone.")])


def learned(stream: cl.streams.Stream, recipe: cl.Recipe) -> tuple[dict[str, torch.Tensor], list, list]:
    """What the anchor keeps after a run, and each task's Fisher and shared parameters at its end."""
    run = cl.learn(stream, recipe, epochs=1, progress=False)
    omegas = [flat_omega(run, t, task.train.images, task=t, seed=t) for t, task in enumerate(stream)]
    shared = [torch.cat([p.flatten() for p in run.model_after(t).backbone.parameters()]) for t in range(len(stream))]
    return run.part_states["Anchor"], omegas, shared


def test_ewc_keeps_a_fisher_and_an_anchor_for_each_task(patterns):
    state, omegas, shared = learned(patterns, cl.methods.ewc(backbone=BACKBONE))
    torch.testing.assert_close(state["importance"], torch.stack(omegas))
    torch.testing.assert_close(state["anchor"], torch.stack(shared))


def test_online_ewc_keeps_one_running_sum_in_which_old_tasks_fade(patterns):
    state, (first, second, third), shared = learned(patterns, cl.methods.ewc_online(decay=0.5, backbone=BACKBONE))
    torch.testing.assert_close(state["importance"][0], 0.25 * first + 0.5 * second + third)
    torch.testing.assert_close(state["anchor"][0], shared[2])


@pytest.mark.parametrize("heads", ["task", "class"])
def test_given_labels_are_the_tasks_own_columns(patterns, heads):
    run = cl.learn(patterns, cl.methods.ewc(given=True, heads=heads, backbone=BACKBONE), epochs=1, progress=False)
    task = patterns[1]
    columns = torch.tensor([task.classes.index(label) for label in task.train.labels.tolist()])
    columns, head = (columns, 1) if heads == "task" else (columns + 2, None)
    expected = flat_omega(run, 1, task.train.images, columns, head)
    torch.testing.assert_close(run.part_states["Anchor"]["importance"][1], expected)


def test_a_network_without_probabilities_is_refused_in_one_sentence():
    network = cl.networks.FactEmbedding(cl.networks.SmallCNN(channels=(2,), hidden=(5,))).build((3, 8, 8))
    network.grow(2, ["circle left of star", "star above circle"])
    with pytest.raises(ValueError, match="probabilities of classes, and a FactNetwork has none"):
        fisher(network, torch.zeros(2, 3, 8, 8, dtype=torch.uint8))
