"""Which weights matter, by four methods, and a test of that: the accuracy when such weights are damaged."""

import re
from typing import Any

import ipywidgets
import numpy as np

from .. import methods, show
from ..checked import checked
from ..describe import Kind, Real, Whole
from ..importance import fisher, layer_names, mas, mas_local, shared_weights
from ..runs.run import Run
from ..seeds import seeded
from ..show.importances import mark, scaled, weight_at
from ..streams import Stream
from ..training.events import Event, TaskDone
from ..training.loop import Seed, train
from .base import sentence
from .behind import ignore
from .controls import Controls, LayerName, Values
from .exploring import DRAWS, METHODS, SHARES, Exploration, Measuring, draws
from .herding_explorer import check_finished
from .inputs import Knob, buttons, dropdown, text_field
from .learning import Device, Train, Trains, first_network
from .stage import Draw, draw

MEASURED = tuple(method for method in METHODS if method != "si")  # of a run that is finished
VIEWS = {  # the controls of each
    "maps": ("layer", "weight", "summed", "scale"),
    "scatter": ("layer", "first", "second", "summed", "scale"),
    "damage": ("share", "which", "method", "how"),
}
ABOUT = {  # what the values of a control mean
    "view": {
        "maps": "Omega of every weight of a layer",
        "scatter": "two methods against each other",
        "damage": "accuracy without some weights",
    },
    "summed": {True: "the sum over all tasks so far", False: "of the task just learned alone"},
    "scale": {"rank": "the rank of each weight in its layer", "log": "decades below the layer's largest"},
    "which": {"least": "those that matter least", "random": "drawn at random", "most": "those that matter most"},
    "how": {"prune": "set to zero", "perturb": "noise as large as the deviation of the layer's weights is added"},
}
DONE = {"prune": "set to zero", "perturb": "given noise"}
HINT = "Point at a weight to read its rank by every method; click it for its importance and what it connects."


