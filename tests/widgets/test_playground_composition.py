import warnings
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cltutor as cl
from cltutor.networks import SmallCNN, TaskCNN
from cltutor.widgets.playground_composition import Composition, composition_of
from cltutor.widgets.playground_limits import ALONE, SEPARATE, UNSEEN, Limits
from cltutor.widgets.playground_presets import CHOICES, LISTS, PAPERS, SWITCHES, at_hand, capacity_for, named, preset

CE, KD = cl.losses.CrossEntropy(), cl.losses.Distillation()
SIGMOIDS = "lwf_mc", "lwm", "lwm_attention_only", "icarl", "hybrid1"  # which a head per task makes no sense for
LISTED = [name for names in PAPERS.values() for name in names]
WHOLE = [name for name in LISTED if preset(name).whole]
PRESETS = [name for name in LISTED if name not in WHOLE]
VALUES = {field: {words: value for words, value, _ in options} for field, (_, *options) in CHOICES.items()}
NETWORKS, IMPORTANCES = VALUES["network"], VALUES["importance"]
LWF = preset("lwf")


def compositions(**drawn):
    """Any values of the buttons, and these of other fields."""
    buttons = {field: st.sampled_from(list(values.values())) for field, values in VALUES.items()}
    buttons |= {field: st.booleans() for field in SWITCHES}
    return st.builds(Composition, **buttons | drawn)


def competing(composition):
    """With heads that compete where the loss takes no others."""
    heads = "class" if composition.new != "softmax" or composition.joined else composition.heads
    return replace(composition, heads=heads)


def recipe_of(composition):
    """The recipe, or None where it is refused."""
    try:
        return composition.recipe
    except ValueError:
        return None


@pytest.mark.parametrize("method", PRESETS)
def test_the_toggles_of_a_method_make_exactly_its_recipe(method):
    across = [] if method in (*PAPERS["DF-CNN"], "duplicate") else ["class"]  # wherever old heads may learn
    alone = [] if method in SIGMOIDS else ["task"]
    for recipe in (cl.methods.get(method), *(getattr(cl.methods, method)(heads=heads) for heads in [*alone, *across])):
        assert composition_of(recipe).recipe == recipe


weights = st.sampled_from([0.0, 0.05, 0.5, 1.0, 2.5, 200.0])


@given(
    compositions(
        kind=st.sampled_from([value for _, value in LISTS["kind"][1]]),
        temperature=st.sampled_from([1.0, 2.0, 3.5]),
        beta=weights,
        distance=st.sampled_from(["l1", "l2"]),
        maps=st.sampled_from(["grad_cam", "activation"]),
        gamma=weights,
        omega=weights,
        images=st.integers(1, 30),
        selection=st.sampled_from(LISTS["selection"][1]),
        epochs=st.integers(1, 9),
        rate=st.sampled_from([0.001, 0.02, 0.1]),
    )
)
@settings(max_examples=300)
def test_toggles_that_a_recipe_was_made_by_are_found_again(composition):
    recipe = recipe_of(composition)
    if recipe is not None:
        assert composition_of(recipe).recipe == recipe


def test_a_term_that_is_off_is_not_in_the_loss_whatever_its_settings():
    off = Composition(kind="l1", beta=3, gamma=4, omega=5, temperature=9)
    assert off.recipe == replace(cl.methods.finetune(), name="own")
    on = replace(off, distillation=True, attention=True, anchor=True)
    holding = "3.0 * Distillation(kind='l1') + 4.0 * AttentionDistillation() + 5.0 * Anchor(importance=MAS())"
    assert repr(on.loss) == f"CrossEntropy() + {holding}"


def test_balanced_fine_tuning_distils_the_newest_answers_as_the_old_ones():
    made = replace(composition_of(cl.methods.eeil()), kind="sigmoid", beta=0.5)
    fine = made.recipe.schedule.later[-1]
    held = "0.5 * Distillation(kind='sigmoid') + 0.5 * TemporaryDistillation(kind='sigmoid')"
    assert repr(fine.loss) == f"CrossEntropy() + {held}"
    assert replace(made, distillation=False).recipe.schedule.later[-1].loss is None


