"""A task's filters, rebuilt from the knowledge base while its channels are switched off (DF-CNN, section 2.2)."""

import html
import itertools
import re
import threading
from collections.abc import Callable
from concurrent import futures

import ipywidgets
import numpy as np
import traitlets

from .. import show
from ..evaluation.answers import accuracies
from ..runs.run import Run
from ..streams import Stream
from .base import Pane, Tool, draw, dropdown, row
from .controls import Controls
from .herding_explorer import check
from .knob import Knob

PATIENCE = 0.2  # seconds to wait for an accuracy, before the page is answered without it


class FilterReconstruction(Tool):
    """The knowledge base L of a layer, the basis D_t and the filters W_t that a task makes of it, and its accuracy.

    Channels of L are switched on and off: what is rebuilt from them and the task's accuracy on its test images (task
    known) change with them. Below, how much each task takes from each channel, and how alike tasks are in that.

    run: of a DF-CNN, finished; stream: the one that it learned; layer, task and the channels that are ``off``: counted
    from 1.

    Raises:
        ValueError: a run that is not finished, learned other images or rebuilds no filters, or a setting that there is
            not.
    """

    def __init__(self, run: Run, stream: Stream, *, layer: int = 1, task: int = 1, off: tuple[int, ...] = ()) -> None:
        super().__init__("cltutor-filter-reconstruction")
        self.suits(run, stream)
        self.run, self.stream, self.network = run, stream, run.model
        self.channels = [self.network.knowledge_base(place).shape[2] for place in range(self.network.layers)]
        self._accuracies: dict[tuple, float] = {}
        self._album: dict[tuple, str] = {}
        self._taken: dict[int, np.ndarray] = {}
        self._measuring = futures.ThreadPoolExecutor(1, "cltutor measuring")
        self._make_controls()
        self.controls.set({"layer": layer, "task": task, "off": off})
        self._show()
        self.ahead = threading.Thread(target=self._draw_ahead, daemon=True)
        self.ahead.start()

    @staticmethod
    def suits(run: Run, stream: Stream) -> None:
        """ValueError where this run rebuilds no filters."""
        check(run, stream)
        if not hasattr(run.model, "knowledge_base"):
            raise ValueError(f"{run.name} rebuilds no filters from a knowledge base: give a run of dfcnn.")

    @property
    def code(self) -> str:
        """The line of code that makes this widget again as it is set."""
        return self.controls.code

    def _make_controls(self) -> None:
        self.layer = dropdown("layer", list(range(1, len(self.channels) + 1)))
        self.layer.tooltip = "the convolution whose filters are rebuilt"
        names = [[self.stream.class_names[label] for label in task.classes] for task in self.stream]
        self.task = dropdown("task", [(f"{t}: {', '.join(name)}", t) for t, name in enumerate(names, 1)])
        self.task.tooltip = "the task whose filters are rebuilt"
        self.switches = Switches(max(self.channels), self._ranked, self.guarded)
        self.switches.offer(self.channels[0])
        # Before the controls hear of another layer: they check what is off against its channels.
        self.layer.observe(lambda change: self.switches.offer(self.channels[change.new - 1]), "value")
        named = {"layer": self.layer, "task": self.task, "off": self.switches}
        usual = {"layer": 1, "task": 1, "off": ()}
        self.controls = Controls(self, "FilterReconstruction", named, usual, {}, self._checked, self._show)
        self.told, self.panes = ipywidgets.HTML(), [Pane(), Pane()]
        chosen = row(self.layer, self.task, self.switches.count)
        self.fill(chosen, self.switches, self.message, self.told, *self.panes, self.controls.line)

    def _checked(self, values: dict) -> dict:
        for name, most in (("layer", len(self.channels)), ("task", len(self.stream))):
            if isinstance(values[name], bool) or values[name] not in range(1, most + 1):
                raise ValueError(f"{name} is a whole number from 1 to {most}, not {values[name]!r}.")
        off, most = values["off"], self.channels[values["layer"] - 1]
        fits = isinstance(off, list | tuple) and all(type(n) is int and 1 <= n <= most for n in off)
        if not fits:
            raise ValueError(
                f"off lists channels of layer {values['layer']}, 1 to {most}, such as (1, 4), not {off!r}."
            )
        return values | {"off": tuple(sorted(set(off)))}

    def _ranked(self) -> list[int]:
        """The channels of the layer, counted from 1, that the task uses most first."""
        shares = self._shares_of(self.layer.value)[self.task.value - 1]
        return (np.argsort(-shares, kind="stable") + 1).tolist()

    def _shares_of(self, layer: int) -> np.ndarray:
        """The share (T, c^) of each channel of a layer in each task's filters, computed once."""
        if layer not in self._taken:
            self._taken[layer] = self.network.shares(layer - 1).numpy()
        return self._taken[layer]

    def _key(self) -> tuple:
        """What is shown: task, layer and channels off; with all channels on an accuracy is that of every layer."""
        values = self.controls.values
        return values["task"], values["layer"], values["off"]

    def _show(self, name: str | None = None) -> None:
        """Show what the controls say; `name`: the control that was moved."""
        key = task, layer, off = self._key()
        measured = None
        if _short(key) not in self._accuracies:
            measured = self._measuring.submit(self._measure, key)
        self.panes[0].value = self._page(key, lambda: self._tiles(task, layer, off))
        self.panes[1].value = self._shares(layer)
        if measured:
            futures.wait([measured], PATIENCE)
        self._tell_accuracy()

    def _measure(self, key: tuple) -> None:
        """Measure a task with all channels on and with those off, unless the learner has gone on; for a thread."""
        try:
            for wanted in ((key[0], key[1], ()), key):
                if key != self._key():
                    return
                if _short(wanted) not in self._accuracies:
                    self._accuracies[_short(wanted)] = self._accuracy(*wanted)
        except Exception as error:  # a thread's exception would be lost
            self.tell(error)
        else:
            self._tell_accuracy()

    def _accuracy(self, task: int, layer: int, off: tuple[int, ...]) -> float:
        network = self.network.without({layer - 1: [channel - 1 for channel in off]}) if off else self.network
        test = self.stream[task - 1].test
        tests = [(test.images, self.stream.positions(test.labels))]
        return accuracies(network, tests, (1,), unknown=False)["known_top1"][0]

    def _tell_accuracy(self) -> None:
        key = task, layer, off = self._key()
        whole, now = self._accuracies.get((task, 0, ())), self._accuracies.get(_short(key))
        if now is None or whole is None:
            words = f"The accuracy on task {task} is being measured."
        else:
            images = f"{100 * now:.1f} % of {len(self.stream[task - 1].test):,} test images right"
            fewer = f"{len(off)} of {self.channels[layer - 1]} channels of layer {layer} off"
            less = f"{100 * (now - whole):+.1f} points against the {100 * whole:.1f} % with all on"
            words = f"{images} with {fewer}, {less}." if off else f"{images} with all channels on."
            words = f"Task {task}, known at test: {words}"
        self.told.value = f'<p role="status" style="line-height:1.4;margin:4px 0">{html.escape(words)}</p>'

    def _tiles(self, task: int, layer: int, off: tuple[int, ...]) -> show.Picture:
        return show.knowledge(self.network, layer - 1, task - 1, [channel - 1 for channel in off], self.run.name)

    def _shares(self, layer: int) -> str:
        names = [f"task {task}" for task in range(1, len(self.stream) + 1)]

        def make() -> show.Picture:
            return show.knowledge_shares(self._shares_of(layer), names, f"layer {layer}, {self.run.name}")

        return self._page(("shares", layer), make)

    def _draw_ahead(self) -> None:
        """Draw what each task takes from every layer, so that another layer is answered at once; for a thread."""
        try:
            for layer in range(1, len(self.channels) + 1):
                self._shares(layer)
        except Exception as error:  # a thread's exception would be lost
            self.tell(error)

    def _page(self, key: tuple, make: Callable[[], show.Picture]) -> str:
        """The picture of that key, drawn once."""
        if key not in self._album:
            self._album[key] = draw(make)
        return self._album[key]


