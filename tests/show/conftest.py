"""Invented runs, networks and streams, whose numbers are known; and what a reader must be able to read."""

import base64
import re
from types import SimpleNamespace

import matplotlib.text
import numpy as np
import pytest
import torch
from matplotlib.lines import Line2D

from cltutor.networks import DFCNN, TaskCNN
from cltutor.runs.run import Run
from cltutor.streams import Split, Stream, Task


class FakeRecipe(SimpleNamespace):
    """A recipe whose repr is code, and whose loss has no part that a task of one class makes constant."""

    def plan(self, task: int) -> list:
        return []


class FakeRun(Run):
    """The part of a run that figures use."""

    name = competes = None
    __eq__, __hash__, __repr__ = object.__eq__, object.__hash__, object.__repr__

    def __init__(self, **given) -> None:
        vars(self).update(given)

    @property
    def complete(self) -> bool:
        return self.learned == len(self.tasks)

    @property
    def learned(self) -> int:
        return int(np.isfinite(self.known).any(axis=1).sum())

    def accuracy(self, known_task=True, untrained=False, top=1) -> np.ndarray:
        if not known_task and not self.competes and not untrained:
            raise ValueError("never trained to compete")
        return (self.known if known_task else self.unknown).copy()


def _curves(rng, tasks, epochs, learned, loss, scale):
    """Accuracies (E, T) that rise while a task is learned and fall by `loss` with each later task."""
    rows = np.full((learned * epochs, tasks), np.nan)
    for row, (now, epoch) in zip(rows, np.ndindex(learned, epochs), strict=True):
        for t in range(now + 1):
            rise = 1 - 0.5 * np.exp(-2.0 * (epoch + 1)) if t == now else 1.0
            fall = loss * (now - t - 1 + (epoch + 1) / epochs) if t < now else 0.0
            row[t] = np.clip(scale * (rise - fall) + rng.normal(0, 0.01), 0, 1)
    return rows


