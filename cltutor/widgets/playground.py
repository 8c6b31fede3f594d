"""The playground: a method, its memory and the question to ask, to train and to compare; all else behind a fold."""

from collections.abc import Iterator, Sequence
from typing import Any

import ipywidgets

from .. import methods, show
from ..checked import checked
from ..recipe.recipe import Recipe
from ..runs.naming import grouped, name_of
from ..runs.run import Run
from ..streams import Stream
from ..training.events import Event, Stepped
from ..training.loop import Seed, train
from .behind import LATER, Worker, ignore
from .collecting import CollectsRuns
from .controls import Controls, unusual
from .inputs import Choice, Switch, dropdown, key
from .learning import Device, Train
from .playground_composition import composition_of
from .playground_limits import Limits
from .playground_panel import Panel
from .playground_presets import PAPERS, at_hand
from .playground_runs import Opener, Recorded
from .playground_text import NEWEST, RULES, SEEDS, VIEWS, Formula, read_line, rows_of, table, widget_code
from .stage import Draw, Drawing, draw

NO_WALL = "No run that is shown here has recorded what every test image was taken for: press Train, or show finetune."


class Playground(CollectsRuns):
    """Methods and all their switches, with equation, code and results: what each keeps and what it forgets.

    It opens on recorded runs of the stream, where there are some. Runs are collected in `runs`. Stop pauses: Resume
    continues with the same numbers as without a stop, as long as the recipe is the same. Picture, table and status line
    answer one question, with the task known at test or unknown.

    recipe: a recipe, or a method's name, to begin with: finetune if None; seed: of the first run of a recipe, later
    ones take the next; seeds: how many runs Train makes, 1, 3 or 5; known_task: whether the task is given at test, by
    default not where class-incremental runs are recorded; view: "curves", or the "wall" of test images; runs: recorded
    ones to compare with, of which those of this very stream are offered, the gallery's if None; device: as in `learn`.

    Raises:
        ValueError: an unknown method, a recipe that makes no sense on this stream, or runs of which none is of this
            stream.
    """

    pauses = True
    records_more = {"record": "predictions"}

    @checked
    def __init__(
        self,
        stream: Stream,
        recipe: Recipe | str | None = None,
        seed: Seed = 0,
        *,
        seeds: int = 1,
        known_task: bool | None = None,
        view: str = "curves",
        runs: Sequence[Run] | None = None,
        device: Device = "auto",
        train: Train = train,
        draw: Draw = draw,
    ) -> None:
        super().__init__("cltutor-playground", stream, seed, device, train, draw)
        self._limits, self._sorted, self._setting = Limits(stream), NEWEST, False
        self.recorded = Recorded(stream, runs, self.guarded, self._show)
        known = not self.recorded.unknown if known_task is None else known_task
        self.first = methods.finetune(heads="class" if self.recorded.unknown else "task")
        first = composition_of(methods.get(self.first if recipe is None else recipe))
        if isinstance(recipe, str):
            first = at_hand(recipe, first, self._limits, known)
        if reason := self._limits.reason(first):
            raise ValueError(reason)
        self.panel = Panel(self._limits, first, self.guarded, self.show_error, self._changed)
        self._make()
        self.controls.start(seeds=seeds, known_task=known, view=view)
        self._changed()
        self._show()
        self.warming = Worker(ignore, LATER)  # what is wrong is shown when the learner presses Train
        self.warming.do(self._warm_up())

    def _make(self) -> None:
        """Everything else on the page: a few choices beside the picture, the rest below or behind a fold."""
        listed = [("of your own", None), *((f"{name} ({paper})", name) for paper in PAPERS for name in PAPERS[paper])]
        self.method = dropdown("method", listed, "a method of a paper, or a baseline (its paper)")
        self.method.observe(self.guarded(self._chosen), "value")
        asked = [
            ("known", True, "among the classes of the image's own task (answers at once)"),
            ("unknown", False, "among the classes of all tasks seen (answers at once)"),
        ]
        several = [(str(count), count, "one after another; the picture shows their mean") for count in SEEDS]
        named = {
            "seeds": Choice("seeds", several, self.guarded),
            "known_task": Choice("task at test", asked, self.guarded),
            "view": Choice("show", [(name, name, about) for name, about in VIEWS.items()], self.guarded),
        }
        self.controls = RecipeLine(self, named)
        self.whose = dropdown("wall of", [], "the run whose test images are shown")
        self.whose.observe(self.guarded(lambda change: self._setting or self._show()), "value")
        self.pane.answer = self._touched
        key(self.known_task, "k")
        self.all = Switch("all switches", "terms, network, schedule")
        self.all.add_class("cltutor-fold")
        self.all.observe(lambda change: self._unfold(), "value")
        self.formula, self.opener = Formula(), Opener(self.stream, self.guarded)
        self.results = ipywidgets.HTML(layout=ipywidgets.Layout(width="100%"))
        self.access.answer = self.guarded(self._sort)
        self.fold = ipywidgets.VBox([self.formula, self.panel, self.opener], layout=ipywidgets.Layout(width="100%"))
        self._unfold()
        side = self.actions, self.method, *self.panel.side, self.known_task, self.seeds, self.view, self.whose
        self.fill([*side, self.all], [self.pane], [self.recorded, self.fold, self.results])

    def _unfold(self) -> None:
        self.fold.layout.display = None if self.all.value else "none"
        if self.all.value:
            _ = self.panel.controls  # made when they are first looked at
            self.opener.offer([run for run in self.runs if run.complete])

    @property
    def recipe(self) -> Recipe:
        """The recipe that the switches make."""
        return self.panel.composition.recipe

    @property
    def count(self) -> int:
        """How many seeds are trained."""
        return self.seeds.value

    def _changed(self) -> None:
        """The switches make another recipe."""
        self.formula.show(self.recipe)
        name, self._setting = self.panel.composition.name, True
        self.method.value = name if name in dict(self.method.options).values() else None
        self._setting = False
        self.recorded.offer(name)
        self.line.value = self.code
        if not self.actions.busy:
            self._say_end()

    def _chosen(self, change) -> None:
        """The learner chose a method."""
        if self._setting or change.new is None:
            return
        try:
            self.panel.set(at_hand(change.new, self.panel.composition, self._limits, self.known_task.value))
        except ValueError:
            self._changed()
            raise

    def _touched(self, spot: dict[str, Any]) -> None:
        """A click on a curve opens the wall of its run."""
        method = dict(grouped(self.shown)).get(spot["key"].rpartition(", task ")[0], [])
        found = [name for name, run in self._walls.items() if any(run is one for one in method)]
        if self.view.value == "curves" and found:
            self._setting, self.whose.value = True, found[-1]
            self._setting, self.view.value = False, "wall"

    def _sort(self, column: str) -> None:
        self._sorted = NEWEST if column == self._sorted else column
        self._show_results()

    def _clear(self) -> None:
        self.recorded.set(())
        super()._clear()

    @property
    def beside(self) -> list[Run]:
        """The recorded runs that are shown beside those that were trained."""
        return self.recorded.shown

    @property
    def _others(self) -> list[Run]:
        return [run for runs in self.recorded.runs.values() for run in runs]

    @property
    def asked(self) -> dict[str, Any]:
        return super().asked | {"whose": self.whose.value}

    @property
    def _walls(self) -> dict[str, Run]:
        """The runs that a wall can show, by name."""
        made = [*self.runs, *([self._live] if self._live else [])]
        named = [(name_of(run), run) for run in self.beside] + [
            (f"{name_of(run)}, seed {run.seed}", run) for run in made
        ]
        return {name: run for name, run in named if run.record == "predictions"}

    def _wall(self, runs: list[Run], known_task: bool) -> show.Picture:
        return show.wall(runs, self.stream, known_task=known_task)

    def _pages(self, known_task: bool, view: str, whose: str | None, **_: Any) -> list[Drawing]:
        if view == "curves":
            return super()._pages(known_task)
        if run := self._walls.get(whose):
            return [self._page([run], known_task, self._wall)]
        return [{"words": NO_WALL} if self.shown else self.empty]

    def _offer_walls(self) -> None:
        """List the runs that a wall can show; the one that learns is shown at once."""
        names, before, self._setting = list(self._walls), self.whose.value, True
        if names != list(self.whose.options):
            self.whose.options = names
            started = self._live and names[-1] != before
            self.whose.value = names[-1] if started else before if before in names else next(iter(names), None)
        self._setting = False
        self.whose.layout.display = None if self.view.value == "wall" and names else "none"

    def _show(self, name: str | None = None) -> None:
        """Show picture and table of all runs."""
        self._offer_walls()
        super()._show(name)
        self._show_results()
        if not self._live:
            self._unfold()  # there may be another run to open
        elif self.view.value == "curves":
            self._page(self.shown, not self.known_task.value)  # ready for the switch

    def _wishes(self) -> list[tuple]:
        """What a press of a switch would show: the other answer, the other view, every recorded run more or less."""
        known, walled = self.known_task.value, self._walls.get(self.whose.value)
        walls = [([walled], asked, self._wall) for asked in (not known, known) if walled]
        curves = [*super()._wishes(), (self.shown, known)]
        views = [*walls, *curves] if self.view.value == "wall" else [*curves, *walls]
        return [*views, *(([*some, *self.runs], known) for some in self.recorded.toggled())]

    def _show_results(self) -> None:
        known, shown = self.known_task.value, self.shown
        rows = rows_of(shown, known, self.beside, self._live)
        self.results.value = table(rows, known, self._sorted)

    def _warm_up(self) -> Iterator[Event]:
        """A step of the recipe, thrown away: PyTorch's very first steps take half a second."""
        events = self.train(self.stream, self.recipe, self.seed, device=self.device)
        yield next(event for event in events if isinstance(event, Stepped))
        events.close()


class RecipeLine(Controls):
    """The controls of a playground: its line begins with the recipe, and may be the call of a recipe or a method."""

    def __init__(self, tool: Playground, named: dict[str, Choice]) -> None:
        usual = {"known_task": not tool.recorded.unknown}
        super().__init__(tool, named, usual, {}, tool._show, {name: RULES[name] for name in named})
        self.tool = tool

    @property
    def code(self) -> str:
        tool, kind = self.tool, type(self.tool)
        settings = unusual(kind, {"seed": tool.seed}) | self.moved | unusual(kind, {"device": tool.device})
        return widget_code(tool.recipe, settings)

    def _read(self, code: str) -> None:
        recipe, settings = read_line(code, {"seed": 0} | self.usual, self.tool.first)
        self.tool.panel.set(composition_of(recipe))
        self.tool.seed = settings.pop("seed", self.tool.seed)
        self.set(self.values | settings)
