"""The Fisher diagonal against a loop over single samples, and against the whole expectation over labels."""

import pytest
import torch
from torch import nn

import cltutor as cl
from cltutor.importance import fisher
from tests.importance.measuring import one_by_one


def test_it_is_the_mean_of_each_samples_own_squared_gradient_of_the_log_likelihood(case):
    model, images = case
    width = model.eval()(images).flatten(1).shape[1]
    labels = torch.randint(width, (len(images),))
    per_sample = one_by_one(model, images, lambda output, k: output.flatten().log_softmax(0)[labels[k]])
    found = fisher(model, images, labels, chunk=4)
    for name, gradient in per_sample.items():
        torch.testing.assert_close(found[name], gradient[:, 0].square().mean(0), rtol=1e-9, atol=1e-12)


def test_labels_drawn_from_the_model_give_the_expectation_over_labels():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3)).double()
    images = torch.randn(4, 2, dtype=torch.float64)
    gradients = one_by_one(model, images, lambda output, _: output.log_softmax(1))
    chances = model(images).softmax(1).detach()
    drawn = fisher(model, images.repeat(2000, 1), chunk=8000)
    for name, gradient in gradients.items():
        exact = torch.einsum("nc,nc...->...", chances, gradient.square()) / len(images)
        torch.testing.assert_close(drawn[name], exact, rtol=0.1, atol=0.01)


def test_labels_are_drawn_by_the_seed():
    model, images = nn.Linear(3, 4), torch.randn(20, 3)
    assert not torch.equal(fisher(model, images, seed=1)["weight"], fisher(model, images, seed=2)["weight"])


def test_a_network_without_probabilities_is_refused_in_one_sentence():
    network = cl.networks.FactEmbedding(cl.networks.SmallCNN(channels=(2,), hidden=(5,))).build((3, 8, 8))
    network.grow(2, ["circle left of star", "star above circle"])
    with pytest.raises(ValueError, match="probabilities of classes, and a FactNetwork has none"):
        fisher(network, torch.zeros(2, 3, 8, 8, dtype=torch.uint8))