def _predictions(rng, curves, tasks, classes, epochs, images):
    """What each test image was taken for after every epoch and task; wrong ones for any other of its task's classes."""
    at = [(t, e + 1 if e < epochs else -1) for t in range(len(curves[0]) // epochs) for e in range(epochs + 1)]
    found = [np.full((len(at), tasks * classes * images), 255, np.uint8) for _ in curves]
    labels = np.arange(tasks * classes).repeat(images)
    for taken, curve in zip(found, curves, strict=True):
        for row, (task, epoch) in zip(taken, at, strict=True):
            accuracy = curve[task * epochs + (epoch if epoch > 0 else epochs) - 1][labels // classes]
            wrong = labels // classes * classes + (labels + 1) % classes
            guess = np.where(rng.random(len(labels)) < np.nan_to_num(accuracy), labels, wrong)
            row[:] = np.where(np.isnan(accuracy), 255, guess)
    kept = slice(None if images else 0)
    found = [*found, np.array(at, dtype=np.int64)]
    return {f"predicted_{name}": one[kept] for name, one in zip(("known", "unknown", "at"), found, strict=True)}


def make_run(
    name="finetune", seed=0, tasks=3, classes=2, epochs=4, learned=None, loss=0.1, competes=False, names=None, **options
):
    """A run whose numbers depend on its arguments only; options: temperature, per_epoch, steps (per task), record (of
    how many test images of each class the predictions are kept)."""
    rng = np.random.default_rng([seed, len(name), tasks])
    learned = tasks if learned is None else learned
    steps = options.get("steps", 30)
    curves = [_curves(rng, tasks, epochs, learned, *sizes) for sizes in ((loss, 1.0), (2 * loss + 0.1, 0.9))]
    matrices = np.full((2, tasks, tasks), np.nan)
    matrices[:, :learned] = [curve[epochs - 1 :: epochs] for curve in curves]
    kept = slice(None if options.get("per_epoch", True) else 0)
    step_task = np.repeat(np.arange(learned), steps)
    raw = np.exp(-np.tile(np.arange(steps), learned) / steps * 4) + rng.uniform(0, 0.2, len(step_task))
    terms = {"cross_entropy": raw, "distillation": np.where(step_task > 0, 0.3 * raw + 0.1, np.nan)}
    return FakeRun(
        name=name,
        seed=seed,
        recipe=FakeRecipe(schedule=SimpleNamespace(epochs=epochs), temperature=options.get("temperature", 2.0)),
        competes=competes,
        tasks=tuple(tuple(range(t * classes, (t + 1) * classes)) for t in range(tasks)),
        class_names=tuple(names or map(str, range(tasks * classes))),
        known=matrices[0],
        unknown=matrices[1],
        curves=SimpleNamespace(
            loss=terms,
            step_task=step_task,
            known=curves[0][kept],
            unknown=curves[1][kept],
            epoch_task=np.repeat(np.arange(learned), epochs)[kept],
            **_predictions(rng, curves, tasks, classes, epochs, options.get("record", 0)),
        ),
    )


def make_network(channels=4, inputs=3, outputs=5):
    """A DF-CNN of one convolution that has learned three tasks."""
    torch.manual_seed(0)
    network = DFCNN(TaskCNN((outputs,)), ((2, channels),), ((3, channels),), bias=False).build((inputs, 8, 8))
    for _ in range(3):
        network.grow(2)
    return network.requires_grad_(False)


def make_stream(classes=(2, 2), shapes=((3, 16, 16),), empty_first=False, names="class {}"):
    """Tasks whose images are all of one grey: 10 times the label, plus the image's number."""
    tasks, labels = [], iter(range(sum(classes)))
    for index, count in enumerate(classes):
        own = [next(labels) for _ in range(count)]
        shape = shapes[index % len(shapes)]
        grey = torch.tensor([(10 * k + i) % 256 for k in own for i in range(5)], dtype=torch.uint8)
        full = Split(grey[:, None, None, None].expand(-1, *shape), torch.tensor(own).repeat_interleave(5))
        train = Split.empty(shape) if empty_first and index == 0 else full
        tasks.append(Task(index, tuple(own), train, Split.empty(shape), full))
    return Stream(tasks, [names.format(label) for label in range(sum(classes))], "greys", "greys()")


def check_readable(picture) -> None:
    """Nothing is clipped, no two texts overlap, no text is smaller than 10 pt, and there is alternative text."""
    renderer = picture.canvas.get_renderer()
    picture.draw_without_rendering()
    box, (width, height) = picture.get_tightbbox(renderer), picture.get_size_inches()
    assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0, "clipped"
    hidden = _tick_labels(picture, drawn=False) - _tick_labels(picture, drawn=True)
    found = picture.findobj(matplotlib.text.Text)
    shown = [text for text in found if text.get_visible() and text.get_text().strip() and id(text) not in hidden]
    assert min(text.get_fontsize() for text in shown) >= 10
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in shown]
    for i, (words, one) in enumerate(boxes):
        for other_words, other in boxes[i + 1 :]:
            apart = max(one.x0 - other.x1, other.x0 - one.x1, one.y0 - other.y1, other.y0 - one.y1)
            assert apart >= -1, f"{words!r} and {other_words!r} overlap"
    assert picture.alt.endswith(".")
    assert "\n" not in picture.alt
    assert "nan" not in picture.alt


def _tick_labels(picture, drawn: bool) -> set[int]:
    """matplotlib keeps tick labels that it does not draw, such as those out of view."""
    axes = [axis for axes in picture.axes for axis in (axes.xaxis, axes.yaxis)]
    ticks = [tick for axis in axes for tick in (axis._update_ticks() if drawn else axis.majorTicks)]
    return {id(label) for tick in ticks for label in (tick.label1, tick.label2)}


def read_spots(drawing, frame: int | None = None) -> list[str]:
    """The words of every spot of a drawing in a frame, its first by default, put together as touch.js does it."""
    read = []
    names, start = drawing["frames"]["names"], drawing["frames"]["start"] if frame is None else frame
    for one in drawing["spots"]:
        for i in range(one["shape"][0] * one["shape"][1]):
            words = [_word(i, start, *column) for column in one["columns"]]
            if None not in words:
                read.append(re.sub(r"\{(\d+)\}", lambda field, words=words: words[int(field[1])], one["words"]))
                read[-1] = read[-1].replace("{frame}", names[start] if names else "")
    return read


def _word(i, start, every, words, frames=None):
    """A word of the frame that is shown first."""
    if frames:
        return words[base64.b64decode([frame for frame in frames[: start + 1] if frame][-1])[i]]
    return words[i // every % len(words)]


@pytest.fixture
def run():
    return make_run


@pytest.fixture
def read():
    """The words of every spot of a picture."""
    return lambda picture, frame=None: read_spots(picture.drawing()["drawings"][0], frame)


@pytest.fixture
def make():
    return SimpleNamespace(run=make_run, network=make_network, stream=make_stream)


@pytest.fixture
def readable():
    return check_readable


@pytest.fixture
def texts():
    """The words written on a picture, without those of its axes."""
    return lambda picture: [text.get_text() for text in picture.texts]


@pytest.fixture
def legend():
    """The labels of a picture's legend."""
    return lambda picture: [text.get_text() for text in picture.legends[0].get_texts()]


@pytest.fixture
def artists():
    """The artists of a kind in a picture or axes, of one label if it is given."""

    def find(where, kind=Line2D, label=None):
        return [one for one in where.get_children() if isinstance(one, kind) and label in (None, one.get_label())]

    return find
