"""Images of a stream: samples of every class, and the forgetting wall of all test images, right or wrong over time."""

import math
from functools import partial
from typing import Annotated

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from torch.nn import functional as F

from ..checked import checked
from ..describe import Whole, counted
from ..runs.one_class import informative
from ..runs.run import Run
from ..streams import Stream, Task
from .images import OUTLINE, as_rgb, mosaic
from .picture import FONT, Picture, grid, headed, shortened, widest
from .results import fill_matrix
from .rules import Runs
from .runs import NotMeasured, mean_and_spread, measured, percent, setting
from .spots import Played
from .style import FRAME, GROUND, SHADE, task_legend, task_look

WIDEST, DEEP = 10.1, 4.1  # inches for the samples of a row, and of all rows together, unless images would be small
MORE = 0.9  # inches for the count of classes that do not fit
SMALL, LARGE, APART = 0.42, 0.7, 0.18  # inches of a sample's side, and between two classes
TILE, WIDE, MOST = 0.2, 6.0, 600  # inches of a tile and of a row of them; tiles of a run, at most
SMALLEST, ROWS = 0.1, 5.0  # inches of a tile of many classes, and of all rows for which tiles become smaller
NAMES, LINE = 1.6, 0.16  # inches of the longest name beside the rows, and of the height of a name
CURVES, MATRIX, HIGH, GAP = 2.7, (1.9, 3.6), 3.2, 0.62  # inches of the other two panels, and left of each
NUMBER = 0.33  # inches of a cell that has its number
PIXELS = 24  # of a tile's side, at most
NOTHING, LAST = 255, 10**9  # the byte of an image that was not asked; "after the task" comes after all of its epochs
MOST_NUMBERS = 12  # of tasks, at an axis
VEILS = (False, GROUND, 0.82), (True, SHADE, 1.0)  # of a wrong answer, and of none


@checked
def tasks(stream: Stream, per_class: Annotated[int, Whole(1, int((WIDEST - MORE) / SMALL))] | None = None) -> Picture:
    """The first `per_class` training images of every class, one row per task, with the class's name.

    `per_class` is 4 if it is not given, or 2 where 4 of every class do not fit in a row. Of more classes than fit the
    first are shown and the others counted. A task without training images shows test images.

    Raises:
        ValueError: per_class below 1 or so large that no class fits in a row.
    """
    largest, parts = max(len(task.classes) for task in stream), []
    if per_class is None:
        per_class = 4 if _fitting(4, WIDEST) >= largest else 2
    wide = WIDEST if _fitting(per_class, WIDEST) >= largest else WIDEST - MORE
    shown = min(_fitting(per_class, wide), largest)
    deep = max(SMALL, DEEP / len(stream) - 0.36)
    side = min(LARGE, deep, ((wide + APART) / shown - APART) / per_class)
    group, row = per_class * side + APART, side + 0.36
    title = f"{stream.name}: {counted(len(stream.classes), 'class')} in {counted(len(stream), 'task')}"
    body = row * len(stream) + 0.08
    picture = headed(max(1.0 + shown * group + MORE * (largest > shown), 3.6), body, title)
    for task in stream:
        top, own = body - row * task.index, [stream.class_names[label] for label in task.classes[:shown]]
        middle, rest = top - 0.2 - side / 2, len(task.classes) - shown
        picture.write(0.15, middle, f"task {task.index + 1}", va="center")
        for place, name in enumerate(own):
            left = 1.0 + place * group
            picture.write(left, top - 0.13, shortened(name, group - 0.05), va="baseline")
            box = (left, top - 0.2 - side, per_class * side, side)
            strip, count = _strip(task, task.classes[place], per_class)
            picture.pixels(strip, *box)
            words, numbers = f"task {task.index + 1}, {{name}}, image {{column}} of {count}", range(1, per_class + 1)
            there = [name if number <= count else None for number in numbers]
            picture.cells(box, [""], list(map(str, numbers)), words, name=there)
        parts.append(f"task {task.index + 1} has {', '.join(own)}")
        if rest > 0:
            picture.write(1.0 + shown * group, middle, f"+ {rest}\nmore", va="center")
            parts[-1] += f" and {rest} more"
    picture.alt = f"Sample pictures of {title}: {'; '.join(parts)}."
    return picture