def test_fields_of_a_schedule_without_a_control_are_kept():
    rest = {"batch_size": 8, "momentum": 0.5, "drop_every": 3, "first": (cl.Phase(new=1.0),)}
    found = composition_of(cl.methods.lwf(**rest))
    assert replace(found, epochs=4).recipe == cl.methods.lwf(**rest, epochs=4)


def test_a_network_or_an_importance_without_a_button_is_kept():
    own = cl.losses.Anchor(cl.importance.MAS(on="test"))
    network = cl.networks.MultiHead(cl.networks.SmallCNN(hidden=(8,)))
    recipe = cl.Recipe("x", CE + 2 * own, network=network)
    assert composition_of(recipe).recipe == recipe


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (cl.methods.ebll(), "No toggle makes these phases of later tasks"),
        (cl.methods.tensor_factorization(), "these phases of later tasks (single tasks + factorized)"),
        (cl.methods.bic(), "begins with a cross-entropy of weight 1"),
        (cl.methods.ncm(), "No toggle makes these phases"),
        (cl.Recipe("x", 2 * CE), "begins with a cross-entropy of weight 1"),
        (cl.Recipe("x", KD), "begins with a cross-entropy of weight 1"),
        (cl.Recipe("x", CE + KD + KD), "has Distillation twice"),
        (cl.Recipe("x", CE + cl.losses.TemporaryDistillation()), "balanced fine-tuning only"),
        (cl.Recipe("x", CE, memory=cl.memory.Everything(interleaved=False)), "No toggle makes memory=Everything"),
        (cl.Recipe("x", CE, schedule=cl.Schedule(later=(cl.Phase(new=2.0),))), "phases of later tasks (train)"),
        (cl.Recipe("x", CE + cl.losses.Anchor() + cl.losses.Distillation()), "No toggle makes loss="),
    ],
)
def test_a_recipe_that_no_toggles_make_is_kept_whole_and_says_why(recipe, words):
    found = composition_of(recipe)
    assert words in found.why
    assert found.recipe == recipe
    assert composition_of(replace(found, epochs=3).recipe).epochs == 3
    for moved in ({"heads": "class" if recipe.heads == "task" else "task"}, {"distillation": True}, {"memory": "none"}):
        if replace(found, **moved) != found:
            with pytest.raises(ValueError, match="Only its epochs, its rate and the size of its memory"):
                _ = replace(found, **moved).recipe


@pytest.mark.parametrize("method", ["er", "derpp", "agem", "gdumb", "bic", "wa", "eeil"])
def test_the_number_of_images_is_that_of_every_methods_memory(method):
    moved = replace(preset(method), images=30).recipe
    assert moved == cl.methods.named(method)(**cl.methods.registry.of_size(method, 30))
    assert composition_of(moved).images == 30


@pytest.mark.parametrize("method", ["finetune", "joint", "packnet", "ncm", "ebll"])
def test_a_method_without_a_memory_of_a_fixed_size_keeps_no_number_of_images(method):
    assert not preset(method).keeps
    assert replace(preset(method), images=30).recipe == cl.methods.get(method)


def test_every_method_of_cltutor_is_in_the_list_once():
    own = [name for name in cl.methods.names() if cl.methods.named(name).__module__.startswith("cltutor.")]
    assert sorted(LISTED) == sorted(own)


@pytest.mark.parametrize("method", LISTED)
def test_a_preset_at_hand_is_its_method_with_the_epochs_of_now_and_a_memory_that_fits(method, limits):
    made = at_hand(method, Composition(epochs=3), limits).recipe
    kept = cl.methods.registry.of_size(method, 40)  # as published it would hold the whole stream
    assert made == getattr(cl.methods, method)(epochs=3, **kept)


def test_a_memory_is_as_published_unless_it_would_hold_everything(stream):
    assert capacity_for(stream, 31) == 31
    assert capacity_for(stream, 32) == 10 * 4


@pytest.mark.parametrize("method", PRESETS)
def test_a_method_keeps_its_name_with_other_numbers_and_heads(method):
    found = preset(method)
    moved = replace(found, temperature=5.0, beta=3.0, omega=9.0, gamma=2.0, epochs=2, rate=0.5, images=7, name="")
    assert named(moved).name == method
    assert named(replace(moved, heads="class" if found.heads == "task" else "task")).name == method


