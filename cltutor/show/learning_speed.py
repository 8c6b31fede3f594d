"""How fast one task is learned: test accuracy after each epoch, over seeds."""

import numpy as np

from ..checked import Table, Text, checked
from ..evaluation.metrics import mean_interval
from .pages import paneled
from .picture import Picture, handle
from .rules import accuracies, by_name
from .runs import percent
from .style import look

Panels = by_name(Table(accuracies("seeds, epochs", gaps=False), Text(), least=1))  # by heading, then by method


@checked
def convergence(panels: Panels, what: str = "") -> Picture:
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
    means = {h: {name: [mean_interval(own) for own in rows.T] for name, rows in by.items()} for h, by in panels.items()}
    names = list(dict.fromkeys(name for by in panels.values() for name in by))
    ticks = [(epoch - 0.5, str(epoch)) for epoch in (1, *range(5, epochs + 1, 5))]
    count = f"{seeds.pop()} seeds" if len(seeds) == 1 else "its seeds"
    note = [f"mean over {count} and its 95 % interval"] if max(map(len, every)) > 1 else []
    points = np.array([point for by in means.values() for points in by.values() for point in points])
    ends = 100 * np.append(points[:, 0], points[:, 0] + np.nan_to_num(points[:, 1]))
    legend = {name: handle(look(name)) for name in names}
    title = f"{what}, test accuracy after each epoch" if what else "Test accuracy after each epoch"
    picture, drawn = paneled(
        list(panels), ends.min(), ticks, epochs, "epoch", title, note, legend, highest=min(100, ends.max()), apart=5
    )
    at = [f"after epoch {epoch + 1}" for epoch in range(epochs)]
    for panel, (heading, by) in zip(drawn, means.items(), strict=True):
        for name, points in by.items():
            mean, half = np.array(points).T
            values, seeds = (np.arange(epochs) + 0.5, mean, half), len(panels[heading][name])
            about = {"runs": seeds, "kind": " (95 % interval)", "noun": "seed"}
            panel.mean(*values, look(name), f"{name}, {heading}", at, name, **about)
    parts = [
        f"{heading}: {', '.join(f'{name} reaches {percent(100 * points[-1][0])}' for name, points in by.items())}"
        for heading, by in means.items()
    ]
    picture.alt = f"{title}: {'; '.join(parts)}."
    return picture
