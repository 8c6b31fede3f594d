"""Recorded runs to compare with: a toggle for each method."""

from collections.abc import Callable, Iterator, Sequence

import ipywidgets

from ..runs.run import Run
from ..streams import Stream
from ..studies import gallery
from ..studies.gallery.archive import path_of
from ..studies.gallery.settings import SETTINGS
from .choice import Switch

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
