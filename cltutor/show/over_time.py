"""What happens while the tasks are learned one after another: the accuracy of each task, the terms of the loss."""

from functools import partial
from itertools import cycle, pairwise

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..checked import Table, Text, checked
from ..describe import counted
from ..evaluation.metrics import mean_interval
from ..runs.naming import name_of
from ..runs.one_class import DASH
from ..runs.run import Run
from .panels import Line, lowest, paneled
from .picture import FONT, Picture, chart, room
from .rules import Runs, accuracies, by_name
from .runs import NEVER_COMPETED, Method, accuracy, chance, class_list, mean_and_spread, measured, percent
from .style import FAINT, INK, SHADE, TERMS, look

ByHeading = by_name(Table(accuracies("seeds, epochs", gaps=False), Text(), least=1))  # by heading, then by method
WIDTH = 8.0  # inches of the picture of a loss
POINTS, SPOTS = 1500, 300  # a line of this width cannot show more, and a pointer not meet more


@checked
def accuracy_over_time(runs: Runs, known_task: bool = True) -> Picture:
    """Test accuracy of every task, in per cent, while the tasks are learned one after another.

    One panel per task, one line per method: the mean over its runs, with a band of one standard deviation (n - 1) where
    there are several. There is a point after every epoch where the run recorded epochs, else after every task; there is
    a mark after every task. The time in which the panel's own task is learned is shaded, and guessing is dotted.

    Raises:
        ValueError: no run, runs of different numbers of tasks, or none with accuracies in this setting.
    """
    shown = measured(runs, known_task)
    lines = [_line(*pair, known_task) for pair in zip(shown.methods, shown.labels, strict=True)]
    first, used = shown.methods[0].runs[0], [run for method in shown.methods for run in method.runs]
    guess, tasks = chance(first, known_task), range(len(first.tasks))
    headings = [f"task {task + 1}: {class_list(first, task)}" for task in tasks]
    if known_task:
        headings = [words + f" {DASH}" * (len(own) == 1) for words, own in zip(headings, first.tasks, strict=True)]
    counts = {run.recipe.schedule.epochs for run in used if len(run.curves.epoch_task)}
    below = f"task being learned{f' ({counts.pop()} epochs each)' if len(counts) == 1 else ''}"
    title, ticks = f"Accuracy of each task, {shown.setting}", [(task + 0.5, str(task + 1)) for task in tasks]
    legend = {line.layer: line.look.handle for line in lines}
    legend |= {"guessing": Line2D([], [], color=INK, linestyle=":", lw=1), "own task being learned": Patch(color=SHADE)}
    about = (lowest(lines, guess), 100), len(tasks), ticks, below, shown.notes("*")
    picture, panels = paneled(title, headings, *about, legend=legend)
    times = np.unique(np.concatenate([[0.0], *(line.x for line in lines)]))[1:]
    picture.frames(map(_moment, times), "time")
    for line in lines:
        for task, panel in enumerate(panels):
            line.draw(panel, task, f"task {task + 1}", times)
    for task, panel in enumerate(panels):
        panel.shade(task, task + 1, SHADE)
        steps = guess[[task] * (len(tasks) - task)] if known_task else guess[task:]
        x = np.repeat(range(task, len(tasks) + 1), 2)[1:-1]
        stairs = [np.column_stack([x, np.repeat(100 * steps, 2)])]
        panel.add_artist(LineCollection(stairs, colors=INK, linewidths=1, linestyles=":", label="guessing"))
    words = f"Accuracy of each task while the tasks are learned in turn, {shown.setting}"
    note = f" (some {NEVER_COMPETED})" if any(map(shown.foreign, shown.methods)) else ""
    ends = list(filter(None, map(_end, shown.methods, lines)))
    picture.alt = f"{words}{note}: {'; '.join(ends) or 'nothing has been learned yet'}."
    return picture.instead(known_task, partial(accuracy_over_time, runs))


def _end(method: Method, line: Line) -> str:
    """How a line ends, in words; nothing where nothing has been learned."""
    if len(line.x):
        average = percent(100 * mean_and_spread(line.mean[-1])[0])
        return f"{method.label} ends with {percent(100 * line.mean[-1, 0])} on task 1 and {average} on average"
    return f"{method.label}: {DASH}" if any(len(run.curves.epoch_task) for run in method.runs) else ""


