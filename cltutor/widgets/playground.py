"""The playground: every term, memory, network and schedule to switch on and off, to train and to compare."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import ipywidgets

from .. import methods
from ..checked import checked
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..streams import Stream
from ..training.events import Event, Stepped
from ..training.loop import Seed, train
from .base import text_field
from .behind import LATER, Worker
from .controls import TIP, unusual
from .inputs import Choice
from .learning import CollectsRuns, Device, Train
from .playground_composition import Composition, composition_of
from .playground_limits import Limits
from .playground_panel import UNCHANGED, Panel, Presets, Unchanged
from .playground_presets import at_hand
from .playground_runs import Opener, Recorded
from .playground_text import RULES, SORTS, Formula, read_line, rows_of, table, widget_code
from .stage import Draw, draw


@dataclass(frozen=True)
class Paused:
    """A run that was stopped: the events that continue it, its recipe, and the picture of it so far among the runs."""

    events: Iterator[Event]
    recipe: Recipe
    shown: Run | None

    def cease(self) -> None:
        self.events.close()


class Playground(CollectsRuns):
    """Toggles for the terms of the loss, memory, network and schedule, with their equation, their code and results.

    Runs are collected in `runs`. Stop pauses: Resume continues with the same numbers as without a stop, as long as the
    recipe is the same. Pictures and table show the task known at test, or unknown.

    recipe: a recipe, or a method's name, to begin with; seed: of the first run of a recipe, later ones take the next;
    known_task: whether the task is given at test; runs: recorded runs to compare with, of which those of this very
    stream are offered, the gallery's if None; device: as in `learn`.

    Raises:
        ValueError: an unknown method, a recipe that the toggles cannot make or that makes no sense on this stream, or
            runs of which none is of this stream.
    """

    pauses = True

    @checked
    def __init__(
        self,
        stream: Stream,
        recipe: Recipe | str = "finetune",
        seed: Seed = 0,
        *,
        known_task: bool = True,
        runs: Sequence[Run] | None = None,
        device: Device = "auto",
        train: Train = train,
        draw: Draw = draw,
    ) -> None:
        super().__init__("cltutor-playground", stream, seed, device, train, draw)
        RULES["seed"].check("seed", seed)
        RULES["known_task"].check("known_task", known_task)
        self._paused: Paused | None = None
        limits = Limits(stream)
        first = composition_of(methods.get(recipe))
        first = at_hand(recipe, first, stream) if isinstance(recipe, str) else first
        if reason := limits.reason(first):
            raise ValueError(reason)
        self.recorded = Recorded(stream, runs, self.guarded, self._show)
        self.panel = Panel(limits, first, self.guarded, self.show_error, self._changed)
        self._make(known_task)
        self._changed(first)
        self._show()
        self.warming = Worker(lambda error: None, LATER)  # what is wrong is shown when the learner presses Train
        self.warming.do(self._warm_up())

    def _make(self, known_task: bool) -> None:
        """Everything else on the page."""
        self.presets = Presets(self.stream, self.panel, self.recorded, self.guarded)
        self.formula = Formula()
        regimes = [
            ("known", True, "only the classes of the image's own task compete (answers at once)"),
            ("unknown", False, "the classes of all tasks seen compete (answers at once)"),
        ]
        self.known_task = Choice("at test, task", regimes, self.guarded)
        self.known_task.value = known_task
        self.known_task.observe(self.guarded(self._flipped), "value")
        self.results = ipywidgets.HTML(layout=ipywidgets.Layout(width="100%"))
        self.sort = Choice("sort by", [(name, name, words) for name, (_, words, _) in SORTS.items()], self.guarded)
        self.sort.value = "newest"
        self.sort.observe(self.guarded(lambda change: self._show_results()), "value")
        self.opener = Opener(self.stream, self.guarded)
        self.code_field = text_field("as code", TIP, self.guarded(self._pasted), "98%")
        side = self.actions, self.known_task, self.panel.controls["heads"], self.presets
        self.fill(side, [self.pane], [self.recorded, self.panel, self.formula, self.sort, self.results, self.opener])

    @property
    def line(self) -> ipywidgets.Text:
        return self.code_field

    @property
    def recipe(self) -> Recipe:
        """The recipe that the toggles make."""
        return self.panel.composition.recipe

    @property
    def code(self) -> str:
        """The line of code that makes this widget again as it is set."""
        now = {"seed": self.seed, "known_task": self.known_task.value, "device": self.device}
        return widget_code(self.recipe, unusual(type(self), now))

    def _changed(self, before: Composition) -> None:
        """The toggles make another recipe."""
        self.formula.show(self.recipe)
        self.presets.show(self.panel.composition)
        self.line.value = self.code
        self.actions.resumable = self._can_resume

    @property
    def _can_resume(self) -> bool:
        return self._paused is not None and self._paused.recipe == self.recipe

    def _flipped(self, change) -> None:
        self.line.value = self.code
        self._show()

    def _pasted(self, change) -> None:
        if change.new.strip() == self.code:
            return
        try:
            recipe, settings = read_line(change.new)
            self.panel.set(composition_of(recipe))
            self.seed = settings.get("seed", self.seed)
            self.known_task.value = settings.get("known_task", self.known_task.value)
        except Unchanged:
            raise
        except ValueError as error:
            raise Unchanged(f"{error} {UNCHANGED}") from error
        finally:
            self.line.value = self.code

    def _train(self) -> None:
        self._drop_paused()
        self._learning = self.recipe
        super()._train()

    def _resume(self) -> None:
        if not self._can_resume:
            raise ValueError("There is nothing to resume with this recipe: press Train.")
        paused, self._paused = self._paused, None
        self.runs = [run for run in self.runs if run is not paused.shown]
        self._live, self._learning = paused.shown, paused.recipe
        self.actions.resumable = False
        self._begin(paused.events, f"{paused.recipe.name} continues", None)

    def _drop_paused(self) -> None:
        if self._paused:
            self._paused.cease()
        self._paused = None
        self.actions.resumable = False

    def _clear(self) -> None:
        if not self.actions.busy:
            self._drop_paused()
        self.recorded.clear()
        super()._clear()

    def _pause(self, kept: Run | None) -> str:
        if not self.training.keep:
            return ""
        self._paused = Paused(self.training.events, self._learning, kept)
        self.actions.resumable = self._can_resume
        return "; Resume goes on"

    @property
    def shown(self) -> list[Run]:
        return [*self.recorded.shown, *super().shown]

    def _show(self) -> None:
        """Show picture and table of all runs."""
        super()._show()
        self._show_results()
        if self._live:
            self.album.picture(self.shown, not self.known_task.value)  # ready for the switch
        else:
            self.opener.offer([run for run in self.runs if run.complete])

    def _wishes(self) -> list[tuple[list[Run], bool]]:
        """What a press of a switch would show: the task unknown at test, and every recorded run more or less."""
        toggled = [[*some, *self.runs] for some in self.recorded.toggled()]
        return [*super()._wishes(), *((runs, self.known_task.value) for runs in toggled)]

    def _show_results(self) -> None:
        known, shown = self.known_task.value, self.shown
        self.results.value = table(rows_of(shown, known, self.recorded.shown), known, self.sort.value)
        self.sort.layout.display = "flex" if shown else "none"

    def _warm_up(self) -> Iterator[Event]:
        """A step of the recipe, thrown away: PyTorch's very first steps take half a second."""
        events = self.train(self.stream, self.recipe, self.seed, device=self.device)
        yield next(event for event in events if isinstance(event, Stepped))
        events.close()
