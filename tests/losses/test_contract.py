"""What every term of a loss must satisfy, a user's own included; and A-GEM, which changes gradients, as an example."""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from matplotlib.mathtext import MathTextParser
from running import learn
from torch import Tensor
from torch.nn import functional as F

import cltutor as cl
from cltutor.attention import last_block, look
from cltutor.describe import State, whole
from cltutor.importance import flat
from cltutor.losses import Batch, Context, CrossEntropy, Term, compete
from cltutor.networks import Architecture, MultiHead, Network, SmallCNN
from cltutor.recipe.parser import descriptions, read
from cltutor.recipe.recipe import Schedule
from tests.losses.variants import restored, variants


@cl.register
@dataclass(frozen=True, repr=False)
class AveragedGEM(Term):
    """A-GEM: a gradient g that would raise the loss on stored images, whose gradient is r, becomes
    g - (g . r) / (r . r) r (Chaudhry et al. 2019)."""

    capacity: int = whole(8, at_least=1)

    keeps_images: ClassVar[bool] = True

    def __call__(self, batch: Batch, state: State) -> Tensor:
        return batch.zero

    def before_update(self, batch: Batch, state: State) -> None:
        if "images" not in state:
            return
        learning = [p for p in batch.context.network.parameters() if p.grad is not None]
        logits = compete(batch.logits(state["images"]), state["labels"], batch.task_of, batch.heads)
        loss = F.cross_entropy(logits, state["labels"])
        reference = flat(torch.autograd.grad(loss, learning, materialize_grads=True))
        gradient = flat([p.grad for p in learning])
        overlap = gradient @ reference
        if overlap < 0:
            gradient -= overlap / reference.square().sum() * reference
            for p, part in zip(learning, gradient.split([p.numel() for p in learning]), strict=True):
                p.grad.copy_(part.view_as(p))

    def end_task(self, context: Context, state: State) -> None:
        train = context.data.train
        state["images"], state["labels"] = train.images[: self.capacity], context.positions(train.labels)
        state["labels"] = state["labels"][: self.capacity]


TINY = SmallCNN(channels=(4, 4), hidden=(20,))
FACTS = ["circle left of star", "star above circle", "circle inside cross", "cross inside star"]
KINDS = [kind for kind in descriptions().values() if issubclass(kind, Architecture)]
NETWORKS = [MultiHead(TINY), *(kind(TINY) for kind in KINDS if "backbone" in getattr(kind, "__dataclass_fields__", ()))]
TERMS = pytest.mark.parametrize("term", variants(Term), ids=repr)
HEADS = pytest.mark.parametrize("heads", ["task", "class"])