def _points(run: Run, known_task: bool) -> tuple[np.ndarray, np.ndarray]:
    """Places (P,) in tasks learned so far, and the accuracies (P, T) there: after epochs, else after tasks."""
    learning = np.asarray(run.curves.epoch_task, dtype=int)
    curves = run.curves.known if known_task else run.curves.unknown
    matrix = accuracy(run, known_task)
    places, values = [], []
    for task in range(len(matrix)):
        # Networks with separate columns per task are tested with the task unknown after whole tasks only.
        epochs = np.flatnonzero((learning == task) & np.isfinite(curves).any(axis=1))
        done = np.isfinite(matrix[task]).any()
        planned = len(epochs) if done else max(len(epochs), run.recipe.schedule.epochs)
        places += [task + (e + 1) / planned for e in range(len(epochs))]
        values += [curves[e] for e in epochs]
        if done and not len(epochs):
            places.append(task + 1)
            values.append(matrix[task])
    return np.array(places, dtype=float), np.reshape(values, (-1, len(matrix))).astype(float)


def _line(method: Method, label: str, known_task: bool) -> Line:
    """The mean over a method's runs; a stopped run counts as far as it got."""
    points = [_points(run, known_task) for run in method.runs]
    x = np.unique(np.concatenate([places for places, _ in points]).round(9))
    values = np.full((len(points), len(x), points[0][1].shape[1]), np.nan)
    for own, (places, y) in zip(values, points, strict=True):
        own[np.searchsorted(x, places.round(9))] = y
    about = {"runs": np.isfinite(values).sum(axis=0), "layer": label, "marks": np.isclose(x, np.round(x))}
    return Line(method.label, method.look, x, [_moment(each) for each in x], *mean_and_spread(values), **about)


def _moment(place: float) -> str:
    """A place on the axis of time in words."""
    task, share = divmod(place, 1)
    return f"{100 * share:.3g} % of task {task + 1:.0f}" if 0.001 < share < 0.999 else f"after task {round(place)}"


@checked
def convergence(panels: ByHeading, what: str = "") -> Picture:
    """Test accuracy of a task, in per cent, after each epoch in which it is learned.

    panels: a heading -> a method's name -> accuracies in [0, 1] (seeds, epochs). Over several seeds the mean is drawn,
    with a band as wide as its 95 % t-interval. what: words for the title.

    Raises:
        ValueError: curves of different lengths.
    """
    every = [rows for by in panels.values() for rows in by.values()]
    if len({rows.shape[1] for rows in every}) > 1:
        raise ValueError("The accuracies (seeds, epochs) of every method have as many epochs.")
    epochs, seeds = every[0].shape[1], {len(rows) for rows in every}
    x, at = np.arange(epochs) + 0.5, [f"after epoch {epoch + 1}" for epoch in range(epochs)]
    lines = []
    for place, (name, rows) in ((place, one) for place, by in enumerate(panels.values()) for one in by.items()):
        mean, half = np.array([mean_interval(epoch) for epoch in rows.T]).T[..., None]
        lines.append((place, Line(name, look(name), x, at, mean, half, len(rows), "seed", " (95 % interval)")))
    ends = np.array([(line.mean, line.mean + line.spread) for _, line in lines])
    ticks = [(epoch - 0.5, str(epoch)) for epoch in (1, *range(5, epochs + 1, 5))]
    count = f"{max(seeds)} seeds" if len(seeds) == 1 else "its seeds"
    note = [f"mean over {count} and its 95 % interval"] if max(seeds) > 1 else []
    legend, headings = {line.name: line.look.handle for _, line in lines}, list(panels)
    title = f"{what}, test accuracy after each epoch" if what else "Test accuracy after each epoch"
    percents = 100 * ends[np.isfinite(ends)].clip(max=1)
    picture, drawn = paneled(title, headings, percents, epochs, ticks, "epoch", note, legend=legend, apart=5)
    for place, line in lines:
        line.draw(drawn[place], 0, headings[place])
    picture.describe(title)
    return picture


