"""A task's filters, rebuilt from the knowledge base while its channels are switched off (DF-CNN, section 2.2)."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Annotated, Any

import ipywidgets
import numpy as np

from .. import show
from ..checked import checked
from ..describe import Real, Whole
from ..evaluation.answers import accuracies
from ..runs.one_class import NOTE
from ..runs.run import Run
from ..show.filters import MOST, stages, strongest
from ..streams import Stream
from .base import Tool, sentence
from .behind import Worker
from .controls import Controls, Values
from .herding_explorer import check_finished
from .inputs import Knob, dropdown
from .number_field import NumberField, rule_of_numbers, within
from .stage import Draw, Drawing, draw

PATIENCE = 0.2  # seconds to wait for an accuracy before the page is updated without it


class FilterReconstruction(Tool):
    """The knowledge base L of a layer, the basis D_t and the filters W_t that a task makes of it, and its accuracy.

    Channels of L are switched on and off by a click on their tiles: what is rebuilt from them and the task's accuracy
    on its test images (task known) change with them. Pointing at a tile marks what it is made of. Below, how much each
    task takes from each channel, where a click chooses a task, and how alike tasks are in that.

    run: of a DF-CNN, finished; stream: the one that it learned; layer, task and the channels that are ``off``: counted
    from 1; patience: seconds to wait for an accuracy before the page is updated without it; draw, accuracies: used to
    draw and to measure (tests give others).

    Raises:
        ValueError: a run that is not finished, learned other images or rebuilds no filters, or a setting that there is
            not.
    """

    @checked
    def __init__(
        self,
        run: Run,
        stream: Stream,
        *,
        layer: int = 1,
        task: int = 1,
        off: tuple[int, ...] = (),
        patience: Annotated[float, Real(at_least=0, at_most=60)] = PATIENCE,
        draw: Draw = draw,
        accuracies: Callable = accuracies,
    ) -> None:
        super().__init__("cltutor-filter-reconstruction", draw)
        self.check_run(run, stream)
        self.patience, self.accuracies = patience, accuracies
        self.run, self.stream, self.network = run, stream, run.model
        self.channels = [self.network.knowledge_base(place).shape[2] for place in range(self.network.layers)]
        self._measured: dict[tuple, float] = {}
        # The numbers of the channels of L that are tiles, and the share (T, c^) of each in each task's filters.
        self._tiles = cache(lambda layer: strongest(stages(self.network, layer - 1, 0)[0], MOST[0]) + 1)
        self._shares_of = cache(lambda layer: self.network.shares(layer - 1).numpy())
        self._worker = Worker(self.show_error)
        self._make_controls()
        self.controls.set({"layer": layer, "task": task, "off": off})
        self._show()
        # So that another layer is answered at once.
        self.album.do(self._shares(layer) for layer in range(1, len(self.channels) + 1))

    @staticmethod
    def check_run(run: Run, stream: Stream) -> None:
        """ValueError where this run rebuilds no filters."""
        check_finished(run, stream)
        if not hasattr(run.model, "knowledge_base"):
            raise ValueError(f"{run.name} rebuilds no filters from a knowledge base: give a run of dfcnn.")

    def _make_controls(self) -> None:
        layers = range(1, len(self.channels) + 1)
        names = [", ".join(self.stream.class_names[label] for label in task.classes) for task in self.stream]
        tasks = [(f"{t}: {name}", t) for t, name in enumerate(names, 1)]
        sets = {
            "all on": ("switch every channel on", tuple),
            "all off": ("switch every channel off", lambda: range(1, self.off.most + 1)),
        }
        named = {
            "layer": dropdown("layer", layers, "the convolution whose filters are rebuilt"),
            "task": dropdown("task", tasks, "the task whose filters are rebuilt"),
            "off": NumberField("channels off", "the numbers of the channels that are off", self.guarded, sets),
        }
        how = "how many channels are off, those that the task uses most first"
        self.count = Knob("how many off", (0, max(self.channels), 1), Whole(0, max(self.channels)), how, self.guarded)
        self.layer, self.off = named["layer"], named["off"]
        self._offer()
        # Before the controls observe the layer: they check what is off against its channels.
        self.layer.observe(self._offer, "value")
        self.off.observe(lambda change: setattr(self.count, "value", float(len(change.new))), "value")
        self.count.observe(self.guarded(self._counted), "value")
        rules = {"layer": Whole(1, len(layers)), "task": Whole(1, len(tasks))}
        rules["off"] = rule_of_numbers("a tuple of numbers of channels, such as (1, 4)")
        self.controls = Controls(self, named, {}, {}, self._show, rules, self._checked)
        self.note = ipywidgets.HTML()
        panes = self.stage(self._switch), self.stage(self._choose)
        self.fill([*named.values(), self.count], [self.note, *panes])

    def _offer(self, change: Any = None) -> None:
        """Offer the channels of the layer, all on."""
        most = self.off.most = self.channels[self.layer.value - 1]
        self.count.rule, self.count.span, self.count.slider.max = Whole(0, most), (0, most, 1), most
        self.off.set(())

    def _counted(self, change: Any) -> None:
        """So many channels are off: those that the task uses most first."""
        if change.new != len(self.off.value):
            shares = self._shares_of(self.layer.value)[self.task.value - 1]
            self.off.set((np.argsort(-shares, kind="stable") + 1).tolist()[: int(change.new)])

    def _switch(self, spot: dict[str, Any]) -> None:
        """A channel of L was touched: switch it off, or on again."""
        if spot["key"] != "channel":
            raise ValueError("Only channels of L, at the left, are switched: the others are made of them.")
        self.off.toggle(int(self._tiles(self.layer.value)[spot["number"]]))

    def _choose(self, spot: dict[str, Any]) -> None:
        """A share was touched: its task is shown."""
        if spot["key"] != "share":
            raise ValueError("A click on a share, in the left panel, shows its task: this is the cosine of two tasks.")
        self.task.value = spot["row"] + 1

    def _checked(self, values: Values) -> Values:
        layer = values["layer"]
        most = self.channels[layer - 1]
        return values | {"off": within("off", values["off"], most, f"channels of layer {layer}", "(1, 4)")}

    def _show(self, name: str | None = None) -> None:
        task, layer, off = (self.controls.values[name] for name in ("task", "layer", "off"))
        if _short(task, layer, off) not in self._measured:  # first: the number is what was asked, and is there sooner
            self._worker.do(self._measure(task, layer, off))
            self._worker.settle(self.patience)
        self._show_accuracy()
        super()._show(name)

    def _pages(self, layer: int, task: int, off: tuple[int, ...]) -> list[Drawing]:
        """The tiles, and what each task takes from the channels."""
        places = [channel - 1 for channel in off]
        make = partial(show.knowledge, self.network, layer - 1, task - 1, places, self.run.name, alone=True)
        return [self.album.page((task, layer, off), make), self._shares(layer)]

    def settle(self) -> None:
        """Wait until everything behind the page is done."""
        self.album.settle()
        self._worker.settle()

    def _measure(self, task: int, layer: int, off: tuple[int, ...]) -> Iterator[None]:
        """Measure with all channels on and with those off, in steps."""
        for channels in ((), off):
            key = _short(task, layer, channels)
            if key not in self._measured:
                self._measured[key] = self._accuracy(task, layer, channels)
                yield
        self._show_accuracy()

    def _accuracy(self, task: int, layer: int, off: tuple[int, ...]) -> float:
        network = self.network.without({layer - 1: [channel - 1 for channel in off]}) if off else self.network
        test = self.stream[task - 1].test
        tests = [(test.images, self.stream.positions(test.labels))]
        return self.accuracies(network, tests, (1,), unknown=False)["known_top1"][0]

    def _show_accuracy(self) -> None:
        task, layer, off = (self.controls.values[name] for name in ("task", "layer", "off"))
        whole, now = self._measured.get(_short(task, layer, ())), self._measured.get(_short(task, layer, off))
        if now is None or whole is None:
            words = f"The accuracy on task {task} is being measured."
        else:
            images = f"{100 * now:.1f} % of {len(self.stream[task - 1].test):,} test images right"
            fewer = f"{len(off)} of {self.channels[layer - 1]} channels of layer {layer} off"
            less = f"{100 * (now - whole):+.1f} points against the {100 * whole:.1f} % with all on"
            words = f"{images} with {fewer}, {less}." if off else f"{images} with all channels on."
            words = NOTE if len(self.stream[task - 1].classes) == 1 else words
            words = f"Task {task}, known at test: {words}"
        self.note.value = sentence(words, "status")

    def _shares(self, layer: int) -> Drawing:
        names = [f"task {task}" for task in range(1, len(self.stream) + 1)]
        what = f"layer {layer}, {self.run.name}"
        return self.album.page(("shares", layer), lambda: show.knowledge_shares(self._shares_of(layer), names, what))


def _short(task: int, layer: int, off: tuple[int, ...]) -> tuple:
    """The key of an accuracy: with all channels on, that of every layer is the same."""
    return (task, layer, off) if off else (task, 0, ())
