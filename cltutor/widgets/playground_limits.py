"""Which combinations make no sense, and why: asked of the recipe, the learner, the network and the terms themselves."""

import copy
import threading
from dataclasses import replace

import torch
from torch import Tensor

from .. import attention
from ..evaluation import task_of
from ..learner import check
from ..losses.terms import Batch, Context
from ..networks import Network
from ..recipe import Recipe
from ..seeds import seeded
from ..streams import Split, Stream, Task
from ..teachers import Live
from .playground_composition import Composition

FEW = 2  # images of a class that a question is asked with
USUAL = Composition()
# What no answer depends on.
IDLE = ("beta", "gamma", "omega", "temperature", "kind", "distance", "maps", "selection", "epochs", "rate", "name")
ALIKE = {name: getattr(USUAL, name) for name in (*IDLE, "new", "augmentation", "noise")}
JOINED = "With a head per task old heads never learn to compete, so that one softmax over all of them says nothing."
SEPARATE = "In this network every task has a way of its own to its answers, which classes of all tasks cannot share."
ALONE = "Nothing that learns here is used by old tasks too: their answers stay as they are, with nothing to hold."


class Limits:
    """Answers ``reason(composition)`` for a stream, and each question only once; asked by one thread at a time."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._few = [few_of(task) for task in stream[:2]]
        self._answers: dict[Composition, str] = {}
        self._asking = threading.Lock()

    def reason(self, composition: Composition) -> str:
        """Why this combination makes no sense, in one sentence; nothing where it does."""
        try:
            recipe = replace(composition, name="This combination").recipe
        except ValueError as error:
            return str(error)
        question = replace(composition, **ALIKE)
        with self._asking:
            if question not in self._answers:
                self._answers[question] = self._ask(question, recipe)
            return self._answers[question]

    def _ask(self, composition: Composition, recipe: Recipe) -> str:
        try:
            check(self.stream, recipe)
            with seeded(("limits",)):  # the weights drawn here are nobody's
                return self._rehearse(composition, recipe)
        except ValueError as error:
            return str(error)

    def _rehearse(self, composition: Composition, recipe: Recipe) -> str:
        """Two tasks in small, without a step: what the network, the terms and the merge raise, or what has no point."""
        network, parts = recipe.network.build(self.stream.image_shape, pretrained=False), recipe.parts
        parts.pop("memory", None)  # the learner has checked it
        kept: dict[str, dict[str, Tensor]] = {name: {} for name in parts}
        before = network
        for task in self._few:
            before = copy.deepcopy(network)
            network.grow(len(task.classes), [self.stream.class_names[label] for label in task.classes])
            network.eval().requires_grad_(True)
            if composition.anchor and not network.parameters_of("shared"):
                return ALONE
            context = Context(network, task.index, recipe.heads, task)
            for name, part in parts.items():
                part.begin_task(context, kept[name])
            if task.index:
                return self._second(composition, recipe, context, before, kept)
            for name, part in parts.items():
                part.end_task(context, kept[name])
            recipe.merge.tested(network, kept["merge"])
        return ""

    def _second(self, composition: Composition, recipe: Recipe, context: Context, before: Network, kept: dict) -> str:
        """The same for the second task, with the network ``before`` it as the teacher."""
        network, task = context.network, context.data
        if recipe.heads == "class" and network.separate:
            return SEPARATE
        if composition.distillation and composition.joined and recipe.heads == "task":
            return JOINED
        held = composition.holding or recipe.merge != USUAL.merge
        if held and not moves_the_old(recipe, network, task.train.images):
            return ALONE
        images, terms = task.train.images, recipe.loss.named()
        if composition.attention:
            context.watched = attention.last_block(network, images[:1])
        labels, teachers = self.stream.positions(task.train.labels), {"task": Live(before, context.watched)}
        batch = Batch(
            context, images, labels, torch.arange(len(images)), (1,), task_of(network), recipe.heads, teachers
        )
        for name, (_, term) in terms.items():
            term(batch, kept[name])
        return ""


def few_of(task: Task) -> Task:
    """The task with the first images of each class, test images where there are none to train on."""
    split = task.train if len(task.train) else task.test
    rows = torch.cat([(split.labels == label).nonzero().flatten()[:FEW] for label in task.classes])
    few: Split = split.take(rows)
    return replace(task, train=few, test=few)


def moves_the_old(recipe: Recipe, network: Network, images: Tensor) -> bool:
    """Whether something that learns the second task is also used to answer for the first."""
    for phase in recipe.schedule.later:
        network.train_only(phase.rates)
        output = network(images)
        old = output.head(0).sum()
        # The loss asks the new head alone, unless classes of all tasks compete or images of old tasks come again.
        new = (output.head(1) if recipe.heads == "task" and recipe.memory is None else output.logits).sum()
        learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
        if old.requires_grad and new.requires_grad:
            used = [
                torch.autograd.grad(answer, learning, allow_unused=True, retain_graph=True) for answer in (old, new)
            ]
            if any(first is not None and second is not None for first, second in zip(*used, strict=True)):
                return True
    return False
