"""The switches of a playground in sections; what makes no sense is greyed out and says why."""

import html
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import ipywidgets

from .behind import Fail, Worker
from .controls import unchanged
from .inputs import Act, Choice, Guarded, Knob, Switch, plain, row
from .playground_composition import TERMS, Composition
from .playground_limits import Limits
from .playground_presets import make_control, named

# A term's switch -> the controls that count only while it is on.
DEPENDENT = {switch: (weight, *settings) for switch, weight, settings in TERMS.values()}
SECTIONS = {
    "Loss": (
        ("new",),
        ("distillation", "beta", "kind", "temperature", "joined"),
        ("attention", "gamma", "maps", "distance"),
        ("anchor", "omega", "importance"),
    ),
    "Memory": (("memory",), ("selection",), ("balanced", "predict")),
    "Network": (("network",), ("backbone",), ("after_task",)),
    "Training": (("heads",), ("rate",), ("learns",), ("augmentation", "noise")),
}
SIDE = "images", "epochs"
LIMITED = "exemplars", "per class"  # memories that keep so many images


class Panel(ipywidgets.VBox):
    """Controls for a `Composition` in sections, made when they are first looked at; those in ``side`` have their place
    elsewhere, and are there from the first.

    `changed()` is called after the learner has made another composition.

    A recipe with parts that have no switch hides the sections and says why.

    A combination that makes no sense leaves everything as it was, and `guarded` shows why. Buttons that would make one
    are greyed out by a thread, soon after each change; `settle()` waits for it.
    """

    def __init__(self, limits: Limits, composition: Composition, guarded: Guarded, fail: Fail, changed: Act) -> None:
        self.limits, self.composition, self.changed, self._worker = limits, composition, changed, Worker(fail)
        self._applying, self.settle, self.cease = False, self._worker.settle, self._worker.cease
        self.reasons = ipywidgets.HTML(layout=ipywidgets.Layout(margin="0"))
        super().__init__([self.reasons], layout=ipywidgets.Layout(width="100%"))
        self._guarded, self._made = guarded, {}
        self.side = self._make(SIDE)
        self._apply(composition)

    @cached_property
    def controls(self) -> dict[str, ipywidgets.Widget]:
        """All controls by the names of what they set: a hundred buttons, which take longer than the first picture."""
        self._make([name for rows in SECTIONS.values() for names in rows for name in names])
        self.children = (*(self._section(title, rows) for title, rows in SECTIONS.items()), self.reasons)
        self._apply(self.composition)
        return self._made

    def _make(self, names: Sequence[str]) -> list[ipywidgets.Widget]:
        moved, made = self._guarded(self._moved), [make_control(name, self._guarded) for name in names]
        for control in made:
            control.observe(lambda change: self._applying or moved(change), "value")
        self._made = self._made | dict(zip(names, made, strict=True))
        return made

    def set(self, composition: Composition) -> None:
        """Set every control.

        Raises:
            ValueError: the combination makes no sense, and nothing was changed.
        """
        if reason := self.limits.reason(composition):
            self._apply(self.composition)
            raise unchanged(reason)
        self._apply(composition)
        self.changed()

    def _section(self, title: str, rows: tuple[tuple[str, ...], ...]) -> ipywidgets.VBox:
        lines = [row(*(self._made[name] for name in names)) for names in rows]
        heading = ipywidgets.HTML(f"<b>{title}</b>")
        made = ipywidgets.VBox([heading, *lines], layout=ipywidgets.Layout(width="auto"))
        made.add_class("cltutor-section")
        return made

    def _moved(self, change) -> None:
        """The learner moved a control. So many images in a memory of none are exemplars, and no images are none."""
        listed = self._made if self.composition.whole is None else SIDE
        values = {name: plain(self._made[name].value) for name in listed}
        images, memory = values["images"], values.get("memory", self.composition.memory)
        if not self.composition.keeps or self.composition.memory in LIMITED:
            if change.owner is self._made["images"]:
                values["memory"] = "none" if not images else "exemplars" if memory == "none" else memory
            values["images"] = images or self.composition.images
        self.set(named(replace(self.composition, **values)))

    def _apply(self, composition: Composition) -> None:
        """Set every control to the composition's value."""
        self._applying, keeps = True, composition.keeps
        try:
            for name, control in self._made.items():
                value = getattr(composition, name)
                if name in SIDE or composition.whole is None:
                    control.value = float(value) if isinstance(control, Knob) else value
            if composition.memory == "none" and not keeps:
                self._made["images"].value = 0.0
            self.composition = composition
        finally:
            self._applying = False
        # Controls of what is off, and the temperature of what has none, cannot be moved.
        able = {name: getattr(composition, term) for term, names in DEPENDENT.items() for name in names}
        able["temperature"] = composition.distillation and composition.kind == "softmax"
        able["selection"] = composition.memory in LIMITED
        able["images"] = keeps or composition.memory in ("none", *LIMITED) and composition.whole is None
        for name in able.keys() & self._made.keys():
            control = self._made[name]
            for each in control.buttons.values() if isinstance(control, Choice) else [control]:
                each.disabled = not able[name]
        for section in self.children[:-1]:
            section.layout.display = None if composition.whole is None else "none"
        self._worker.do(self._find())

    def _find(self) -> Iterator[None]:
        """Grey out the single changes that make no sense now, in steps, and say the reasons below."""
        now, refused, words = self.composition, {}, {}
        if now.whole is not None:
            free = "its memory and its epochs" if now.keeps else "its epochs"
            words = f"{now.name} has parts without a switch, so only {free} can be changed here. {now.why}"
            self.reasons.value = html.escape(words)
            return
        off = {name for term, names in DEPENDENT.items() if not getattr(now, term) for name in names}
        for name, control in self._made.items():
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
