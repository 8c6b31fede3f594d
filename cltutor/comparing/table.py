"""A comparison as a table: measurements, one group per training regime, and what each method needs.

The columns are those of LwF, Figure 1 and MAS, Figure 2, with numbers where they can be measured.
"""

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import mean
from typing import overload

from ..describe import counted
from ..recipe.recipe import Recipe
from ..runs.one_class import remarks
from ..runs.run import Run
from ..show.rows import Table as Columns
from .numbers import Interval, Methods, difference, interval, numbers

NONE = "–"
ACCURACIES = {
    "new_task_accuracy": "new tasks (%)",
    "old_task_accuracy": "old tasks (%)",
    "average_accuracy": "average (%)",
    "forgetting": "forgetting (points)",
}
SEVERAL = {"mean_average_precision": "mean average precision (%)"}  # where images have several labels
PROPERTIES = {
    "old_data": "old data?",
    "task_at_test": "task at test?",
    "pretrained": "on pretrained?",
    "unlabelled": "unlabelled data?",
    "any_output": "any output?",
}
MEANINGS = (
    "new tasks: each task after the first, right after it was learned; old tasks: all before the last, at the end "
    "(LwF, Figure 1)",
    "difference: of the average, paired by seed, with the reference; forgetting: how far old tasks fell below their "
    "best",
    "mean average precision: of images with several labels, at the end, each label a query over the images of its task",
    "seconds: of training, and of all tests of a run; memory: in use when the last task begins, by the network, "
    "importances, recorded outputs and old images (MAS, Figure 6)",
    "old data: trains on images of earlier tasks; task at test: must be given an image's task (LwF, Figure 1)",
    "on pretrained: goes on from a network that comes with weights; unlabelled data: its importance needs no labels; "
    "any output: protects an embedding as well as a softmax (MAS, Figure 2); all declared by the method's parts",
)


@dataclass(frozen=True)
class Properties:
    """What a method needs and allows (LwF, Figure 1; MAS, Figure 2); None where a question does not apply.

    ``old_data``: it trains on images of earlier tasks. ``task_at_test``: it must be given an image's task, as its
    logits were not trained to compete. ``pretrained``: it can go on from a network that comes with weights.
    ``unlabelled``: what it protects is found without labels; None where no images are read for that. ``any_output``: it
    protects an embedding as well as a softmax; None for networks that are made of heads for classes. EWC's and IMM's
    Fisher draws its labels from the network (Kirkpatrick et al. 2017), so that here, unlike in MAS, Figure 2, it needs
    no given ones.
    """

    old_data: bool
    task_at_test: bool
    pretrained: bool
    unlabelled: bool | None
    any_output: bool | None


def properties(recipe: Recipe) -> Properties:
    """The properties of a method, as its network and its other parts declare them."""
    parts = [recipe.network, *recipe.parts.values()]
    guards = [part for part in parts if part is not recipe.memory]
    labels = [part.needs_labels for part in guards]
    outputs = [part.guards_any_output for part in guards]
    return Properties(
        old_data=any(part.keeps_images for part in parts),
        task_at_test=recipe.heads != "class",  # a part that needs the task takes no other regime
        pretrained=all(part.works_pretrained for part in parts),
        unlabelled=None if True not in labels and False not in labels else True not in labels,
        any_output=False if False in outputs else None if None in outputs else True,
    )


@dataclass(frozen=True)
class Row:
    """A method: means over its runs with half widths of 95 % t-intervals, as fractions; nan where there is none."""

    method: str
    competes: bool
    known_task: bool
    runs: int
    accuracies: dict[str, Interval]  # by the names of ``ACCURACIES``, and of ``SEVERAL``
    against: str
    difference: Interval
    epochs: int
    updates: float
    train_seconds: float
    test_seconds: float
    memory: float  # bytes
    properties: Properties


@dataclass(frozen=True, repr=False)
class Table(Sequence[Row]):
    """Rows in groups of one training regime, each sorted by its own average accuracy; nothing is ranked across.

    A notebook shows it as HTML tables, a terminal as columns of text; ``markdown()`` is for a file.
    """

    groups: tuple[tuple[Row, ...], ...]
    about: str  # the stream, the seeds and the device

    @property
    def rows(self) -> list[Row]:
        return [row for group in self.groups for row in group]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        return self.rows[place]

    def blocks(self) -> list[tuple[str, Columns]]:
        """(title, columns) of each group, then of what methods need."""
        budgets = len({row.epochs for row in self}) > 1
        found = [(title(group[0]), Columns(*measured(group, budgets))) for group in self.groups]
        head = ("method", *PROPERTIES.values())
        facts = tuple((row.method, *(answer(getattr(row.properties, name)) for name in PROPERTIES)) for row in self)
        return [*found, ("What a method needs, and what it allows", Columns(head, facts))]

    def __repr__(self) -> str:
        return "\n\n".join([self.about, *(f"{title}\n{columns!r}" for title, columns in self.blocks())])

    def markdown(self) -> str:
        """The whole table in Markdown, with what its columns mean."""
        blocks = [f"**{title}**\n\n{columns._repr_markdown_()}" for title, columns in self.blocks()]
        return "\n\n".join([*blocks, self.about, *(f"- {meaning}." for meaning in MEANINGS)]) + "\n"

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_html_(self) -> str:
        blocks = [columns.html(title) for title, columns in self.blocks()]
        meanings = "".join(f"<li>{html.escape(meaning)}.</li>" for meaning in MEANINGS)
        return (
            f"<div>{''.join(blocks)}<p>{html.escape(self.about).replace(chr(10), '<br>')}</p>"
            f"<details><summary>What the columns mean</summary><ul>{meanings}</ul></details></div>"
        )


