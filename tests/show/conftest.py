"""Runs made up for pictures: every number is known, nothing is trained."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import matplotlib.text
import numpy as np
import pytest


@dataclass(frozen=True)
class FakeSchedule:
    epochs: int


@dataclass(frozen=True)
class FakeRecipe:
    name: str
    schedule: FakeSchedule
    temperature: float


@dataclass
class FakeRun:
    """What the pictures ask of a run."""

    name: str
    seed: int
    recipe: FakeRecipe
    competes: bool
    tasks: tuple[tuple[int, ...], ...]
    class_names: tuple[str, ...]
    known: np.ndarray
    unknown: np.ndarray
    curves: SimpleNamespace = field(repr=False)

    @property
    def complete(self) -> bool:
        return bool(np.isfinite(self.known[-1]).any())

    def accuracy(self, known_task=True, untrained=False, top=1) -> np.ndarray:
        if not known_task and not self.competes and not untrained:
            raise ValueError("never trained to compete")
        return (self.known if known_task else self.unknown).copy()


def _curves(rng, tasks, epochs, learned, loss, scale):
    """Accuracies (E, T) that rise while a task is learned and fall by `loss` a task after it."""
    rows, learning = [], []
    for now in range(learned):
        for epoch in range(1, epochs + 1):
            row = np.full(tasks, np.nan)
            for t in range(now + 1):
                rise = 1 - 0.5 * np.exp(-2.0 * epoch) if t == now else 1.0
                fall = loss * (now - t - 1 + epoch / epochs) if t < now else 0.0
                row[t] = np.clip(scale * (rise - fall) + rng.normal(0, 0.01), 0, 1)
            rows.append(row)
            learning.append(now)
    return np.reshape(rows, (-1, tasks)), np.array(learning, dtype=np.int64)


def make_run(
    name="finetune",
    seed=0,
    tasks=3,
    classes=2,
    epochs=4,
    learned=None,
    loss=0.1,
    competes=False,
    names=None,
    temperature=2.0,
    per_epoch=True,
    steps=30,
):
    """A run whose numbers depend on its arguments only."""
    rng = np.random.default_rng([seed, len(name), tasks])
    learned = tasks if learned is None else learned
    known, epoch_task = _curves(rng, tasks, epochs, learned, loss, 1.0)
    unknown, _ = _curves(rng, tasks, epochs, learned, 2 * loss + 0.1, 0.9)
    matrices = []
    for curve in (known, unknown):
        matrix = np.full((tasks, tasks), np.nan)
        matrix[:learned] = curve[epochs - 1 :: epochs]
        matrices.append(matrix)
    if not per_epoch:
        known, unknown, epoch_task = known[:0], unknown[:0], epoch_task[:0]
    step_task = np.repeat(np.arange(learned), steps)
    decay = np.exp(-np.tile(np.arange(steps), learned) / steps * 4)
    raw = decay + rng.uniform(0, 0.2, len(step_task))
    terms = {
        "cross_entropy": raw,
        "distillation": np.where(step_task > 0, 0.3 * raw + 0.1, np.nan),
    }
    return FakeRun(
        name=name,
        seed=seed,
        recipe=FakeRecipe(name, FakeSchedule(epochs), temperature),
        competes=competes,
        tasks=tuple(tuple(range(t * classes, (t + 1) * classes)) for t in range(tasks)),
        class_names=tuple(names or map(str, range(tasks * classes))),
        known=matrices[0],
        unknown=matrices[1],
        curves=SimpleNamespace(loss=terms, step_task=step_task, known=known, unknown=unknown, epoch_task=epoch_task),
    )


def check_readable(picture) -> None:
    """Nothing is clipped, no two texts overlap, nothing is smaller than 10 pt, and it is told."""
    renderer = picture.canvas.get_renderer()
    picture.canvas.draw()
    box, (width, height) = picture.get_tightbbox(renderer), picture.get_size_inches()
    assert box.x0 >= 0
    assert box.y0 >= 0
    assert box.x1 <= width
    assert box.y1 <= height
    hidden = _tick_labels(picture, drawn=False) - _tick_labels(picture, drawn=True)
    shown = [
        text
        for text in picture.findobj(matplotlib.text.Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]
    shown = [
        text
        for text in shown
        if text.axes is None or text.axes.axison or text not in (text.axes.xaxis.label, text.axes.yaxis.label)
    ]
    assert shown
    assert min(text.get_fontsize() for text in shown) >= 10
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in shown]
    for i, (words, one) in enumerate(boxes):
        for other_words, other in boxes[i + 1 :]:
            apart = one.x1 <= other.x0 + 1 or other.x1 <= one.x0 + 1 or one.y1 <= other.y0 + 1 or other.y1 <= one.y0 + 1
            assert apart, f"{words!r} and {other_words!r} overlap"
    assert picture.alt.endswith(".")
    assert "\n" not in picture.alt
    assert "nan" not in picture.alt


def _tick_labels(picture, drawn: bool) -> set[int]:
    """matplotlib keeps tick labels that it does not draw: out of view, or of a hidden axis."""
    found = set()
    for axes in picture.axes:
        for axis in (axes.xaxis, axes.yaxis):
            shown = axes.axison and axis.get_visible()
            ticks = (axis._update_ticks() if shown else []) if drawn else axis.majorTicks
            found |= {id(label) for tick in ticks for label in (tick.label1, tick.label2)}
    return found


@pytest.fixture
def run():
    return make_run


@pytest.fixture
def readable():
    return check_readable
