import warnings
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cltutor as cl
from cltutor.networks import SmallCNN, TaskCNN
from cltutor.widgets.playground_composition import LEARNS, MEMORIES, NEW_TERMS, Composition
from cltutor.widgets.playground_limits import ALONE, JOINED, SEPARATE, UNSEEN, Limits
from cltutor.widgets.playground_options import CHOICES
from cltutor.widgets.playground_presets import PAPERS, at_hand, preset

PRESETS = [name for names in PAPERS.values() for name in names]


@pytest.fixture(scope="module")
def limits(stream):
    return Limits(stream)


def values(field):
    return {words: value for words, value, _ in CHOICES[field][1:]}


NETWORKS, IMPORTANCES = values("network"), values("importance")
LWF = preset("lwf")


@pytest.mark.parametrize("method", PRESETS)
def test_every_preset_makes_sense(method, limits, stream):
    assert limits.reason(at_hand(method, Composition(), stream)) == ""


@pytest.mark.parametrize(
    ("composition", "words"),
    [
        (replace(LWF, balanced=True), "needs exemplars of old classes and keeps none"),
        (replace(LWF, balanced=True, memory="everything"), "needs exemplars of old classes and keeps none"),
        (replace(LWF, predict="nearest_mean"), "needs exemplars of old classes and keeps none"),
        (replace(LWF, memory="exemplars", images=3), "cannot hold one of each of 4 classes"),
        (replace(LWF, memory="per class", images=99), "fewer than the 99 that the memory is to keep"),
        (replace(LWF, temperature=0.0), "temperature is a finite number above 0"),
        (replace(LWF, joined=True), JOINED),
        (replace(LWF, learns="new"), ALONE),
        (replace(LWF, network=NETWORKS["a copy per task"]), ALONE),
        (replace(LWF, network=NETWORKS["own networks"]), ALONE),
        (replace(preset("progressive"), distillation=True), ALONE),
        (replace(preset("mas"), network=NETWORKS["own networks"]), ALONE),
        (replace(preset("mas"), network=NETWORKS["widened trunk"]), "keeps its shared parameters"),
        (replace(preset("dfcnn"), heads="class"), SEPARATE),
        (replace(preset("dfcnn"), backbone=SmallCNN()), "SmallCNN() has 3 convolution"),
        (replace(preset("dfcnn"), attention=True), "attention needs convolutions"),
        (replace(preset("dfcnn"), anchor=True, importance=IMPORTANCES["local MAS"]), "Local importance has no rule"),
        (replace(preset("duplicate"), attention=True, memory="everything", heads="class", learns="all"), UNSEEN),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(composition, words, limits):
    assert words in limits.reason(composition)


def test_a_joined_softmax_needs_heads_that_compete(limits):
    assert limits.reason(replace(LWF, joined=True, heads="class")) == ""


built = []


@dataclass(frozen=True, repr=False)
class Counted(cl.networks.MultiHead):
    """Networks that are counted."""

    def build(self, *given, **more):
        built.append(self)
        return super().build(*given, **more)


def test_a_network_is_built_once_for_all_checks(stream):
    limits = Limits(stream)
    for temperature in (2.0, 3.0, 4.0):
        limits.reason(replace(LWF, network=Counted(), temperature=temperature))
    assert len(built) == 1


def test_a_check_disturbs_no_random_state(stream):
    state = torch.random.get_rng_state()
    Limits(stream).reason(replace(LWF, anchor=True, importance=IMPORTANCES["EWC"]))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_stream_of_one_task_can_be_checked():
    single = cl.streams.digits(tasks=1, classes=range(2))
    assert Limits(single).reason(replace(LWF, anchor=True, attention=True)) == ""


@given(
    st.builds(
        Composition,
        new=st.sampled_from(list(NEW_TERMS)),
        distillation=st.booleans(),
        joined=st.booleans(),
        attention=st.booleans(),
        anchor=st.booleans(),
        importance=st.sampled_from(list(IMPORTANCES.values())),
        omega=st.just(0.01),
        memory=st.sampled_from(MEMORIES),
        images=st.just(4),
        balanced=st.booleans(),
        network=st.sampled_from(list(NETWORKS.values())),
        backbone=st.sampled_from([SmallCNN(), TaskCNN()]),
        after_task=st.sampled_from(list(values("after_task").values())),
        predict=st.sampled_from(["logits", "nearest_mean"]),
        heads=st.sampled_from(["task", "class"]),
        learns=st.sampled_from(LEARNS),
        epochs=st.just(3),
        rate=st.just(0.01),
    )
)
@settings(max_examples=15)
def test_whatever_is_not_greyed_out_can_be_learned(limits, stream, composition):
    assume(limits.reason(composition) == "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a stiff anchor is reported, and is no fault
        assert cl.learn(stream, composition.recipe, progress=False).complete
