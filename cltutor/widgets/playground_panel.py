"""The toggles of a playground in sections, and presets of them; what makes no sense is greyed out and says why."""

import html
from collections.abc import Callable, Iterator
from dataclasses import replace

import ipywidgets

from .. import methods
from ..streams import Stream
from .base import row
from .behind import Worker
from .inputs import Choice, Knob, Switch, plain
from .method_toggle import summary_of
from .playground_composition import TERMS, Composition
from .playground_limits import Limits
from .playground_presets import PAPERS, TITLES, at_hand, make_controls, named
from .playground_runs import Recorded

# A term's switch -> the controls that count only while it is on.
DEPENDENT = {switch: (weight, *settings) for switch, weight, settings in TERMS.values()}
SECTIONS = {
    "Loss": (
        ("new",),
        ("distillation", "beta", "kind", "temperature", "joined"),
        ("attention", "gamma", "maps", "distance"),
        ("anchor", "omega", "importance"),
    ),
    "Memory": (("memory",), ("images", "selection"), ("balanced", "predict")),
    "Network": (("network",), ("backbone",), ("after_task",)),
    "Training": (("epochs", "rate"), ("learns",), ("augmentation", "noise")),
}
ALL = "all"
UNCHANGED = "Nothing was changed."


class Unchanged(ValueError):
    """A change that was refused and has left everything as it was, as its message says."""


class Panel(ipywidgets.VBox):
    """Controls for a `Composition` in sections, of which one is open, or all; that of `heads` has its place elsewhere.

    `changed(before)` is called after the learner has made another composition.

    A combination that makes no sense leaves everything as it was, and `guarded` shows why. Buttons that would make one
    are greyed out by a thread, soon after each change; `settle()` waits for it.
    """

    def __init__(
        self,
        limits: Limits,
        composition: Composition,
        guarded: Callable,
        fail: Callable[[Exception], None],
        changed: Callable[[Composition], None],
    ) -> None:
        self.limits, self.composition, self.changed, self._worker = limits, composition, changed, Worker(fail)
        self._applying, self.settle, self.cease = False, self._worker.settle, self._worker.cease
        self.also: Callable[[Composition], None] = lambda now: None  # what else the thread greys out
        self.controls = make_controls(guarded)
        moved = guarded(self._moved)
        for control in self.controls.values():
            control.observe(lambda change: self._applying or moved(change), "value")
        self.reasons = ipywidgets.HTML(layout=ipywidgets.Layout(margin="0"))
        self.sections = {title: self._section(rows) for title, rows in SECTIONS.items()}
        about = {title: f"the toggles of {title.lower()}" for title in SECTIONS} | {ALL: "the toggles of all sections"}
        self.tabs = Choice("toggles", [(title, title, words) for title, words in about.items()], guarded)
        self.tabs.observe(guarded(lambda change: self._unfold()), "value")
        rows = self.tabs, *self.sections.values(), self.reasons
        super().__init__(rows, layout=ipywidgets.Layout(width="100%"))
        self.tabs.value = "Loss"
        self._apply(composition)

    def set(self, composition: Composition) -> None:
        """Set every control.

        Raises:
            Unchanged: the combination makes no sense, and nothing was changed.
        """
        before = self.composition
        if reason := self.limits.reason(composition):
            self._apply(before)
            raise Unchanged(f"{reason} {UNCHANGED}")
        self._apply(composition)
        self.changed(before)

    def _section(self, rows: tuple[tuple[str, ...], ...]) -> ipywidgets.VBox:
        lines = [row(*(self.controls[name] for name in names)) for names in rows]
        made = ipywidgets.VBox(lines, layout=ipywidgets.Layout(width="auto"))
        made.add_class("cltutor-section")
        return made

    def _unfold(self) -> None:
        for title, section in self.sections.items():
            section.layout.display = None if self.tabs.value in (title, ALL) else "none"

    def _moved(self, change) -> None:
        """The learner moved a control."""
        values = {name: plain(control.value) for name, control in self.controls.items()}
        self.set(named(replace(self.composition, **values)))

    def _apply(self, composition: Composition) -> None:
        """Set every control to the composition's value."""
        self._applying = True
        try:
            for name, control in self.controls.items():
                value = getattr(composition, name)
                control.value = float(value) if isinstance(control, Knob) else value
            self.composition = composition
        finally:
            self._applying = False
        # Controls of what is off, and the temperature of what has none, cannot be moved.
        able = {name: getattr(composition, term) for term, names in DEPENDENT.items() for name in names}
        able["temperature"] = composition.distillation and composition.kind == "softmax"
        able["images"] = able["selection"] = composition.memory in ("exemplars", "per class")
        for name, on in able.items():
            control = self.controls[name]
            for each in control.buttons.values() if isinstance(control, Choice) else [control]:
                each.disabled = not on
        self.grey()

    def grey(self) -> None:
        """Have a thread find out which single changes of the composition make no sense."""
        self._worker.do(self._find())

    def _find(self) -> Iterator[None]:
        """Grey out what makes no sense now, in steps, and say the reasons below."""
        now, refused, words = self.composition, {}, {}
        off = {name for term, names in DEPENDENT.items() if not getattr(now, term) for name in names}
        for name, control in self.controls.items():
            if name in off or not isinstance(control, Choice | Switch):
                continue
            refused[control] = {}
            for value in list(control.buttons) if isinstance(control, Choice) else [not getattr(now, name)]:
                yield
                if value != getattr(now, name) and (reason := self.limits.reason(replace(now, **{name: value}))):
                    refused[control][value] = reason
                    words.setdefault(reason, []).append(setting(control, value))
        for control, reasons in refused.items():
            control.refuse(reasons if isinstance(control, Choice) else "".join(reasons.values()))
        self.reasons.value = listing(words)
        self.also(now)


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
            self.method.offer([(name, name, summary_of(name)) for name in names])
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


def setting(control: Choice | Switch, value: object) -> str:
    """A control with one of its values, in words."""
    if isinstance(control, Switch):
        return control.description if value else f"no {control.description}"
    return f"{control.words}: {control.buttons[value].description}"


def listing(words: dict[str, list[str]]) -> str:
    """The reasons, each with what it greys out, folded away."""
    if not words:
        return ""
    lines = [f"<li><b>{html.escape('; '.join(given))}</b>: {html.escape(why)}</li>" for why, given in words.items()]
    count = sum(map(len, words.values()))
    summary = f"{count} choice{'s are' if count > 1 else ' is'} greyed out here: why?"
    return f'<details class="cltutor-reasons"><summary>{summary}</summary><ul>{"".join(lines)}</ul></details>'