def tabulated(methods: Methods, known_task: bool | None, against: str | None) -> Table:
    """The table of ``Comparison.table``: the runs of each method, by its label."""
    groups = []
    for competes in (False, True):
        shown = [label for label, runs in methods.items() if runs[0].competes == competes]
        known = not competes if known_task is None else known_task
        reference = against if against in shown else next(iter(shown), "")
        rows = [row_of(methods, label, known, reference) for label in shown]
        groups += [tuple(sorted(rows, key=rank))] if rows else []
    return Table(tuple(groups), about([run for runs in methods.values() for run in runs]))


def row_of(methods: Methods, label: str, known_task: bool, against: str) -> Row:
    runs = methods[label]
    found = [numbers(run, known_task) for run in runs]
    return Row(
        method=label,
        competes=runs[0].competes,
        known_task=known_task,
        runs=len(runs),
        accuracies={
            name: interval([values[name] for values in found]) for name in (*ACCURACIES, *SEVERAL) if name in found[0]
        },
        against=against,
        difference=difference(methods, label, known_task, against),
        epochs=runs[0].recipe.schedule.epochs,
        updates=mean(run.updates for run in runs),
        train_seconds=mean(run.seconds["train"] for run in runs),
        test_seconds=mean(run.seconds["test"] for run in runs),
        memory=mean(sum(run.memory.values()) or math.nan for run in runs),
        properties=properties(runs[0].recipe),
    )


def rank(row: Row) -> float:
    average = row.accuracies["average_accuracy"][0]
    return 0.0 if math.isnan(average) else -average


def about(runs: Sequence[Run]) -> str:
    """The stream, seeds, budget and devices in one line, and what tasks of one class leave out, a line each."""
    first, seeds = runs[0], sorted({run.seed for run in runs})
    orders = {run.stream_code for run in runs}
    more = len(orders) - 1
    stream = first.stream_code + (f" and {more} more class order{'s' if more > 1 else ''}" if more else "")
    epochs = sorted({run.recipe.schedule.epochs for run in runs})
    devices = sorted({run.device for run in runs})
    budget = f"{' or '.join([*map(str, epochs[:-1]), counted(epochs[-1], 'epoch')])} per task"
    spread = "mean ± half width of the 95 % t-interval; " if len(seeds) > 1 else ""
    words = "seeds" if len(seeds) > 1 else "seed"
    line = f"{stream}; {words} {', '.join(map(str, seeds))}; {budget}; {spread}{', '.join(devices)}"
    found = [words for run in runs for words in remarks(run.recipe, run.tasks)]
    return "\n".join([line, *dict.fromkeys(found)])


def title(row: Row) -> str:
    """The title of the group whose first row this is."""
    trained = "Trained with all classes competing" if row.competes else "Trained with a head per task"
    tested = "task known at test" if row.known_task else "task unknown at test"
    silent = ": heads that never learned to compete give no answer" if not (row.known_task or row.competes) else ""
    return f"{trained}, {tested}{silent}"


def measured(group: Sequence[Row], budgets: bool) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Header and cells of a group's numbers; with ``budgets`` also the epochs."""
    columns: dict[str, Callable[[Row], str]] = {"method": lambda row: row.method}
    for name, words in (ACCURACIES | SEVERAL).items():
        if name not in group[0].accuracies:
            continue
        columns[words] = partial(accuracy_cell, name=name)
        if name == "average_accuracy" and len(group) > 1:
            columns["difference (points)"] = against_reference
    if budgets:
        columns["epochs"] = lambda row: str(row.epochs)
    columns["updates"] = lambda row: f"{row.updates:,.0f}"
    columns["train (s)"] = lambda row: f"{row.train_seconds:.1f}"
    columns["test (s)"] = lambda row: f"{row.test_seconds:.1f}"
    columns["memory (MB)"] = lambda row: NONE if math.isnan(row.memory) else f"{row.memory / 1e6:.2f}"
    return tuple(columns), tuple(tuple(cell(row) for cell in columns.values()) for row in group)


def accuracy_cell(row: Row, name: str) -> str:
    return percent(row.accuracies[name])


def against_reference(row: Row) -> str:
    return "reference" if row.method == row.against else percent(row.difference, "+")


def percent(value: Interval, sign: str = "") -> str:
    average, half = value
    if math.isnan(average):
        return NONE
    return f"{100 * average:{sign}.1f}" + ("" if math.isnan(half) else f" ± {100 * half:.1f}")


def answer(value: bool | None) -> str:
    return {True: "yes", False: "no", None: NONE}[value]