def _fitting(per_class: int, wide: float) -> int:
    """Of how many classes so many small samples fit beside each other."""
    return int((wide + APART) / (per_class * SMALL + APART))


def _strip(task: Task, label: int, count: int) -> tuple[np.ndarray, int]:
    """(H, count * W, 4) images of one class side by side, with nothing between them; and how many there are in all."""
    split = task.train if len(task.train) else task.test
    own = split.images[split.labels == label]
    strip = np.zeros((own.shape[2], count, own.shape[3] + max(1, own.shape[3] // 16), 4), dtype=np.uint8)
    for place, image in enumerate(own[:count].numpy()):
        strip[:, place, : own.shape[3], :3] = as_rgb(image)
        strip[:, place, : own.shape[3], 3] = 255
    return strip.reshape(len(strip), -1, 4), len(own)


@checked
def wall(runs: Runs, stream: Stream, known_task: bool = True) -> Picture:
    """The test images as tiles in rows of classes: clear where the network is right, veiled where it is wrong.

    Beside them, for each run, the accuracy of each task over time and the accuracy matrix. The slider moves all of them
    through the epochs and tasks; pointing at a tile marks its task and the moment in both, and moving along a curve
    moves the wall. Of more test images than fit, the first of each class are shown; accuracies are of all.

    Raises:
        ValueError: a run that recorded no predictions (``learn(..., record="predictions")``), or another stream's.
    """
    shown = measured(runs, known_task)
    walls = [(run, m.label + f", seed {run.seed}" * (len(m.runs) > 1)) for m in shown.methods for run in m.runs]
    for run, _ in walls:
        _check(run, stream)
    moments = sorted({_moment(row) for run, _ in walls for row in run.curves.predicted_at.tolist()})
    places, own, tiles = _tiles(stream)
    side = min(TILE, max(SMALLEST, ROWS / len(places)))
    names = _row_names(stream, side)
    left, across = 0.25 + min(NAMES, widest(names.values())), max(3.0, side * places.shape[1])
    high, last = max(1.6, side * len(places)), min(MATRIX[1], max(MATRIX[0], NUMBER * len(stream)))
    notes = ["clear: right; faded: wrong; grey: not asked" + _counted(stream, places)]
    notes += shown.notes("*", measure="")  # nothing is a mean
    width = left + across + 2 * GAP + CURVES + last + 0.15
    title = f"What the network makes of every test image, {shown.setting}"
    picture, ends = headed(width, (high + 0.6) * len(walls) + 0.3, title, notes, task_legend(range(len(stream)))), []
    picture.frames(map(_named, moments), "moment")
    for number, (run, label) in enumerate(walls):
        low = 0.6 + (high + 0.6) * (len(walls) - 1 - number)
        mark = "*" * (not known_task and not run.competes)
        picture.write(left, low + high + 0.06, label + mark, FONT + 1, va="bottom")
        taken = _taken(run, moments, known_task)
        right = np.where(taken == NOTHING, np.nan, taken == own)
        of_task = np.split(right, np.cumsum([len(task.test) for task in stream])[:-1], axis=1)
        accuracy = np.array([mean_and_spread(part.T)[0] for part in of_task]).T
        accuracy = informative(accuracy, [len(task.classes) for task in stream]) if known_task else accuracy
        box = (left, low + high - side * len(places), side * places.shape[1], side * len(places))
        for y, name in names.items():
            picture.write(left - 0.08, low + high - y, shortened(name, NAMES), ha="right", va="center_baseline")
        _put_tiles(picture, stream, label, number, box, (places, own, tiles), taken)
        below = ("after task", "on task") if number == len(walls) - 1 else ("", "")
        bottom, seen = low + max(0, high - HIGH), min(high, HIGH)
        curves = picture.panel(left + across + GAP, bottom, CURVES, seen, below[0], title="accuracy (%)")
        _draw_curves(curves, accuracy, label, number, moments)
        about = {"x": below[1], "frame": False, "title": "accuracy (%) after task"}
        matrix = picture.panel(left + across + 2 * GAP + CURVES, bottom, last, seen, **about)
        _draw_matrix(matrix, accuracy, run, label, number, moments, last / len(stream))
        ends.append(f"{label} ends with {percent(100 * mean_and_spread(right[-1])[0])} of them right")
    words = f"Wall of test images, {shown.setting}, right or wrong at {counted(len(moments), 'moment')}"
    picture.alt = f"{words}: {'; '.join(ends)}."
    return picture.instead(known_task, partial(wall, runs, stream))


def _check(run: Run, stream: Stream) -> None:
    images = sum(len(task.test) for task in stream)
    if run.record and not len(run.curves.predicted_at):
        raise NotMeasured(f"{run.name} stopped before its first test: it has no predictions yet.")
    if not len(run.curves.predicted_at):
        raise ValueError(f'{run.name} recorded no predictions: give learn the argument record="predictions".')
    if run.curves.predicted_known.shape[1] != images or tuple(task.classes for task in stream) != tuple(run.tasks):
        raise ValueError(f"{stream.name} is not the stream that {run.name} has learned.")


def _row_names(stream: Stream, side: float) -> dict[float, str]:
    """Inches from the top -> the name of the class or, where rows are too narrow for that, of the task there."""
    if side >= LINE:
        names = (stream.class_names[label] for task in stream for label in task.classes)
        return {side * (row + 0.5): name for row, name in enumerate(names)}
    found, ends = dict[float, str](), np.cumsum([0, *(len(task.classes) for task in stream)])
    for task, middle in enumerate((ends[1:] + ends[:-1]) / 2):
        if not found or side * middle - max(found) >= LINE:
            found[float(side * middle)] = f"task {task + 1}"
    return found


def _moment(row: list[int]) -> tuple[int, int]:
    return row[0], LAST if row[1] < 0 else row[1]


def _named(moment: tuple[int, int]) -> str:
    task, epoch = moment
    return f"after task {task + 1}" if epoch == LAST else f"task {task + 1}, epoch {epoch}"


def _taken(run: Run, moments: list[tuple[int, int]], known_task: bool) -> np.ndarray:
    """(moments, images) what each was taken for at the run's last moment until each of these."""
    own = [_moment(row) for row in run.curves.predicted_at.tolist()]
    codes = run.curves.predicted_known if known_task else run.curves.predicted_unknown
    if (codes == NOTHING).all():
        raise NotMeasured(f"{run.name} recorded no predictions with the {setting(known_task)}.")
    last = np.array([sum(moment <= now for moment in own) - 1 for now in moments])
    return np.where(last[:, None] < 0, NOTHING, codes[last])


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


def _put_tiles(
    picture: Picture, stream: Stream, label: str, number: int, box: tuple, shown: tuple, taken: np.ndarray
) -> None:
    """The tiles of one run with their spots and veils."""
    (left, low, width, high), (places, own, tiles) = box, shown
    (rows, columns), top = places.shape, low + high
    classes = [(task.index, stream.class_names[label]) for task in stream for label in task.classes]
    there = np.pad(tiles, ((0, 1), (0, 0), (0, 0), (0, 1)), constant_values=255)
    there[-1] = 0  # of the tiles that show no image
    picture.pixels(mosaic(there[places.ravel()], columns, max(1, tiles.shape[1] // 12)), *box, label)
    codes = np.where(taken == NOTHING, rows, taken)[:, places.ravel()]
    codes[:, places.ravel() < 0] = 0  # no veil where there is no tile
    right = np.where(places < 0, 0, own[places]).ravel()
    answers = Played([*(f"taken for {name}" for _, name in classes), "not asked"], codes, right)
    ends = top - high * np.cumsum([len(task.classes) for task in stream])[:-1] / rows
    picture.put(LineCollection([[(left, y), (left + width, y)] for y in ends], colors=FRAME, linewidths=0.8, zorder=4))
    image = [str(place % columns + 1) if tile >= 0 else None for place, tile in enumerate(places.ravel())]
    link = len(stream) * number + np.repeat([task for task, _ in classes], columns)
    words, named = "{label}, {row}, image {image}: {answer}, {frame}", [f"{n} (task {task + 1})" for task, n in classes]
    fields = {"label": label, "image": image, "answer": answers}
    picture.cells(box, named, [""] * columns, words, key=label, link=link, **fields)
    for none, color, alpha in VEILS:
        down, across = np.divmod(np.flatnonzero(answers.wrong(-1, none)), columns)
        corners = np.column_stack([left + across * width / columns, top - (down + 1) * high / rows])
        outlines = corners[:, None] + OUTLINE * (width / columns, high / rows)
        # The first outline has no size: without a veil in this frame there is still a path that the page fills.
        outlines = [np.tile((left, top), (5, 1)), *outlines]
        path = Path.make_compound_path(*(Path(outline, closed=True) for outline in outlines))
        veil = picture.put(PathPatch(path, facecolor=color, alpha=alpha, linewidth=0, zorder=3))
        picture.veil(label, none, veil)


def _draw_curves(axes: Axes, accuracy: np.ndarray, label: str, number: int, moments: list) -> None:
    """The accuracy of each task: faint as a whole, strong until the moment that is shown."""
    x, ends = np.arange(len(moments)), [place for place, (_, epoch) in enumerate(moments) if epoch == LAST]
    grid(axes).set(ylim=(-3, 103), xlim=(-0.5, 1.02 * len(x) - 0.4), yticks=range(0, 101, 25))
    named = ends[:: max(1, math.ceil(len(ends) / MOST_NUMBERS))]
    axes.set_xticks(named, [str(moments[place][0] + 1) for place in named])
    for task, y in enumerate(100 * accuracy.T):
        marks = ends if np.isfinite(y).sum() > 1 else None  # of a lone point nothing else would be seen
        style, layer = task_look(task).style | {"markevery": marks, "markersize": 5}, f"task {task + 1}"
        words, link = f"{{name}}, {layer}, {{when}}: {{y:.1f}} %", np.full(len(x), accuracy.shape[1] * number + task)
        fields = {"name": label, "when": list(map(_named, moments)), "moves": x, "link": link}
        strong = axes.figure.curve(axes, x, y, words, layer, style, **fields)
        axes.figure.unveil(axes, x + 0.3, *strong)
        axes.figure.layer(layer, *axes.plot(x, y, color=style["color"], linewidth=1, alpha=0.35))


def _draw_matrix(
    axes: Axes, accuracy: np.ndarray, run: Run, label: str, number: int, moments: list, cell: float
) -> None:
    """The accuracy matrix; cells of so many inches have their numbers if these fit."""
    count, rows = len(run.tasks), {task: place for place, (task, epoch) in enumerate(moments) if epoch == LAST}
    every, values = math.ceil(count / MOST_NUMBERS), np.full((count, count), np.nan)
    ticks = [str(task + 1) if task % every == 0 else "" for task in range(count)]
    values[list(rows)] = accuracy[list(rows.values())]
    link = count * number + np.tile(range(count), count)
    fill_matrix(axes, run, values, ticks, ticks, rows, decimals=0 if cell >= NUMBER else None, name=label, link=link)