def test_another_composition_is_named_after_its_parts():
    lwf = preset("lwf")
    assert named(replace(lwf, anchor=True)).name == "distillation + MAS"
    assert named(replace(lwf, kind="l1")).name == "distillation"
    own = replace(preset("eeil"), attention=True, predict="nearest_mean", new="sigmoid, all")
    words = "sigmoids over all + distillation + attention + memory + balance + augmentation + nearest mean"
    assert named(own).name == words
    assert named(replace(preset("mas"), learns="all", anchor=False)).name == "cross-entropy"


@pytest.fixture(scope="module")
def limits(stream):
    return Limits(stream)


@pytest.mark.parametrize("method", LISTED)
def test_every_preset_makes_sense_whatever_is_asked_at_test(method, limits):
    for known_task in (True, False):
        assert limits.reason(at_hand(method, Composition(), limits, known_task)) == ""


@pytest.mark.parametrize(
    ("composition", "words"),
    [
        (replace(LWF, balanced=True), "needs exemplars of old classes and keeps none"),
        (replace(LWF, balanced=True, memory="everything"), "needs exemplars of old classes and keeps none"),
        (replace(LWF, predict="nearest_mean"), "needs exemplars of old classes and keeps none"),
        (replace(LWF, memory="exemplars", images=3), "cannot hold one of each of 4 classes"),
        (replace(LWF, temperature=0.0), "temperature is a finite number from 0.001 up"),
        (replace(LWF, joined=True), "takes no heads='task': one softmax over all old classes (joined) needs heads"),
        (replace(LWF, new="sigmoid"), "takes no heads='task': a sigmoid for each class"),
        (replace(LWF, learns="new"), ALONE),
        (replace(LWF, network=NETWORKS["a copy per task"]), ALONE),
        (replace(LWF, network=NETWORKS["own networks"]), ALONE),
        (replace(preset("progressive"), distillation=True), ALONE),
        (replace(preset("mas"), network=NETWORKS["own networks"]), "An anchor needs parameters that tasks share"),
        (replace(preset("mas"), network=NETWORKS["widened trunk"]), "keeps its shared parameters"),
        (replace(preset("dfcnn"), heads="class"), "DFCNN must be given an image's task at test"),
        (Composition(network=cl.networks.TensorFactorization(), heads="class"), SEPARATE),
        (replace(preset("dfcnn"), backbone=SmallCNN()), "SmallCNN() has 3 convolution"),
        (replace(preset("dfcnn"), attention=True), "attention needs convolutions"),
        (replace(preset("dfcnn"), anchor=True, importance=IMPORTANCES["local MAS"]), "Local importance has no rule"),
        (replace(preset("duplicate"), attention=True, memory="everything", heads="class", learns="all"), UNSEEN),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(composition, words, limits):
    assert words in limits.reason(composition)


built = []


@dataclass(frozen=True, repr=False)
class Counted(cl.networks.MultiHead):
    """Networks that are counted."""

    def build(self, *given, **more):
        built.append(self)
        return super().build(*given, **more)


def test_a_network_is_built_once_for_the_rehearsal_and_once_for_all_other_checks(stream):
    limits = Limits(stream)
    for temperature in (2.0, 3.0, 4.0):
        limits.reason(replace(LWF, network=Counted(), temperature=temperature))
    assert len(built) == 2


def test_a_check_disturbs_no_random_state(stream):
    state = torch.random.get_rng_state()
    Limits(stream).reason(replace(LWF, anchor=True, importance=IMPORTANCES["EWC"]))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_joined_softmax_with_heads_that_compete_and_a_stream_of_one_task_make_sense(limits):
    assert limits.reason(replace(LWF, joined=True, heads="class")) == ""
    single = cl.streams.digits(tasks=1, classes=range(2))
    assert Limits(single).reason(replace(LWF, anchor=True, attention=True)) == ""


@given(
    compositions(
        omega=st.just(0.01),
        images=st.just(4),
        backbone=st.sampled_from([SmallCNN(), TaskCNN()]),
        augmentation=st.none(),
        noise=st.none(),
        epochs=st.just(3),
        rate=st.just(0.01),
    ).map(competing)
)
@settings(max_examples=15)
def test_whatever_is_not_greyed_out_can_be_learned(limits, stream, composition):
    assume(limits.reason(composition) == "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a stiff anchor is reported, and is no fault
        assert cl.learn(stream, composition.recipe, progress=False).complete
