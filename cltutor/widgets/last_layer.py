"""The last layer and what its correction changes: weight aligning (Zhao et al. 2020) and bias correction (Wu 2019)."""

from functools import partial
from typing import Annotated, Any

import numpy as np
import torch

from .. import show
from ..checked import checked
from ..describe import Real, Whole
from ..evaluation.answers import answers
from ..methods.wa import check_heads
from ..runs.run import Run
from ..streams import Stream
from .balance import last_layer_of
from .base import Tool
from .controls import Controls
from .herding_explorer import check_finished
from .inputs import Knob, button, dropdown, row
from .stage import Draw, Drawing, draw

FACTORS = np.arange(41) / 20
FACTOR = Real(at_least=0, at_most=10)
GROUPS = ("old classes", "new classes", "all classes")


class LastLayer(Tool):
    """The last layer of a run as it was trained and corrected, and the accuracy of old and new classes with it.

    The logits of the newest task's classes become factor * (w . f) + b + shift: weight aligning sets the factor so that
    the new weight vectors w get the mean length of the old ones; bias correction learns a factor and a shift. A click
    on a curve sets the factor.

    run: finished, trained across tasks, with heads of one layer; stream: the one that it learned; task: after which,
    from 2 up, the last one if None; factor, shift: of the correction; draw: used to draw (tests give another).

    Raises:
        ValueError: another run, or a setting that there is not.
    """

    @checked
    def __init__(
        self,
        run: Run,
        stream: Stream,
        *,
        task: int | None = None,
        factor: Annotated[float, FACTOR] = 1.0,
        shift: float = 0.0,
        draw: Draw = draw,
    ) -> None:
        super().__init__("cltutor-last-layer", draw)
        self.check_run(run, stream)
        self.run, self.stream = run, stream
        self._found: dict[int, tuple] = {}
        names = [", ".join(stream.class_names[k] for k in one.classes) for one in stream]
        tasks = [(f"{number}: {name}", number) for number, name in enumerate(names, 1) if number > 1]
        added = Real(at_least=-100, at_most=100)
        named = {
            "task": dropdown("after task", tasks, "the newest task, whose classes are corrected"),
            "factor": Knob("factor", (0, 2, 0.05), FACTOR, "of the new classes' weight vectors", self.guarded),
            "shift": Knob("shift", (-5, 5, 0.5), added, "added to the new classes' logits", self.guarded),
        }
        last = len(stream)
        self.controls = Controls(self, named, {"task": last}, {}, self._show, {"task": Whole(2, last)})
        self.controls.start(task=task, factor=factor, shift=shift)
        self.trained = button("as trained", "factor 1 and shift 0", self.guarded(lambda _: self._set(1.0)))
        align = self.guarded(lambda _: self._set(round(self._layer()[0], 3)))
        self.aligned = button("align (WA)", "new weight vectors as long as the old ones", align)
        self.fill([*named.values(), row(self.trained, self.aligned)], [self.stage(), self.stage(self._touched)])
        self._show()

    @staticmethod
    def check_run(run: Run, stream: Stream) -> None:
        """ValueError where this run has no last layer in which classes of several tasks compete."""
        check_finished(run, stream)
        if len(stream) < 2 or not run.competes:
            raise ValueError(f"{run.name} was not trained across tasks: its old and new classes never compete.")
        check_heads(run.model)

    def _set(self, factor: float) -> None:
        self.controls.set(self.controls.values | {"factor": factor, "shift": 0.0})
        self._show()

    def _touched(self, spot: dict[str, Any]) -> None:
        """A point of a curve was touched: its factor is used."""
        self.factor.value = float(FACTORS[spot["number"]])

    def _layer(self) -> tuple:
        """After the task that is chosen: the aligned factor, biases and norms, the products w . f (N, C), labels."""
        number = int(self.task.value)
        if number not in self._found:
            network, seen = self.run.model_after(number - 1), list(self.stream)[:number]
            images = torch.cat([task.test.images for task in seen])
            labels = torch.cat([self.stream.positions(task.test.labels) for task in seen])
            biases, norms = last_layer_of(network)
            old = len(biases) - len(seen[-1].classes)
            products = answers(network, images)[0].numpy() - biases
            factor = float(norms[:old].mean() / norms[old:].mean())
            self._found[number] = factor, biases, norms, products, labels.numpy(), old
        return self._found[number]

    def right(self, factor: float, shift: float) -> tuple[float, ...]:
        """The accuracy of old, new and all classes with a correction."""
        _, biases, _, products, labels, old = self._layer()
        scores = products + biases
        scores[:, old:] = factor * products[:, old:] + biases[old:] + shift
        right = scores.argmax(1) == labels
        return tuple(float(right[own].mean()) for own in (labels < old, labels >= old, labels >= 0))

    def _pages(self, **values: float) -> list[Drawing]:
        """The last layer, and the accuracy over the factor."""
        makes = self._layers, self._accuracies
        return [self.album.page((make, *values.values()), partial(make, **values)) for make in makes]

    def _layers(self, task: int, factor: float, shift: float) -> show.Picture:
        _, biases, norms, _, _, old = self._layer()
        new, seen = np.arange(len(biases)) >= old, list(self.stream)[:task]
        names = [self.stream.class_names[k] for one in seen for k in one.classes]
        both = {"as trained": biases, "corrected": biases + shift * new}
        lengths = {"as trained": norms, "corrected": np.where(new, factor * norms, norms)}
        sizes = [len(one.classes) for one in seen]
        return show.last_layer(both, lengths, sizes, names, f"{self.run.name}, after task {task}")

    def _accuracies(self, task: int, factor: float, shift: float) -> show.Picture:
        found = np.array([self.right(one, shift) for one in FACTORS]).T
        lines = dict(zip(GROUPS, found, strict=True))
        ends = [f"{group} {100 * one:.1f} %" for group, one in zip(GROUPS, self.right(factor, shift), strict=True)]
        note = f"with factor {factor:g} and shift {shift:g}: {', '.join(ends)}"
        what = f"{self.run.name}, after task {task}"
        return show.rescaling(FACTORS, lines, factor, self._layer()[0], what, note)
