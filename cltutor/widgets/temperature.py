"""A teacher's answer to a picture, and how it softens as the temperature goes up (LwF, eq. 3)."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import show
from ..checked import checked
from ..describe import Choice, Whole
from ..evaluation.answers import logits
from ..losses.distillation import TEMPERATURE
from ..networks import Network
from ..runs.run import Run
from ..show.probabilities import described, temperatures
from ..streams import Stream
from .base import Tool
from .controls import Controls, Values
from .inputs import Knob, dropdown, shortened
from .stage import Draw, Drawing, draw

MOST = 40  # pictures of a task to choose from
SPAN = (1.0, 10.0, 0.5)  # of the temperature


class Temperature(Tool):
    """A test picture, and the teacher's probabilities of the classes at a temperature that is slid, typed or touched.

    teacher: a run (its network after the last task) or a network, such as `run.model_after(0)`; pictures: the task,
    counted from 0, whose test pictures are shown; head: the task whose classes answer, None for all classes that the
    teacher knows. "own" is None for a run trained across tasks, else the task of the pictures, or task 0 if the
    teacher has not learned that one. picture: which one, from 1 up; draw: used to draw (tests give another). The
    picture holds every temperature of the slider: pointing at one shows it, a click sets it.

    Raises:
        ValueError: a teacher that has learned nothing or other tasks, or a task or picture that is not there.
    """

    @checked
    def __init__(
        self,
        teacher: Run | Network,
        stream: Stream,
        pictures: int = 0,
        head: int | str | None = "own",
        temperature: float = 2.0,
        picture: int = 1,
        *,
        draw: Draw = draw,
    ) -> None:
        super().__init__("cltutor-temperature", draw)
        self.stream = stream
        self.teacher = network_of(teacher, stream)
        self._own_head = not (isinstance(teacher, Run) and teacher.competes)
        self._samples: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self._make_controls(min(MOST, *(len(task.test) for task in stream)))
        self.controls.set({"pictures": pictures, "head": head, "temperature": temperature, "picture": picture})
        self._show()

    def _make_controls(self, count: int) -> None:
        names = [", ".join(self.stream.class_names[label] for label in task.classes) for task in self.stream]
        names = [f"task {place}: {shortened(classes, 40)}" for place, classes in enumerate(names, 1)]
        known = len(self.teacher.classes)
        heads = [("all classes", None), *((name, i) for i, name in enumerate(names[:known]))]
        tasks, softer = [(name, i) for i, name in enumerate(names)], "how far the answers are softened"
        named = {
            "pictures": dropdown("pictures of", tasks, "the task of the test pictures"),
            "head": dropdown("answers for", heads, "the classes that compete"),
            "temperature": Knob("temperature T", SPAN, TEMPERATURE, softer, self.guarded),
            "picture": Knob("picture", (1, count, 1), Whole(1, count), "which test picture", self.guarded),
        }
        rules = {"head": Choice([None, "own", *range(known)])}
        self.controls = Controls(self, named, {}, {}, self._show, rules, self._with_head)
        self.pane = self.stage(self._touched)
        self.fill([self.pictures, self.head, self.picture, self.temperature], [self.pane])

    def _with_head(self, values: Values) -> Values:
        """The values with the head that "own" stands for."""
        if values["head"] != "own":
            return values
        own = values["pictures"] if values["pictures"] < len(self.teacher.classes) else 0
        return values | {"head": own if self._own_head else None}

    def _touched(self, spot: dict[str, Any]) -> None:
        """Follow the page, which shows the temperature at which it was touched."""
        self.temperature.value = temperatures(self.temperature.value)[spot["frame"]]

    def _show(self, name: str | None = None) -> None:
        if name != "temperature":
            self.album.clear()
        super()._show(name)

    def _pages(self, pictures: int, head: int | None, temperature: float, picture: int) -> list[Drawing]:
        """A picture once for all temperatures of the slider, which begins at this one."""
        given, each = self._given(pictures, head, picture - 1), temperatures(temperature)
        key = (None if temperature in temperatures(SPAN[0]) else temperature,)
        drawing = self.album.page(key, lambda: show.temperature(temperature=temperature, **given))
        (one,) = drawing.get("drawings", [{}])
        if one:
            own = {"alt": described(given["logits"], given["names"], temperature, given["what"])}
            own["frames"] = one["frames"] | {"start": each.index(temperature)}
            drawing = drawing | {"drawings": [one | own]}
        return [drawing]

    def _given(self, task: int, head: int | None, place: int) -> dict[str, Any]:
        """What the picture shows: the image, its logits and the classes that compete."""
        images, labels, scores = self._sample(task)
        tasks = range(len(self.teacher.classes)) if head is None else [head]
        before = sum(self.teacher.classes[:head]) if head is not None else 0
        classes = [label for number in tasks for label in self.stream[number].classes]
        target = classes.index(labels[place]) if labels[place] in classes else None
        names, own = [self.stream.class_names[label] for label in classes], slice(before, before + len(classes))
        right = self.stream.class_names[labels[place]]
        article = "an" if right.lower().startswith(("a", "e", "i", "o", "8", "11", "18")) else "a"
        what = f"{article} {right}: test picture {place + 1} of task {task + 1}"
        return {"image": images[place], "logits": scores[place, own], "names": names, "target": target, "what": what}

    def _sample(self, task: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Test pictures of a task, spread over its classes: images (N, C, H, W), labels (N,), logits (N, classes)."""
        if task not in self._samples:
            test = self.stream[task].test
            places = list(spread(test.labels.numpy(), int(self.picture.span[1])))
            images = test.images[places]
            self._samples[task] = images.numpy(), test.labels[places].numpy(), logits(self.teacher, images).numpy()
        return self._samples[task]


def network_of(teacher: Run | Network, stream: Stream) -> Network:
    """The teacher's network, on the CPU."""
    if isinstance(teacher, Run):
        if teacher.tasks != tuple(task.classes for task in stream):
            raise ValueError("This run has learned other tasks than those of the stream: give the stream it learned.")
        if not teacher.learned:
            raise ValueError("This run has not finished a task yet, and has no network.")
        return teacher.model
    sizes = [len(task.classes) for task in stream]
    if not teacher.classes or list(teacher.classes) != sizes[: len(teacher.classes)]:
        raise ValueError("This network has learned other tasks than those of the stream: give the stream it learned.")
    return teacher


def spread(labels: np.ndarray, count: int) -> Iterator[int]:
    """`count` places, the classes taking turns."""
    turn = np.zeros(len(labels))
    for label in np.unique(labels):
        turn[labels == label] = np.arange((labels == label).sum())
    yield from np.argsort(turn, kind="stable")[:count].tolist()
