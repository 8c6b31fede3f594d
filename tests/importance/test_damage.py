"""Damage of a network's least and most important weights, against sorting in Python."""

import copy

import pytest
import torch
from running import grown

import cltutor as cl
from cltutor.importance.damage import HOW, WHICH
from cltutor.seeds import generator

damage, shared_weights = cl.importance.damage, cl.importance.shared_weights


@pytest.fixture
def network():
    """Shared convolutions and linear layers, two heads; with a batch of noise as importance."""
    return grown(cl.networks.MultiHead(cl.networks.SmallCNN(channels=(4, 5), hidden=(7,))), 2, 3).eval()


@pytest.fixture
def omega(network):
    draw = torch.Generator().manual_seed(1)
    return {name: torch.rand(p.shape, generator=draw) for name, p in network.named_parameters()}


def brute_force(weight, omega, share, which):
    """The places to damage, found by sorting (importance, place) pairs in Python."""
    sign = 1 if which == "least" else -1
    pairs = sorted((sign * value, place) for place, value in enumerate(omega.flatten().tolist()))
    return {place for _, place in pairs[: round(share * weight.numel())]}


@pytest.mark.parametrize("which", ["least", "most"])
@pytest.mark.parametrize("share", [0.0, 0.013, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("tied", [False, True])
def test_the_least_or_most_important_weights_are_set_to_zero_the_first_of_equal_ones(
    network, omega, share, which, tied
):
    omega = {name: value.mul(3).round() if tied else value for name, value in omega.items()}
    damaged = dict(damage(network, omega, share, which).named_parameters())
    for name, weight in shared_weights(network).items():
        gone = (damaged[name].flatten() == 0).nonzero().flatten().tolist()
        assert set(gone) == brute_force(weight, omega[name], share, which)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("which", WHICH)
def test_the_count_is_exact_in_every_layer_and_a_larger_share_contains_a_smaller_one(network, omega, which, how):
    hit = []
    for share in (0.3, 0.6):
        damaged = dict(damage(network, omega, share, which, how=how).named_parameters())
        changed = {name: damaged[name] != weight for name, weight in shared_weights(network).items()}
        for name, mask in changed.items():
            assert int(mask.sum()) == round(share * mask.numel()), name
        hit.append(changed)
    assert all((hit[1][name] | ~mask).all() for name, mask in hit[0].items())


def test_random_weights_are_drawn_from_the_seed_alone(network, omega):
    def masks(omega, seed):
        return [weight == 0 for weight in shared_weights(damage(network, omega, 0.4, "random", seed)).values()]

    other = {name: 1 - value for name, value in omega.items()}
    assert all(map(torch.equal, masks(omega, 3), masks(other, 3)))
    assert not any(map(torch.equal, masks(omega, 3), masks(omega, 4)))


def test_noise_has_the_strength_of_the_layers_own_deviation(network, omega):
    damaged = dict(damage(network, omega, 1.0, how="perturb", seed=5, strength=0.5).named_parameters())
    for name, weight in shared_weights(network).items():
        noise = torch.randn(weight.numel(), generator=generator("damage", name, 5)).view_as(weight)
        torch.testing.assert_close(damaged[name] - weight, 0.5 * weight.std() * noise, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("how", HOW)
def test_biases_heads_the_network_itself_and_random_states_stay_as_they_are(network, omega, how):
    before, state = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    damaged = damage(network, omega, 0.7, "random", how=how).state_dict()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    changed = {name for name, value in damaged.items() if not torch.equal(value, before[name])}
    assert changed == set(shared_weights(network))
    assert changed == {name for name in before if name.startswith("backbone") and name.endswith("weight")}


def test_a_flat_vector_becomes_a_tensor_for_every_shared_parameter(network):
    flat = cl.importance.flat(network.parameters_of("shared")).detach()
    named = cl.importance.by_name(network, flat)
    parameters = dict(network.named_parameters())
    assert set(named) == {name for name in parameters if name.startswith("backbone")}
    assert all(torch.equal(value, parameters[name]) for name, value in named.items())
    with pytest.raises(ValueError, match="shared parameters, not"):
        cl.importance.by_name(network, flat[1:])


NAME = "backbone.trunk.0.weight"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"share": 1.2}, "share is a number from 0 to 1, not 1.2"),
        ({"which": "best"}, "which is one of least, random, most, not 'best'"),
        ({"how": "cut"}, "how is one of prune, perturb, not 'cut'"),
        ({"omega": {}}, f"has nothing for {NAME}"),
        ({"omega": {NAME: torch.ones(3, 3)}}, rf"the shape \(3, 3\) for {NAME}, not \(4, 1, 3, 3\)"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(network, omega, wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        damage(network, **{"omega": omega, "share": 0.1, **wrong})


def test_layers_have_names_for_a_reader():
    network = cl.networks.MultiHead().build((1, 8, 8))
    network.grow(2)
    assert list(cl.importance.layer_names(network).values()) == ["conv 1", "conv 2", "conv 3", "hidden 1", "hidden 2"]
    assert list(cl.importance.layer_names(network)) == list(shared_weights(network))
    rebuilt = cl.methods.dfcnn().network.build((1, 8, 8))
    rebuilt.grow(2)
    assert all(name == words for name, words in cl.importance.layer_names(rebuilt).items())