class Switches(ipywidgets.VBox):
    """A button a channel, pressed while it is on; `value`: the numbers of those that are off, counted from 1.

    They can be typed as well, and the most used be switched off by number: `ranking()` tells their order.
    """

    value = traitlets.Tuple()

    def __init__(self, most: int, ranking: Callable[[], list[int]], guarded: Callable[[Callable], Callable]) -> None:
        self.channels, self.ranking, self._setting = most, ranking, False
        self.buttons = [_switch(number) for number in range(1, most + 1)]
        self.text = ipywidgets.Text(
            description="channels off",
            placeholder="none",
            tooltip="the numbers of the channels that are off, such as 1, 4-7; press Enter",
            continuous_update=False,
            style={"description_width": "auto"},
            layout=ipywidgets.Layout(width="260px", margin="2px 12px 2px 0"),
        )
        how = "how many channels are off, those that the task uses most first"
        self.count = Knob("how many off", 0, (0, most, 1), self._allowed, "", how, guarded)
        self.every = [_press("all on", "switch every channel on"), _press("all off", "switch every channel off")]
        super().__init__([row(*self.buttons), row(self.text, *self.every)], layout=ipywidgets.Layout(width="100%"))
        for button in self.buttons:
            button.observe(guarded(self._pressed), "value")
        self.text.observe(guarded(self._typed), "value")
        self.count.observe(guarded(self._counted), "value")
        for button, numbers in zip(self.every, (lambda: (), self._numbers), strict=True):
            button.on_click(guarded(lambda _, numbers=numbers: self._set(numbers())))
        self.observe(self._follow, "value")

    def offer(self, channels: int) -> None:
        """Have so many channels, all on."""
        self.channels = channels
        self.count.rule = f"a whole number from 0 to {channels}"
        self.count.span, self.count.slider.max = (0, channels, 1), channels
        for button, number in zip(self.buttons, range(1, len(self.buttons) + 1), strict=True):
            button.layout.display = None if number <= channels else "none"
        self._set(())

    def _numbers(self) -> tuple[int, ...]:
        return tuple(range(1, self.channels + 1))

    def _allowed(self, value: float) -> bool:
        return value in range(self.channels + 1)

    def _set(self, off: tuple[int, ...]) -> None:
        self.value = tuple(sorted(off))

    def _pressed(self, change) -> None:
        if not self._setting:
            self._set(tuple(n for n, button in zip(self._numbers(), self.buttons, strict=False) if not button.value))

    def _counted(self, change) -> None:
        if not self._setting:
            self._set(tuple(self.ranking()[: int(change.new)]))

    def _typed(self, change) -> None:
        if self._setting:
            return
        try:
            self._set(numbers(change.new, self.channels))
        finally:
            self._follow()

    def _follow(self, change=None) -> None:
        """Show the value on every control."""
        self._setting = True
        for number, button in enumerate(self.buttons, 1):
            button.value = number not in self.value
        self.text.value, self.count.value = listed(self.value), float(len(self.value))
        self._setting = False


