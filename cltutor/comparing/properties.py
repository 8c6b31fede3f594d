"""What a method asks for and what it allows (LwF, Figure 1; MAS, Figure 2): asked of its recipe, never written down.

A recipe's parts meet two tasks of noise, with a small network in place of a large one. No run is trained for this: the
question is what the parts read, not how well they do. So two answers are not MAS's own: EWC's and IMM's Fisher draws
its labels from the network (Kirkpatrick et al. 2017), and needs no given ones, but it asks for probabilities, which an
embedding has not.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor, nn

from ..attention import last_block
from ..evaluation.answers import task_of
from ..losses import embedding_distance
from ..losses.terms import Batch, Context, Kept, Part, Term
from ..memory import Pool, pool_of
from ..networks import FactEmbedding, MultiHead, Network, Output, SmallCNN, TaskCNN
from ..networks.embedding import FactNetwork
from ..recipe.recipe import Recipe
from ..seeds import generator, seeded
from ..streams import Stream, Task, tensors
from ..training.teachers import Live

SHAPE = 3, 8, 8
EACH = 6  # images a class


@dataclass(frozen=True)
class Properties:
    """Yes or no; None where a question does not apply to the method, or its recipe cannot tell.

    ``old_data``: whether it trains on images of earlier tasks (LwF, Figure 1): whether its memory gives any to the
    pool. ``task_at_test``: whether it must be told an image's task, as its logits were not trained to compete.

    ``pretrained``: whether it can go on from a network that comes with weights (MAS, Figure 2). Its network must take
    the weights over; its importance must find something although it saw no step of the training, which SI's cannot
    (MAS, section 2); and it must not need more of the first task than a network, as EBLL needs an autoencoder.

    ``unlabelled``: whether its importance, or its merge's, is the same with labels interchanged (MAS, Figure 2); no
    for one that is gathered from the loss of labels while it trains; None without an importance that reads images.

    ``any_output``: whether what guards the old works where the output is no softmax but an embedding, of which no
    class has a logit (MAS, Figure 2, "problem agnostic", and section 5.2); None where a network of its own is the
    guard, which makes heads for classes.
    """

    old_data: bool
    task_at_test: bool
    pretrained: bool | None
    unlabelled: bool | None
    any_output: bool | None


def properties(recipe: Recipe) -> Properties:
    """The properties of a method; asked once of every recipe."""
    return _properties(repr(recipe), _Hidden(recipe))


class _Hidden:
    """A recipe that does not count for the cache: its code, which does, says all of it."""

    def __init__(self, recipe: Recipe):
        self.recipe = recipe

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hidden)

    def __hash__(self) -> int:
        return 0


@cache
def _properties(code: str, hidden: _Hidden) -> Properties:
    recipe = hidden.recipe
    with seeded(("properties",)):
        return Properties(
            old_data=trains_on_old_data(recipe),
            task_at_test=recipe.heads != "class",
            pretrained=asked(goes_on_from_a_pretrained_network, recipe),
            unlabelled=asked(has_an_importance_without_labels, recipe),
            any_output=asked(guards_an_embedding, recipe),
        )


def asked(question: Callable[[Recipe], bool | None], recipe: Recipe) -> bool | None:
    """The answer, or None for a recipe that fits no small network."""
    try:
        return question(recipe)
    except ValueError:
        return None


@cache
def noise() -> Stream:
    """Two tasks of two classes, which are named like facts, so that every kind of network can learn them."""
    labels = torch.arange(4).repeat_interleave(EACH)
    images = torch.randint(0, 256, (len(labels), *SHAPE), dtype=torch.uint8, generator=generator("noise"))
    names = ["circle above star", "star above circle", "cross above star", "star above cross"]
    return tensors(images, labels, images, labels, tasks=2, order=None, class_names=names)


class Given:
    """A small backbone that comes with weights: it notes them, and brings a classifier of the first task's classes."""

    def __init__(self, backbone: object):
        self.backbone = backbone if isinstance(backbone, SmallCNN | TaskCNN) else SmallCNN()
        self.weights: list[Tensor] = []

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> nn.Module:
        made = self.backbone.build(image_shape)
        if pretrained and not self.weights:
            self.weights = [parameter.detach().clone() for parameter in made.parameters()]
            made.pretrained_classifier[0] = made.make_output(made.width, len(noise()[0].classes))
        return made


def arrived(recipe: Recipe) -> tuple[Network, Given]:
    """The recipe's network on a backbone with weights, with the head of the first task."""
    given = Given(recipe.network.backbone)
    network = replace(recipe.network, backbone=given).build(SHAPE)
    grow(network, noise()[0])
    return network, given


def grow(network: Network, task: Task) -> None:
    network.grow(len(task.classes), [noise().class_names[label] for label in task.classes])


