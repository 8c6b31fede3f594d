"""The one training loop: learns a stream with a recipe and yields an event at every step, epoch and task.

``train`` reads top to bottom as continual learning does: before a task, phases, epochs, batches, loss, step, after a
task, evaluation. Nothing else in cltutor trains anything, and no method is named here.
"""

import copy
import time
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial, reduce
from operator import add, index

import torch
from torch import Tensor

from . import methods
from .attention import last_block
from .evaluation import task_of
from .events import Diverged, EpochDone, Event, Stepped, TaskBegun, TaskDone
from .losses.terms import Batch, Context, Term
from .memory import Pool, pool_of
from .networks import Network
from .optimiser import OPTIMISERS, Optimiser, Pace
from .predicting import Exemplars
from .recipe import Phase, Recipe, Schedule
from .run import Run
from .seeds import generator, seeded
from .store import Store
from .streams import Stream
from .teachers import make_teachers
from .testing import due, evaluate, validation_accuracy


def learn(
    stream: Stream,
    recipe: Recipe | str,
    seed: int = 0,
    epochs: int | None = None,
    device: str = "auto",
    store: str | None = None,
    progress: bool = True,
    test_every: int = 1,
    test_old_every: int = 1,
) -> Run:
    """Learn ``stream`` task by task with ``recipe`` (or a method's name) and return the run.

    ``epochs`` a task replaces the recipe's own. ``device`` is "auto" (the GPU if there is one), "cpu" or "cuda".
    With ``store``, a folder, finished tasks are kept there and a run that was cut short goes on after them. The test
    curves get a point every ``test_every`` epochs, those of older tasks only every ``test_old_every``; the accuracy
    matrix is measured after every task all the same.
    """
    from tqdm.auto import tqdm

    events = train(stream, recipe, seed, epochs, device, store, test_every, test_old_every)
    with tqdm(total=100, unit="%", disable=not progress, leave=False, bar_format="{l_bar}{bar}| {elapsed}") as bar:
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                return end.value
            if isinstance(event, EpochDone | TaskDone):
                bar.set_description(f"{event.run.name}, task {event.task + 1} of {len(stream)}", refresh=False)
                bar.update(100 * event.progress - bar.n)


