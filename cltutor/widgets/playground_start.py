"""What a playground starts from: recorded runs to compare with, and the papers' methods as presets."""

from collections.abc import Callable, Iterator, Sequence

import ipywidgets

from .. import methods
from ..runs.run import Run
from ..streams import Stream
from ..studies import gallery
from ..studies.gallery.archive import path_of
from ..studies.gallery.settings import SETTINGS
from .base import row
from .choice import Choice, Option, Switch
from .method_toggle import summary_of
from .playground_composition import Composition
from .playground_panel import Panel
from .playground_presets import PAPERS, TITLES, at_hand

FIRST = ("finetune", "lwf", "joint")  # what is shown before anything was trained


class Recorded(ipywidgets.Box):
    """Switches for recorded runs of the stream, those of the methods that are offered and those that are on.

    `changed()` is called after the learner has switched one.
    """

    def __init__(
        self, stream: Stream, runs: Sequence[Run] | None, guarded: Callable, changed: Callable[[], None]
    ) -> None:
        layout = ipywidgets.Layout(display="none", flex_flow="row wrap", align_items="center")
        super().__init__(layout=layout)
        self.add_class("cltutor-recorded")
        given = gallery_of(stream) if runs is None else list(runs)
        found = [run for run in given if run.fingerprint == stream.fingerprint and run.complete]
        if given and not found and runs is not None:
            raise ValueError("None of these runs has learned this stream to its end: give runs of its class order.")
        self.runs: dict[str, list[Run]] = {}
        for run in found:
            self.runs.setdefault(label(run), []).append(run)
        self.switches = {words: Switch(words, tooltip(words, runs)) for words, runs in self.runs.items()}
        self._clearing = False
        switched = guarded(lambda change: changed())
        for words, switch in self.switches.items():
            switch.value = words in FIRST
            switch.observe(lambda change: self._clearing or switched(change), "value")

    @property
    def on(self) -> list[str]:
        return [words for words, switch in self.switches.items() if switch.value]

    @property
    def shown(self) -> list[Run]:
        """The runs that are switched on."""
        return [run for words in self.on for run in self.runs[words]]

    def toggled(self) -> Iterator[list[Run]]:
        """The runs that a press of each switch on the page would show."""
        for words in self._listed:
            on = [other for other in self.switches if (other in self.on) != (other == words)]
            yield [run for other in on for run in self.runs[other]]

    def offer(self, methods: Sequence[str]) -> None:
        """Show the switches of these methods, and those that are on."""
        self._offered = methods
        self._listed = [w for w, runs in self.runs.items() if runs[0].name in methods or self.switches[w].value]
        listed = [self.switches[words] for words in self._listed]
        self.children = (ipywidgets.HTML("recorded runs", layout=ipywidgets.Layout(margin="0 8px 0 0")), *listed)
        self.layout.display = "flex" if listed else "none"

    def clear(self) -> None:
        """Switch all off."""
        self._clearing = True
        try:
            for switch in self.switches.values():
                switch.value = False
        finally:
            self._clearing = False


def label(run: Run) -> str:
    return f"{run.name} across tasks" if run.competes else run.name


def tooltip(words: str, runs: Sequence[Run]) -> str:
    several = f"the mean of {len(runs)} runs" if len(runs) > 1 else f"seed {runs[0].seed}"
    return f"compare with the recorded run of {words} ({several})"


def gallery_of(stream: Stream) -> list[Run]:
    """The gallery's runs of streams of this name; none where it has none, or was not built yet."""
    if stream.name not in SETTINGS or not path_of(stream.name).exists():
        return []
    return gallery.runs(stream.name)


class Presets(ipywidgets.VBox):
    """A button for each paper, and for each method of the one that is pressed."""

    def __init__(self, stream: Stream, panel: Panel, recorded: Recorded, guarded: Callable) -> None:
        self.stream, self.panel, self.recorded, self._applying = stream, panel, recorded, False
        self.paper = Choice("presets of", [(name, name, TITLES[name]) for name in PAPERS], guarded)
        self.method = Choice("", [], guarded)
        super().__init__([row(self.paper, self.method)], layout=ipywidgets.Layout(width="100%"))
        offer, pressed = guarded(lambda change: self._offer()), guarded(self._pressed)
        self.add_class("cltutor-presets")
        self.paper.observe(lambda change: self._offer() if self._applying else offer(change), "value")
        self.method.observe(lambda change: self._applying or pressed(change), "value")
        panel.also = self._judge
        self.paper.value = next(iter(PAPERS))

    def show(self, composition: Composition) -> None:
        """Press the button of the method that this is, if it is one."""
        self._applying = True
        try:
            listed = [paper for paper, names in PAPERS.items() if composition.name in names]
            if listed:
                self.paper.value = listed[0]
            self.method.value = composition.name if listed else None
        finally:
            self._applying = False

    def _offer(self) -> None:
        """The methods of the paper; those that make no sense on this stream are greyed out soon after."""
        before, self._applying = self._applying, True
        try:
            names, now = PAPERS[self.paper.value], self.panel.composition
            self.method.value = None
            self.method.offer([_option(name) for name in names])
            self.method.value = now.name if now.name in names else None
            self.recorded.offer(names)
        finally:
            self._applying = before
        self.panel.grey()

    def _judge(self, now: Composition) -> None:
        """Grey out what makes no sense on this stream; called in the panel's thread."""
        listed = [name for name in self.method.buttons if name in methods.names()]
        self.method.refuse({name: self.panel.limits.reason(at_hand(name, now, self.stream)) for name in listed})

    def _pressed(self, change) -> None:
        if change.new is not None:
            self.panel.set(at_hand(change.new, self.panel.composition, self.stream))


def _option(method: str) -> Option:
    return method, method, summary_of(method)
