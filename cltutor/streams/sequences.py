"""Streams made of streams: unlike ones in a row, classes that return, and boundaries that are not sharp."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.nn import functional

from ..checked import Many, checked
from ..describe import Choice, Kind, Real, Whole
from .domains import merged, parts_of, relabelled
from .stream import Split, Stream, Task, check_memory, firsts, sample

STREAMS = Many(Kind("a stream", lambda value: isinstance(value, Stream)), least=2)


@checked(streams=STREAMS, size=Whole(at_least=1, at_most=2**14, or_none=True))
def sequence(streams: Sequence[Stream], size: int | None = None) -> Stream:
    """The tasks of unlike streams one after the other (MAS, section 5.1: scenes, birds, flowers), as one stream.

    All images get one shape: squares of ``size`` pixels a side, None for the largest side of any, resized bilinearly;
    grey images become RGB where any stream is RGB. A class name that several streams have is written with its stream's
    name: "digits: 3". ValueError for other channels than 1 and 3, and for images without room in memory.
    """
    shapes = [task.test.images.shape[1:] for stream in streams for task in stream]
    if any(stream.multilabel for stream in streams):
        raise ValueError("a sequence is of streams with one label per image; these have several.")
    channels, side = max(shape[0] for shape in shapes), size or max(max(shape[1:]) for shape in shapes)
    if odd := {shape[0] for shape in shapes} - {1, 3}:
        raise ValueError(f"images of a sequence are grey or RGB, of 1 or 3 channels, not {min(odd)}.")
    check_memory(
        sum(len(part) for stream in streams for task in stream for part in parts_of(task)), (channels, side, side)
    )
    every = [name for stream in streams for name in stream.class_names]
    names, tasks = list[str](), list[Task]()
    for place, stream in enumerate(streams):
        first, twin = len(names), sum(other.name == stream.name for other in streams[:place])
        own = f"{stream.name}{f' {twin + 1}' if twin else ''}"
        names += [f"{own}: {name}" if every.count(name) > 1 else name for name in stream.class_names]
        for task in stream:
            parts = (shaped_alike(part, channels, side) for part in parts_of(task))
            moved = [replace(part, labels=part.labels + first) for part in parts]
            tasks.append(Task(len(tasks), tuple(label + first for label in task.classes), *moved))
    sized = f", size={size}" if size else ""
    code = f"streams.sequence([{', '.join(f'cl.{stream.code}' for stream in streams)}]{sized})"
    again = any(stream.returning for stream in streams)
    return Stream(tasks, names, ", ".join(stream.name for stream in streams), code, returning=again)


def shaped_alike(split: Split, channels: int, side: int) -> Split:
    """Images (N, channels, side, side), and masks of that size."""
    images, masks = split.images, split.masks
    if images.shape[1] < channels:
        images = images.expand(-1, channels, -1, -1)
    if tuple(images.shape[2:]) != (side, side):
        resized = functional.interpolate(images.float(), (side, side), mode="bilinear", antialias=True)
        images = resized.round().clamp(0, 255).to(torch.uint8)
        masks = None if masks is None else functional.interpolate(masks[:, None].float(), (side, side))[:, 0] > 0.5
    return Split(images.contiguous(), split.labels, masks)


@checked(tasks=Many(Whole(at_least=0), least=1), outputs=Choice(("same", "new")))
def returning(base: Stream, tasks: Sequence[int], outputs: str) -> Stream:
    """Tasks of ``base`` by their numbers, from 0, in the order in which they are learned; each may come several times.

    The training images of a task are divided evenly among its visits, and its test images come with each. A class that
    returns keeps its ``outputs`` of before ("same": no output is added), or gets "new" ones, as a class of its own
    that is named "3 (visit 2)". ValueError for a number of no task, and for more visits than a class has images.
    """
    if beyond := [task for task in tasks if task >= len(base)]:
        raise ValueError(f"{base.name} has {len(base)} tasks, counted from 0; there is no task {beyond[0]}.")
    order, names, found = [int(task) for task in tasks], list(base.class_names), list[Task]()
    for place, number in enumerate(order):
        visit, visits, task = order[:place].count(number), order.count(number), base[number]
        train, validation, test = (
            visited(task.train, visit, visits, task.classes, base.class_names),
            task.validation,
            task.test,
        )
        classes = task.classes
        if outputs == "new" and visit:
            own = {label: f"{base.class_names[label]} (visit {visit + 1})" for label in classes}
            names += own.values()
            known = [own.get(label, name) for label, name in enumerate(base.class_names)]
            train, validation, test = (relabelled(part, known, names) for part in (train, validation, test))
            classes = tuple(names.index(own[label]) for label in classes)
        found.append(Task(place, classes, train, validation, test))
    code = f"streams.returning(cl.{base.code}, {tuple(order)!r}, {outputs!r})"
    again = base.returning or outputs == "same" and len(set(order)) < len(order)
    return Stream(found, names, f"{base.name}, returning", code, base.report, again)


def visited(split: Split, visit: int, visits: int, classes: Sequence[int], names: Sequence[str]) -> Split:
    """The images of a split that come at one of several visits: of each class every so many-th; of images with several
    labels each goes to the visit that has fewest of its rarest class."""
    owners = torch.full((len(split),), -1)
    shown = {label: split.labels == label if split.marks is None else split.marks[:, label] for label in classes}
    for label, own in sorted(shown.items(), key=lambda item: int(item[1].sum())):
        counts = owners[own & (owners >= 0)].bincount(minlength=visits)
        for row in (own & (owners < 0)).nonzero().flatten().tolist():
            owners[row] = fewest = int(counts.argmin())
            counts[fewest] += 1
        if len(split) and not counts.all():
            few = int(own.sum())
            raise ValueError(f"class {names[label]!r} has {few} training images, too few for {visits} visits.")
    return split.take(owners == visit)


@checked(share=Real(above=0, below=1), seed=Whole(at_least=0))
def blurred(base: Stream, share: float = 0.2, seed: int = 0) -> Stream:
    """The stream without sharp boundaries: of every class a ``share`` of the training images comes later, divided
    evenly among the tasks that follow, beside their new classes.

    Which ones is drawn by ``seed``; at least one image of a class comes with its own task. Classes keep their outputs,
    and a task's test images are those of its own classes, as before. The last task keeps all its images.
    """
    late = list[list[Split]]([] for _ in base)
    found = list[Task]()
    for task in base:
        following = len(base) - task.index - 1
        moved = sample(task.train.labels, lambda n: min(n - 1, round(share * n)), seed)
        moved &= ~firsts(task.train, seed) & torch.tensor(following > 0)
        rest = task.train.take(moved)
        for step in range(following):
            late[task.index + 1 + step].append(rest.take(torch.arange(len(rest)) % following == step))
        train = merged([task.train.take(~moved), *late[task.index]])
        again = sorted({int(label) for split in late[task.index] for label in split.shown.unique()} - {*task.classes})
        found.append(replace(task, classes=(*task.classes, *again), train=train))
    code = f"streams.blurred(cl.{base.code}, {share!r}{f', seed={seed}' if seed else ''})"
    return Stream(found, base.class_names, f"{base.name}, blurred", code, base.report, returning=True)