@checked
def loss_parts(run: Run) -> Picture:
    """Each term of the loss at every step: raw values light, their moving mean strong.

    The moving mean spans 2 % of the steps, at least 5, and does not cross from one task into the next, where the loss
    jumps. A term is drawn where it was active.

    Raises:
        ValueError: a run without a step.
    """
    tasks = np.asarray(run.curves.step_task)
    if len(tasks) == 0:
        raise ValueError("this run has no steps yet: its loss has no parts to show.")
    starts = np.flatnonzero(np.diff(tasks, prepend=tasks[0] - 1))
    span, title = max(5, round(0.02 * len(tasks))), f"{name_of(run)}: the parts of its loss"
    looks = {name: {"color": color, "ls": line} for name, (color, line) in zip(run.curves.loss, cycle(TERMS))}
    legend = {name: Line2D([], [], lw=1.8, **look) for name, look in looks.items()}
    picture, axes = chart(WIDTH, 2.2, title, (), legend, "step", "weighted loss (mean of a batch)", right=0.35)
    shown = np.arange(0, len(tasks), max(1, len(tasks) // POINTS))
    breaks = np.searchsorted(shown, starts[1:])  # no line may cross from one task to the next
    steps, highest = np.insert(shown + 1.0, breaks, np.nan), 0.0
    met = shown[:: max(1, len(shown) // SPOTS)]
    frames, until = _frames(run, tasks, starts)
    picture.frames(frames, "epoch")
    for name, raw in run.curves.loss.items():
        smooth = np.concatenate([moving_mean(part, span) for part in np.split(raw, starts[1:])])
        light, strong = (np.insert(values[shown], breaks, np.nan) for values in (raw, smooth))
        drawn = axes.plot(steps, light, color=looks[name]["color"], alpha=0.25, lw=0.7)
        drawn += axes.plot(steps, strong, lw=1.8, label=name, **looks[name])
        picture.layer(name, *drawn)
        picture.unveil(axes, until + 0.5, *drawn)
        columns = {"name": name, "step": met + 1, "task": tasks[met] + 1, "mean": smooth[met], "raw": raw[met]}
        words, since = "{name}, step {step} (task {task}): mean {mean:.3g}, this batch {raw:.3g}", until < met[:, None]
        picture.points(axes, met + 1, smooth[met], words, name, since=since.sum(1), **columns)
        highest = np.nanmax(smooth, initial=highest)
    # The axis follows the means: a single spike of the raw loss may exceed it.
    axes.set(xlim=(1, max(2, len(tasks))), ylim=(0, 1.15 * highest or 1))
    axes.locator_params(axis="x", nbins=10, integer=True)
    across, ends = axes.get_xaxis_transform(), np.append(starts[1:], len(tasks))
    axes.vlines(starts[1:] + 0.5, 0, 1, transform=across, color=FAINT, lw=0.8)
    narrow = (ends - starts).min() / len(tasks) * (WIDTH - 1.2) < room(len("task 10"))
    for start, middle in zip(starts, (starts + ends + 1) / 2, strict=True):
        number = f"{'' if narrow else 'task '}{tasks[start] + 1}"
        axes.text(middle, 1.02, number, transform=across, ha="center", fontsize=FONT, color=INK)
    words = f"{len(tasks):,} steps and {counted(len(starts), 'task')}"
    picture.describe(f"Parts of the loss of {name_of(run)} over {words}")
    return picture


def _frames(run: Run, tasks: np.ndarray, starts: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The frames in words, and the last step of each: epochs, or whole tasks where the run recorded none."""
    names, last = [], []
    for start, end in pairwise([*starts, len(tasks)]):
        count = max(1, int((np.asarray(run.curves.epoch_task) == tasks[start]).sum()))
        last += np.linspace(start, end, count + 1)[1:].tolist()
        names += [f"task {tasks[start] + 1}, epoch {epoch + 1} of {count}" for epoch in range(count)]
    return names, np.array(last)


def moving_mean(values: np.ndarray, span: int) -> np.ndarray:
    """Mean over the steps at most span // 2 away, leaving out nan; nan where the value is nan."""
    active, places = np.isfinite(values), np.arange(len(values))
    first, after = np.maximum(places - span // 2, 0), np.minimum(places + span // 2 + 1, len(values))
    sums = (np.pad(np.cumsum(each), (1, 0)) for each in (np.where(active, values, 0), active))
    total, count = (each[after] - each[first] for each in sums)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=active)
