"""The one training loop: it learns a stream with a recipe and yields an event at every step, epoch and task.

``train`` reads top to bottom as continual learning does: before a task, phases, epochs, batches, loss, step, after a
task, evaluation. Nothing else in cltutor trains anything, and no method is named here.
"""

import os
import time
from collections.abc import Callable, Generator
from contextlib import closing, nullcontext
from functools import reduce
from operator import add
from typing import Annotated

import torch
from torch import Tensor

from .. import methods
from ..checked import checked
from ..describe import Choice, Whole, shown
from ..losses.terms import Batch
from ..networks.devices import Device, choose_device
from ..recipe.recipe import Phase, Recipe
from ..runs.curves import MOST_CLASSES
from ..runs.memory_use import size
from ..runs.run import RECORDS, Run
from ..runs.store import Store, slot_of
from ..seeds import generator, isolated, seeded, usual_threads
from ..streams import Stream
from ..streams.split import in_columns
from .events import EpochDone, Event, Stepped, TaskBegun, TaskDone
from .failing import check_weights, collect, explain_failure
from .rehearsal import rehearse
from .room import check_room, place_of_tests
from .task import TaskState, restore
from .testing import after_epoch, due, evaluate, validation_accuracy

Method = Annotated[Recipe | str, methods.MethodName()]
Seed = Annotated[int, Whole(at_least=0)]
Every = Annotated[int, Whole(at_least=1)]
Record = Annotated[str | None, Choice(RECORDS, or_none=True)]
Count = Annotated[int | None, Whole(at_least=1, or_none=True)]


@checked
def learn(
    stream: Stream,
    recipe: Method,
    seed: Seed = 0,
    epochs: Count = None,
    device: Device = "auto",
    store: str | os.PathLike | Store | None = None,
    progress: bool = True,
    test_every: Every = 1,
    test_old_every: Every = 1,
    threads: Count = None,
    record: Record = None,
    callback: Callable[[Event], object] | None = None,
) -> Run:
    """Learn ``stream`` task by task with ``recipe`` (or a method's name) and return the run.

    ``epochs`` per task replaces the recipe's own. ``device`` is "auto" (the GPU if there is one), or one of this
    machine's devices ("cpu", "cuda", "cuda:1", "mps", "xpu"). With ``store``, a folder or a ``Store``, the run is saved
    there: it is found instead of learned again, and a run that was interrupted continues from its last checkpoint, to
    the same numbers. The test curves get a point every ``test_every`` epochs, those of older tasks only every
    ``test_old_every``; the accuracy matrix is measured after every task all the same. What the process has set in
    PyTorch, such as ``torch.no_grad()`` or another default dtype, changes nothing. So many ``threads`` of the CPU
    compute it (None: its cores, at most 4); another number changes the last bits, and so is another run. With
    ``record="predictions"`` the run keeps what each test image was taken for at each of these moments, a byte per image
    (``run.curves``). ``callback`` is called with every event (``cl.events``); an error that it raises stops the run.

    Raises:
        ValueError: what cannot be learned, or cannot be saved in ``store``, before any time is spent.
        Diverged, OutOfMemory: with the run as far as it came.
    """
    from tqdm.auto import tqdm

    training = train(stream, recipe, seed, epochs, device, store, test_every, test_old_every, threads, record)
    with (
        closing(training) as events,
        tqdm(total=100, unit="%", disable=not progress, leave=False, bar_format="{l_bar}{bar}| {elapsed}") as bar,
    ):
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                return end.value
            if callback:
                callback(event)
            if isinstance(event, EpochDone | TaskDone):
                bar.set_description(f"{event.run.name}, task {event.task + 1} of {len(stream)}", refresh=False)
                bar.update(100 * event.progress - bar.n)


