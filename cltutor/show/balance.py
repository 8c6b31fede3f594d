"""What balanced fine-tuning changes: confusions, the last layer, the accuracy (EEIL, sections 4 and 6.3)."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from ..checked import checked
from ..describe import Choice, Real, counted
from .images import heat_map, write_in_cell
from .picture import FONT, Picture, chart, headed, plain, shortened, tens, titled, widest, wrapped
from .rules import Counts, Names, Values, accuracies, by_name
from .style import BLUE, FAINT, FRAME, GROUND, INK, VERMILLION, look

WIDTH, SIDE, NAMES = 9.6, 3.2, 1.0  # inches: of a picture, of a matrix, of the longest name of a class
MIDDLE = 5.0  # inches from the left: where the second of two panels has its part of the picture
LAYER = 3.6  # inches: of a panel with the last layer
NAMED = 12  # classes, at most, that have their names at the axes and their percentages in the cells
Matrices = by_name(Values(("true classes, predicted classes",), 0))
Biases, Norms = by_name(Values(("classes",))), by_name(Values(("classes",), 0))
Lines = by_name(accuracies("tasks"))
Factors, Factor = Annotated[ArrayLike, Values(("F",), 0)], Annotated[float, Real(at_least=0)]
Rescaled = by_name(Values(("F",), 0, 1))
GROUPS = (("old classes", BLUE, "o"), ("new classes", VERMILLION, "s"))


def confusion(labels: ArrayLike, answers: ArrayLike, classes: int) -> np.ndarray:
    """How many images of each class (rows) were predicted as each class (columns): (classes, classes) whole numbers.

    labels, answers: (N,) whole numbers from 0 to classes - 1.
    """
    places = np.asarray(labels) * classes + np.asarray(answers)
    return np.bincount(places, minlength=classes**2).reshape(classes, classes)


@checked
def confusions(matrices: Matrices, classes: Counts, names: Names, what: str = "", missing: str = "") -> Picture:
    """Confusion matrices side by side, in per cent of the row: rows the true class, columns the predicted class.

    matrices: one or two moments, such as "before" and "after" -> (C, C) counts, as `confusion` gives them; classes: how
    many each task has, in order of arrival, the last one's being the new ones; names: of all C classes; what: words for
    the title; missing: a sentence in place of the second matrix if there is only one.

    Raises:
        ValueError: more than two matrices, or one that does not have these classes.
    """
    _check(matrices, classes, names, 2)
    wide, below = _name_sizes(classes, names, SIDE)
    cells = "" if sum(classes) <= NAMED else "; dark: 0, bright: 100"
    note = f"percent of the true class's test images{cells}"
    picture = headed(WIDTH, below + SIDE + 0.45, titled("Which class is taken for which", what), [note])
    parts = []
    for place, (moment, counts) in enumerate(matrices.items()):
        left = 0.4 + wide + place * (MIDDLE - 0.4)
        old = len(counts) - classes[-1]
        wrong = counts[:old, old:].sum(), counts[old:, :old].sum()
        pairs = (np.trace(counts), counts), (wrong[0], counts[:old]), (wrong[1], counts[old:])
        right, *mixed = (100 * part / max(whole.sum(), 1) for part, whole in pairs)
        old_new = f"\nold taken for new: {mixed[0]:.1f} %, new for old: {mixed[1]:.1f} %" if old else ""
        picture.write(left, below + SIDE + 0.06, f"{moment}: {right:.1f} % right{old_new}", va="bottom")
        axes = picture.panel(left, below, SIDE, SIDE, frame=False)
        totals = counts.sum(1, keepdims=True)
        percents = 100 * counts / np.maximum(totals, 1)
        image, ends = heat_map(axes, percents, 0, 100), np.cumsum(classes)[:-1] - 0.5
        for number, end in enumerate(ends, 1):  # between tasks, the thickest between old and new classes
            for line in (axes.axhline, axes.axvline):
                line(end, color=GROUND, linewidth=3 if number == len(ends) else 1.2)
        for i, j in zip(*np.nonzero(percents >= 0.5), strict=True) if len(counts) <= NAMED else ():
            write_in_cell(axes, i, j, f"{percents[i, j]:.0f}", image.to_rgba(percents[i, j]))
        words = "{moment}: {row} taken for {column}: {share:.1f} %, {count:.0f} of {total:.0f} test images"
        seen = counts > 0 if sum(classes) > NAMED else totals + counts > 0  # of many classes, what occurs
        fields = {"moment": moment, "share": np.where(seen, percents, np.nan), "total": totals + 0 * counts}
        picture.cells(axes, names, names, words, key=moment, count=counts, **fields)
        _name(axes.xaxis, classes, names, SIDE, "predicted class")
        _name(axes.yaxis, classes, names, math.inf, "true class" if place == 0 else "")
        taken = f" and {mixed[0]:.0f} % of old classes are taken for new ones" if old else ""
        parts.append(f"{moment} {right:.0f} % are right{taken}")
    if len(matrices) == 1:
        picture.write(MIDDLE + wide, below + SIDE - 0.1, "\n".join(wrapped(missing, WIDTH - MIDDLE - wide - 0.2)))
    picture.alt = f"{titled('Confusion matrices', what)}: {'; '.join(parts)}."
    return picture


@checked
def last_layer(biases: Biases, norms: Norms, classes: Counts, names: Names, what: str = "") -> Picture:
    """The last layer's bias of each class, and the norm of its row of weights, for old and new classes.

    biases, norms: one or two moments, such as "before" and "after" -> (C,); the last is drawn filled, the one before it
    hollow; classes, names and what as in `confusions`.

    Raises:
        ValueError: more than two moments, other ones of norms, or another number of values than of classes.
    """
    panels = biases, norms
    for arrays in panels:
        _check(arrays, classes, names, 1)
    if list(biases) != list(norms):
        raise ValueError(f"biases and norms are of the same moments, not {list(biases)} and {list(norms)}.")
    _, below = _name_sizes(classes, names, LAYER)
    groups = GROUPS[len(classes) == 1 :]  # the first task has no old classes beside it
    found = {group: (color, color, marker) for group, color, marker in groups}  # by colour and mark
    found |= {moment: (INK, INK if moment == list(biases)[-1] else GROUND, "o") for moment in biases}  # by filling
    legend = {
        label: Line2D([], [], color=edge, markerfacecolor=fill, marker=marker, linestyle="", markersize=7)
        for label, (edge, fill, marker) in found.items()
    }
    picture = headed(WIDTH, below + 2.25, titled("The last layer", what), (), legend, len(legend))
    parts, axis_names = [], ("bias (added to the logit)", "weight norm (no unit)")
    for left, arrays, axis_name in zip((1.0, MIDDLE + 0.9), panels, axis_names, strict=True):
        axes = picture.panel(left, below, LAYER, 1.95, y=axis_name)
        means = _marks(axes, arrays, classes, names)
        _name(axes.xaxis, classes, names, LAYER, "class, in order of arrival")
        picture.write(left, below + 2.02, means, va="bottom")
        parts.append(f"{axis_name.split(' (')[0]}, {means}")
    picture.axes[0].axhline(0, color=INK, linewidth=0.8, linestyle=":", zorder=0)
    picture.alt = f"{titled('The last layer of the network', what)}: {'; '.join(parts)}."
    return picture


@checked
def ablation(accuracies: Lines, classes: Counts, chosen: str = "") -> Picture:
    """Accuracy over all classes seen, after each task, one line per method (EEIL, Figure 4).

    accuracies: name of the method -> (T,), in [0, 1], nan after tasks not learned yet; classes: how many each of the T
    tasks has; chosen: the method whose line lies on a broad band. In parentheses the average over incremental steps,
    which leaves out the first task (EEIL, section 5).

    Raises:
        ValueError: another number of accuracies than of tasks, or a chosen method without accuracies.
    """
    arrays = {name: 100 * values for name, values in accuracies.items()}
    if any(len(values) != len(classes) for values in arrays.values()):
        raise ValueError(f"accuracies have one number for each of {len(classes)} tasks.")
    if chosen:
        Choice(arrays).check("chosen", chosen)
    steps = {name: values[1:][np.isfinite(values[1:])] for name, values in arrays.items()}
    labels = [f"{name} ({own.mean():.1f})" if len(own) else name for name, own in steps.items()]
    legend = {label: look(name).handle for label, name in zip(labels, arrays, strict=True)}
    title, seen = "Accuracy over all classes seen, task unknown at test", np.cumsum(classes)
    notes = ["in parentheses: average over the incremental steps (%)"] * any(map(len, steps.values()))
    picture, axes = chart(WIDTH, 2.1, title, notes, legend, "classes seen", "accuracy (%)")
    for (name, values), label in zip(arrays.items(), labels, strict=True):
        style = look(name).style | {"linewidth": 1.6, "label": name}
        style |= {"linewidth": 2.6, "markersize": 8, "zorder": 4} if name == chosen else {}
        words, tasks = "{name}, after task {task}, {count} seen: {y:.1f} %", range(1, len(seen) + 1)
        fields = {"name": name, "task": tasks, "count": [counted(count, "class") for count in seen.tolist()]}
        picture.curve(axes, seen, values, words, label, style, key=name, **fields)
        if name == chosen:
            broad = {"color": look(chosen).color, "linewidth": 12, "alpha": 0.25, "solid_capstyle": "round"}
            picture.layer(label, *axes.plot(seen, values, **broad))
    axes.set_xticks(seen[:: math.ceil(len(seen) / 20)])
    axes.set_ylim(tens([100, *np.concatenate(list(arrays.values()))])[0], 102)
    picture.describe(f"{title}{f', {chosen} on a broad band' if chosen else ''}")
    return picture


@checked
def rescaling(
    factors: Factors, accuracies: Rescaled, now: Factor, aligned: Factor, what: str = "", note: str = ""
) -> Picture:
    """Accuracy of old, new and all classes over a factor of the new classes' weight vectors (Zhao et al. 2020).

    factors: (F,), rising; accuracies: (F,) each, in [0, 1], by what they are of; now: the factor that is in use;
    aligned: the one that makes the new weight vectors as long as the old ones, 1 leaves them as they are; what: words
    for the title; note: a line below it.

    Raises:
        ValueError: factors that do not rise, or another number of accuracies.
    """
    if (np.diff(factors) <= 0).any() or any(len(values) != len(factors) for values in accuracies.values()):
        raise ValueError(f"{len(factors)} factors that rise need as many accuracies.")
    looks = dict(zip(accuracies, ((BLUE, "o"), (VERMILLION, "s"), (INK, "*")), strict=False))
    lines = {"as trained": (1.0, ":"), "aligned": (aligned, "--"), "in use": (now, "-")}
    legend = {name: Line2D([], [], color=color, marker=marker) for name, (color, marker) in looks.items()}
    legend |= {f"{name} ({at:.2f})": Line2D([], [], color=FRAME, linestyle=line) for name, (at, line) in lines.items()}
    axis_name = "factor of the new classes' weight vectors"
    title = titled("Accuracy, task unknown at test", what)
    picture, axes = chart(WIDTH, 1.5, title, [note] * bool(note), legend, axis_name, "accuracy (%)")
    for at, line in lines.values():
        axes.axvline(at, color=FRAME, linestyle=line, linewidth=1.4, zorder=0.6)
    for name, values in accuracies.items():
        color, marker = looks[name]
        style = {"color": color, "marker": marker, "markevery": max(1, len(factors) // 8), "markersize": 5}
        words = "{name}, factor {x:.2f}: {y:.1f} %"
        picture.curve(axes, factors, 100 * values, words, name, style, key=name, name=name)
    axes.set(xlim=(0, 1.02 * max(factors[-1], now, aligned)), ylim=(-3, 103))
    place = int(np.abs(factors - now).argmin())
    parts = ", ".join(f"{name} {100 * values[place]:.1f} %" for name, values in accuracies.items())
    picture.alt = f"{title}: with the factor {factors[place]:.2f} {parts}."
    return picture


def _check(arrays: Mapping[str, np.ndarray], classes: Sequence[int], names: Sequence[str], axes: int) -> None:
    count = sum(classes)
    if not 1 <= len(arrays) <= 2 or len(names) != count:
        raise ValueError(f"Give one moment or two, and a name for each of {count} classes.")
    if wrong := [values.shape for values in arrays.values() if values.shape != (count,) * axes]:
        raise ValueError(f"{count} classes need numbers of shape {(count,) * axes}, not {wrong[0]}.")


def _name_sizes(classes: Sequence[int], names: Sequence[str], inches: float) -> tuple[float, float]:
    """Inches for names left of an axis, and below an axis of so many inches, with the axis's own name."""
    if sum(classes) > NAMED:
        return 0.3, 0.55
    longest = min(NAMES, widest(names))
    return longest + 0.1, 0.4 + (longest if longest > inches / len(names) else 0.15)