def train(
    stream: Stream,
    recipe: Recipe | str,
    seed: int = 0,
    epochs: int | None = None,
    device: str = "auto",
    store: str | None = None,
    test_every: int = 1,
    test_old_every: int = 1,
) -> Iterator[Event]:
    """The same as ``learn``, as a generator of events; its return value is the run. Stop by not asking for more."""
    recipe, seed = methods.get(recipe).with_epochs(epochs), index(seed)
    schedule, place = recipe.schedule, choose_device(device)
    check(stream, recipe)
    run = begin(stream, recipe, seed, place)
    if store is not None:
        run = Store(store).find(run)
    network, kept = restore(run, stream, seed)
    parts = recipe.parts
    tests = [(task.test.images.to(place), stream.positions(task.test.labels)) for task in stream]

    for task in stream[run.learned :]:
        # Before the task: the network grows, every part prepares, the teachers are set down.
        with seeded(("head", seed, task.index)):
            network.grow(len(task.classes), [stream.class_names[label] for label in task.classes])
        network.to(place, memory_format=torch.channels_last)  # the small CNN learns 1.4 times as fast so
        context = Context(network, task.index, recipe.heads, task, seed=seed)
        for name, part in parts.items():
            part.begin_task(context, kept[name])
        pool = draw_pool(stream, recipe, task.index, place, kept, seed)
        context.watched = watched_layer(network, pool, asking := recipe.asking(task.index))
        changing, before, columns = schedule.changes_images, run.updates, task_of(network)
        teachers = make_teachers("task", asking, lambda: run.model, pool, context.watched, changing)
        yield TaskBegun(run, task.index, progress := task.index / len(stream))

        for phase, epochs_of_phase in schedule.phases(task.index):
            network.begin_phase(phase.name, task.train.images, context.own_columns)
            optimiser, pace = make_optimiser(network, phase, schedule), Pace(schedule.patience, schedule.drop_every)
            terms = recipe.terms(phase, task.index)
            asking, snapshot = [term for _, term in terms.values()], partial(copy.deepcopy, network)
            teachers |= make_teachers("phase", asking, snapshot, pool, context.watched, changing)
            data = recipe.memory.balanced(pool, context, kept["memory"]) if phase.balanced else pool
            warn_of_overshoot(recipe, phase, sum(w * term.curvature(kept[name]) for name, (w, term) in terms.items()))
            randomness = seeded if network.draws_random_numbers else nullcontext
            for epoch in epochs_of_phase:
                # An epoch: batches, loss, step.
                network.train_only(phase.rates)
                started = time.perf_counter()
                order = data.batches(schedule.batch_size, generator("order", seed, task.index, epoch))
                images = data.shown(schedule.augmentation, generator("crops", seed, task.index, epoch))
                for teacher in teachers.values():
                    teacher.listen(images, data.chosen)
                run.seconds["train"] += time.perf_counter() - started
                history = []
                for step, (places, tasks) in enumerate(order):
                    started = time.perf_counter()
                    own, labels = images[places], pool.labels[places]
                    batch = Batch(context, own, labels, places, tasks, columns, recipe.heads, teachers)
                    with randomness(("step", seed, task.index, epoch, step)):
                        losses = {name: weighted(w, term(batch, kept[name])) for name, (w, term) in terms.items()}
                        reduce(add, losses.values()).backward()
                        for name, part in parts.items():
                            part.before_step(context, kept[name])
                        optimiser.clip_gradients()
                        if schedule.noise:
                            step_of_task, key = run.updates - before, ("noise", seed, task.index)
                            schedule.noise.add(optimiser.gradients, step_of_task, len(places), key)
                        optimiser.step()
                    for name, part in parts.items():
                        part.after_step(context, kept[name])
                    history.append({name: value.detach() for name, value in losses.items()})
                    run.updates += 1
                    run.seconds["train"] += time.perf_counter() - started
                    yield Stepped(run, task.index, progress, phase.name, epoch, history[-1])

                # After the epoch: write the losses down (a GPU catches up here), test on every task seen.
                started = time.perf_counter()
                losses = collect(history, run, task.index)
                run.seconds["train"] += time.perf_counter() - started
                rows = evaluate(network, due(tests, task.index, epoch, test_every, test_old_every), run, pool.originals)
                known, unknown = rows["known_top1"], rows["unknown_top1"]
                run.curves.add_epoch(task.index, losses, known, unknown)
                if pace.slows(validation_accuracy(network, task, stream)):
                    optimiser.slow_down(10)
                progress = (task.index + (epoch + 1) / schedule.epochs) / len(stream)
                yield EpochDone(run, task.index, progress, phase.name, epoch, known, unknown, network)

        # After the task: every part ends it, and the run writes it down.
        for name, part in parts.items():
            part.end_task(context, kept[name])
        tested = recipe.merge.tested(network, kept["merge"])
        rows = evaluate(tested, tests[: task.index + 1], run, exemplars_of(recipe, pool, kept), whole=True)
        run.end_task(tested, kept, rows)
        if store is not None:
            Store(store).save(run)
        yield TaskDone(run, task.index, progress)
    return run


