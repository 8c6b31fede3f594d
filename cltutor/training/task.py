"""The task under way: all that the loop changes while it learns a task, and so all that a checkpoint contains.

What comes from the stream, the seed and the tasks before it (images, recorded answers, a new head's first weights) is
made again when a run is resumed; a checkpoint contains what has changed since, and is loaded over it.
"""

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..attention import check_distillable, last_block
from ..describe import State
from ..evaluation.answers import task_of
from ..losses.terms import Context, Term
from ..memory import Pool, pool_of
from ..networks import Network
from ..recipe.optimiser import OPTIMISERS, Optimiser, Pace
from ..recipe.recipe import Phase, Recipe, Schedule
from ..runs.curves import Curves, with_prefix
from ..runs.memory_use import bytes_in_use
from ..runs.one_class import warn_of_one_class
from ..runs.run import Run
from ..runs.store import Checkpoint, NullSlot, Slot
from ..seeds import generator, seeded
from ..streams import Stream, Task
from .anchors import warn_of_anchors, warn_of_skipped
from .rehearsal import learning
from .teachers import Teacher, make_teacher


class TaskState:
    """Where a run stands inside a task. Making one begins the task: the network grows, every part prepares, and the
    teachers are made. ``states`` is what each part remembers, by its name."""

    def __init__(self, run: Run, stream: Stream, task: Task, network: Network, states: dict[str, State]):
        started = time.perf_counter()
        recipe, place = run.recipe, torch.device(run.device)
        self.run, self.task, self.network, self.states = run, task, network, states
        with seeded(("head", run.seed, task.index)):
            grow(network, stream, task.index)
        network.to(place)
        network.to(memory_format=torch.channels_last)  # the small CNN learns 1.4 times as fast so on a CPU
        check_attention(recipe, network, stream, task)
        classes = run.tasks[: task.index + 1] if stream.returning else ()
        self.context = Context(network, task.index, recipe.heads, task, seed=run.seed, classes=classes)
        for name, part in recipe.hooks["begin_task"].items():
            part.begin_task(self.context, states[name])
        self.pool = draw_pool(stream, recipe, task.index, place, states, run.seed)
        self.plan = recipe.plan(task.index)
        terms = [term for _, _, active in self.plan for _, term in active.values()]
        self.context.watched = watched_layer(network, self.pool, terms)
        self.context.updates = recipe.schedule.epochs * self.pool.steps(recipe.schedule.batch_size)
        warn_of_one_class(run)
        warn_of_anchors(run, task.index, self.plan, states, len(self.pool.labels))
        warn_of_skipped(run, task.index, self.plan)
        self.columns, self.first_update = task_of(network), run.updates
        self.task_teachers = self.teachers_of("task", terms, lambda: run.model)
        run.memory = bytes_in_use(recipe, network, states, self.pool, task.index, self.task_teachers.values())
        self.phases_begun, self.epochs_done = 0, 0
        run.seconds["train"] += time.perf_counter() - started

    @property
    def progress(self) -> float:
        """How much of the whole run is done, from 0 to 1."""
        return (self.task.index + self.epochs_done / self.run.recipe.schedule.epochs) / len(self.run.tasks)

    @property
    def epoch_of_run(self) -> int:
        """The epoch under way, counted from 0 through all tasks."""
        return self.task.index * self.run.recipe.schedule.epochs + self.epochs_done

    def exemplars(self) -> tuple[Tensor, Tensor]:
        """The images (M, C, H, W) of every class that the memory has after the task, and their labels (M,)."""
        assert self.run.recipe.memory is not None, "a recipe that predicts by exemplars has a memory"
        return self.run.recipe.memory.exemplars(self.pool, self.states["memory"])

    def phases(self) -> Iterator[tuple[Phase, range]]:
        """The phases that are left, with the epochs that are left of each; a phase begins when it is reached."""
        for place, (phase, epochs, _) in enumerate(self.plan, start=1):
            if place > self.phases_begun:
                started = time.perf_counter()
                self.begin_phase()
                self.run.seconds["train"] += time.perf_counter() - started
            if place == self.phases_begun:
                yield phase, epochs[max(0, self.epochs_done - epochs.start) :]

    def begin_phase(self) -> None:
        """The network takes its shape for the next phase, and the images to learn from in it are chosen."""
        phase, _, terms = self.plan[self.phases_begun]
        self.network.begin_phase(phase.name, self.task.train.images, self.context.own_columns)
        self.phases_begun += 1
        needs_copy = any(term.teacher == "phase" for _, term in terms.values())
        self.prepare(copy.deepcopy(self.network) if needs_copy else None)
        if phase.balanced and self.run.recipe.memory:
            self.data = self.run.recipe.memory.balanced(self.pool, self.context, self.states["memory"])

    def prepare(self, before: Network | None) -> None:
        """All that the phase begun needs and that can be made again at any time in it, given the network ``before``
        it."""
        phase, _, self.terms = self.plan[self.phases_begun - 1]
        recipe = self.run.recipe
        schedule = recipe.schedule
        self.optimiser = make_optimiser(self.network, phase, schedule)
        self.optimiser.slow_down(schedule.slowness(self.epoch_of_run))
        self.pace = Pace(schedule.patience, schedule.drop_every, schedule.drop_at)
        self.before_phase, self.data = before, self.pool
        self.teachers = dict(self.task_teachers)
        if before is not None:
            self.teachers |= self.teachers_of("phase", (term for _, term in self.terms.values()), lambda: before)

    def teachers_of(self, name: str, terms: Iterable[Term], before: Callable[[], Network]) -> Mapping[str, Teacher]:
        readers = [term for term in terms if term.teacher == name]
        if not readers:
            return {}
        changing = self.run.recipe.schedule.changes_images
        return {name: make_teacher(readers, before(), self.pool, self.context.watched, changing)}

    def end_epoch(self, validated: float) -> None:
        """Count the epoch, and slow down if the accuracy ``validated`` after it, or its number, says so."""
        schedule = self.run.recipe.schedule
        before = schedule.slowness(self.epoch_of_run)
        self.epochs_done += 1
        self.optimiser.slow_down(schedule.slowness(self.epoch_of_run) / before)
        if self.pace.slows(validated):
            self.optimiser.slow_down(schedule.drop_by)

    def end(self) -> Network:
        """End the task: every part ends it; the network to test."""
        started = time.perf_counter()
        for name, part in self.run.recipe.hooks["end_task"].items():
            part.end_task(self.context, self.states[name])
        tested = self.run.recipe.after_task.tested(self.network, self.states["after_task"])
        self.run.seconds["train"] += time.perf_counter() - started
        return tested

    def checkpoint(self) -> Checkpoint:
        """All that has changed since the task began, at the end of an epoch."""
        names = {parameter: name for name, parameter in self.network.named_parameters()}
        momenta = {f"optimiser/{names[p]}": numbered(value) for p, value in self.optimiser.buffers.items()}
        groups: dict[str, Mapping[str, Tensor]] = {
            "network": self.network.state_dict(),
            "passing": nonpersistent_buffers(self.network),
            "before_phase": self.before_phase.state_dict() if self.before_phase else {},
            "data": {} if self.data.chosen is None else {"chosen": self.data.chosen},
            **momenta,
            **{f"kept/{part}": state for part, state in self.states.items()},
        }
        tensors = {f"{group}/{name}": value.cpu() for group, held in groups.items() for name, value in held.items()}
        facts = {
            "task": self.task.index,
            "phases": self.phases_begun,
            "epochs": self.epochs_done,
            "rates": [rate for _, rate in self.optimiser.groups],
            "pace": vars(self.pace),
            "updates": self.run.updates,
            "seconds": self.run.seconds,
            "terms": list(self.run.curves.loss),
            "strides": strides(tensors),
        }
        return {**tensors, **dict(self.run.curves.tensors())}, facts

    def resumed(self, checkpoint: Checkpoint, slot: Slot | NullSlot, stream: Stream) -> "TaskState":
        """The task where a ``checkpoint`` of it was written; one that does not fit is set aside, and it begins anew."""
        try:
            self.load(checkpoint)
            return self
        except (ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
            slot.refuse_checkpoint(error)
        return TaskState(self.run, stream, self.task, *restore(self.run, stream, self.run.seed))

    def load(self, checkpoint: Checkpoint) -> None:
        """Go on from a ``checkpoint`` of this task; LookupError for one of anything else."""
        saved, facts = checkpoint
        curves, updates, seconds = Curves.of(saved, facts["terms"]), facts["updates"], facts["seconds"]
        place = torch.device(self.run.device)
        # Curves are float64, which Apple's GPUs do not have: they stay where they are.
        own = dict(curves.tensors())
        moving = {name: value for name, value in saved.items() if name not in own}
        tensors = {name: with_strides(value, facts["strides"].get(name)).to(place) for name, value in moving.items()}
        load(self.network, with_prefix(tensors, "network/"), with_prefix(tensors, "passing/"))
        self.context = replace(self.context)  # a new one: it caches which parameters are shared
        for part, state in self.states.items():
            state.clear()
            state.update(with_prefix(tensors, f"kept/{part}/"))
        self.phases_begun, self.epochs_done = facts["phases"], facts["epochs"]
        before = None
        if weights := with_prefix(tensors, "before_phase/"):
            before = copy.deepcopy(self.network)
            load(before, weights)
        self.prepare(before)
        if "data/chosen" in saved:
            self.data = replace(self.pool, chosen=saved["data/chosen"])
        for name, parameter in self.network.named_parameters():
            if found := with_prefix(tensors, f"optimiser/{name}/"):
                values = tuple(found[str(i)] for i in range(len(found)))
                self.optimiser.buffers[parameter] = values if len(values) > 1 else values[0]
        groups = zip(self.optimiser.groups, facts["rates"], strict=True)
        self.optimiser.groups = [(parameters, rate) for (parameters, _), rate in groups]
        vars(self.pace).update(facts["pace"])
        made = self.checkpoint()[0]
        if {name: made[name].shape for name in made.keys() - own} != {n: saved[n].shape for n in saved.keys() - own}:
            raise LookupError("its tensors are not those of this task")
        self.run.curves, self.run.updates, self.run.seconds = curves, updates, seconds


def numbered(value: Tensor | tuple[Tensor, ...] | None) -> dict[str, Tensor]:
    """What an optimiser remembers of a parameter, numbered: nothing yet, a tensor, or several."""
    values = () if value is None else (value,) if isinstance(value, Tensor) else value
    return {str(i): value for i, value in enumerate(values)}


def nonpersistent_buffers(network: nn.Module) -> dict[str, Tensor]:
    """What a network keeps for the length of a task, and leaves out of its state."""
    state = network.state_dict()
    return {name: value for name, value in network.named_buffers() if name not in state}


def load(network: nn.Module, weights: dict[str, Tensor], buffers: dict[str, Tensor] | None = None) -> None:
    """Give a network the ``weights`` and the non-persistent ``buffers``, down to the layout of its tensors."""
    network.load_state_dict(weights, assign=True)
    for name, value in (buffers or {}).items():
        owner, _, buffer = name.rpartition(".")
        setattr(network.get_submodule(owner), buffer, value)


def strides(tensors: dict[str, Tensor]) -> dict[str, list[int]]:
    """The layouts in memory that are not the usual one. A sum over a tensor runs in the order of its layout, so that
    another one changes the last bit."""
    usual = {name: torch.empty(value.shape, device="meta").stride() for name, value in tensors.items()}
    return {name: list(value.stride()) for name, value in tensors.items() if value.stride() != usual[name]}


def with_strides(value: Tensor, stride: list[int] | None) -> Tensor:
    """``value`` with that layout in memory, the usual one for None."""
    return value if stride is None else torch.empty_strided(value.shape, stride, dtype=value.dtype).copy_(value)


def restore(run: Run, stream: Stream, seed: int) -> tuple[Network, dict[str, State]]:
    """The network to go on with, and the states of the parts: new ones, or those of the last task learned."""
    if run.learned:
        place = torch.device(run.device)
        saved = {part: {k: v.to(place) for k, v in state.items()} for part, state in run.part_states.items()}
        states = {name: saved.get(name, {}) for name in run.recipe.parts}
        return run.recipe.after_task.trained(run.model, states["after_task"]), states
    with seeded(("network", seed)):
        network = run.recipe.network.build(run.image_shape)
    network.normalise_like(stream[0].train.images)
    return network, {name: {} for name in run.recipe.parts}


def draw_pool(
    stream: Stream, recipe: Recipe, task: int, place: torch.device, states: dict[str, State], seed: int
) -> Pool:
    """The images to train on: the task's own, or what the memory makes of them, and their variants."""
    memory, augmentation = recipe.memory, recipe.schedule.augmentation_of(task)
    pool = memory.pool(stream, task, place, states["memory"]) if memory else pool_of(stream, [task], place)
    return pool.enlarged(augmentation, generator("variants", seed, task)) if augmentation else pool


def watched_layer(network: Network, pool: Pool, terms: list[Term]) -> str | None:
    """The layer whose maps some term reads: the last block."""
    return last_block(network, pool.images[:1]) if any(term.reads_maps for term in terms) else None


def check_attention(recipe: Recipe, network: Network, stream: Stream, task: Task) -> None:
    """Before the first task, refuse a network whose attention the second could not keep; a copy grows for it."""
    terms = [term for _, _, active in recipe.plan(task.index + 1) for _, term in active.values()]
    if task.index or len(stream) == 1 or not any(term.reads_maps for term in terms):
        return
    grown, following = copy.deepcopy(network), stream[1]
    with seeded(("attention",)):  # the weights drawn here are thrown away
        grow(grown, stream, 1)
    place = next(network.parameters()).device
    check_distillable(network, grown.to(place), following.train.images[:1].to(place))


def grow(network: Network, stream: Stream, task: int) -> None:
    """Let the network grow for the classes that are new in a task, if there are any."""
    if new := stream.arrivals[task]:
        network.grow(len(new), [stream.class_names[label] for label in new])


def make_optimiser(network: Network, phase: Phase, schedule: Schedule) -> Optimiser:
    """The schedule's optimiser over the parameters that learn in this phase, each role at its multiple of the rate."""
    groups = [(found, phase.rates[role] * schedule.learning_rate) for role, found in learning(network, phase).items()]
    return OPTIMISERS[schedule.optimiser](groups, schedule.momentum, schedule.weight_decay, schedule.clip)