def _name(axis, classes: Sequence[int], names: Sequence[str], inches: float, words: str) -> None:
    """The names of the classes along an axis, upright where they do not fit; of many classes, the numbers of tasks."""
    if sum(classes) <= NAMED:
        shown = [plain(shortened(name, NAMES)) for name in names]
        fits = widest(shown) <= inches / len(names)
        axis.set_ticks(range(len(names)), shown, rotation=0 if fits else 90)
    else:
        middles = np.cumsum(classes) - (np.array(classes) + 1) / 2
        every = math.ceil(len(classes) / 10)
        axis.set_ticks(middles[::every], [str(task) for task in range(1, len(classes) + 1, every)])
        words = f"{words} (by task)" if words else ""
    axis.set_tick_params(length=0)
    axis.set_label_text(words, fontsize=FONT, color=INK)


def _marks(axes: Axes, arrays: Mapping[str, np.ndarray], classes: Sequence[int], names: Sequence[str]) -> str:
    """One mark per class and moment, the two moments of a class joined; returns the means of old and new classes."""
    old, means, size = sum(classes[:-1]), [], 7 if sum(classes) <= NAMED else 4
    shifts = (0,) if len(arrays) == 1 else (-0.17, 0.17)
    of_groups = list(zip(GROUPS, (slice(0, old), slice(old, None)), strict=True))
    for (group, color, marker), own in of_groups[len(classes) == 1 :]:
        values = np.array([array[own] for array in arrays.values()])
        places = np.arange(sum(classes))[own] + np.array(shifts)[:, None]
        axes.figure.layer(group, *axes.plot(places, values, color=color, linewidth=1.2))
        for moment, x, y in zip(arrays, places, values, strict=True):
            fill = {"markerfacecolor": color if moment == list(arrays)[-1] else GROUND, "markersize": size}
            axes.figure.layer(group, *axes.plot(x, y, marker, color=color, zorder=3, label=group, **fill))
            words = f"{{moment}}, {{name}}, one of the {group}: {axes.get_ylabel().split(' (')[0]} {{y:.3f}}"
            axes.figure.points(axes, x, y, words, group, moment=moment, name=names[own])
        means.append(f"{group.split()[0]} {' → '.join(f'{mean.round(3) + 0:.3f}' for mean in values.mean(1))}")
    for place, end in enumerate(np.cumsum(classes)[:-1], 1):
        axes.axvline(end - 0.5, color=FAINT, linewidth=2 if place == len(classes) - 1 else 0.6, zorder=0)
    axes.set_xlim(-0.6, sum(classes) - 0.4)
    return f"mean: {', '.join(means)}"
