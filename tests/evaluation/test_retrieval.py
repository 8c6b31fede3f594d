"""Retrieval against a brute force over rankings, scikit-learn, and small examples done by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

import cltutor as cl
from cltutor.evaluation import metrics
from cltutor.evaluation.metrics import average_precision, mean_average_precision
from cltutor.evaluation.retrieval import network_retrieval
from cltutor.losses import EmbeddingDistance
from cltutor.networks import FactEmbedding, SmallCNN
from cltutor.networks.embedding import fact_vector

pytestmark = pytest.mark.filterwarnings("ignore:.*task 1 has one class")


@st.composite
def queries(draw):
    """Scores with ties, and which images are relevant; at least one is."""
    relevant = draw(st.lists(st.booleans(), min_size=1, max_size=6).filter(any))
    scores = draw(st.lists(st.integers(-2, 2), min_size=len(relevant), max_size=len(relevant)))
    return np.array(scores, dtype=float), np.array(relevant)


def precision_of(ranking, relevant) -> float:
    """The average precision of images in this order."""
    found, total = 0, 0.0
    for place, image in enumerate(ranking, start=1):
        if relevant[image]:
            found += 1
            total += found / place
    return total / found


@given(queries())
def test_average_precision_is_that_of_the_worst_ranking_by_falling_scores(query):
    scores, relevant = query
    fitting = [
        ranking
        for ranking in itertools.permutations(range(len(scores)))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(ranking))
    ]
    worst = min(precision_of(ranking, relevant) for ranking in fitting)
    assert average_precision(scores, relevant) == pytest.approx(worst)


def test_a_query_without_relevant_images_has_no_average_precision():
    assert math.isnan(average_precision([1, 2], [False, False]))
    assert math.isnan(average_precision([], []))
    assert math.isnan(mean_average_precision(np.zeros((0, 3)), np.zeros(0, dtype=int)))


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 5))
def test_map_is_the_mean_over_the_facts_that_have_an_image(seed, count, facts):
    draw = np.random.default_rng(seed)
    scores, labels = draw.normal(size=(count, facts)), draw.integers(0, facts, count)
    queries = [fact for fact in range(facts) if (labels == fact).any()]
    each = [precision_of(np.argsort(-scores[:, fact]), labels == fact) for fact in queries]
    assert mean_average_precision(scores, labels) == pytest.approx(sum(each) / len(queries))


@pytest.fixture(scope="module")
def stream():
    names = ["circle left of star", "star inside cross", "cross above circle", "star left of cross"]
    return cl.streams.facts(tasks=[1, 3], order=names, classes=names, size=8, per_class=(4, 5))


@pytest.fixture(scope="module")
def run(stream):
    network = FactEmbedding(SmallCNN(channels=(4,), hidden=(8,)), dimension=4)
    return cl.learn(stream, cl.Recipe("facts", EmbeddingDistance(), network), epochs=2, device="cpu", progress=False)


def by_hand(run, stream, after: int, columns: list[int]) -> float:
    """MAP of the facts in these columns over their own images, by scikit-learn."""
    model = run.model_after(after)
    splits = [task.test for task in stream]
    labels = np.concatenate([stream.positions(split.labels).numpy() for split in splits])
    embeddings = np.concatenate([model(split.images).features.numpy() for split in splits]).astype(float)
    mine = np.isin(labels, columns)
    total = 0.0
    for column in columns:
        words = fact_vector(stream.class_names[stream.classes[column]], 4).numpy()
        distance = np.linalg.norm(embeddings[mine] - words, axis=1)
        total += average_precision_score(labels[mine] == column, -distance)
    return total / len(columns)


def test_each_task_is_searched_among_its_own_images_and_all_facts_among_all(run, stream):
    found = metrics.retrieval(run, stream)
    assert found["tasks"] == pytest.approx([by_hand(run, stream, 1, [0]), by_hand(run, stream, 1, [1, 2, 3])])
    assert found["all"] == pytest.approx(by_hand(run, stream, 1, [0, 1, 2, 3]))
    assert found["tasks"][0] == 1  # one fact: all images show it
    assert network_retrieval(run.model, stream)["all"] == found["all"]


def test_after_an_earlier_task_the_later_ones_have_not_been_seen(run, stream):
    found = metrics.retrieval(run, stream, after=0)
    assert found["tasks"] == pytest.approx([1, math.nan], nan_ok=True)
    assert found["all"] == 1


def test_some_facts_are_searched_among_their_own_images(run, stream):
    names = ["cross above circle", "star inside cross"]
    expected = by_hand(run, stream, 1, [1, 2])
    labels = [stream.class_names.index(name) for name in names]
    for classes in (names, labels):
        assert metrics.retrieval(run, stream, classes=classes)["classes"] == pytest.approx(expected)
    assert math.isnan(metrics.retrieval(run, stream, after=0, classes=names)["classes"])


def test_retrieval_refuses_another_stream_a_later_task_and_an_unknown_fact(run, stream):
    other = cl.streams.facts(tasks=4, per_class=(1, 1), size=8)
    with pytest.raises(ValueError, match="This run learned"):
        metrics.retrieval(run, other)
    with pytest.raises(ValueError, match="there is no task 2"):
        metrics.retrieval(run, stream, after=2)
    with pytest.raises(ValueError, match="did you mean 'circle left of star'"):
        metrics.retrieval(run, stream, classes=["circle left of stars"])
