"""What is measured on a run's networks, beyond the accuracies that every record has."""

from collections.abc import Callable
from functools import partial

import numpy as np

from ... import attention, importance
from ...evaluation.answers import accuracies, logits
from ...evaluation.retrieval import retrieval
from ...networks.network import Network
from ...runs.run import Run
from ...streams import Stream
from ...streams.facts import FACTS, units

SHARE = 0.3  # of each layer's shared weights, set to zero
DRAWS = 5  # of random weights
TERM = "AttentionDistillation"


def drift(stream: Stream, run: Run) -> float:
    """How far attention on the first task has moved from the first model's, as a mean over later tasks.

    Per image, the L1 distance of the Grad-CAM maps of its own class, on the first task's test images (LwM, eq. 6).
    """
    base = stream[0].test
    labels = stream.positions(base.labels)
    maps = [attention.grad_cam(run.model_after(task), base.images, labels) for task in range(len(stream))]
    return float(np.mean([attention.drift(maps[0], later).mean().item() for later in maps[1:]]))


def attention_at_first(stream: Stream, run: Run) -> float:
    """The attention loss at the first step of a task, without its weight, as a mean over the later tasks."""
    return float(np.mean([own[0] for own in _attention_losses(stream, run)]))


def attention_at_last(stream: Stream, run: Run) -> float:
    """The mean attention loss in the last epoch of a task, without its weight, as a mean over the later tasks."""
    epochs = run.recipe.schedule.epochs
    return float(np.mean([own[-(len(own) // epochs) :].mean() for own in _attention_losses(stream, run)]))


def _attention_losses(stream: Stream, run: Run) -> list[np.ndarray]:
    weight, _ = run.recipe.loss.named()[TERM]
    losses, tasks = run.curves.loss[TERM] / weight, run.curves.step_task
    return [losses[tasks == task] for task in range(1, len(stream))]


def lost(stream: Stream, run: Run, which: str) -> float:
    """Points of average accuracy lost with the ``which`` important 30 % of each layer's shared weights set to zero."""
    network, omega = run.model, importance.by_name(run.model, run.part_states["Anchor"]["importance"][0])
    tests = [(task.test.images, stream.positions(task.test.labels)) for task in stream]

    def accuracy(tested: Network) -> float:
        return 100 * float(np.mean(accuracies(tested, tests, (1,))["known_top1"]))

    seeds = range(DRAWS if which == "random" else 1)
    left = [accuracy(importance.damage(network, omega, SHARE, which, seed)) for seed in seeds]
    return accuracy(network) - float(np.mean(left))


def first_class_drop(stream: Stream, run: Run) -> float:
    """By how much the accuracy on the first class, among the classes of its task, has fallen at the end."""
    chosen = stream[0].test.labels == stream[0].classes[0]
    images, labels = stream[0].test.images[chosen], stream.positions(stream[0].test.labels[chosen])
    own = slice(len(stream[0].classes))
    then, now = (
        (logits(run.model_after(task), images)[:, own].argmax(1) == labels).double().mean().item()
        for task in (0, len(stream) - 1)
    )
    return 100 * (then - now)


def map_of(stream: Stream, run: Run, task: int) -> float:
    """MAP x 100 of a task's facts over its own images, at the end."""
    return 100 * float(retrieval(run, stream)["tasks"][task])  # type: ignore[index]


def map_all(stream: Stream, run: Run) -> float:
    return 100 * float(retrieval(run, stream)["all"])


def map_subset(stream: Stream, run: Run) -> float:
    return 100 * float(retrieval(run, stream, classes=subset())["classes"])


def subset() -> tuple[int, ...]:
    """The facts to keep: those that share subject and predicate with the first of all (MAS, Figure 7)."""
    start = units(FACTS[0])[:2]
    return tuple(label for label, fact in enumerate(FACTS) if units(fact)[:2] == start)


EXTRAS: dict[str, Callable[[Stream, Run], float]] = {
    "drift": drift,
    "attention at first": attention_at_first,
    "attention at last": attention_at_last,
    **{f"lost {which}": partial(lost, which=which) for which in ("least", "random", "most")},
    "first class drop": first_class_drop,
    **{f"map T{task + 1}": partial(map_of, task=task) for task in range(4)},
    "map all": map_all,
    "map subset": map_subset,
}
