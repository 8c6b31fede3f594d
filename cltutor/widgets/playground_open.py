"""A run of the playground in those of the other widgets that can show it."""

from collections.abc import Callable, Sequence

import ipywidgets

from ..runs.run import Run
from ..streams import Stream
from .attention_drift import AttentionDrift
from .base import button, dropdown, row
from .choice import close, shortened
from .filter_reconstruction import FilterReconstruction
from .herding_explorer import HerdingExplorer, check_finished
from .importance_explorer import ImportanceExplorer

WIDGETS = {  # words on the button -> what it does, and the widget
    "Importance": ("which weights matter, and what damage to them does", ImportanceExplorer),
    "Attention": ("where the network looks, and how that drifts", AttentionDrift),
    "Herding": ("which images of a class a memory would keep", HerdingExplorer),
    "Filters": ("filters rebuilt from a knowledge base", FilterReconstruction),
}


def opened(words: str, run: Run, stream: Stream) -> ipywidgets.Widget:
    """The widget of that name for this run; ValueError where it cannot show it."""
    kind = WIDGETS[words][1]
    if kind is ImportanceExplorer:
        return kind(stream, run=run, seed=run.seed)
    if kind is AttentionDrift:
        return kind(stream, runs=[run], seed=run.seed)
    return kind(run, stream)


def refusal(words: str, run: Run, stream: Stream) -> str:
    """Why a widget cannot show this run, in its own words; nothing where it can."""
    try:
        check_finished(run, stream)
        WIDGETS[words][1].check_run(run, stream)
    except ValueError as error:
        return str(error)
    return ""


class Opener(ipywidgets.VBox):
    """A list of runs, a button for each of the other widgets, and the place where that opens."""

    def __init__(self, stream: Stream, guarded: Callable[[Callable], Callable]) -> None:
        self.stream, self.runs = stream, []
        self.run = dropdown("open run", [], "the run that opens in another widget")
        self.buttons = {
            words: button(words, "", guarded(lambda _, words=words: self._open(words)), "external-link")
            for words in WIDGETS
        }
        self.close_it = button("Close", "close the widget below", guarded(lambda _: self._close()), "times")
        self.close_it.layout.display = "none"
        self.reasons, self.place = ipywidgets.HTML(), ipywidgets.VBox()
        super().__init__([row(self.run, *self.buttons.values(), self.close_it), self.reasons, self.place])
        self.run.observe(lambda change: self._grey(), "value")
        self.offer([])

    def offer(self, runs: Sequence[Run]) -> None:
        """Let these runs be opened, the newest at first."""
        if [id(run) for run in runs] == [id(run) for run in self.runs] and runs:
            return
        self.runs = list(runs)
        options = [(f"{place}: {shortened(run.name, 40)}, seed {run.seed}", place) for place, run in enumerate(runs, 1)]
        self.run.options = options
        self.run.value = len(runs) or None
        self.layout.display = None if runs else "none"
        self._grey()

    @property
    def chosen(self) -> Run | None:
        return self.runs[self.run.value - 1] if self.run.value else None

    def _grey(self) -> None:
        """Grey out the widgets that cannot show the chosen run, and say why."""
        run, found = self.chosen, []
        for words, pressed in self.buttons.items():
            reason = refusal(words, run, self.stream) if run else "There is no run yet."
            pressed.disabled = bool(reason)
            pressed.tooltip = f"open the run: {WIDGETS[words][0]}" + (f" - not here: {reason}" if reason else "")
            found += [f"<li><b>{words}</b>: {reason}</li>"] if reason else []
        fold = "<details class='cltutor-reasons'><summary>{} greyed out: why?</summary><ul>{}</ul></details>"
        self.reasons.value = fold.format(f"{len(found)} of {len(WIDGETS)}", "".join(found)) if run and found else ""

    def _open(self, words: str) -> None:
        self._close()
        made = opened(words, self.chosen, self.stream)
        self.place.children = (made,)
        self.close_it.layout.display = None

    def _close(self) -> None:
        gone, self.place.children = self.place.children, ()
        for widget in gone:
            if training := getattr(widget, "training", None):
                training.stop()
        close(gone)
        self.close_it.layout.display = "none"