def choose_device(device: str) -> torch.device:
    """ "auto" is the GPU if there is one; on a GPU, convolutions are asked to be deterministic."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    place = torch.device(device)
    if place.type == "cuda":
        if not torch.cuda.is_available():
            raise ValueError('PyTorch sees no GPU here: use device="cpu" or device="auto".')
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    return place


def check(stream: Stream, recipe: Recipe) -> None:
    """Refuse what cannot be learned before any time is spent on it."""
    for task in stream:
        silent = [phase for phase, _ in recipe.schedule.phases(task.index) if not recipe.terms(phase, task.index)]
        if len(task.train) and silent:
            raise ValueError(f"No term of {recipe.loss!r} acts in task {task.index}: add CrossEntropy().")
    if recipe.memory:
        recipe.memory.check(stream)
    for task in stream[1:]:
        if len(task.train) == 0:
            raise ValueError(
                f"Task {task.index} has no training images; only the first task of a stream may have none."
            )
    if recipe.schedule.patience is not None and any(len(task.validation) == 0 for task in stream[1:]):
        raise ValueError(
            "patience watches the validation accuracy, and this stream has no validation images: "
            "make it with validation=0.1."
        )


def begin(stream: Stream, recipe: Recipe, seed: int, place: torch.device) -> Run:
    return Run(
        recipe=recipe,
        seed=seed,
        device=str(place),
        stream_code=stream.code,
        class_names=tuple(stream.class_names),
        tasks=tuple(task.classes for task in stream),
        test_sizes=tuple(len(task.test) for task in stream),
        image_shape=tuple(stream.image_shape),
        fingerprint=stream.fingerprint,
    )


def restore(run: Run, stream: Stream, seed: int) -> tuple[Network, dict[str, dict[str, Tensor]]]:
    """The network to go on with, and what the parts remember: new ones, or those of the last task learned."""
    if run.learned:
        place = torch.device(run.device)
        held = {part: {k: v.to(place) for k, v in values.items()} for part, values in run.kept.items()}
        kept = {name: held.get(name, {}) for name in run.recipe.parts}
        return run.recipe.merge.trained(run.model, kept["merge"]), kept
    with seeded(("network", seed)):
        network = run.recipe.network.build(run.image_shape)
    network.normalise_like(stream[0].train.images)
    return network, {name: {} for name in run.recipe.parts}


def draw_pool(stream: Stream, recipe: Recipe, task: int, place: torch.device, kept: dict, seed: int) -> Pool:
    """The images to train on: the task's own, or what the memory makes of them, and their variants."""
    memory, augmentation = recipe.memory, recipe.schedule.augmentation
    pool = memory.pool(stream, task, place, kept["memory"]) if memory else pool_of(stream, [task], place)
    return pool.enlarged(augmentation, generator("variants", seed, task)) if augmentation else pool


def weighted(weight: float, value: Tensor) -> Tensor:
    """A multiplication by one, and its way back, would cost every step two operations."""
    return value if weight == 1 else weight * value


def exemplars_of(recipe: Recipe, pool: Pool, kept: dict) -> Exemplars:
    """What a memory holds of every class, for whoever answers by it."""
    return lambda: recipe.memory.exemplars(pool, kept["memory"])


def watched_layer(network: Network, pool: Pool, terms: list[Term]) -> str | None:
    """The layer whose maps some term asks for: the last block."""
    return last_block(network, pool.images[:1]) if any(term.reads_maps for term in terms) else None


def make_optimiser(network: Network, phase: Phase, schedule: Schedule) -> Optimiser:
    """The schedule's optimiser over the parameters that learn in this phase, each role at its multiple of the rate."""
    network.train_only(phase.rates)
    groups = [
        (network.parameters_of(role), multiple * schedule.learning_rate) for role, multiple in phase.rates.items()
    ]
    if not any(parameters for parameters, _ in groups):
        raise ValueError(f"Phase {phase.name!r} trains {', '.join(phase.rates)} parameters, and this network has none.")
    return OPTIMISERS[schedule.optimiser](groups, schedule.momentum, schedule.weight_decay, schedule.clip)


def warn_of_overshoot(recipe: Recipe, phase: Phase, curvature: float) -> None:
    """Say before training that a pull is stiffer than gradient descent with momentum can follow (Polyak 1964)."""
    schedule = recipe.schedule
    stiffness = schedule.learning_rate * phase.rates.get("shared", 0.0) * curvature
    bound = 2 * (1 + schedule.momentum)
    if stiffness > bound:
        warnings.warn(
            f"{recipe.name}: rate x curvature of the anchor is {stiffness:.3g}; above {bound:.3g} steps overshoot, "
            f"held by clipping alone: lower lam or learning_rate {stiffness / bound:.2g} times.",
            stacklevel=3,
        )


def collect(history: list[dict[str, Tensor]], run: Run, task: int) -> dict[str, Tensor]:
    """The epoch's losses on the CPU, (steps,) each; a loss that is no number any more ends the run in one sentence."""
    if not history:
        return {}
    losses = {name: torch.stack([step[name] for step in history]).cpu() for name in history[0]}
    for name, values in losses.items():
        if not values.isfinite().all():
            rate = run.recipe.schedule.learning_rate
            raise Diverged(
                f"{name} became infinite in task {task} of {run.name}: lower learning_rate={rate:g} or its weight."
            )
    return losses
