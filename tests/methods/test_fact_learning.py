"""Facts from end to end: a recipe of a distance learns them, forgets them, and goes on where it was stopped."""

import pytest
import torch

import cltutor as cl
from cltutor.losses import EmbeddingDistance
from cltutor.networks import FactEmbedding, SmallCNN
from cltutor.networks.embedding import fact_vector

RECIPE = cl.Recipe("finetune", EmbeddingDistance(), FactEmbedding(SmallCNN(channels=(8, 8, 16), hidden=(32,))))


@pytest.fixture(scope="module")
def stream():
    predicates = [f"circle {p} star" for p in ("left of", "above", "inside")]
    return cl.streams.facts(
        tasks=[3, 3], order=[*predicates, "star left of cross", "star above cross", "star inside cross"],
        classes=[*predicates, "star left of cross", "star above cross", "star inside cross"], per_class=(40, 10),
    )  # fmt: skip


def same(one, other) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def run(stream):
    return cl.learn(stream, RECIPE, epochs=12, device="cpu", progress=False, test_every=12)


def test_the_words_are_learned_from_pictures_alone(run, stream):
    right_after, at_the_end = (cl.metrics.retrieval(run, stream, after) for after in (0, 1))
    assert right_after["tasks"][0] > 0.75  # chance is near 0.4
    assert at_the_end["tasks"][1] > 0.75
    assert at_the_end["all"] < at_the_end["tasks"].mean()
    assert run.accuracy()[0, 0] > 0.6
    first, last = (run.curves.loss["EmbeddingDistance"][i] for i in (0, -1))
    assert last < first / 3


def test_the_network_knows_the_facts_of_the_stream_in_order_of_arrival(run, stream):
    names = [stream.class_names[label] for label in stream.classes]
    facts = torch.stack([fact_vector(name, 16) for name in names])
    assert torch.equal(run.model.facts, facts)
    assert torch.equal(run.model_after(0).facts, facts[:3])


def test_a_run_is_the_same_after_saving_loading_and_resuming(stream, tmp_path):
    whole = cl.learn(stream, RECIPE, epochs=2, device="cpu", progress=False)
    whole.save(tmp_path / "run.safetensors")
    loaded = cl.Run.load(tmp_path / "run.safetensors")
    assert cl.metrics.retrieval(loaded, stream)["all"] == cl.metrics.retrieval(whole, stream)["all"]
    for event in cl.train(stream, RECIPE, epochs=2, device="cpu", store=tmp_path):
        if event.task == 1:
            break
    resumed = cl.learn(stream, RECIPE, epochs=2, device="cpu", store=tmp_path, progress=False)
    for run in (loaded, resumed):
        for task in range(2):
            assert same(run.model_after(task).state_dict(), whole.model_after(task).state_dict())


def test_a_stream_that_states_no_facts_is_refused_in_one_sentence(tiny):
    with pytest.raises(ValueError, match="states no fact"):
        cl.learn(tiny, RECIPE, epochs=1, device="cpu", progress=False)


def test_the_distance_without_a_network_of_facts_is_refused_in_one_sentence(stream):
    with pytest.raises(ValueError, match="needs a network that embeds facts"):
        cl.learn(stream, cl.Recipe("facts", EmbeddingDistance()), epochs=1, device="cpu", progress=False)
