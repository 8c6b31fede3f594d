"""The network that embeds facts: its words, its forks, its distances, each against loops over plain numbers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cltutor.networks import FactEmbedding, MultiHead, SmallCNN
from cltutor.networks.embedding import UNITS, fact_vector, word_vector

TINY = SmallCNN(channels=(2,), hidden=(6, 5))
CIRCLE = [-0.47584692, 0.37013203, 0.56588054, 0.34131694, 0.44705030]  # drawn from the seed that the word is
FIRST, SECOND = ("circle left of star", "star above circle"), ("circle inside cross",)


def pictures(count: int = 4, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=draw)


def grown(*tasks: tuple[str, ...], dimension: int = 4):
    torch.manual_seed(0)
    network = FactEmbedding(TINY, dimension).build((3, 8, 8))
    for names in tasks:
        network.grow(len(names), names)
    return network.eval()


@given(st.text(min_size=1, max_size=12), st.integers(2, 40))
def test_a_word_has_a_vector_of_length_one_that_is_the_same_on_every_machine(word, dimension):
    state = torch.random.get_rng_state()
    assert word_vector(word, dimension).norm().item() == pytest.approx(1, abs=1e-6)
    assert word_vector("circle", 5).tolist() == pytest.approx(CIRCLE, abs=1e-7)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_fact_is_its_subject_its_predicate_and_its_object_in_this_order():
    parts = [word_vector(word, 6) for word in ("circle", "left of", "star")]
    assert torch.equal(fact_vector("circle left of star", 6), torch.cat(parts))
    assert not torch.equal(fact_vector("circle left of star", 6), fact_vector("star left of circle", 6))


def test_growing_adds_the_tasks_facts_and_no_parameter_and_draws_nothing():
    network = grown(FIRST)
    names = [name for name, _ in network.named_parameters()]
    before, state = [p.clone() for p in network.parameters()], torch.random.get_rng_state()
    network.grow(1, SECOND)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [name for name, _ in network.named_parameters()] == names
    assert len(network.parameters_of("shared")) == len(names), "the last layers are shared, too"
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert network.classes == [2, 1]
    assert torch.equal(network.facts, torch.stack([fact_vector(fact, 4) for fact in (*FIRST, *SECOND)]))
    assert torch.equal(network.facts_of(1), fact_vector(SECOND[0], 4)[None])


@pytest.mark.parametrize(
    ("count", "names", "words"),
    [
        (2, (), "the name of each of the 2 facts, not 0 names"),
        (1, FIRST, "names are one for each of 1 classes, or none, not 2"),
        (2, ("circle left of star", "seven"), "'seven' states no fact"),
    ],
)
def test_growing_by_what_is_no_fact_is_refused_and_changes_nothing(count, names, words):
    network = grown(FIRST)
    with pytest.raises(ValueError, match=words):
        network.grow(count, names)
    assert network.classes == [2]
    assert len(network.facts) == 2


def test_the_embedding_is_three_linear_maps_of_the_same_features_side_by_side():
    network, images = grown(FIRST), pictures()
    features = network.backbone(images)
    # Not normalised: MAS measures how their length changes.
    parts = [features @ network.outputs[u].weight.T + network.outputs[u].bias for u in UNITS]
    torch.testing.assert_close(network(images).features, torch.cat(parts, dim=1))
    assert len({id(network.outputs[u].weight) for u in UNITS}) == 3


def test_a_facts_logit_is_minus_its_squared_distance_from_the_embedding():
    network = grown(FIRST, SECOND)
    output = network(pictures())
    vectors = torch.stack([fact_vector(fact, 4) for fact in (*FIRST, *SECOND)])
    torch.testing.assert_close(output.logits, -(torch.cdist(output.features, vectors) ** 2), rtol=1e-4, atol=1e-5)


def test_the_response_of_a_fact_network_is_its_embedding_and_that_of_another_one_its_logits():
    network, other = grown(FIRST, SECOND), MultiHead(TINY).build((3, 8, 8))
    for classes in (2, 3):
        other.grow(classes)
    embedded, output = network(pictures()), other(pictures())
    assert all(network.response(embedded, task) is embedded.features for task in (0, 1, None))
    assert all(torch.equal(other.response(output, task), output.head(task)) for task in (0, 1))
    assert torch.equal(other.response(output), torch.cat([output.head(0), output.head(1)], dim=1))


def test_before_any_training_an_output_is_about_as_long_as_a_words_vector():
    torch.manual_seed(0)
    network = FactEmbedding(dimension=16).build((3, 32, 32))
    network.grow(2, FIRST)
    images = torch.randint(0, 256, (64, 3, 32, 32), dtype=torch.uint8)
    network.normalise_like(images)
    lengths = network(images).features.detach().unflatten(1, (3, 16)).norm(dim=2)
    assert 0.3 < float(lengths.mean()) < 3
