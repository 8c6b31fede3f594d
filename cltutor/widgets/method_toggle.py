"""Methods to toggle: train them on one stream, one after another, and watch what each keeps and forgets."""

import html
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets

from .. import methods as registry
from ..checked import Many, Text, checked
from ..describe import Real, Whole
from ..losses.distillation import TEMPERATURE
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..streams import Stream
from ..training.loop import Seed, train
from .base import Tool
from .collecting import CollectsRuns
from .controls import SUCH, Call, Controls, Values, call, read, takes, unusual
from .inputs import Knob, buttons, key
from .learning import Device, DeviceText, Train
from .stage import Draw, draw

METHODS = ("finetune", "lwf", "joint")
KNOBS = ("temperature", "lam")  # settings that only some methods have


class MethodControls(Controls):
    """Controls of a method. Each method keeps its own settings while another one is chosen; the epochs are shared.

    ``given`` has the methods to choose from, the seed, the device and settings for every method, where they are not
    the widget's defaults. A pasted line is a call of the widget, or of a method.
    """

    recipe: Recipe

    def __init__(
        self, tool: Tool, controls: Mapping[str, ipywidgets.Widget], changed: Callable[[str | None], None]
    ) -> None:
        self._kind, self._own = type(tool), {}
        self.equation, self.recipe_line = ipywidgets.HTML(), ipywidgets.HTML()
        self.formula = [self.equation, self.recipe_line]
        super().__init__(tool, controls, {}, {}, changed)

    @property
    def methods(self) -> tuple[str, ...]:
        return self.given.get("methods", METHODS)

    @property
    def settings(self) -> Values:
        """What every method is given besides the values of the controls."""
        return {name: value for name, value in self.given.items() if name not in ("methods", "seed", "device")}

    @property
    def values(self) -> Values:
        """The values of the controls that the method has."""
        off = [name for name in KNOBS if self.controls[name].disabled]
        return {name: value for name, value in super().values.items() if name not in off}

    def set(self, values: Values) -> None:
        method = values["method"]
        if method != self._last["method"]:
            own = self._own.get(method, {})
            forced = self.controls["heads"].disabled or refuses(method, values["heads"])
            left = (*KNOBS, "heads") if forced else KNOBS
            values = {name: value for name, value in values.items() if name not in left} | own
        self.set_all(values, self.given)

    def set_all(self, values: Values, given: Values) -> None:
        """Set the controls and the rest of the call; what is left out is the default of the widget or the method."""
        names, seed = listed(given.get("methods", METHODS)), Whole(at_least=0).check("seed", given.get("seed", 0))
        around = {"methods": names, "seed": seed, "device": DeviceText().check("device", given.get("device", "auto"))}
        method = values.get("method", names[0])
        if method not in names:
            raise ValueError(f"{method!r} is not among the methods here: {', '.join(names)}.")
        regime = "class" if refuses(method, "task") else "task"
        usual = {"known_task": True, "heads": regime, **defaults(method)}
        checked = {name: self.rules[name].check(name, values.get(name, usual[name])) for name in usual}
        if foreign := [name for name in KNOBS if name in values and name not in usual]:
            raise ValueError(f"{method} takes no {foreign[0]}.")
        settings = {name: value for name, value in given.items() if name not in around}
        build = registry.named(method)
        chosen = {name: value for name, value in checked.items() if name != "known_task"}
        # A user's method may have no heads or epochs to set: only a changed value is then refused.
        passed = {name: v for name, v in chosen.items() if v != usual[name] or takes(build, name, v)}
        recipe = build(**passed, **settings)
        self.given = unusual(self._kind, around) | settings
        self.usual, self.recipe = {"method": names[0], **usual}, recipe
        self._own[method] = {name: value for name, value in checked.items() if name in KNOBS}
        self._apply({"method": method, **checked})

    def _apply(self, values: Values) -> None:
        self._applying = True
        offered = self.controls["method"]
        if tuple(offered.options) != self.methods:
            offered.tooltips = [summary_of(name) for name in self.methods]
            offered.options = self.methods
        for name in KNOBS:
            self.controls[name].disabled = name not in values
            self.controls[name].layout.display = None if name in values else "none"
        self.controls["heads"].disabled = refuses(str(values["method"]), "task")
        super()._apply(values)
        self.equation.value = self.recipe._repr_html_()
        self.recipe_line.value = f'<code style="white-space:pre-wrap">{html.escape(self.recipe_code)}</code>'

    @property
    def recipe_code(self) -> str:
        """The call of the method, with every setting that has a control."""
        values = self.values
        chosen = {name: values[name] for name in (*KNOBS, "epochs", "heads") if name in values}
        return call(f"cl.methods.{values['method']}", {**chosen, **self.settings})

    def _read(self, code: str) -> None:
        found = read(code, [*registry.names(), self.name])
        if not isinstance(found, Call):
            raise ValueError(f"This is not a call: {SUCH}.")
        if len(found.first) > (found.name == self.name):
            raise ValueError(f"Give the settings of {found.name} by name, such as temperature=3.")
        own = {name: value for name, value in found.settings.items() if name in self.controls}
        others = {name: value for name, value in found.settings.items() if name not in self.controls}
        if found.name == self.name:
            self.set_all(own, others)
            return
        kept = {name: value for name, value in self.given.items() if name not in self.settings}
        kept["methods"] = tuple(dict.fromkeys([*self.methods, found.name]))
        known = {"known_task": self.controls["known_task"].value, "method": found.name}
        self.set_all(own | known, others | kept)