@checked
@isolated
def train(
    stream: Stream,
    recipe: Method,
    seed: Seed = 0,
    epochs: Count = None,
    device: Device = "auto",
    store: str | os.PathLike | Store | None = None,
    test_every: Every = 1,
    test_old_every: Every = 1,
    threads: Count = None,
    record: Record = None,
) -> Generator[Event, None, Run]:
    """The same as ``learn``, as a generator of events; its return value is the run. To stop, close it."""
    recipe, place = methods.get(recipe).with_epochs(epochs), choose_device(device)
    check(stream, recipe, place)
    begun = begin(stream, recipe, seed, place, threads or usual_threads(), (test_every, test_old_every), record)
    with slot_of(begun, store) as slot, explain_failure(slot.run, learn_epoch):
        run = slot.run
        if run.complete:
            return run
        network, states = restore(run, stream, run.seed)
        slot.check_space(size(network.state_dict().values()))
        tests, checkpoint = test_images(stream, place), slot.checkpoint()

        for task in stream[run.learned :]:
            # Before the task: the network grows, every part prepares, the teachers are made.
            current = TaskState(run, stream, task, network, states)
            if checkpoint:
                current = current.resumed(checkpoint, slot, stream)
                network, states, checkpoint = current.network, current.states, None
            yield TaskBegun(run, task.index, current.progress)

            for phase, epochs_of_phase in current.phases():
                for epoch in epochs_of_phase:
                    losses = yield from learn_epoch(current, phase, epoch)
                    # After the epoch: test on every task seen, record it, and save it all on disk now and then.
                    due_tests = due(tests, task.index, epoch, *run.tested)
                    known, unknown = after_epoch(network, due_tests, run, current.pool.originals, epoch)
                    run.curves.add_epoch(task.index, losses, known, unknown)
                    current.end_epoch(validation_accuracy(network, task, stream))
                    slot.keep(current.checkpoint)
                    yield EpochDone(run, task.index, current.progress, phase.name, epoch, known, unknown, network)

            # After the task: every part ends it, the network to test is made, and the run records it.
            check_weights(current)
            tested = current.end()
            run.end_task(tested, states, evaluate(tested, tests[: task.index + 1], run, current.exemplars))
            slot.save(run)
            yield TaskDone(run, task.index, current.progress)
    return run


def learn_epoch(current: TaskState, phase: Phase, epoch: int) -> Generator[Stepped, None, dict[str, Tensor]]:
    """An epoch: batches, loss, step. Returns each term's values at its steps (S,), on the CPU."""
    run, network, context = current.run, current.network, current.context
    states, teachers = current.states, current.teachers
    recipe, optimiser, terms = run.recipe, current.optimiser, current.terms
    schedule, hooks, task, progress = recipe.schedule, recipe.hooks, context.task, current.progress
    network.train_only(list(phase.rates))
    randomness = seeded if network.draws_random_numbers else nullcontext
    started = time.perf_counter()
    order = current.data.batches(schedule.batch_size, generator("order", run.seed, task, epoch))
    images, labels = current.data.images, current.data.labels
    if augmentation := schedule.augmentation_of(task):
        images = current.data.shown(augmentation, generator("crops", run.seed, task, epoch))
    for teacher in teachers.values():
        teacher.record_epoch(images, current.data.chosen)
    run.seconds["train"] += time.perf_counter() - started
    history = []
    for step, (places, tasks) in enumerate(order):
        started = time.perf_counter()
        key = ("step", run.seed, task, epoch, step)
        seen = images[places], labels[places], places, tasks
        marks = None if current.data.marks is None else current.data.marks[places][:, : len(current.columns)]
        batch = Batch(context, *seen, current.columns, recipe.heads, teachers, key, marks)
        with randomness(key):
            losses = {name: weighted(weight, term(batch, states[name])) for name, (weight, term) in terms.items()}
            batch.beside = [losses[name] for name, (_, term) in terms.items() if not term.learns_labels]
            for name, part in hooks["before_backward"].items():
                part.before_backward(batch, states[name])
            loss = reduce(add, losses.values())
            if loss.requires_grad:  # a batch of old images has no answer for a new head that learns alone
                loss.backward()
            for name, part in hooks["before_update"].items():
                part.before_update(batch, states[name])
            optimiser.clip_gradients()
            if schedule.noise:
                step_of_task, noise_key = run.updates - current.first_update, ("noise", run.seed, task)
                schedule.noise.add(optimiser.clipped(), step_of_task, len(places), noise_key, epoch)
            optimiser.step()
        for name, part in hooks["after_update"].items():
            part.after_update(batch, states[name])
        history.append({name: value.detach() for name, value in losses.items()})
        run.updates += 1
        run.seconds["train"] += time.perf_counter() - started
        yield Stepped(run, task, progress, phase.name, epoch, history[-1])
    started = time.perf_counter()
    collected = collect(history, current, epoch)  # a GPU catches up here
    run.seconds["train"] += time.perf_counter() - started
    return collected


