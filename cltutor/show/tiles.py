"""The forgetting wall: every test image, right or wrong, while the tasks are learned one after another."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from torch.nn import functional as F

from ..checked import checked
from ..runs.run import Run
from ..streams import Stream
from .matrix import fill_row
from .picture import FONT, Picture, grid, handle, headed, widest
from .probabilities import as_rgb
from .rules import Runs
from .runs import Method, NotMeasured, class_list, measured, methods, notes, percent, setting
from .spots import Played
from .style import FRAME, GROUND, INK, SHADE
from .transfer import task_look

TILE, WIDE, MOST = 0.2, 6.0, 600  # inches of a tile and of a row of them; tiles of a run, at most
CURVES, MATRIX, GAP = 2.7, 1.9, 0.62  # inches of the other two panels, and left of each
PIXELS = 24  # of a tile's side, at most
NOTHING, LAST = 255, 10**9  # the byte of an image that was not asked; "after the task" comes after all of its epochs
VEILS = (0, GROUND, 0.82), (1, SHADE, 1.0)  # of a wrong answer, and of none


@checked
def wall(runs: Runs, stream: Stream, known_task: bool = True) -> Picture:
    """The test images as tiles in rows of classes: clear where the network is right, veiled where it is wrong.

    Beside them, for each run, the accuracy of each task over time and the accuracy matrix. The slider moves all of them
    through the epochs and tasks; pointing at a tile marks its task and the moment in both, and moving along a curve
    moves the wall. Of more test images than fit, the first of each class are shown; accuracies are of all.

    Raises:
        ValueError: a run that recorded no predictions (``learn(..., record="predictions")``), or another stream's.
    """
    shown, missing = measured(methods(runs), known_task)
    named = [(run, f"{m.label}, seed {run.seed}" if len(m.runs) > 1 else m.label) for m in shown for run in m.runs]
    for run, _ in named:
        _check(run, stream)
    moments = sorted({_moment(row) for run, _ in named for row in run.curves.predicted_at.tolist()})
    places, own, tiles = _tiles(stream)
    names = [stream.class_names[label] for task in stream for label in task.classes]
    left, side = 0.25 + min(1.6, widest(names)), min(TILE, WIDE / places.shape[1])
    high, across = max(1.6, TILE * len(names)), max(3.0, side * places.shape[1])
    row, tasks = high + 0.6, range(len(stream))
    legend = {f"task {task + 1}": handle(task_look(task)) for task in tasks}
    words = "clear: right; faded: wrong; grey: not asked" + _counted(stream, places)
    width = left + across + 2 * GAP + CURVES + MATRIX + 0.15
    title = f"What the network makes of every test image, {setting(known_task)}"
    heading = [words, *notes([Method(m.label, m.runs[:1], m.look) for m in shown], known_task, missing, "*")]
    picture = headed(width, row * len(named) + 0.3, title, heading, legend)
    picture.frames(map(_named, moments), "moment")
    ends = []
    for number, (run, label) in enumerate(named):
        low = 0.6 + row * (len(named) - 1 - number)
        mark = "" if known_task or run.competes else "*"
        picture.write(left, low + high + 0.06, label + mark, FONT + 1, va="bottom")
        taken = _taken(run, moments, known_task)
        right = np.where(taken == NOTHING, np.nan, taken == own)
        which = np.repeat(tasks, [len(task.test) for task in stream])
        accuracy = np.array([[_mean(now[which == task]) for task in tasks] for now in right])
        box = (left, low + high - TILE * len(names), across, TILE * len(names))
        _put_tiles(picture, stream, (label, box, number), (places, own, tiles), taken)
        panels = left + across + GAP, left + across + 2 * GAP + CURVES
        below = ("after task", "on task") if number == len(named) - 1 else ("", "")
        _draw_curves(picture, picture.panel(panels[0], low, CURVES, high, below[0]), accuracy, label, number, moments)
        _draw_matrix(
            picture, picture.panel(panels[1], low, MATRIX, high, below[1]), accuracy, run, label, number, moments
        )
        ends.append(f"{label} ends with {percent(100 * _mean(right[-1]))} of them right")
    words = f"Wall of test images, {setting(known_task)}, right or wrong at {len(moments)} moments"
    picture.alt = f"{words}: {'; '.join(ends)}."
    return picture.instead(known_task, partial(wall, runs, stream))


def _check(run: Run, stream: Stream) -> None:
    images = sum(len(task.test) for task in stream)
    if not len(run.curves.predicted_at):
        raise ValueError(f'{run.name} recorded no predictions: give learn the argument record="predictions".')
    if run.curves.predicted_known.shape[1] != images or tuple(task.classes for task in stream) != tuple(run.tasks):
        raise ValueError(f"{stream.name} is not the stream that {run.name} has learned.")


def _moment(row: list[int]) -> tuple[int, int]:
    return row[0], LAST if row[1] < 0 else row[1]


def _named(moment: tuple[int, int]) -> str:
    task, epoch = moment
    return f"after task {task + 1}" if epoch == LAST else f"task {task + 1}, epoch {epoch}"


def _mean(right: np.ndarray) -> float:
    """The mean of what was asked, nan if nothing was."""
    return float(np.nanmean(right)) if np.isfinite(right).any() else np.nan


def _taken(run: Run, moments: list[tuple[int, int]], known_task: bool) -> np.ndarray:
    """(moments, images) what each was taken for at the run's last moment until each of these."""
    own = [_moment(row) for row in run.curves.predicted_at.tolist()]
    codes = run.curves.predicted_known if known_task else run.curves.predicted_unknown
    if (codes == NOTHING).all():
        raise NotMeasured(f"{run.name} recorded no predictions with the {setting(known_task)}.")
    last = [sum(moment <= now for moment in own) - 1 for now in moments]
    return np.where(np.array(last)[:, None] < 0, NOTHING, codes[last])


