"""Which weights matter, by four methods, and a test of that: the accuracy when such weights are damaged."""

from collections.abc import Sequence

import ipywidgets

from .. import methods, show
from ..checked import checked
from ..describe import Real, Whole
from ..importance import fisher, mas, mas_local, shared_weights
from ..importance.damage import HOW, WHICH
from ..runs.run import Run
from ..streams import Stream
from ..training.events import Event, Stepped, TaskDone
from ..training.loop import Seed, train
from .base import buttons, dropdown, row, sentence
from .controls import Controls, Values, unusual
from .exploring import DRAWS, METHODS, SHARES, Exploration, Measuring, draws
from .herding_explorer import check_finished
from .inputs import Knob
from .learning import Device, Train, Trains, first_network, progress_line
from .stage import Draw, draw

MEASURED = tuple(method for method in METHODS if method != "si")  # of a run that is finished
VIEWS = ("maps", "scatter", "damage")
DONE = {"prune": "set to zero", "perturb": "given noise"}


class ImportanceExplorer(Trains):
    """Heat maps of Omega for MAS, local MAS, EWC and SI, a scatter of any two, and what damage does to each task.

    Train lets one network learn the stream with Synaptic Intelligence, and measures after every task; with a finished
    ``run`` of the stream it measures that one's networks, by all but SI. view: "maps", "scatter" or "damage"; layer:
    the name of a weight, the first one if None; task: after which task, counted from 1, the last if None; summed:
    importance of all tasks so far, or of this task alone; scale: "rank" or "log"; first and second: the methods of the
    scatter; method: whose ranking chooses the weights to damage, always by its sum over tasks; how: "prune" or
    "perturb"; which: "least", "random" or "most"; share: percent of the weights of every layer; seed, device: as in
    `learn`; settings: given to `methods.si`, such as
    `epochs=5`.

    Raises:
        ValueError: a word, layer, task or share that there is not, or a setting that the method does not take.
    """

    @checked
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
        self.layers = list(shared_weights(first_network(self.recipe, stream)))
        self.data = Exploration(stream, self.methods)
        usual = {"layer": self.layers[0], "task": len(stream)}
        given = unusual(type(self), {"seed": seed, "device": device}) | settings
        named = self._make_controls()
        self.controls = Controls(self, named, usual, given, self._show)
        values = {"view": view, "layer": layer, "task": task, "summed": summed, "scale": scale, "first": first}
        values |= {"second": second, "method": method, "how": how, "which": which, "share": share}
        self.controls.start(**values)
        self.note, self.pane = ipywidgets.HTML(), self.stage()
        self.fill([self.actions, named["view"], named["task"], *self._only.values()], [self.pane, self.note])
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

    def _make_controls(self) -> dict[str, ipywidgets.Widget]:
        def pressed(name: str, words: str, values: Sequence, shown: dict, tooltips: list[str]):
            return buttons(words, name, [(shown.get(value, value), value) for value in values], tooltips)

        count, percent = len(self.stream), Real(at_least=0, at_most=100)
        kinds = ["Omega of every weight of a layer", "two methods against each other", "accuracy without some weights"]
        sums = ["the sum over all tasks so far", "of the task just learned alone"]
        scales = ["the rank of each weight in its layer", "decades below the layer's largest"]
        whiches = {"least": "least important", "most": "most important"}
        tips = ["those that matter least", "drawn at random", "those that matter most"]
        hows = ["set to zero", "noise as large as the deviation of the layer's weights is added"]
        named = {
            "view": pressed("view", "show", VIEWS, {"maps": "heat maps"}, kinds),
            "layer": dropdown("layer", self.layers, "whose weights are shown"),
            "task": Knob("after task", (1, count, 1), Whole(1, count), "how many tasks", self.guarded),
            "summed": pressed("summed", "importance", (True, False), {True: "accumulated", False: "this task's"}, sums),
            "scale": pressed("scale", "scale", ("rank", "log"), {}, scales),
            "first": dropdown("across", self.methods, "the method on the horizontal axis"),
            "second": dropdown("up", self.methods, "the method on the vertical axis"),
            "method": dropdown("ranked by", self.methods, "the method that ranks the weights to damage"),
            "how": pressed("how", "damage", HOW, {}, hows),
            "which": pressed("which", "weights", WHICH, whiches, tips),
            "share": Knob("share (%)", (0, 100, 5), percent, "of a layer", self.guarded),
        }
        shown_in = {
            "maps": ("layer", "summed", "scale"),
            "scatter": ("first", "second"),
            "damage": ("method", "how", "which", "share"),
        }
        self._only = {view: row(*(named[name] for name in names)) for view, names in shown_in.items()}
        return named

    def _train(self) -> None:
        self._forget()
        if self.run is None:
            self._begin(self.data.events(self.train(self.stream, self.recipe, self.seed, device=self.device)))
        else:
            self._begin(self.data.of_run(self.run))

    def _forget(self) -> None:
        self.data = Exploration(self.stream, self.methods)
        self.album.clear()

    def _clear(self) -> None:
        if self.actions.busy:
            self._stop()
        self._forget()
        self._show()

    def _follow(self, event: Event) -> None:
        """Show an event on the page; called in the thread that trains."""
        if isinstance(event, Measuring):
            self.actions.say(event.words, event.progress)
        elif isinstance(event, Stepped):
            self.actions.say(progress_line(event), event.progress)
        elif isinstance(event, TaskDone):
            self._show()

    def _end(self, run: Run | None, finished: bool) -> None:
        learned = len(self.data.networks)
        words = f"stopped: {learned} of {len(self.stream)} tasks were learned and measured"
        if finished:
            one = "one network, learned with si; the other methods measured it"
            words = f"done: {one if self.run is None else f'{self.run.name} was measured'} after every task"
        self.actions.say(words, 1.0 if finished else None)
        try:
            self._show()
        finally:
            self.actions.busy = False

    def _show(self, name: str | None = None) -> None:
        """Show what the controls say; `name`: the control that was moved."""
        values, learned = self.controls.values, len(self.data.networks)
        for view, controls in self._only.items():
            shown = view == values["view"] or (view == "maps" and values["view"] == "scatter")
            controls.layout.display = "flex" if shown else "none"
        if not learned:
            self.pane.drawing, self.note.value = self.empty, ""
            return
        wanted, values["task"] = values["task"], min(values["task"], learned)
        self.pane.drawing = self.album.page(tuple(values.values()), lambda: self._picture(values))
        words = self._numbers(values) if values["view"] == "damage" else ""
        if wanted > learned:
            words += f" Task {wanted} has not been learned yet: this is the state after task {learned}."
        self.note.value = sentence(words)

    def _picture(self, values: Values) -> show.Picture:
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

    def _numbers(self, values: Values) -> str:
        """The accuracy of every task at exactly the share that was typed."""
        task, share, which, how = (values[name] for name in ("task", "share", "which", "how"))
        network, omega = self.data.networks[task - 1], self.data.summed[task - 1][values["method"]]
        before = self.data.curves[task - 1][values["method"], how]["least"][0, 0]
        after = draws(network, self.stream, omega, [share / 100], which, how).mean(axis=(0, 1))
        pairs = [f"task {t + 1} {100 * after[t]:.1f} % (was {100 * before[t]:.1f})" for t in range(task)]
        kind = f"The {which} important {share:g}" if which != "random" else f"Random {share:g}"
        mean = f", mean of {DRAWS} draws" if which == "random" or how == "perturb" else ""
        return f"{kind} % of the weights of every layer {DONE[how]}{mean}: {', '.join(pairs)}."
