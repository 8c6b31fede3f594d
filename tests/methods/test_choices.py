"""Where a paper is silent or its authors' program differs: each choice by itself, and the default as before."""

import copy
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from running import grown, learn

import cltutor as cl
from cltutor import methods
from cltutor.losses import CrossEntropy, Distillation, TemporaryDistillation
from cltutor.losses.terms import Context, Term
from cltutor.memory import ExemplarMemory
from cltutor.recipe.merging import MeanMerge, Restart
from cltutor.recipe.noise import GradientNoise
from cltutor.recipe.parser import parse
from cltutor.streams import CropFlip, PhotometricCropFlip
from cltutor.training.events import EpochDone

CHOICES = [
    methods.eeil(old_teacher="phase"),
    methods.eeil_bf(old_teacher="phase"),
    methods.eeil(memory=ExemplarMemory(60, balancing="program")),
    methods.eeil(memory=ExemplarMemory(per_class=4, balancing="loose")),
    methods.eeil(noise=GradientNoise(form="deviation")),
    methods.eeil(augment_first=False),
    methods.joint(restart=True),
    methods.joint("class", True),
    methods.lwf(heads="class", joined=True, loss="l2"),
]
EVERY = pytest.mark.parametrize("recipe", CHOICES, ids=repr)
TINY = {"backbone": cl.networks.SmallCNN(channels=(4,), hidden=(8,))}


@EVERY
def test_a_choice_prints_as_code_and_differs_from_the_default(recipe):
    assert parse(repr(recipe)) == recipe
    assert recipe != methods.named(recipe.name)(heads=recipe.heads)


@EVERY
def test_a_choice_can_be_learned(recipe, tiny):
    assert learn(tiny, recipe.with_epochs(2)).complete


def test_choices_that_are_left_alone_are_not_printed():
    code = repr(methods.eeil()) + repr(methods.joint()) + repr(methods.lwf()) + repr(ExemplarMemory(None, 3))
    assert not any(name in code for name in ("over", "balancing", "form", "augment_first", "joined", "Restart"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: methods.eeil_base(old_teacher="phase"), "eeil_base has no setting 'old_teacher'"),
        (lambda: methods.joint(restart=True, after_task=MeanMerge()), "leave out after_task, or restart"),
        (lambda: methods.lwf(joined=True), "lwf takes no heads='task': one softmax over all old classes"),
    ],
)
def test_a_choice_that_is_none_is_refused_in_one_sentence(make, words):
    with pytest.raises(ValueError, match=words):
        make()


# Who teaches the old heads during balanced fine-tuning


def fine_tuning(recipe):
    return recipe.schedule.later[-1].loss


def test_old_heads_are_taught_by_the_network_before_the_task_or_before_fine_tuning():
    assert fine_tuning(methods.eeil(3.0)) == CrossEntropy() + Distillation(3.0) + TemporaryDistillation(3.0)
    assert fine_tuning(methods.eeil(3.0, old_teacher="phase")) == CrossEntropy() + TemporaryDistillation(
        3.0, over="all"
    )
    assert methods.eeil(old_teacher="phase").loss == methods.eeil().loss


@dataclass(frozen=True, repr=False)
class Recorded(TemporaryDistillation):
    """Notes the teacher's logits of every head, and the images."""

    over: str = "all"
    seen: list = field(default_factory=list)

    def __call__(self, batch, state):
        teacher = batch.teacher(self.teacher)
        self.seen.append((batch.task, batch.images, [teacher.head(task) for task in range(batch.task + 1)]))
        return super().__call__(batch, state)


def test_the_teacher_of_all_heads_is_the_network_as_it_was_just_before_fine_tuning(three):
    recipe, seen, before = methods.eeil_bf(old_teacher="phase", epochs=7, noise=None), [], {}
    train, fine = recipe.schedule.later
    own = replace(fine, loss=CrossEntropy() + Recorded(seen=seen))
    recipe = replace(recipe, schedule=replace(recipe.schedule, later=(train, own)))
    for event in cl.train(three, recipe, device="cpu"):
        if isinstance(event, EpochDone) and event.phase == "train":
            before[event.task] = copy.deepcopy(event.network).eval()  # the last one stays
    assert {task for task, _, _ in seen} == {1, 2}
    for task, images, heads in seen:
        for own, head in enumerate(heads):
            torch.testing.assert_close(head, before[task](images).head(own).detach(), atol=1e-5, rtol=1e-4)


