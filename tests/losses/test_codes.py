"""Encoder based lifelong learning's losses against loops by hand; which weights each of them moves."""

import pytest
import torch
from running import grown

import cltutor as cl
from cltutor.losses import Batch, Codes, Context, ReconstructedCrossEntropy, Reconstruction
from cltutor.networks import Encoded, Output, SmallCNN
from cltutor.training.events import EpochDone


@pytest.fixture
def network():
    return grown(Encoded(SmallCNN(channels=(2,), hidden=(5,)), size=3), 2, 2, 3).double()


@pytest.fixture
def batch(network):
    images = torch.randint(0, 256, (4, 1, 8, 8), dtype=torch.uint8)
    before = Output(torch.randn(4, 5, dtype=torch.float64), None, 2)
    labels, task_of = torch.tensor([4, 5, 6, 4]), torch.tensor([0, 0, 1, 1, 2, 2, 2])
    teachers = {"task": lambda _: before}
    return Batch(Context(network, 2), images, labels, torch.arange(4), [2], task_of, "task", teachers)


def test_codes_is_half_the_squared_distance_of_every_old_tasks_code(network, batch):
    now, before, expected = network(batch.images).features, batch.teacher("task").features, 0.0
    for encoder in network.autoencoders[:2]:
        weight, bias = encoder.encoder.weight, encoder.encoder.bias
        for n in range(4):
            for k in range(3):
                new = 1 / (1 + torch.exp(-(weight[k] @ now[n] + bias[k])))
                old = 1 / (1 + torch.exp(-(weight[k] @ before[n] + bias[k])))
                expected += 0.5 * ((new - old) ** 2).item() / 4
    assert Codes()(batch, {}).item() == pytest.approx(expected)
    assert expected > 0


def test_reconstruction_is_the_squared_distance_to_the_features_by_the_newest_autoencoder(network, batch):
    features, newest, expected = network(batch.images).features, network.autoencoders[2], 0.0
    for n in range(4):
        code = torch.sigmoid(newest.encoder.weight @ features[n] + newest.encoder.bias)
        back = newest.decoder.weight @ code + newest.decoder.bias
        expected += ((back - features[n]) ** 2).sum().item() / 4
    assert Reconstruction()(batch, {}).item() == pytest.approx(expected)


def test_reconstructed_cross_entropy_is_that_of_the_newest_head_on_reconstructed_features(network, batch):
    logits = network.heads[2](network.autoencoders[2](network(batch.images).features))
    expected = -sum(
        torch.log_softmax(row, 0)[label - 4].item() for row, label in zip(logits, batch.labels, strict=True)
    )
    assert ReconstructedCrossEntropy()(batch, {}).item() == pytest.approx(expected / 4)


def moved(network, value) -> set[str]:
    value.backward()
    return {name.partition(".")[0] for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}


def test_codes_move_the_shared_weights_and_the_two_others_the_autoencoder(network, batch):
    network.autoencoders.requires_grad_(False)
    assert moved(network, Codes()(batch, {})) == {"backbone"}
    network.zero_grad()
    network.requires_grad_(False)
    network.autoencoders[2].requires_grad_(True)
    assert moved(network, Reconstruction()(batch, {}) + ReconstructedCrossEntropy()(batch, {})) == {"autoencoders"}


def test_the_autoencoder_phase_moves_nothing_else_and_lowers_the_reconstruction(patterns):
    before, recipe = {}, cl.methods.ebll(backbone=SmallCNN(channels=(2,), hidden=(6,)), size=3, epochs=10, batch_size=4)
    for event in cl.train(patterns, recipe, test_every=10):
        if isinstance(event, EpochDone):
            now = {name: value.clone() for name, value in event.network.state_dict().items()}
            changed = {name for name, value in before.items() if not torch.equal(value, now[name])}
            coders = {name for name in changed if name.startswith("autoencoders.")}
            own = {name for name in now if name.startswith(f"autoencoders.{event.task}.")}
            assert changed == own if event.phase == "autoencoder" else not coders
            before = now
    curves = event.run.curves
    values = curves.loss["Reconstruction"][curves.step_task == 0]
    values = values[values == values]
    assert values[-4:].mean() < 0.5 * values[:4].mean()


@pytest.mark.parametrize("term", [Codes(), Reconstruction(), ReconstructedCrossEntropy()])
def test_a_network_without_autoencoders_is_refused_in_one_sentence(term):
    network = cl.networks.MultiHead(SmallCNN(channels=(2,), hidden=(5,))).build((1, 8, 8))
    with pytest.raises(ValueError, match=rf"^{type(term).__name__} needs a network with autoencoders: [^.]*\.Encoded"):
        term.begin_task(Context(network, 0), {})


def test_a_code_as_wide_as_the_features_and_a_convolutional_classifier_are_refused():
    with pytest.raises(ValueError, match="under-complete code of 5 features has 1 to 4"):
        Encoded(SmallCNN(channels=(2,), hidden=(5,)), size=5).build((1, 8, 8))
    with pytest.raises(ValueError, match="codes vectors"):
        Encoded(cl.networks.Torchvision("squeezenet1_0")).build((3, 64, 64))
