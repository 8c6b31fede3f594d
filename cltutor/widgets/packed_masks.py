"""The owners of the weights of a network that tasks share, as PackNet divides them (Mallya and Lazebnik 2018)."""

from typing import Any

import ipywidgets
import numpy as np

from .. import show
from ..checked import checked
from ..importance import layer_names
from ..methods.packnet import FREE, PackedNetwork
from ..runs.one_class import DASH, NOTE
from ..runs.run import Run
from ..streams import Stream
from .base import Tool, sentence
from .controls import Controls, LayerName
from .herding_explorer import check_finished
from .inputs import dropdown
from .stage import Draw, Drawing, draw


class PackedMasks(Tool):
    """Which task owns each weight of a layer, task by task, and the share of each task in every layer.

    A click on a bar shows the weights of its layer. Below, the accuracy of each task when it was learned and at the
    end: PackNet keeps the weights of a task for good, so that both are equal.

    run: of packnet, finished; stream: the one that it learned; layer: such as "conv 2", the first one if None; draw:
    used to draw (tests give another).

    Raises:
        ValueError: a run that is not finished, learned other images or divides no weights, or a layer that is not
            there.
    """

    @checked
    def __init__(self, run: Run, stream: Stream, *, layer: str | None = None, draw: Draw = draw) -> None:
        super().__init__("cltutor-packed-masks", draw)
        self.check_run(run, stream)
        self.run, self.owners = run, owners_of(run)
        names = list(self.owners)
        named = {"layer": dropdown("layer", names, "whose weights are shown as tiles")}
        rules = {"layer": LayerName({name: name for name in names})}
        self.controls = Controls(self, named, {"layer": names[0]}, {}, self._show, rules)
        self.controls.start(layer=layer)
        self.note, self.pane = ipywidgets.HTML(sentence(self._kept())), self.stage(self._touched)
        self.fill([self.layer], [self.pane, self.note])
        self._show()

    @staticmethod
    def check_run(run: Run, stream: Stream) -> None:
        """ValueError where this run divides no weights among tasks."""
        check_finished(run, stream)
        if not isinstance(run.model, PackedNetwork):
            raise ValueError(f"{run.name} divides no weights among tasks: give a run of packnet.")

    def _touched(self, spot: dict[str, Any]) -> None:
        """A bar was touched: its layer is shown."""
        if spot["key"] not in self.owners:
            raise ValueError("A click on a bar, at the right, shows the weights of its layer: this is a weight.")
        self.layer.value = spot["key"]

    def _pages(self, layer: str) -> list[Drawing]:
        return [self.album.page((layer,), lambda: show.masks(self.owners, layer, self.run.name))]

    def _kept(self) -> str:
        """The accuracy of each task when it was learned, and at the end."""
        accuracy = 100 * self.run.accuracy()
        each = zip(np.diag(accuracy), accuracy[-1], strict=True)
        ends = [f"{then:.1f} → {now:.1f} %" if np.isfinite(now) else DASH for then, now in each]
        note = f" {NOTE}." if DASH in ends else ""
        words = "; ".join(f"task {task}: {end}" for task, end in enumerate(ends, 1))
        return f"Accuracy when learned → at the end, task known: {words}.{note}"


def owners_of(run: Run) -> dict[str, np.ndarray]:
    """Name of each layer of a PackNet -> (outputs, weights of each) the task that owns a weight, -1: none."""
    network, found = run.model, {}
    for name, words in layer_names(network.inner).items():
        short = name.removeprefix("backbone.")
        if short in network.names:
            owner = network.of(short)[2].flatten(1).numpy().astype(int)
            found[words] = np.where(owner == FREE, -1, owner)
    return found