class ImportanceExplorer(Trains):
    """Heat maps of Omega for MAS, local MAS, EWC and SI, a scatter of any two, and what damage does to each task.

    Train lets one network learn the stream with Synaptic Intelligence, and measures after every task; with a finished
    ``run`` of the stream it measures that one's networks, by all but SI. A click on a weight reads its importance, a
    click on a curve of the damage chooses that share.

    view: "maps", "scatter" or "damage"; layer: such as "conv 2" or the name of its parameter, the first one if None;
    weight: output, input, row and column in the layer, such as "17, 3, 1, 2", or output and input of a whole kernel;
    task: after which task, counted from 1, the last if None; summed: importance of all tasks so far, or of this task
    alone; scale: "rank" or "log"; first and second: the methods of the scatter; method: whose ranking chooses the
    weights to damage, always by its sum over tasks; how: "prune" or "perturb"; which: "least", "random" or "most";
    share: percent of the weights of every layer; seed, device: as in `learn`; settings: given to `methods.si`, such as
    `epochs=5`.

    Raises:
        ValueError: a word, layer, weight, task or share that there is not, or a setting that the method does not take.
    """

    @checked
    def __init__(
        self,
        stream: Stream,
        *,
        run: Run | None = None,
        view: str = "maps",
        layer: str | None = None,
        weight: str = "",
        task: int | None = None,
        summed: bool = True,
        scale: str = "rank",
        first: str = "mas",
        second: str = "ewc",
        method: str = "mas",
        how: str = "prune",
        which: str = "least",
        share: float = 30,
        seed: Seed = 0,
        device: Device = "auto",
        train: Train = train,
        draw: Draw = draw,
        **settings,
    ) -> None:
        super().__init__("cltutor-importance-explorer", stream, seed, device, train, draw)
        self.run = run
        if run is not None:
            self.check_run(run, stream)
        self.recipe = methods.si(**settings) if run is None else run.recipe
        self.methods = METHODS if run is None else MEASURED
        network = first_network(self.recipe, stream)
        self.layers = {words: name for name, words in layer_names(network).items()}
        self.shapes = {name: tuple(weight.shape) for name, weight in shared_weights(network).items()}
        self.data = Exploration(stream, self.methods)
        self._last, usual = ("", ""), {"layer": next(iter(self.layers)), "task": len(stream)}
        self.controls = self._make_controls(usual, self._given(settings))
        values = {"view": view, "layer": layer, "weight": weight, "task": task, "summed": summed, "scale": scale}
        values |= {"first": first, "second": second, "method": method, "how": how, "which": which, "share": share}
        self.controls.start(**values)
        self.note, self.pane = ipywidgets.HTML(), self.stage(self._touched)
        self.fill([self.actions, *self.controls.controls.values()], [self.pane, self.note])
        self._load({self.recipe.name: self.recipe} if run is None else {})
        self._show()

    @staticmethod
    def check_run(run: Run, stream: Stream) -> None:
        """ValueError where importances of this run's networks cannot be measured."""
        check_finished(run, stream)
        network, images = run.model_after(0), stream[0].test.images[:2]
        if not network.parameters_of("shared"):
            raise ValueError(f"{run.name} has no weights that tasks share: there is nothing whose importance counts.")
        for measure in (mas, mas_local, fisher):
            measure(network, images)

    def _make_controls(self, usual: Values, given: Values) -> Controls:
        count, percent = len(self.stream), Real(at_least=0, at_most=100)
        where = "output, input, row and column of a weight, such as 17, 3, 1, 2; press Enter"
        named = {
            "view": buttons("show", "view", ABOUT["view"], ("heat maps", "scatter", "damage")),
            "task": Knob("after task", (1, count, 1), Whole(1, count), "how many tasks", self.guarded),
            "layer": dropdown("layer", list(self.layers), "whose weights are shown"),
            "weight": text_field("weight", where, ignore, "auto", placeholder="click one"),
            "first": dropdown("across", self.methods, "the method on the horizontal axis"),
            "second": dropdown("up", self.methods, "the method on the vertical axis"),
            "summed": buttons("importance", "summed", ABOUT["summed"], ("accumulated", "this task's")),
            "scale": buttons("scale", "scale", ABOUT["scale"]),
            "share": Knob("share (%)", (0, 100, 5), percent, "of a layer", self.guarded),
            "which": buttons("weights", "which", ABOUT["which"], ("least important", "random", "most important")),
            "method": dropdown("ranked by", self.methods, "the method that ranks the weights to damage"),
            "how": buttons("damage", "how", ABOUT["how"]),
        }
        numbers = Kind('text such as "17, 3, 1, 2", or ""', lambda value: isinstance(value, str))
        rules = {"layer": LayerName(self.layers), "weight": numbers}
        return Controls(self, named, usual, given, self._show, rules, self._checked)

    def _checked(self, values: Values) -> Values:
        """The weight of another layer is not kept where this one has no such."""
        layer, weight, shape = values["layer"], values["weight"], self._shape(values)
        numbers = [int(one) for one in re.findall(r"[0-9]{1,9}", weight)]
        fits = len(numbers) in (2, len(shape)) and all(1 <= n <= most for n, most in zip(numbers, shape, strict=False))
        if weight and not (fits and re.fullmatch(r"[\s\d,]+", weight)):
            if weight != self._last[1] or layer == self._last[0]:
                raise ValueError(f"weight counts in {layer} from 1 to {', '.join(map(str, shape))}, unlike {weight!r}.")
            numbers = []
        self._last = layer, ", ".join(map(str, numbers))
        return values | {"weight": self._last[1]}

    def _shape(self, values: Values) -> tuple[int, ...]:
        return self.shapes[self.layers[values["layer"]]]

    def _touched(self, spot: dict[str, Any]) -> None:
        """Read the weight of a heat map, or damage the share of a point."""
        values = self.controls.values
        if not self.data.networks:
            self.note.value = sentence("These are sample pictures of the tasks: press Train.")
        elif values["view"] == "scatter":
            self.note.value = sentence(f"{spot['words']}. Point at a single weight in the heat maps.")
        else:
            if spot["key"] in self.methods:  # a heat map; the view may have changed since
                place = weight_at(self._shape(values), len(self.methods), spot["row"], spot["column"])
                values["weight"] = ", ".join(str(one + 1) for one in place)
            else:
                values["share"] = 100 * SHARES[spot["number"]]
            self.controls.set(values)
            self._show()

    def _train(self) -> None:
        self._forget()
        if self.run is None:
            self._begin(self.data.events(self.train(self.stream, self.recipe, self.seed, device=self.device)))
        else:
            self._begin(self.data.of_run(self.run))

    def _forget(self) -> None:
        self.data = Exploration(self.stream, self.methods)
        self._replace(*self.recorded)
        self.album.clear()

    def _clear(self) -> None:
        if self.actions.busy:
            self._stop()
        self._forget()
        self._show()

    def _held(self, name: str) -> dict[str, Any]:
        return self.data.held() if len(self.data.networks) == len(self.stream) else {}

    def _restore(self, name: str, held: dict[str, Any]) -> None:
        networks = [first_network(self.recipe, self.stream) for _ in self.stream]
        with seeded(("layers",)):
            for task, network in enumerate(networks):
                for later in self.stream[1 : task + 1]:
                    network.grow(len(later.classes))
        data = Exploration(self.stream, self.methods)
        data.restore(held, networks)
        self.data = data  # not before: what does not fit raises, and leaves nothing

    def _take(self, event: Event) -> None:
        if isinstance(event, Measuring):
            self.actions.say(event.words, event.progress)
        elif isinstance(event, TaskDone):
            self._show()

    def _end(self, run: Run | None, finished: bool) -> None:
        learned = len(self.data.networks)
        one = f"{self.run.name} was measured" if self.run else "one network, learned with si; the others measured it"
        words = f"stopped: {learned} of {len(self.stream)} tasks were learned and measured"
        words = f"done: {one} after every task" if finished else words
        self.actions.say(words, 1.0 if finished else None)
        try:
            self._show()
        finally:
            self.actions.busy = False

    def _show(self, name: str | None = None) -> None:
        """Show what the controls say; `name`: the control that was moved."""
        values, learned = self.controls.values, len(self.data.networks)
        for control in set().union(*VIEWS.values()):
            self.controls[control].layout.display = None if control in VIEWS[values["view"]] else "none"
        if not learned:
            self.pane.drawing, self.note.value = self.empty, ""
            return
        wanted, values["task"] = values["task"], min(values["task"], learned)
        words = {"maps": self._weight, "scatter": lambda _: "", "damage": self._numbers}[values["view"]](values)
        if wanted > learned:
            words += f" Task {wanted} has not been learned yet: this is the state after task {learned}."
        self.note.value = sentence(words)  # first: it takes a tenth of the time of a heat map
        key = tuple(values[name] for name in ("view", "task", *VIEWS[values["view"]]) if name not in ("share", "which"))
        before, self.pane.drawing = self.pane.drawing, self.album.page(key, lambda: self._picture(values))
        if values["view"] == "damage":
            if self.pane.drawing is not before:
                self.pane.frame = -1  # a picture begins with its last frame: have it moved again
            self.pane.frame = int(np.abs(np.array(SHARES) - values["share"] / 100).argmin())

    def _picture(self, values: Values) -> show.Picture:
        task, layer, scale = values["task"] - 1, values["layer"], values["scale"]
        if values["view"] == "damage":
            curves = self.data.curves[task][values["method"], values["how"]]
            return show.damage(SHARES, curves, f"{values['method']} after task {task + 1}", DONE[values["how"]])
        omegas = self._omegas(values)
        what = f"after task {task + 1}, " + ("accumulated" if values["summed"] else "this task's")
        if values["view"] == "scatter":
            names = values["first"], values["second"]
            return show.agreement(*(omegas[name] for name in names), names, scale, f"{layer}, {what}")
        picture = show.importance({method: {layer: omega} for method, omega in omegas.items()}, layer, scale, what)
        if values["weight"]:
            mark(picture, self._shape(values), place_of(values["weight"]))
        return picture

    def _omegas(self, values: Values) -> dict[str, np.ndarray]:
        """The importance of the layer that is shown, by every method."""
        omegas = (self.data.summed if values["summed"] else self.data.own)[values["task"] - 1]
        return {method: omegas[method][self.layers[values["layer"]]].numpy() for method in self.methods}

    def _weight(self, values: Values) -> str:
        """What the chosen weight connects, and its importance by every method."""
        if not values["weight"]:
            return HINT
        place, layer, dims = place_of(values["weight"]), values["layer"], len(self._shape(values))
        output, source, *rest = (one + 1 for one in place)
        noun = "map" if dims > 2 else "unit"
        kernel = f", row {rest[0]}, column {rest[1]}" if rest else ", mean of the kernel" if dims > 2 else ""
        found = [
            f"{method} {omega[place].mean():.3g} (rank {scaled(omega, 'rank')[place].mean():.0f} %)"
            for method, omega in self._omegas(values).items()
        ]
        return f"{layer}, from {noun} {source} to {noun} {output}{kernel}: {', '.join(found)}."

    def _numbers(self, values: Values) -> str:
        """The accuracy of every task at exactly the share that was typed."""
        task, share, which, how, method = (values[name] for name in ("task", "share", "which", "how", "method"))
        network, omega = self.data.networks[task - 1], self.data.summed[task - 1][method]
        before = self.data.curves[task - 1][method, how]["least"][0, 0]
        after = draws(network, self.stream, omega, [share / 100], which, how).mean(axis=(0, 1))
        pairs = [f"task {t + 1} {100 * after[t]:.1f} % (was {100 * before[t]:.1f})" for t in range(task)]
        kind = f"The {which} important {share:g}" if which != "random" else f"Random {share:g}"
        mean = f", mean of {DRAWS} draws" if which == "random" or how == "perturb" else ""
        return f"{kind} % of the weights of every layer {DONE[how]}{mean}: {', '.join(pairs)}."


def place_of(weight: str) -> tuple[int, ...]:
    """The place of a weight in its layer, counted from 0."""
    return tuple(int(one) - 1 for one in weight.split(","))
