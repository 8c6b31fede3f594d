"""Recipes: phases and their epochs, code that can be read again, equations that can be set."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.mathtext import MathTextParser
from running import regimes

from cltutor import methods
from cltutor.importance import Uniform
from cltutor.losses import Anchor, BinaryCrossEntropy, CrossEntropy, Distillation
from cltutor.memory import Everything, ExemplarMemory
from cltutor.networks import Copies, MultiHead, ResNet32, SmallCNN, Torchvision, Widening
from cltutor.recipe import Phase, Recipe, Schedule
from cltutor.recipe.merging import Unmerged
from cltutor.recipe.parser import parse
from cltutor.streams import CropFlip

OTHER_SETTINGS = [
    methods.finetune(heads="class", epochs=3, learning_rate=1 / 3, batch_size=7, momentum=0.5, weight_decay=1e-5),
    methods.finetune_slow(backbone=ResNet32(), patience=2, clip=5.0),
    methods.feature_extraction(hidden=16, backbone=Torchvision("squeezenet1_0", weights="a 'quoted' path.pth")),
    methods.duplicate(backbone=SmallCNN(channels=(4,), hidden=(8,))),
    methods.joint(heads="class", augmentation=CropFlip(padding=2, flip=False)),
    methods.lwf(lam=1 / 3, loss="l1", task_specific_layers=3),
    methods.lwf(temperature=1.7),
    methods.l2(lam=0.1 + 0.2),
    methods.expansion(share=1 / 7),
    methods.expansion_lwf(share=0.5, temperature=4, lam=1e-7),
    methods.lwf(temperature=np.float64(2.5), lam=np.float64(0.1), learning_rate=np.float64(0.01)),
    Recipe("mine", 0.5 * CrossEntropy() + Distillation(kind="l2") + 3 * Anchor(importance=Uniform()), Copies()),
    Recipe("other", CrossEntropy(), Widening(share=0.1), Everything(interleaved=True), heads="class"),
    Recipe("bare", CrossEntropy(), MultiHead(task_specific_layers=2), schedule=Schedule(first=(Phase("a", new=1.0),))),
]


BALANCED = (Phase(shared=1.0, new=1.0, balanced=True),)


@pytest.mark.parametrize(("name", "heads"), [(name, heads) for name in methods.names() for heads in regimes(name)])
def test_the_equation_is_valid_and_shows_the_regime(name, heads):
    recipe = getattr(methods, name)(heads=heads)
    equation, sigmoids = recipe._repr_latex_(), "BinaryCrossEntropy" in repr(recipe)  # over the new classes in both
    assert (r"c \in \mathcal{C}_t}" in equation) == (heads == "task" or sigmoids)
    assert (r"c \in \mathcal{C}_{1:t}}" in equation) == (heads == "class" and not sigmoids)
    set_in_type(equation)


@pytest.mark.parametrize("recipe", OTHER_SETTINGS, ids=repr)
def test_the_equation_of_other_settings_is_valid(recipe):
    set_in_type(recipe._repr_latex_())


def set_in_type(equation: str) -> None:
    """Fails if Matplotlib cannot set the equation, less the sizes that MathJax knows and Matplotlib does not."""
    assert equation.startswith(r"$\displaystyle \mathcal{L} = ")
    assert not re.search(r"<\S", equation)  # a browser would take it for a tag
    width = MathTextParser("path").parse(re.sub(r"\\displaystyle |\\Big(?=[()])", "", equation)).width
    assert width > 50


SIGMOIDS, JOINED = BinaryCrossEntropy(), Distillation(joined=True)
REFUSED = "x takes no heads='task': a sigmoid for each class has no softmax that could be restricted to one task: use"
COMPETING = (
    "x takes no heads='task': one softmax over all old classes .joined. needs heads that learned to compete: use"
)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (SIGMOIDS, REFUSED),
        (BinaryCrossEntropy("all"), REFUSED),
        (CrossEntropy() + 0.1 * SIGMOIDS, REFUSED),
        (CrossEntropy() + JOINED, COMPETING),
        (CrossEntropy() + Distillation(kind="sigmoid", joined=True), COMPETING),
    ],
)
def test_a_loss_that_has_no_head_per_task_to_choose_refuses_that_setting(loss, words):
    alone = Schedule(later=(Phase(shared=1.0, new=1.0, loss=loss),))
    for make in (
        lambda: Recipe("x", loss),
        lambda: Recipe("x", CrossEntropy(), schedule=alone),
        lambda: replace(Recipe("x", loss, heads="class"), heads="task"),
        lambda: parse(f"Recipe(name='x', loss={loss!r})"),
    ):
        with pytest.raises(ValueError, match=words):
            make()
    assert Recipe("x", loss, schedule=alone, heads="class").heads == "class"
    assert Recipe("x", CrossEntropy() + 0.0 * loss).heads == "task"


def test_the_equation_shows_temperature_and_weights():
    equation = methods.lwf(temperature=3.5, lam=0.25)._repr_latex_()
    assert "T=3.5" in equation
    assert r"+ 0.25\,\Big(-\sum_{o < t}" in equation
    assert methods.l2(lam=0.5)._repr_latex_().endswith(r"+ 0.25\,\sum_k (\theta_{s,k} - \theta_{s,k}^*)^2$")


@pytest.mark.parametrize("name", methods.names())
def test_a_notebook_shows_the_equations_as_mathml_with_nothing_left_of_latex(name):
    recipe = getattr(methods, name)()
    page = recipe._repr_html_()
    equations = re.findall("<math .*?</math>", page)
    assert len(equations) == len(recipe.equations) == 1 + sum(p.loss is not None for p in recipe.schedule.later)
    assert "\\" not in page
    assert "&#x02112;" in equations[0]  # the script L


def test_joint_training_says_whose_images_its_loss_is_of():
    joint, finetune = methods.joint(), methods.finetune()
    assert joint.equations == finetune.equations
    assert "of all tasks so far" in joint._repr_html_()
    assert "of the task at hand<" in finetune._repr_html_()
    assert "old ones in ExemplarMemory(capacity=9)" in methods.icarl(memory=ExemplarMemory(9))._repr_html_()


@st.composite
def schedules(draw) -> Schedule:
    shares = draw(st.lists(st.floats(0.01, 10), min_size=1, max_size=4))
    phases = tuple(Phase(f"p{i}", share=share, new=1.0) for i, share in enumerate(shares))
    return Schedule(later=phases, first=phases[:1], epochs=draw(st.integers(1, 200)))


@given(schedules(), st.integers(1, 5))
def test_the_phases_of_a_task_follow_each_other_and_share_its_epochs(schedule, task):
    plan = schedule.phases(task)
    assert [phase for phase, _ in plan] == list(schedule.later)
    assert [epoch for _, epochs in plan for epoch in epochs] == list(range(schedule.epochs))
    for phase, epochs in plan:
        fair = schedule.epochs * phase.share / sum(other.share for other in schedule.later)
        assert abs(len(epochs) - fair) <= 1


@given(schedules())
def test_the_first_task_has_its_own_phases_in_the_same_budget(schedule):
    assert schedule.phases(0) == [(schedule.first[0], range(schedule.epochs))]


def test_the_warm_up_takes_a_fifth_of_the_budget_and_does_not_extend_it():
    plan = methods.lwf(epochs=10).schedule.phases(1)
    assert [(phase.name, list(epochs)) for phase, epochs in plan] == [
        ("warm-up", [0, 1]),
        ("joint", list(range(2, 10))),
    ]
    assert [len(epochs) for _, epochs in methods.lwf(epochs=1).schedule.phases(1)] == [0, 1]


@given(st.sampled_from(methods.names()), st.integers(1, 50), st.integers(0, 3))
def test_all_methods_get_the_same_budget(name, epochs, task):
    plan = getattr(methods, name)(epochs=epochs).schedule.phases(task)
    assert sum(len(part) for _, part in plan) == epochs


def test_a_phase_may_name_any_role_and_prints_the_papers_three_first():
    phase = Phase("bias", bias=0.5, new=1.0, shared=0.1)
    assert phase.rates == {"shared": 0.1, "new": 1.0, "bias": 0.5}
    assert repr(phase) == "Phase(name='bias', shared=0.1, new=1.0, bias=0.5)"
    assert phase == Phase("bias", rates={"bias": 0.5, "new": 1.0, "shared": 0.1, "old": 0.0})
    assert replace(phase, share=2.0) == Phase("bias", 2.0, bias=0.5, new=1.0, shared=0.1)


def test_a_phase_in_which_nothing_learns_is_refused():
    with pytest.raises(ValueError, match="A phase needs a role that learns"):
        Phase(old=0.0)


def test_a_role_that_the_network_does_not_have_is_refused():
    with pytest.raises(ValueError, match="A phase of x trains code, and its network has the roles shared, old, new"):
        Recipe("x", CrossEntropy(), schedule=Schedule(later=(Phase(code=1.0),)))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"predict": "nearest_mean"}, r"x needs exemplars of old classes and keeps none: give it ExemplarMemory\(\)"),
        ({"schedule": Schedule(later=BALANCED), "memory": Everything()}, "x needs exemplars of old classes"),
        ({"schedule": Schedule(first=BALANCED)}, "^The first task has no old classes"),
    ],
)
def test_a_recipe_of_parts_that_do_not_fit_together_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Recipe(**{"name": "x", "loss": CrossEntropy(), **settings})


def test_epochs_can_be_replaced_and_nothing_else_changes():
    recipe = methods.lwf(temperature=3)
    assert recipe.with_epochs(None) is recipe
    assert recipe.with_epochs(3) == methods.lwf(temperature=3, epochs=3)


def test_parts_are_the_terms_by_name_the_memory_and_the_step_after_a_task():
    recipe = Recipe("x", CrossEntropy() + Distillation() + Distillation(kind="l1"), memory=Everything())
    assert recipe.parts == {
        "CrossEntropy": CrossEntropy(),
        "Distillation1": Distillation(),
        "Distillation2": Distillation(kind="l1"),
        "memory": Everything(),
        "after_task": Unmerged(),
    }


def test_two_phases_with_different_terms_of_one_kind_are_refused():
    schedule = Schedule(later=(Phase(new=1.0), Phase(new=1.0, loss=CrossEntropy() + Distillation(3.0))))
    with pytest.raises(ValueError, match="different terms Distillation"):
        _ = Recipe("mine", CrossEntropy() + Distillation(2.0), schedule=schedule).parts