def check(stream: Stream, recipe: Recipe, place: torch.device | None = None) -> None:
    """Refuse what cannot be learned, or has no room in the memory of ``place``, before any time is spent on it."""
    for task in stream:
        if len(task.train) and not all(terms for _, _, terms in recipe.plan(task.index)):
            raise ValueError(f"No term of {recipe.loss!r} acts in task {task.index}: add CrossEntropy().")
    for part in (recipe.network, *recipe.parts.values()):
        if stream.multilabel and not part.takes_several_labels:
            raise ValueError(
                f"Images of this stream have several labels, and {shown(part)} takes one: use "
                "cl.methods.for_several_labels(recipe) of a method such as lwf, finetune or joint."
            )
        part.check(stream)
    for task in stream[1:]:
        if len(task.train) == 0:
            raise ValueError(
                f"Task {task.index} has no training images; only the first task of a stream may have none."
            )
    unwatched = [task.index for task in stream if len(task.train) and not len(task.validation)]
    if recipe.schedule.patience is not None and unwatched:
        raise ValueError(
            f"patience watches the validation accuracy, and task {unwatched[0]} has no validation images: "
            "make the stream with validation=0.1."
        )
    check_room(stream, recipe, place, rehearse(stream, recipe))


def test_images(stream: Stream, place: torch.device) -> list[tuple[Tensor, Tensor]]:
    """Each task's test images, on the device where they have room, and their labels as columns of the logits: (N,), or
    (N, classes) bool where images have several."""
    home, tests = place_of_tests(stream, place), [task.test for task in stream]
    labels = [stream.positions(t.labels) if t.marks is None else in_columns(t.marks, stream.classes) for t in tests]
    return [(test.images.to(home), own) for test, own in zip(tests, labels, strict=True)]


def begin(
    stream: Stream,
    recipe: Recipe,
    seed: int,
    place: torch.device,
    threads: int,
    tested: tuple[int, int],
    record: str | None = None,
) -> Run:
    """The run before its first task; ``tested``: how often its curves get a point, on the task's and on older ones."""
    classes = len(stream.classes)
    if record and stream.multilabel:
        raise ValueError("record keeps one class for each image, and images of this stream have several labels.")
    if record and classes > MOST_CLASSES:
        raise ValueError(f"record keeps a byte per prediction: at most {MOST_CLASSES} classes, not {classes}.")
    return Run(
        recipe=recipe,
        seed=seed,
        device=str(place),
        threads=threads,
        tested=tested,
        record=record,
        stream_code=stream.code,
        class_names=tuple(stream.class_names),
        tasks=tuple(task.classes for task in stream),
        test_sizes=tuple(len(task.test) for task in stream),
        image_shape=stream.image_shape,
        fingerprint=stream.fingerprint,
    )


def weighted(weight: float, value: Tensor) -> Tensor:
    """A multiplication by one, and its backward pass, would cost every step two operations."""
    return value if weight == 1 else weight * value