def _tiles(stream: Stream) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(classes, K) which test image each tile shows, -1: none; (N,) the images' columns; (N, S, S, 3) their pixels."""
    own = torch.cat([stream.positions(task.test.labels) for task in stream]).numpy()
    classes = len(stream.classes)
    most = max(4, min(int(WIDE / TILE), MOST // classes, int(np.bincount(own).max())))
    places = np.full((classes, most), -1)
    for column, tiles in enumerate(places):
        found = np.flatnonzero(own == column)[:most]
        tiles[: len(found)] = found
    images = [image for task in stream for image in task.test.images]
    side = min(PIXELS, max(max(task.test.images.shape[2:]) for task in stream))
    return places, own, np.stack([_square(image, side) for image in images])


def _square(image: torch.Tensor, side: int) -> np.ndarray:
    """An image (C, H, W) in the middle of a square (S, S, 3)."""
    high, wide = image.shape[1:]
    across, down = max(0, high - wide), max(0, wide - high)
    padded = F.pad(image.float(), (across // 2, across - across // 2, down // 2, down - down // 2))
    small = F.interpolate(padded[None], (side, side), mode="area")[0]
    return as_rgb(small.round().byte().numpy())


def _counted(stream: Stream, places: np.ndarray) -> str:
    most = max(int((task.test.labels == label).sum()) for task in stream for label in task.classes)
    return f"; the first {places.shape[1]} of up to {most} images of a class" if most > places.shape[1] else ""


def _put_tiles(picture: Picture, stream: Stream, where: tuple, shown: tuple, taken: np.ndarray) -> None:
    """The tiles of one run with their names, spots and veils."""
    (label, box, number), (places, own, tiles) = where, shown
    (left, low, width, high), (rows, columns), side = box, places.shape, tiles.shape[1]
    names = [stream.class_names[label] for task in stream for label in task.classes]
    for row, name in enumerate(names):
        picture.write(left - 0.08, low + high * (1 - (row + 0.5) / rows), name, ha="right", va="center_baseline")
    gap = max(1, side // 12)
    mosaic = np.zeros((rows, side + gap, columns, side + gap, 4), np.uint8)
    there = np.concatenate([tiles, np.full((*tiles.shape[:3], 1), 255, np.uint8)], axis=3)
    mosaic[:, :side, :, :side] = np.where(places[..., None, None, None] < 0, 0, there[places]).swapaxes(1, 2)
    picture.pixels(mosaic.reshape(rows * (side + gap), -1, 4), *box, label)
    codes = np.where(taken == NOTHING, len(names), taken)[:, places.ravel()]
    right = np.where(places < 0, 0, own[places]).ravel()
    codes[:, places.ravel() < 0] = 0  # no veil where there is no tile
    answers = Played([*(f"taken for {name}" for name in names), "not asked"], codes, right)
    starts = np.cumsum([len(task.classes) for task in stream])[:-1]
    lines = [[(left, low + high * (1 - row / rows)), (left + width, low + high * (1 - row / rows))] for row in starts]
    to_inches = picture.dpi_scale_trans
    picture.add_artist(LineCollection(lines, colors=FRAME, linewidths=0.8, transform=to_inches, zorder=4))
    there = [str(column + 1) if place >= 0 else None for tiles in places for column, place in enumerate(tiles)]
    tasks = [task.index for task in stream for _ in task.classes]
    of = [f"{name} (task {task + 1})" for name, task in zip(names, tasks, strict=True)]
    link = np.repeat(len(stream) * number + np.array(tasks), columns)
    words = f"{label.replace('{', '{{').replace('}', '}}')}, {{row}}, image {{image}}: {{answer}}, {{frame}}"
    picture.cells(box, of, [""] * columns, words, key=label, link=link, image=there, answer=answers)
    for none, color, alpha in VEILS:
        covered = np.flatnonzero(answers.wrong(-1, bool(none)))
        path = Path.make_compound_path(*_outlines([0, *covered], box, places.shape))
        veil = PathPatch(path, facecolor=color, alpha=alpha, linewidth=0, transform=to_inches, zorder=3)
        picture.veil(label, bool(none), picture.add_artist(veil))


def _outlines(cells: list[int], box: tuple, shape: tuple) -> Iterator[Path]:
    """Rectangles in inches; the first has no size, for a path that the page fills."""
    left, low, width, high = box
    wide, tall = width / shape[1], high / shape[0]
    for place, cell in enumerate(cells):
        row, column = divmod(cell, shape[1])
        x, y = left + column * wide, low + high - row * tall
        corners = np.array([(0, 0), (wide, 0), (wide, -tall), (0, -tall), (0, 0)]) * bool(place)
        yield Path(corners + (x, y), closed=True)


def _draw_curves(picture: Picture, axes: Axes, accuracy: np.ndarray, label: str, number: int, moments: list) -> None:
    """The accuracy of each task: faint as a whole, strong until the moment that is shown."""
    x = np.arange(len(moments))
    grid(axes).set(ylim=(-3, 103), xlim=(-0.5, 1.02 * len(x) - 0.4), yticks=range(0, 101, 25))
    ends = [place for place, (_, epoch) in enumerate(moments) if epoch == LAST]
    axes.set_xticks(ends, [str(moments[place][0] + 1) for place in ends])
    axes.set_title("accuracy (%)", fontsize=FONT, loc="left", pad=4, color=INK)
    for task, values in enumerate(100 * accuracy.T):
        look = task_look(task)
        (faint,) = axes.plot(x, values, color=look.color, linewidth=1, alpha=0.35)
        (strong,) = axes.plot(x, values, markevery=ends, markersize=5, linewidth=1.8, **look.style)
        picture.layer(f"task {task + 1}", faint, strong)
        picture.unveil(axes, x + 0.3, strong)
        own = {"moves": x, "link": np.full(len(x), accuracy.shape[1] * number + task)}
        fields = {"name": label, "task": task + 1, "when": list(map(_named, moments)), "y": values}
        picture.points(axes, x, values, "{name}, task {task}, {when}: {y:.1f} %", f"task {task + 1}", **own, **fields)


def _draw_matrix(
    picture: Picture, axes: Axes, accuracy: np.ndarray, run: Run, label: str, number: int, moments: list
) -> None:
    """The accuracy matrix, which fills row by row."""
    count = accuracy.shape[1]
    ends = {task: place for place, (task, epoch) in enumerate(moments) if epoch == LAST}
    values = np.full((count, count), np.nan)
    for task, place in ends.items():
        values[task] = accuracy[place]
    axes.set(xlim=(-0.5, count - 0.5), xticks=range(count), yticks=range(count))
    axes.set(xticklabels=range(1, count + 1), yticklabels=range(1, count + 1))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("accuracy (%) after task", fontsize=FONT, loc="left", pad=4, color=INK)
    for task, place in ends.items():
        picture.appear(place, *fill_row(axes, values, task, False, decimals=0))
    axes.set_ylim(count - 0.5, -0.5)
    names = [f"task {task + 1} ({class_list(run, task)})" for task in range(count)]
    since = np.repeat([ends.get(task, len(moments) - 1) for task in range(count)], count)
    link = count * number + np.tile(np.arange(count), count)
    words = "{name}, after {row}, on {column}: {value:.1f} %"
    picture.cells(axes, names, names, words, since=since, link=link, name=label, value=100 * values)
