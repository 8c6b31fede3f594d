"""Facts from end to end: a recipe of a distance learns them, forgets them, and goes on where it was stopped."""

import pytest
import torch
from running import assert_same, learn, left_after

import cltutor as cl
from cltutor.losses import EmbeddingDistance
from cltutor.networks import FactEmbedding, SmallCNN
from cltutor.networks.embedding import fact_vector
from cltutor.runs.store import Store
from cltutor.training.events import Stepped

RECIPE = cl.Recipe("finetune", EmbeddingDistance(), FactEmbedding(SmallCNN(channels=(8, 8, 16), hidden=(32,))))


PREDICATES = ("left of", "above", "inside")
FACTS = [f"{pair[0]} {p} {pair[1]}" for pair in (("circle", "star"), ("star", "cross")) for p in PREDICATES]


@pytest.fixture(scope="module")
def stream():
    return cl.streams.facts(tasks=[3, 3], order=FACTS, classes=FACTS, per_class=(40, 10))


@pytest.fixture(scope="module")
def run(stream):
    return learn(stream, RECIPE, epochs=12, test_every=12)


def test_the_words_are_learned_from_pictures_alone(run, stream):
    right_after, at_the_end = (cl.metrics.retrieval(run, stream, after) for after in (0, 1))
    assert right_after["tasks"][0] > 0.75  # chance is near 0.4
    assert at_the_end["tasks"][1] > 0.75
    assert at_the_end["all"] < at_the_end["tasks"].mean()
    assert run.accuracy()[0, 0] > 0.6
    first, last = (run.curves.loss["EmbeddingDistance"][i] for i in (0, -1))
    assert last < first / 3


def test_the_network_knows_the_facts_of_the_stream_in_order_of_arrival(run):
    facts = torch.stack([fact_vector(name, 16) for name in FACTS])
    assert torch.equal(run.model.facts, facts)
    assert torch.equal(run.model_after(0).facts, facts[:3])


def test_a_run_is_the_same_after_saving_loading_and_resuming(stream, tmp_path):
    whole = learn(stream, RECIPE, epochs=2)
    whole.save(tmp_path / "run.safetensors")
    left_after(Stepped, stream, RECIPE, Store(tmp_path / "store"), task=1, epochs=2)
    resumed = learn(stream, RECIPE, epochs=2, store=tmp_path / "store")
    for run in (cl.Run.load(tmp_path / "run.safetensors"), resumed):
        assert_same(run, whole)
        assert torch.equal(run.model.facts, whole.model.facts)
        assert cl.metrics.retrieval(run, stream)["all"] == cl.metrics.retrieval(whole, stream)["all"]


def test_a_stream_that_states_no_facts_is_refused_in_one_sentence(tiny):
    with pytest.raises(ValueError, match="states no fact"):
        learn(tiny, RECIPE, epochs=1)
