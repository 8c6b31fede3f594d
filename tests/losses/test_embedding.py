"""The distance between pictures and words (MAS, section 5.2), against loops over plain numbers."""

import pytest
import torch

from cltutor.losses import Batch, Context, EmbeddingDistance, embedding_distance
from cltutor.networks import FactEmbedding, MultiHead, SmallCNN
from cltutor.networks.embedding import fact_vector

FACTS = ("circle left of star", "star above circle", "circle inside cross", "cross inside star")
TINY = FactEmbedding(SmallCNN(channels=(2,), hidden=(5,)), dimension=4)


def batch_of(network, labels: list[int], heads: str = "task") -> Batch:
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (len(labels), 3, 8, 8), dtype=torch.uint8, generator=draw)
    task_of, places = torch.tensor([0, 0, 1, 1]), torch.arange(len(labels))
    return Batch(Context(network, 1), images, torch.tensor(labels), places, [1], task_of, heads, {})


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = TINY.build((3, 8, 8))
    for names in (FACTS[:2], FACTS[2:]):
        network.grow(2, names)
    return network


@pytest.mark.parametrize("heads", ["task", "class"])
def test_the_loss_is_the_mean_squared_distance_to_the_words_of_each_images_own_fact(heads, network):
    labels = [2, 3, 3, 0, 1]
    batch = batch_of(network, labels, heads)
    total = 0.0
    for embedding, label in zip(network(batch.images).features.tolist(), labels, strict=True):
        words = fact_vector(FACTS[label], 4).tolist()
        total += sum((a - b) ** 2 for a, b in zip(embedding, words, strict=True))
    value = EmbeddingDistance()(batch, {})
    assert value.item() == pytest.approx(total / len(labels), rel=1e-5)
    torch.testing.assert_close(value, -batch.student.logits.gather(1, batch.labels[:, None]).mean())


def test_its_gradient_points_away_from_the_words():
    point, words = torch.randn(2, 3, 6, dtype=torch.float64)
    point.requires_grad_()
    embedding_distance(point, words).backward()
    torch.testing.assert_close(point.grad, 2 * (point.detach() - words) / 3)


def test_a_network_without_facts_is_refused_in_one_sentence():
    network = MultiHead(SmallCNN(channels=(2,), hidden=(5,))).build((3, 8, 8))
    with pytest.raises(ValueError, match=r"^EmbeddingDistance needs a network that embeds facts: [^.]*\.FactEmb"):
        EmbeddingDistance().begin_task(Context(network, 0), {})