def numbers(words: str, most: int) -> tuple[int, ...]:
    """The numbers that are typed, such as "1, 4-7"; ValueError for what is no list of numbers from 1 to `most`."""
    found: set[int] = set()
    for part in words.replace(",", " ").split():
        ends = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        first, last = (int(ends[1]), int(ends[2] or ends[1])) if ends else (0, 0)
        if not 1 <= first <= last <= most:
            raise ValueError(f"Channels off are numbers from 1 to {most}, such as 1, 4-7, not {part!r}.")
        found |= set(range(first, last + 1))
    return tuple(sorted(found))


def listed(values: tuple[int, ...]) -> str:
    """Rising numbers as they are typed, three or more in a row with a dash: "1, 4-7"."""
    runs: list[list[int]] = []
    for number in values:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    ends = [[f"{run[0]}-{run[-1]}"] if len(run) > 2 else map(str, run) for run in runs]
    return ", ".join(itertools.chain.from_iterable(ends))


def _short(key: tuple) -> tuple:
    """The key of an accuracy: with all channels on, the layer does not matter."""
    task, layer, off = key
    return (task, layer, off) if off else (task, 0, ())


def _switch(number: int) -> ipywidgets.ToggleButton:
    layout = ipywidgets.Layout(width="40px", margin="2px", padding="0")
    return ipywidgets.ToggleButton(value=True, description=str(number), tooltip=f"channel {number}", layout=layout)


def _press(words: str, tooltip: str) -> ipywidgets.Button:
    layout = ipywidgets.Layout(width="auto", margin="2px 6px 2px 0")
    return ipywidgets.Button(description=words, tooltip=tooltip, layout=layout)