@pytest.fixture(scope="module")
def stream() -> cl.streams.Stream:
    """Two tasks of two classes, four coloured images each."""
    images = torch.randint(0, 256, (16, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(16) % 4
    return cl.streams.tensors(images, labels, images, labels, tasks=2, order=None)


def network_for(term: Term, stream: cl.streams.Stream) -> Network:
    """The first network that the term accepts."""
    for architecture in NETWORKS:
        try:
            network = architecture.build(stream.image_shape)
            trial = copy.deepcopy(network)
            trial.grow(2, FACTS[:2])
            term.begin_task(Context(trial, 0, "task", stream[0]), {})
        except ValueError:
            continue
        network.normalise_like(stream[0].train.images)
        return network
    pytest.fail(f"No registered network suits {term!r}.")


def batch_of(context: Context, teachers: Mapping[str, Network], copies: int = 1) -> Batch:
    train = context.data.train
    images, labels = train.images.repeat(copies, 1, 1, 1), context.positions(train.labels).repeat(copies)
    task_of = torch.tensor([0, 0, 1, 1][: 2 * context.task + 2])

    def output(network: Network):
        return lambda batch: look(network, batch.images, context.watched)

    outputs = {name: output(network) for name, network in teachers.items()}
    return Batch(context, images, labels, torch.arange(len(labels)), [context.task], task_of, context.heads, outputs)


def update(batch: Batch, state: State, weighted: Mapping[Term, float]) -> dict[str, Tensor]:
    """The parameters after a step down the weighted sum of terms, all of which see ``state``."""
    network = batch.context.network
    sum(weight * term(batch, state) for term, weight in weighted.items()).backward()
    for term in weighted:
        term.before_update(batch, state)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.grad is not None:
                parameter -= 0.2 * parameter.grad
                parameter.grad = None
    for term in weighted:
        term.after_update(batch, state)
    return {name: parameter.detach().clone() for name, parameter in network.named_parameters()}


def second_task(term: Term, stream: cl.streams.Stream, heads: str) -> tuple[Context, State, dict[str, Network]]:
    """Where a run stands in its second task, after some steps: its context, the term's state, and the teachers."""
    state, teachers = {}, {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = network_for(term, stream)
        for task in stream:
            teachers["task"] = copy.deepcopy(network)
            names = FACTS[2 * task.index : 2 * task.index + 2]
            network.grow(2, names)
            teachers["phase"] = copy.deepcopy(network)
            for one in (network, *teachers.values()):
                one.train().requires_grad_(True)
            context = Context(network, task.index, heads, task)
            term.begin_task(context, state)
            if term.reads_maps:
                context.watched = last_block(network, task.train.images[:1])
            if task.index == 0:
                acting = {} if term.first_task else {term: 0.01}
                for _ in range(10):
                    update(batch_of(context, {}), state, acting | {CrossEntropy(): 1.0})
                term.end_task(context, state)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 0.05 * torch.randn_like(parameter)
    return context, state, teachers


@TERMS
@HEADS
def test_its_value_is_a_finite_mean_or_sum_over_the_batch_and_draws_no_global_random_numbers(term, heads, stream):
    context, state, teachers = second_task(term, stream, heads)
    random = torch.get_rng_state()
    one, twice = (term(batch_of(context, teachers, copies), state) for copies in (1, 2))
    assert one.shape == ()
    assert one.isfinite()
    if not term.keeps_images:  # which draws images of its own, by the size of the batch
        torch.testing.assert_close(one * (2 if getattr(term, "reduction", "mean") == "sum" else 1), twice)
    assert torch.equal(torch.get_rng_state(), random)


@TERMS
@HEADS
def test_it_changes_what_steps_learn_and_no_teacher(term, heads, stream):
    after, weighed_more = [], {CrossEntropy(): 1.0, term: 1.5 if term == CrossEntropy() else 0.5}
    for weighted in ({CrossEntropy(): 1.0}, weighed_more):
        context, state, teachers = second_task(term, stream, heads)
        for _ in range(5):  # a gradient that hurts no old task is not projected
            after.append(update(batch_of(context, teachers), state, weighted))
        assert all(p.grad is None for network in teachers.values() for p in network.parameters())
    assert not all(torch.equal(value, after[-1][name]) for name, value in after[4].items())


@TERMS
@HEADS
def test_with_its_state_from_a_file_it_goes_on_to_the_same_step(term, heads, stream):
    after = []
    for back in (dict, restored):
        context, state, teachers = second_task(term, stream, heads)
        again = read(repr(term))
        assert again == term
        after.append(update(batch_of(context, teachers), back(state), {CrossEntropy(): 1.0, again: 0.5}))
    assert all(torch.equal(value, after[1][name]) for name, value in after[0].items())


@TERMS
def test_its_curvature_is_its_largest_second_derivative_where_that_is_a_constant(term, stream):
    context, state, teachers = second_task(term, stream, "task")
    if not term.curvature(state):
        return
    parameters = list(context.network.parameters())
    value = term(batch_of(context, teachers), state)
    gradient = torch.autograd.grad(value, parameters, create_graph=True, materialize_grads=True)
    second = torch.autograd.grad(flat(gradient).sum(), parameters, materialize_grads=True)
    assert term.curvature(state) == pytest.approx(flat(second).max().item())


@TERMS
@HEADS
def test_its_equation_can_be_set_in_type(term, heads):
    text = term.latex(heads)
    assert not re.search(r"<\S", text), "a browser would take it for a tag"
    unsized = re.sub(r"\\Big(?=[()])", "", text)  # MathJax knows it and Matplotlib does not
    MathTextParser("path").parse(f"${unsized}$")


@TERMS
def test_it_declares_its_teacher_and_its_first_task(term):
    assert term.teacher in (None, "task", "phase")
    assert term.teacher or not term.reads_features
    acts = [bool((1 * term).active(task)) for task in (0, 1)]
    assert acts == [term.first_task == 0, True]


class Ones(CrossEntropy):
    """Its gradient is replaced by ones."""

    def before_update(self, batch: Batch, state: State) -> None:
        for parameter in batch.context.network.parameters():
            if parameter.grad is not None:
                parameter.grad.fill_(1.0)


@pytest.mark.parametrize(("clip", "rate"), [(1e9, 0.1), (0.01, 5.0)])
def test_a_gradient_changed_before_the_update_is_clipped_and_applied_by_the_optimiser(clip, rate, stream):
    plain = Schedule(momentum=0.0, weight_decay=0.0, clip=clip, epochs=1)
    recipes = (cl.Recipe("ones", Ones(), schedule=replace(plain, learning_rate=one)) for one in (1e-30, rate))
    start, after = (list(learn(stream, recipe).model_after(0).parameters()) for recipe in recipes)
    step = -rate * min(1.0, clip / sum(p.numel() for p in start) ** 0.5)
    for was, now in zip(start, after, strict=True):
        torch.testing.assert_close(now - was, torch.full_like(was, step), rtol=1e-3, atol=1e-6)