# The first task with and without augmentation


@dataclass(frozen=True)
class Watched(CropFlip):
    """Notes how many images it is given."""

    seen: list = field(default_factory=list)

    def __call__(self, images, generator):
        self.seen.append(len(images))
        return super().__call__(images, generator)


@pytest.mark.parametrize(("first", "times"), [(True, 6), (False, 4)])
def test_the_first_task_is_augmented_unless_it_is_left_out(three, first, times):
    seen = []
    learn(three, methods.finetune(**TINY, augmentation=Watched(seen=seen), augment_first=first, epochs=2))
    assert seen == [20] * times


def test_left_out_the_first_task_learns_as_without_augmentation_and_from_no_variants(three):
    once, plain = PhotometricCropFlip(once=True), learn(three, methods.finetune(**TINY, epochs=1, batch_size=10))
    run = learn(three, methods.finetune(**TINY, epochs=1, batch_size=10, augmentation=once, augment_first=False))
    assert all(torch.equal(run.states[0][name], value) for name, value in plain.states[0].items())
    assert (plain.updates, run.updates) == (3 * 2, 2 + 2 * 24)


# Joint training from the start


@dataclass(frozen=True, repr=False)
class LastTask(Term):
    """Cross-entropy in the last task, nothing before it."""

    last: int = 2

    def __call__(self, batch, state):
        value = CrossEntropy()(batch, state)
        return value if batch.task == self.last else 0 * value


@pytest.mark.parametrize("heads", ["task", "class"])
def test_restarted_each_task_is_learned_by_a_network_that_has_learned_nothing_before(three, heads):
    """A network that learns in the last task alone has the same first weights there."""
    plain = {**TINY, "epochs": 2, "weight_decay": 0.0}
    run = learn(three, methods.joint(heads=heads, restart=True, **plain))
    untouched = replace(methods.joint(heads=heads, **plain), loss=cl.losses.Loss(((1.0, LastTask()),)))
    alone, warm = learn(three, untouched), learn(three, methods.joint(heads=heads, **plain))
    for name, value in alone.model.named_parameters():
        assert torch.equal(run.states[2][name], value), name
    assert not all(torch.equal(warm.states[2][name], value) for name, value in alone.model.named_parameters())
    assert run.updates == warm.updates
    assert all(torch.equal(run.states[0][name], value) for name, value in warm.states[0].items())
    assert np.isfinite(run.accuracy()[2]).all()


@pytest.mark.parametrize("network", [cl.networks.Expandable(), cl.networks.TensorFactorization()])
def test_a_network_that_changes_its_shape_while_it_learns_cannot_restart_and_is_refused_before_training(tiny, network):
    recipe = replace(methods.finetune(epochs=1), network=network, after_task=Restart())
    with pytest.raises(ValueError, match="A restart needs a network that keeps its shape while it learns a task, and"):
        next(cl.train(tiny, recipe, device="cpu"))


@pytest.mark.parametrize("network", [cl.networks.Widening(), cl.networks.Copies(), cl.networks.Progressive()])
def test_what_a_network_takes_over_from_an_earlier_task_it_takes_untrained(network):
    used, fresh, state = grown(network, 2), grown(network, 2), {}
    Restart().begin_task(Context(used, 0), state)
    with torch.no_grad():
        for parameter in used.parameters():
            parameter += 1
    tested = Restart().tested(used, state)
    for one in (used, fresh):
        torch.manual_seed(1)
        one.grow(2)
    for name, value in fresh.named_parameters():
        assert torch.equal(used.get_parameter(name), value)
    assert not any(torch.equal(fresh.get_parameter(name), value) for name, value in tested.named_parameters())