class MethodToggle(CollectsRuns):
    """Buttons for methods, sliders for their settings, Train and Stop, and the accuracy of every task as it grows.

    Runs are collected in `runs` and drawn over each other, beside those that were given. A recipe that is trained
    again takes the next seed, so that its spread is seen; a run that was stopped is kept as far as it came, and
    replaced when its recipe is trained again.

    methods: names of methods; method: the one pressed at first; temperature, lam (the papers' lambda) and epochs: the
    method's own if None; heads: "task" or "class", as in every method, "task" if None and the method takes it;
    known_task: whether the task is given at test; runs: runs of the same stream to begin with; device: as in `learn`;
    settings: given to every method, such as `learning_rate=0.01` or `backbone=cl.networks.ResNet32()`.

    Raises:
        ValueError: an unknown method, a setting that the method does not take, or runs of other tasks.
    """

    @checked
    def __init__(
        self,
        stream: Stream,
        methods: Sequence[str] = METHODS,
        seed: Seed = 0,
        *,
        method: str | None = None,
        known_task: bool = True,
        heads: str | None = None,
        temperature: float | None = None,
        lam: float | None = None,
        epochs: int | None = None,
        runs: Sequence[Run] = (),
        device: Device = "auto",
        train: Train = train,
        draw: Draw = draw,
        **settings,
    ) -> None:
        super().__init__("cltutor-method-toggle", stream, seed, device, train, draw)
        if any(run.tasks != tuple(task.classes for task in stream) for run in runs):
            raise ValueError("runs must have learned the tasks of this stream, in its order.")
        self.beside = list(runs)
        self._make_controls()
        values = {"method": method, "known_task": known_task, "heads": heads}
        values |= {"temperature": temperature, "lam": lam, "epochs": epochs}
        values = {name: value for name, value in values.items() if value is not None}
        self.controls.set_all(values, {"methods": methods, "seed": seed, "device": device, **settings})
        formula = ipywidgets.VBox(self.controls.formula, layout=ipywidgets.Layout(margin="6px 0"))
        formula.add_class("cltutor-formula")
        knobs = self.temperature, self.lam, self.epochs
        self.fill([self.actions, self.method, *knobs, self.heads, self.known_task], [self.pane], [formula])
        self._show()

    @property
    def recipe(self) -> Recipe:
        """The recipe that the controls make."""
        return self.controls.recipe

    def _clear(self) -> None:
        self.beside = []
        super()._clear()

    def _make_controls(self) -> None:
        own, every = "the classes of the image's own task", "the classes of all tasks seen"
        regimes, known = ("task-incremental", "class-incremental"), ("task known", "task unknown")
        trained, tested = "which classes the loss is over (heads)", "among which classes it decides (known_task)"
        softer = "how far the teacher's answers are softened (temperature)"
        heavier = "the weight of the old beside the new (lam)"
        passes = "passes over the images of each task (epochs)"
        named = {
            "method": buttons("method", "how the network learns a new task", {}),
            "known_task": buttons("at test", tested, {True: own, False: every}, known),
            "heads": buttons("training", trained, {"task": own, "class": every}, regimes),
            "temperature": Knob("temperature T", (1.0, 10.0, 0.5), TEMPERATURE, softer, self.guarded),
            "lam": Knob("weight λ", (0.0, 5.0, 0.1), Real(at_least=0), heavier, self.guarded),
            "epochs": Knob("epochs", (1, 30, 1), Whole(at_least=1), passes, self.guarded),
        }
        self.controls = MethodControls(self, named, self._changed)
        key(self.known_task, "k")

    def _changed(self, name: str | None) -> None:
        if name is None:  # a pasted line
            given = self.controls.given
            self.seed, self.device = given.get("seed", 0), given.get("device", "auto")
        if name in ("known_task", None):
            self._show()


def listed(names: Sequence[str]) -> tuple[str, ...]:
    """Names of methods, checked."""
    names = Many(Text(), least=1).check("methods", names)
    for name in names:
        registry.named(name)
    return tuple(names)


def defaults(method: str) -> dict[str, Any]:
    """The settings of a method that have a control, with their defaults."""
    build = registry.named(method)
    parameters = inspect.signature(build).parameters
    own = {name: parameters[name].default for name in KNOBS if name in parameters}
    return {**own, "epochs": build().schedule.epochs}


def refuses(method: str, heads: str) -> bool:
    """Whether the method cannot be trained in this regime, as one with sigmoids."""
    try:
        registry.named(method)(heads=heads)
    except registry.UnknownSetting:
        return False
    except ValueError:
        return True
    return False


def summary_of(method: str) -> str:
    """The first sentence of the method's docstring."""
    words = registry.named(method).__doc__ or f"the method {method}"
    return " ".join(words.replace("``", "").split()).split(". ")[0]
