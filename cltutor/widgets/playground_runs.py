"""Runs beside those of a playground, recorded ones to compare with, and the other widgets in which a run opens."""

from collections.abc import Iterator, Sequence

import ipywidgets

from ..runs.naming import name_of
from ..runs.run import Run
from ..streams import Stream
from ..studies import gallery
from ..studies.gallery.archive import path_of
from ..studies.gallery.settings import SETTINGS
from .attention_drift import AttentionDrift
from .filter_reconstruction import FilterReconstruction
from .herding_explorer import HerdingExplorer
from .importance_explorer import ImportanceExplorer
from .inputs import Act, Guarded, Switch, button, close, dropdown, row, shortened

# What is shown before anything was trained: a method that forgets, one with replay, and the upper bound.
FIRST = ("finetune across tasks", "eeil", "joint across tasks"), ("finetune", "lwf", "joint")


class Recorded(ipywidgets.Box):
    """Switches for recorded runs of the stream: the first ones, those of the chosen method, and those that are on.

    `changed()` is called after the learner has switched one.
    """

    def __init__(self, stream: Stream, runs: Sequence[Run] | None, guarded: Guarded, changed: Act) -> None:
        layout = ipywidgets.Layout(display="none", flex_flow="row wrap", align_items="center")
        super().__init__(layout=layout)
        self.add_class("cltutor-recorded")
        given = gallery_of(stream) if runs is None else list(runs)
        found = [run for run in given if run.fingerprint == stream.fingerprint and run.complete]
        if given and not found and runs is not None:
            raise ValueError("None of these runs has learned this stream to its end: give runs of its class order.")
        self.runs: dict[str, list[Run]] = {}
        for run in found:
            self.runs.setdefault(name_of(run), []).append(run)
        across, alone = ([name for name in names if name in self.runs] for names in FIRST)
        self.first, self.unknown = across or alone, bool(across)  # a picture of class-incremental runs asks for all
        self._label = ipywidgets.HTML("recorded runs", layout=ipywidgets.Layout(margin="0 8px 0 0"))
        self.switches: dict[str, Switch] = {}
        self._switched, self._setting = guarded(lambda change: changed()), False
        self.set(self.first)

    @property
    def on(self) -> list[str]:
        return [name for name, switch in self.switches.items() if switch.value]

    @property
    def shown(self) -> list[Run]:
        """The runs that are switched on."""
        return [run for name in self.on for run in self.runs[name]]

    def toggled(self) -> Iterator[list[Run]]:
        """The runs that a press of each switch on the page would show."""
        for name in self.switches:
            on = [other for other in self.switches if (other in self.on) != (other == name)]
            yield [run for other in on for run in self.runs[other]]

    def offer(self, method: str) -> None:
        """Offer the runs of this method as well."""
        own = [name for name, runs in self.runs.items() if runs[0].name == method]
        listed = list(dict.fromkeys([*self.first, *self.on, *own]))
        close([switch for name, switch in self.switches.items() if name not in listed])
        self.switches = {name: self.switches.get(name) or self._switch(name) for name in listed}
        self.children = (self._label, *self.switches.values())
        self.layout.display = "flex" if listed else "none"

    def _switch(self, name: str) -> Switch:
        own = self.runs[name]
        several = f"the mean of {len(own)} runs" if len(own) > 1 else f"seed {own[0].seed}"
        made = Switch(name, f"compare with the recorded run of {name} ({several})")
        made.observe(lambda change: self._setting or self._switched(change), "value")
        return made

    def set(self, on: Sequence[str]) -> None:
        """Switch these on, and all others off."""
        self._setting = True
        self.offer("")
        for name, switch in self.switches.items():
            switch.value = name in on
        self._setting = False


def gallery_of(stream: Stream) -> list[Run]:
    """The gallery's runs of streams of this name; none where it has none, or was not built yet."""
    if stream.name not in SETTINGS or not path_of(stream.name).exists():
        return []
    return gallery.runs(stream.name)


WIDGETS = {  # words on the button -> what it does, and the widget
    "Importance": ("which weights matter, and what damage to them does", ImportanceExplorer),
    "Attention": ("where the network looks, and how that drifts", AttentionDrift),
    "Herding": ("which images of a class a memory would keep", HerdingExplorer),
    "Filters": ("filters rebuilt from a knowledge base", FilterReconstruction),
}


class Opener(ipywidgets.VBox):
    """A list of runs, a button for each of the other widgets, and the place where that opens."""

    def __init__(self, stream: Stream, guarded: Guarded) -> None:
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
        self._setting = False
        self.run.observe(lambda change: self._setting or self._grey(), "value")
        self.offer([])

    def offer(self, runs: Sequence[Run]) -> None:
        """Let these runs be opened, the newest at first."""
        if [id(run) for run in runs] == [id(run) for run in self.runs] and runs:
            return
        self.runs = list(runs)
        names = [f"{shortened(name_of(run), 40)}, seed {run.seed}" for run in runs]
        self._setting = True  # each of these would grey out anew, which measures small networks
        self.run.options = [(f"{place}: {name}", place) for place, name in enumerate(names, 1)]
        self.run.value = len(runs) or None
        self._setting = False
        self.layout.display = None if runs else "none"
        self._grey()

    @property
    def chosen(self) -> Run | None:
        return self.runs[self.run.value - 1] if self.run.value else None

    def _grey(self) -> None:
        """Grey out the widgets that cannot show the chosen run, and say why."""
        run, found = self.chosen, []
        for words, pressed in self.buttons.items():
            reason = "" if run else "There is no run yet."
            try:
                if run:
                    WIDGETS[words][1].check_run(run, self.stream)
            except ValueError as error:
                reason = str(error)
            pressed.disabled = bool(reason)
            pressed.tooltip = f"open the run: {WIDGETS[words][0]}" + (f" - not here: {reason}" if reason else "")
            found += [f"<li><b>{words}</b>: {reason}</li>"] if reason else []
        fold = "<details class='cltutor-reasons'><summary>{} greyed out: why?</summary><ul>{}</ul></details>"
        self.reasons.value = fold.format(f"{len(found)} of {len(WIDGETS)}", "".join(found)) if run and found else ""

    def _open(self, words: str) -> None:
        self._close()
        kind, run = WIDGETS[words][1], self.chosen
        if kind is ImportanceExplorer:
            made = kind(self.stream, run=run, seed=run.seed)
        elif kind is AttentionDrift:
            made = kind(self.stream, runs=[run], seed=run.seed)
        else:
            made = kind(run, self.stream)
        self.place.children = (made,)
        self.close_it.layout.display = None

    def _close(self) -> None:
        gone, self.place.children = self.place.children, ()
        close(gone)
        self.close_it.layout.display = "none"
