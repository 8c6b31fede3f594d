from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cltutor as cl
from cltutor.widgets.playground_composition import LEARNS, MEMORIES, NEW_TERMS, Composition, composition_of
from cltutor.widgets.playground_options import CHOICES, LISTS
from cltutor.widgets.playground_presets import PAPERS

CE, KD = cl.losses.CrossEntropy(), cl.losses.Distillation()
PRESETS = [name for names in PAPERS.values() for name in names]


def one_of(field):
    return st.sampled_from([value for _, value, _ in CHOICES[field][1:]])


weights = st.sampled_from([0.0, 0.05, 0.5, 1.0, 2.5, 200.0])
compositions = st.builds(
    Composition,
    new=st.sampled_from(list(NEW_TERMS)),
    distillation=st.booleans(),
    kind=st.sampled_from([value for _, value in LISTS["kind"][1]]),
    joined=st.booleans(),
    temperature=st.sampled_from([1.0, 2.0, 3.5]),
    beta=weights,
    attention=st.booleans(),
    distance=st.sampled_from(["l1", "l2"]),
    maps=st.sampled_from(["grad_cam", "activation"]),
    gamma=weights,
    anchor=st.booleans(),
    importance=one_of("importance"),
    omega=weights,
    memory=st.sampled_from(MEMORIES),
    images=st.integers(1, 30),
    selection=st.sampled_from(LISTS["selection"][1]),
    balanced=st.booleans(),
    network=one_of("network"),
    backbone=one_of("backbone"),
    after_task=one_of("after_task"),
    predict=one_of("predict"),
    heads=one_of("heads"),
    learns=st.sampled_from(LEARNS),
    augmentation=one_of("augmentation"),
    noise=one_of("noise"),
    epochs=st.integers(1, 9),
    rate=st.sampled_from([0.001, 0.02, 0.1]),
)


def recipe_of(composition):
    """The recipe, or None where it is refused."""
    try:
        return composition.recipe
    except ValueError:
        return None


@pytest.mark.parametrize("method", PRESETS)
def test_the_toggles_of_a_method_make_exactly_its_recipe(method):
    for recipe in (cl.methods.get(method), getattr(cl.methods, method)(heads="task")):
        assert composition_of(recipe).recipe == recipe


@pytest.mark.parametrize("method", [name for name in PRESETS if name not in (*PAPERS["DF-CNN"], "duplicate")])
def test_the_same_across_tasks_wherever_old_heads_may_learn(method):
    recipe = getattr(cl.methods, method)(heads="class")
    assert composition_of(recipe).recipe == recipe


@given(compositions)
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
        (cl.methods.tensor_factorization(), r"these phases of later tasks \(single tasks \+ factorized\)"),
        (cl.Recipe("x", 2 * CE), "begins with a cross-entropy of weight 1"),
        (cl.Recipe("x", KD), "begins with a cross-entropy of weight 1"),
        (cl.Recipe("x", CE + KD + KD), "has Distillation twice"),
        (cl.Recipe("x", CE + cl.losses.TemporaryDistillation()), "balanced fine-tuning only"),
        (cl.Recipe("x", CE, memory=cl.memory.Everything(interleaved=False)), "No toggle makes memory=Everything"),
        (cl.Recipe("x", CE, schedule=cl.Schedule(later=(cl.Phase(new=2.0),))), r"phases of later tasks \(train\)"),
        (cl.Recipe("x", CE + cl.losses.Distillation(3.0, "l1")), "No toggle makes loss="),
    ],
)
def test_a_recipe_that_no_toggles_make_is_refused_in_one_sentence(recipe, words):
    with pytest.raises(ValueError, match=words):
        composition_of(recipe)
