"""A teacher's answer to a picture, and how it softens as the temperature goes up (LwF, eq. 3)."""

import time
from collections.abc import Iterator

import numpy as np

from .. import show
from ..checked import checked
from ..describe import Choice, Whole
from ..evaluation.answers import logits
from ..losses.distillation import TEMPERATURE
from ..networks import Network
from ..runs.run import Run
from ..streams import Stream
from .base import Tool, dropdown
from .behind import Behind, in_thread
from .controls import Controls, Values
from .inputs import Knob, shortened
from .stage import Draw, Drawing, draw

MOST = 40  # pictures of a task to choose from
SPAN = (1.0, 10.0, 0.5)  # of the temperature


class Temperature(Tool):
    """A test picture, and the teacher's probabilities of the classes at a temperature that is slid or typed.

    teacher: a run (its network after the last task) or a network, such as `run.model_after(0)`; pictures: the task,
    counted from 0, whose test pictures are shown; head: the task whose classes answer, None for all classes that the
    teacher knows. "own" is None for a run trained across tasks, else the task of the pictures, or task 0 if the
    teacher has not learned that one. picture: which one, from 1 up; draw, behind: used to draw, and to work behind the
    page (tests give others).

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
        behind: Behind = in_thread,
    ) -> None:
        super().__init__("cltutor-temperature", draw)
        self.stream, self.behind = stream, behind
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
        self.pictures = dropdown(
            "pictures of", [(name, i) for i, name in enumerate(names)], "the task of the test pictures"
        )
        self.head = dropdown("answers for", heads, "the classes that compete")
        self.picture = Knob("picture", (1, count, 1), Whole(1, count), "which test picture", self.guarded)
        softer = "how far the answers are softened"
        self.temperature = Knob("temperature T", SPAN, TEMPERATURE, softer, self.guarded)
        named = {name: getattr(self, name) for name in ("pictures", "head", "temperature", "picture")}
        rules = {"head": Choice([None, "own", *range(known)])}
        self.controls = Controls(self, named, {}, {}, self._moved, rules, self._with_head)
        self.pane = self.stage()
        self.fill([self.pictures, self.head, self.picture, self.temperature], [self.pane])

    def _with_head(self, values: Values) -> Values:
        """The values with the head that "own" stands for."""
        if values["head"] != "own":
            return values
        own = values["pictures"] if values["pictures"] < len(self.teacher.classes) else 0
        return values | {"head": own if self._own_head else None}

    def _moved(self, name: str | None) -> None:
        if name != "temperature":
            self.album.clear()
        self._show()
        if name == "temperature" and len(self.album.pages) <= 2:  # the first turn for this picture: others will follow
            pages = self.album.pages
            self.behind(lambda: self._prepare(pages))

    def _show(self) -> None:
        self.pane.drawing = self._page(self.temperature.value)

    def _prepare(self, pages: dict) -> None:
        """Draw the slider's other positions, the nearest first, until another picture is chosen; for a thread."""
        low, high, step = SPAN
        places = np.arange(low, high + step / 2, step).tolist()
        try:
            for place in sorted(places, key=lambda place: abs(place - self.temperature.value)):
                if pages is not self.album.pages:
                    return
                self._page(place)
                time.sleep(0.02)  # leaves the next turn to a learner who waits for a picture
        except Exception as error:  # a thread's exception would be lost
            self.show_error(error)

    def _page(self, temperature: float) -> Drawing:
        """The picture at a temperature, drawn once."""
        return self.album.page((temperature,), lambda: self._picture(temperature))

    def _picture(self, temperature: float) -> show.Picture:
        images, labels, scores = self._sample(self.pictures.value)
        place, head = int(self.picture.value) - 1, self.head.value
        tasks = range(len(self.teacher.classes)) if head is None else [head]
        before = sum(self.teacher.classes[:head]) if head is not None else 0
        classes = [label for task in tasks for label in self.stream[task].classes]
        target = classes.index(labels[place]) if labels[place] in classes else None
        names, own = [self.stream.class_names[label] for label in classes], slice(before, before + len(classes))
        return show.temperature(images[place], scores[place, own], names, temperature, target)

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
