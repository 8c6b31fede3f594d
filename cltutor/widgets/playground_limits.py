"""Which combinations make no sense, and why: the recipe, the loop, the network and the parts are tried in small."""

import copy
import threading
from collections.abc import Callable
from dataclasses import replace

import torch

from .. import attention
from ..describe import Part, State
from ..evaluation.answers import task_of
from ..losses.terms import Batch, Context
from ..networks import Architecture, Network
from ..recipe.recipe import Recipe
from ..seeds import seeded
from ..streams import Split, Stream, Task
from ..training.loop import check
from ..training.teachers import Live
from .playground_composition import Composition

FEW = 2  # images per class that a combination is tried with
SEPARATE = "In this network every task has its own forward pass: classes of all tasks cannot share one."
ALONE = "Nothing that learns here is used by old tasks too: their answers cannot change, so nothing needs protection."
UNSEEN = "The last block of this network is new with every task: there are no earlier maps to compare with."

Grown = tuple[Network, Network]  # a network that has heads for one task, and the same one with heads for two


class Limits:
    """``reason(composition)`` for a stream: tried on a few images of two tasks, without a step, each check once."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.few = [few_of(task) for task in stream[:2]]
        self._reasons: dict[tuple, str] = {}
        self._grown: tuple[Architecture, Grown] | None = None  # the latest network
        self._lock = threading.RLock()

    def reason(self, composition: Composition) -> str:
        """Why this combination makes no sense, in one sentence; nothing where it does."""
        try:
            recipe = replace(composition, name="This combination").recipe
        except ValueError as error:
            return str(error)
        network, heads, part = recipe.network, recipe.heads, composition.anchor and composition.importance
        schedule, rates = recipe.schedule, tuple(tuple(phase.rates.items()) for phase in recipe.schedule.later)
        protects = bool(composition.protecting) or composition.after_task != Composition().after_task
        checks = [  # whether it concerns this recipe, what its answer depends on, and the check
            (True, (network, recipe.loss, recipe.memory, recipe.after_task, schedule.patience, rates), self._learner),
            (True, (network, heads), self._network),
            (protects, (network, heads, rates, recipe.memory is None), self._old_tasks),
            (composition.anchor, (network, heads, part), self._anchor),
            (True, (network, heads, recipe.after_task), self._after_task),
            (composition.attention, (network, heads), self._attention),
        ]
        reasons = (self._once((find.__name__, *key), find, recipe) for concerns, key, find in checks if concerns)
        return next(filter(None, reasons), "")

    def _once(self, key: tuple, find: Callable[[Recipe], str], recipe: Recipe) -> str:
        with self._lock:
            if key not in self._reasons:
                try:
                    with seeded(("limits",)):  # the weights drawn here are thrown away
                        self._reasons[key] = find(recipe)
                except ValueError as error:
                    self._reasons[key] = str(error)
            return self._reasons[key]

    def _learner(self, recipe: Recipe) -> str:
        check(self.stream, recipe)
        return ""

    def _network(self, recipe: Recipe) -> str:
        _, after = self._grow(recipe.network)
        return SEPARATE if recipe.heads == "class" and after.separate else ""

    def _grow(self, description: Architecture) -> Grown:
        if self._grown is None or self._grown[0] != description:
            network = description.build(self.stream.image_shape, pretrained=False)
            names = [[self.stream.class_names[label] for label in task.classes] for task in self.few]
            network.grow(len(names[0]), names[0])
            after = copy.deepcopy(network)
            if len(self.few) == 2:
                after.grow(len(names[1]), names[1])
            self._grown = description, (network, after)
        for network in self._grown[1]:
            network.eval().requires_grad_(True)
        return self._grown[1]

    def _anchor(self, recipe: Recipe) -> str:
        """Whether the anchor has nothing to hold, or its importance refuses the network."""
        before, _ = self._grow(recipe.network)
        shared = Context(before, 0, recipe.heads, self.few[0]).shared
        return self._part(recipe, recipe.parts["Anchor"]) if shared else ALONE

    def _after_task(self, recipe: Recipe) -> str:
        return self._part(recipe, recipe.after_task)

    def _part(self, recipe: Recipe, part: Part) -> str:
        """Have a part end one task and begin the next, which it may refuse."""
        before, after = self._grow(recipe.network)
        state: State = {}
        context = Context(before, 0, recipe.heads, self.few[0])
        part.begin_task(context, state)
        part.end_task(context, state)
        if part is recipe.after_task:
            recipe.after_task.tested(before, state)
        part.begin_task(Context(after, len(self.few) - 1, recipe.heads, self.few[-1]), state)
        return ""

    def _old_tasks(self, recipe: Recipe) -> str:
        """Whether nothing that learns the second task is also used to answer for the first."""
        if len(self.few) < 2:
            return ""
        network, images = self._grow(recipe.network)[1], self.few[1].train.images
        for phase in recipe.schedule.later:
            network.train_only(list(phase.rates))
            output = network(images)
            old = output.head(0).sum()
            # The loss reads the new head alone, unless classes of all tasks compete or old images are replayed.
            new = (output.head(1) if recipe.heads == "task" and recipe.memory is None else output.logits).sum()
            learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
            if old.requires_grad and new.requires_grad:
                used = [torch.autograd.grad(one, learning, allow_unused=True, retain_graph=True) for one in (old, new)]
                if any(first is not None and second is not None for first, second in zip(*used, strict=True)):
                    return ""
        return ALONE

    def _attention(self, recipe: Recipe) -> str:
        """Whether attention distillation refuses images of the second task."""
        before, after = self._grow(recipe.network)
        task, last = self.few[-1], len(self.few) - 1
        images, labels = task.train.images, self.stream.positions(task.train.labels)
        layer = attention.last_block(after, images[:1])
        if layer not in dict(before.named_modules()):
            return UNSEEN
        context, teachers = Context(after, last, recipe.heads, task, layer), {"task": Live(before, layer)}
        places, tasks = torch.arange(len(images)), (last,)
        batch = Batch(context, images, labels, places, tasks, task_of(after), recipe.heads, teachers)
        if last:
            recipe.parts["AttentionDistillation"](batch, {})
        return ""


def few_of(task: Task) -> Task:
    """The task with the first images of each class, test images where there are none to train on."""
    split = task.train if len(task.train) else task.test
    rows = torch.cat([(split.labels == label).nonzero().flatten()[:FEW] for label in task.classes])
    few: Split = split.take(rows)
    return replace(task, train=few, test=few)
