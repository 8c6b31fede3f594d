"""Accuracy on groups of classes, such as those that a method adapts to (MAS, section 5.1, adaptation test)."""

import numpy as np

from ..checked import checked
from .pages import paneled
from .picture import Picture, handle
from .rules import Names, accuracies, by_name
from .runs import mean_and_spread
from .style import look

Lines = by_name(accuracies("tasks, groups", "runs, tasks, groups"))


@checked
def adaptation(accuracies: Lines, groups: Names, note: str = "") -> Picture:
    """Accuracy on each group of classes after every task, in per cent, one line per method.

    accuracies: name of the method -> (T, G), or (R, T, G) for R seeds, whose mean is drawn with a band of one standard
    deviation (n - 1): row i after task i, one column per group, nan for classes that have not been seen; groups: G
    names, such as "chosen: 3, 7", "others of task 1", "later tasks"; note: a line below the title.

    Raises:
        ValueError: accuracies of different numbers of tasks, or whose columns do not match the groups.
    """
    count = next(iter(accuracies.values())).shape[-2]
    if any(values.shape[-2:] != (count, len(groups)) for values in accuracies.values()):
        raise ValueError(f"accuracies are of shape (tasks, {len(groups)}), of as many tasks for each method.")
    lines = {name: mean_and_spread(array.reshape(-1, count, len(groups))) for name, array in accuracies.items()}
    lowest = min(100 * np.nanmin(mean, initial=1) for mean, _ in lines.values())
    ticks = [(task + 0.5, str(task + 1)) for task in range(count)]
    title, legend = "Accuracy on groups of classes, task known at test", {name: handle(look(name)) for name in lines}
    picture, panels = paneled(groups, lowest, ticks, count, "after learning task", title, [note], legend)
    at, parts = [f"after task {task + 1}" for task in range(count)], []
    for name, (mean, spread) in lines.items():
        runs = accuracies[name].size // (count * len(groups))
        for panel, group, y, around in zip(panels, groups, mean.T, spread.T, strict=True):
            panel.mean(np.arange(count) + 0.5, y, around, look(name), f"{name}, {group}", at, name, runs)
        last = mean[np.isfinite(mean).any(axis=1)][-1:]  # after the last task learned
        ends = [f"{100 * value:.0f} % on {group}" for row in last for value, group in zip(row, groups, strict=True)]
        parts += [f"{name} ends with {', '.join(end for end in ends if 'nan' not in end)}"] if ends else []
    picture.alt = f"{title}, after every task: {'; '.join(parts) or 'nothing has been learned yet'}."
    return picture
