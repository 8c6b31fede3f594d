"""Which weights matter, by four methods; and the proof, by damage, that the heat map tells the truth."""

import html

import ipywidgets

from .. import methods, show
from ..importance import fisher, mas, mas_local, shared_weights
from ..importance.damage import HOW, WHICH
from ..runs.run import Run
from ..seeds import seeded
from ..streams import Stream
from ..training.events import Event, Stepped, TaskDone
from .actions import Actions
from .base import Pane, Tool, buttons, draw, dropdown, row
from .controls import Controls
from .exploring import DRAWS, METHODS, SHARES, Exploration, Measuring, draws
from .herding_explorer import check
from .knob import Knob
from .method_toggle import news
from .training import Trains

MEASURED = tuple(method for method in METHODS if method != "si")  # without a step of training
VIEWS = ("maps", "scatter", "damage")
DONE = {"prune": "set to zero", "perturb": "given noise"}
CHOICES = {"view": VIEWS, "summed": (True, False), "scale": ("rank", "log"), "how": HOW, "which": WHICH}


class ImportanceExplorer(Trains, Tool):
    """Heat maps of Omega for MAS, local MAS, EWC and SI, a scatter of any two, and what damage does to each task.

    Train lets one network learn the stream with Synaptic Intelligence, and measures after every task; with a finished
    ``run`` of the stream it measures that one's networks, by all but SI. view: "maps", "scatter" or "damage"; layer:
    the name of a weight, the first one if None; task: after which task, counted from 1, the last if None; summed:
    importance of all tasks so far, or of this task alone; scale: "rank" or "log"; first and second: the methods of the
    scatter; method: whose ranking chooses the weights to damage, always by its sum over tasks; how: "prune" or
    "perturb"; which: "least", "random" or "most"; share: percent of the weights of every layer; seed, device: as in
    `learn`; settings: given to `methods.si`, such as `epochs=5`.

    Raises:
        ValueError: a word, layer, task or share that there is not, or a setting that the method does not take.
    """

    def __init__(
        self,
        stream: Stream,
        *,
        run: Run | None = None,
        view: str = "maps",
        layer: str | None = None,
        task: int | None = None,
        summed: bool = True,
        scale: str = "rank",
        first: str = "mas",
        second: str = "ewc",
        method: str = "mas",
        how: str = "prune",
        which: str = "least",
        share: float = 30,
        seed: int = 0,
        device: str = "auto",
        **settings,
    ) -> None:
        super().__init__("cltutor-importance-explorer")
        self.stream, self.run, self.seed, self.device = stream, run, seed, device
        if run is not None:
            self.suits(run, stream)
        self.recipe = methods.si(**settings) if run is None else run.recipe
        self.methods = METHODS if run is None else MEASURED
        self.choices = CHOICES | dict.fromkeys(("first", "second", "method"), self.methods)
        self.layers = layers_of(stream, self.recipe)
        self.data = Exploration(stream, self.methods)
        self._album: dict[tuple, str] = {}
        self._empty = draw(lambda: show.tasks(stream))
        usual = {"view": "maps", "layer": self.layers[0], "task": len(stream), "summed": True, "scale": "rank"}
        usual |= {"first": "mas", "second": "ewc", "method": "mas", "how": "prune", "which": "least", "share": 30}
        given = {name: value for name, value, own in (("seed", seed, 0), ("device", device, "auto")) if value != own}
        self._make_controls()
        self.controls = Controls(
            self, "ImportanceExplorer", self._named, usual, given | settings, self._checked, self._moved
        )
        self.controls.set(
            usual
            | {"view": view, "summed": summed, "scale": scale, "first": first, "second": second, "method": method}
            | {"how": how, "which": which, "share": share}
            | {name: value for name, value in (("layer", layer), ("task", task)) if value is not None}
        )
        self.actions = Actions(self._train, self._stop, self._clear, self.guarded)
        self.told, self.pane = ipywidgets.HTML(), Pane()
        self.fill(self.actions, *self._rows, self.message, self.pane, self.told, self.controls.line)
        self._moved(None)

    @property
    def code(self) -> str:
        """The line of code that makes this widget again as it is set."""
        return self.controls.code

    @staticmethod
    def suits(run: Run, stream: Stream) -> None:
        """ValueError where importances of this run's networks cannot be measured."""
        check(run, stream)
        network, images = run.model_after(0), stream[0].test.images[:2]
        if not network.parameters_of("shared"):
            raise ValueError(f"{run.name} has no weights that tasks share: there is nothing whose importance counts.")
        for measure in (mas, mas_local, fisher):
            measure(network, images)

    def _make_controls(self) -> None:
        def pressed(name: str, words: str, shown: dict, tooltips: list[str]) -> ipywidgets.ToggleButtons:
            return buttons(words, name, [(shown.get(value, value), value) for value in self.choices[name]], tooltips)

        count = len(self.stream)
        whole, percent = f"a whole number from 1 to {count}", "a number from 0 to 100"
        kinds = ["Omega of every weight of a layer", "two methods against each other", "accuracy without some weights"]
        sums = ["the sum over all tasks so far", "of the task just learned alone"]
        scales = ["the rank of each weight in its layer", "decades below the layer's largest"]
        whiches = ["those that matter least", "drawn at random", "those that matter most"]
        hows = ["set to zero", "noise as large as the deviation of the layer's weights is added"]
        self._named = {
            "view": pressed("view", "show", {"maps": "heat maps"}, kinds),
            "layer": dropdown("layer", self.layers),
            "task": Knob(
                "after task", count, (1, count, 1), lambda v: 1 <= v <= count, whole, "how many tasks", self.guarded
            ),
            "summed": pressed("summed", "importance", {True: "accumulated", False: "this task's"}, sums),
            "scale": pressed("scale", "scale", {}, scales),
            "first": dropdown("across", self.methods),
            "second": dropdown("up", self.methods),
            "method": dropdown("ranked by", self.methods),
            "how": pressed("how", "damage", {}, hows),
            "which": pressed("which", "weights", {"least": "least important", "most": "most important"}, whiches),
            "share": Knob("share (%)", 30, (0, 100, 5), lambda v: 0 <= v <= 100, percent, "of a layer", self.guarded),
        }
        own = self._named
        self._only = {
            "maps": row(own["layer"], own["summed"], own["scale"]),
            "scatter": row(own["first"], own["second"]),
            "damage": row(own["method"], own["how"], own["which"], own["share"]),
        }
        self._rows = (row(own["view"], own["task"]), *self._only.values())

    def _checked(self, values: dict) -> dict:
        for name, choice in {**self.choices, "layer": self.layers}.items():
            if values[name] not in choice:
                raise ValueError(f"{name} is one of {', '.join(map(str, choice))}, not {values[name]!r}.")
        for name, low, high in (("task", 1, len(self.stream)), ("share", 0, 100)):
            value = values[name]
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise ValueError(f"{name} is a number from {low} to {high}, not {value!r}.")
        if values["task"] != int(values["task"]):
            raise ValueError(f"task is a whole number, not {values['task']!r}.")
        return values

    def _train(self) -> None:
        self.data, self._album = Exploration(self.stream, self.methods), {}
        own = self.data.events(self.recipe, self.seed, self.device)
        self._begin(own if self.run is None else self.data.of_run(self.run))

    def _clear(self) -> None:
        if self.actions.busy:
            self._stop()
        self.data, self._album = Exploration(self.stream, self.methods), {}
        self._moved(None)

    def _follow(self, event: Event) -> None:
        """Tell the page of an event; called in the thread that trains."""
        if isinstance(event, Measuring):
            self.actions.say(event.words, event.progress)
        elif isinstance(event, Stepped):
            self.actions.say(news(event), event.progress)
        elif isinstance(event, TaskDone):
            self._moved(None)

    def _end(self, run: Run | None, finished: bool) -> None:
        learned = len(self.data.networks)
        words = "done: one network, learned with si; the other methods measured it after every task"
        words = words if self.run is None else f"done: {self.run.name} was measured after every task"
        if not finished:
            words = f"stopped: {learned} of {len(self.stream)} tasks were learned and measured"
        self.actions.say(words, 1.0 if finished else None)
        self._moved(None)
        self.actions.busy = False

    def _moved(self, name: str | None) -> None:
        """Show what the controls say."""
        values, learned = self.controls.values, len(self.data.networks)
        for view, controls in self._only.items():
            shown = view == values["view"] or (view == "maps" and values["view"] == "scatter")
            controls.layout.display = "flex" if shown else "none"
        if not learned:
            self.pane.value, self.told.value = self._empty, ""
            return
        asked, values["task"] = values["task"], min(values["task"], learned)
        key = tuple(values.values())
        if key not in self._album:
            self._album[key] = draw(lambda: self._picture(values))
        self.pane.value = self._album[key]
        words = self._numbers(values) if values["view"] == "damage" else ""
        if asked > learned:
            words += f" Task {asked} has not been learned yet: this is how it stands after task {learned}."
        self.told.value = f'<p style="line-height:1.4;margin:4px 0">{html.escape(words)}</p>'

    def _picture(self, values: dict) -> show.Picture:
        task, layer, scale = values["task"] - 1, values["layer"], values["scale"]
        if values["view"] == "damage":
            curves = self.data.curves[task][values["method"], values["how"]]
            what = f"{values['method']} after task {task + 1}"
            return show.damage(SHARES, curves, what, DONE[values["how"]], at=values["share"] / 100)
        omegas = (self.data.summed if values["summed"] else self.data.own)[task]
        what = f"after task {task + 1}, " + ("accumulated" if values["summed"] else "this task's")
        if values["view"] == "maps":
            return show.importance({method: omegas[method] for method in self.methods}, layer, scale, what)
        names = values["first"], values["second"]
        return show.agreement(*(omegas[name][layer] for name in names), names, scale, f"{layer}, {what}")

    def _numbers(self, values: dict) -> str:
        """The accuracy of every task at the very share that was typed."""
        task, share, which, how = (values[name] for name in ("task", "share", "which", "how"))
        network, omega = self.data.networks[task - 1], self.data.summed[task - 1][values["method"]]
        before = self.data.curves[task - 1][values["method"], how]["least"][0, 0]
        after = draws(network, self.stream, omega, [share / 100], which, how).mean(axis=(0, 1))
        pairs = [f"task {t + 1} {100 * after[t]:.1f} % (was {100 * before[t]:.1f})" for t in range(task)]
        kind = f"The {which} important {share:g}" if which != "random" else f"Random {share:g}"
        mean = f", mean of {DRAWS} draws" if which == "random" or how == "perturb" else ""
        return f"{kind} % of the weights of every layer {DONE[how]}{mean}: {', '.join(pairs)}."


def layers_of(stream: Stream, recipe) -> list[str]:
    """The names of the shared weights of the network that the recipe makes."""
    with seeded(("layers",)):
        network = recipe.network.build(stream.image_shape, pretrained=False)
        network.grow(len(stream[0].classes))
    return list(shared_weights(network))