def remembered(recipe: Recipe, network: Network, task: Task) -> dict[str, Kept]:
    """What each part remembers of a first task for which the network came with its weights: no step is taken."""
    context, kept = Context(network, 0, recipe.heads, task), {name: {} for name in recipe.parts}
    for name, part in recipe.parts.items():
        part.begin_task(context, kept[name])
    for name, part in recipe.parts.items():
        part.end_task(context, kept[name])
    return kept


def trains_on_old_data(recipe: Recipe) -> bool:
    if not recipe.memory:
        return False
    network, kept = MultiHead().build(SHAPE), {}
    grow(network, noise()[0])
    recipe.memory.end_task(Context(network, 0, recipe.heads, noise()[0]), kept)
    return bool((recipe.memory.pool(noise(), 1, torch.device("cpu"), kept).tasks < 1).any())


def blind(kept: dict[str, Kept]) -> bool:
    """Whether an importance has found nothing in a network that it did not see in training."""
    return any(not held["importance"].any() for held in kept.values() if "importance" in held)


def goes_on_from_a_pretrained_network(recipe: Recipe) -> bool:
    network, given = arrived(recipe)
    present = [parameter.detach().flatten() for parameter in network.parameters()]
    taken = all(any(torch.equal(one.flatten(), other) for other in present) for one in given.weights)
    if not given.weights or not taken or network.parameters_of("code"):
        return False
    return not blind(remembered(recipe, network, noise()[0]))


def has_an_importance_without_labels(recipe: Recipe) -> bool | None:
    network, task = arrived(recipe)[0], noise()[0]
    train = task.train
    before = remembered(recipe, network, task)
    if blind(before):
        return False
    other = remembered(recipe, network, replace(task, train=replace(train, images=255 - train.images)))
    reading = [name for name in before if name != "memory" and not same(before[name], other[name])]
    if not reading:
        return None
    swapped = remembered(recipe, network, replace(task, train=replace(train, labels=train.labels.flip(0))))
    return all(same(before[name], swapped[name]) for name in reading)


def same(one: Kept, other: Kept) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


class NoLogits(Exception):
    """Somebody asked an embedding for the logits of a class."""


class Embedding(FactNetwork):
    """An output that is no softmax: an embedding, and no logit of any class."""

    def forward(self, images: Tensor) -> Output:
        return Output(super().forward(images).features, self.refuse, len(self.classes))

    def refuse(self, task: int) -> Tensor:
        raise NoLogits


def guards_an_embedding(recipe: Recipe) -> bool | None:
    own = not isinstance(recipe.network, MultiHead | FactEmbedding)
    guards = {name: part for name, part in recipe.parts.items() if guard(part) and part is not recipe.memory}
    if own:  # its other terms are about that network
        guards = {name: part for name, part in guards.items() if isinstance(part, Term) and part.teacher}
    if not all(works(recipe, name, part) for name, part in guards.items()):
        return False
    return None if own else True


def guard(part: Part) -> bool:
    """Whether a part is there for the old, as a loss of the newest task alone is not."""
    return not isinstance(part, Term) or part.first_task > 0 or part.teacher is not None


def works(recipe: Recipe, name: str, part: Part) -> bool:
    """Whether a part lives through two tasks and a step with an embedding as output."""
    kept: Kept = {}
    network = Embedding(SmallCNN().build(SHAPE), FactEmbedding().dimension)
    try:
        for task in noise():
            old = copy.deepcopy(network)
            grow(network, task)
            context = Context(network, task.index, recipe.heads, task)
            part.begin_task(context, kept)
            step(context, part, kept, old)
            part.end_task(context, kept)
    except (NoLogits, ValueError):  # a refusal in one sentence is an answer too
        return False
    return True


def step(context: Context, part: Part, kept: Kept, old: Network) -> None:
    """One small step of learning to embed, with the part's own term where it acts."""
    network, pool = context.network, pool_of(noise(), [context.task], torch.device("cpu"))
    if isinstance(part, Term) and part.reads_maps:
        context.watched = last_block(network, pool.images[:1])
    teachers = dict.fromkeys(("task", "phase"), Live(old, context.watched))
    network.zero_grad()
    batch = batch_of(context, pool, teachers)
    loss = embedding_distance(batch.student.features, network.facts[batch.labels])
    if isinstance(part, Term) and context.task >= part.first_task:
        loss = loss + part(batch, kept)
    loss.backward()
    part.before_step(context, kept)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter -= 0.01 * parameter.grad
    part.after_step(context, kept)


def batch_of(context: Context, pool: Pool, teachers: dict[str, Live]) -> Batch:
    places = torch.arange(len(pool))
    columns = task_of(context.network)
    return Batch(context, pool.images, pool.labels, places, [context.task], columns, context.heads, teachers)
