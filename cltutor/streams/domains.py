"""Domain-incremental streams: the same classes in every task, and images that change from task to task."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..checked import checked
from ..describe import Choice, Whole
from . import drawing
from .drawing import GROUND
from .grounds import LATTICE
from .report import Report
from .stream import Split, Stream, Task, check_memory

SAME = "one set of classes for all tasks, so that the task known and the task unknown at test are the same question"
GREY = torch.tensor([0.299, 0.587, 0.114])  # of red, green and blue (ITU-R BT.601)


def rotated(split: Split, task: int, tasks: int, seed: int) -> Split:
    """Turned counter-clockwise about the middle by ``task`` / ``tasks`` of 180 degrees, black where nothing was."""
    angle = np.pi * task / tasks
    turn = torch.tensor([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]], dtype=torch.float32)

    def turned(images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        aspect = torch.tensor([[1.0, height / width, 1.0], [width / height, 1.0, 1.0]])
        plane = functional.affine_grid((turn * aspect).expand(len(images), 2, 3), list(images.shape), False)
        return functional.grid_sample(images.float(), plane, align_corners=False)

    if not task or not len(split):
        return split
    masks = None if split.masks is None else turned(split.masks[:, None])[:, 0] > 0.5
    return replace(split, images=turned(split.images).round().to(torch.uint8), masks=masks)


def permuted(split: Split, task: int, tasks: int, seed: int) -> Split:
    """The pixels of every image in another order, the same for the whole task; the first task has its own."""
    height, width = split.images.shape[-2:]
    order = torch.from_numpy(np.random.default_rng([seed, task]).permutation(height * width))

    def moved(images: Tensor) -> Tensor:
        return images.flatten(-2)[..., order].reshape(images.shape)

    masks = None if split.masks is None else moved(split.masks)
    return replace(split, images=moved(split.images), masks=masks) if task else split


def on_grounds(split: Split, task: int, tasks: int, seed: int) -> Split:
    """The objects of ``masks`` on a ground whose pattern and palette belong to the task."""
    if split.masks is None and not len(split):
        return split
    if split.masks is None:
        raise ValueError(
            'change="grounds" needs the pixels of the objects, which streams.scenes(), facts() and several() have.'
        )
    count, _, height, width = split.images.shape
    draws = torch.from_numpy(np.random.default_rng([seed, task]).random((count, len(GROUND) + LATTICE**2), np.float32))
    ground = drawing.textured(task, draws, *drawing.plane(max(height, width)))[..., :height, :width]
    images = torch.where(split.masks[:, None], split.images, drawing.as_pixels(ground))
    return replace(split, images=images)


def coloured(split: Split, task: int, tasks: int, seed: int) -> Split:
    """RGB images in one colour, whose hue is the task's share of the circle; what was grey stays dark or light."""
    light = split.images.float()
    if light.shape[1] not in (1, 3):
        raise ValueError(f'change="colours" takes grey or RGB images, of 1 or 3 channels, not {light.shape[1]}.')
    light = light if light.shape[1] == 1 else (light * GREY.view(3, 1, 1)).sum(dim=1, keepdim=True)
    hue = torch.full((1, 1, 1), task / tasks)
    images = light * drawing.rgb(hue, 0.8, torch.ones(1, 1, 1))
    return replace(split, images=images.round().clamp(0, 255).to(torch.uint8))


CHANGES: dict[str, Callable[[Split, int, int, int], Split]] = {
    "rotations": rotated,
    "permutations": permuted,
    "grounds": on_grounds,
    "colours": coloured,
}


@checked(change=Choice(CHANGES), tasks=Whole(at_least=1), seed=Whole(at_least=0))
def domains(base: Stream, change: str = "rotations", tasks: int = 5, seed: int = 0) -> Stream:
    """All classes of ``base`` in every task, whose images are changed from task to task: domain-incremental learning.

    ``change``: "rotations", by a further ``180 / tasks`` degrees at each task; "permutations", another order of the
    pixels in each (permuted digits), drawn by ``seed``; "grounds", objects on another ground (`scenes`, `facts`,
    `several`);
    "colours", everything in another hue. The first task of rotations and permutations has the images as they are. Every
    task has all images of ``base``. The network has one head for all tasks and never grows, so that both evaluations,
    task known and unknown, are equal. ValueError for a change that the images do not allow.
    """
    check_memory(tasks * sum(len(part) for task in base for part in parts_of(task)), base.image_shape)
    whole = joined(base)
    found = [
        Task(task, whole.classes, *(CHANGES[change](part, task, tasks, seed) for part in parts_of(whole)))
        for task in range(tasks)
    ]
    drawn = f", seed={seed}" if seed else ""
    code = f"streams.domains(cl.{base.code}, change={change!r}, tasks={tasks}{drawn})"
    return same_classes(found, base.class_names, f"{base.name}, {change}", code, base.report)


def joined(base: Stream) -> Task:
    """All tasks of a stream as one."""
    sides = {tuple(task.test.images.shape[1:]) for task in base}
    if len(sides) > 1:
        raise ValueError(f"tasks that become one have images of one shape, not {', '.join(map(str, sorted(sides)))}.")
    return Task(0, base.classes, *(merged([parts_of(task)[part] for task in base]) for part in range(3)))


def parts_of(task: Task) -> tuple[Split, Split, Split]:
    return task.train, task.validation, task.test


def relabelled(split: Split, names: Sequence[str], among: Sequence[str]) -> Split:
    """A split whose labels, of ``names``, become those of the same names ``among`` others."""
    if split.marks is not None:
        raise ValueError("classes of images with several labels keep their numbers: take a stream of single labels.")
    places = torch.tensor([among.index(name) if name in among else -1 for name in names])
    return replace(split, labels=places[split.labels])


def merged(splits: Sequence[Split]) -> Split:
    """Splits as one, with masks if all have them."""
    masks, marks = (
        [part for split in splits if (part := getattr(split, name)) is not None] for name in ("masks", "marks")
    )
    return Split(
        torch.cat([split.images for split in splits]),
        torch.cat([split.labels for split in splits]),
        torch.cat(masks) if len(masks) == len(splits) else None,
        torch.cat(marks) if len(marks) == len(splits) else None,
    )


def same_classes(
    tasks: Sequence[Task], class_names: Sequence[str], name: str, code: str, report: Report | None = None
) -> Stream:
    """The stream of tasks that all have the same classes, which its report says; ValueError for other tasks."""
    for task in tasks:
        if set(task.classes) != set(tasks[0].classes):
            odd = min(set(task.classes) ^ set(tasks[0].classes))
            raise ValueError(
                f"domains have the same classes, and class {class_names[odd]!r} is not in both domain 0 and domain "
                f"{task.index}: leave it out with classes=."
            )
    report = Report() if report is None else copy.deepcopy(report)
    report.add("taken", SAME)
    return Stream(tasks, class_names, name, code, report, returning=True)
