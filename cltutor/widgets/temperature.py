"""What a teacher says of a picture, and how its answer softens as the temperature goes up (LwF, eq. 3)."""

import threading
import time
from collections.abc import Iterator

import numpy as np

from .. import show
from ..evaluation.answers import logits
from ..networks import Network
from ..runs.run import Run
from ..streams import Stream, Task
from .base import Pane, Tool, draw, dropdown, row
from .controls import Controls
from .knob import Knob

MOST = 40  # pictures of a task to choose from
SPAN = (1.0, 10.0, 0.5)  # of the temperature


class Temperature(Tool):
    """A test picture, and the teacher's probabilities of the classes at a temperature that is slid or typed.

    teacher: a run (its network after the last task) or a network, such as `run.model_after(0)`; pictures: the task,
    counted from 0, whose test pictures are shown; head: the task whose classes answer, None for all classes that the
    teacher knows. "own" is None for a run trained across tasks, else the task of the pictures, or task 0 if the
    teacher has not learned that one. picture: which one, from 1 up.

    Raises:
        ValueError: a teacher that has learned nothing or other tasks, or a task or picture that is not there.
    """

    def __init__(
        self,
        teacher: Run | Network,
        stream: Stream,
        pictures: int = 0,
        head: int | str | None = "own",
        temperature: float = 2.0,
        picture: int = 1,
    ) -> None:
        super().__init__("cltutor-temperature")
        self.stream = stream
        self.teacher = network_of(teacher, stream)
        self._own_head = not (isinstance(teacher, Run) and teacher.competes)
        self._samples: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self._album: dict[float, str] = {}
        self._make_controls(min(MOST, *(len(task.test) for task in stream)))
        self.controls.set({"pictures": pictures, "head": head, "temperature": temperature, "picture": picture})
        self._show()

    @property
    def code(self) -> str:
        """The line of code that makes this widget again as it is set."""
        return self.controls.code

    def _make_controls(self, count: int) -> None:
        names = [f"task {task.index + 1}: {class_list(self.stream, task)}" for task in self.stream]
        known = len(self.teacher.classes)
        heads = [("all classes", None), *((name, i) for i, name in enumerate(names[:known]))]
        whole = f"a whole number from 1 to {count}"
        self.pictures = dropdown("pictures of", [(name, i) for i, name in enumerate(names)])
        self.head = dropdown("answers for", heads)
        self.picture = Knob(
            "picture", 1, (1, count, 1), lambda v: 1 <= v <= count, whole, "which test picture", self.guarded
        )
        softer = "how far the answers are softened"
        self.temperature = Knob("temperature T", 2, SPAN, lambda v: v > 0, "a number above 0", softer, self.guarded)
        named = {name: getattr(self, name) for name in ("pictures", "head", "temperature", "picture")}
        usual = {"pictures": 0, "head": "own", "temperature": 2, "picture": 1}
        self.controls = Controls(self, "Temperature", named, usual, {}, self._checked, self._moved)
        self.line, self.pane = self.controls.line, Pane()
        choices = row(self.pictures, self.head)
        self.fill(choices, row(self.picture, self.temperature), self.message, self.pane, self.line)

    def _checked(self, values: dict) -> dict:
        """The values, if there is such a picture and such a head."""
        choices = {
            "pictures": range(len(self.stream)),
            "head": [None, "own", *range(len(self.teacher.classes))],
            "picture": range(1, int(self.picture.span[1]) + 1),
        }
        for name, choice in choices.items():
            if values[name] not in choice:
                last = choice[-1]
                raise ValueError(f"{name} must be a whole number up to {last}, not {values[name]!r}.")
        if isinstance(values["temperature"], bool) or not isinstance(values["temperature"], int | float):
            raise ValueError(f"temperature is a number above 0, not {values['temperature']!r}.")
        if not 0 < values["temperature"] < float("inf"):
            raise ValueError(f"temperature is a number above 0, not {values['temperature']:g}.")
        if values["head"] == "own":
            own = values["pictures"] if values["pictures"] < len(self.teacher.classes) else 0
            values["head"] = own if self._own_head else None
        return values

    def _moved(self, name: str | None) -> None:
        if name != "temperature":
            self._album = {}
        self._show()
        if name == "temperature" and len(self._album) <= 2:  # the first turn for this picture: others will follow
            threading.Thread(target=self._prepare, args=(self._album,), daemon=True).start()

    def _show(self) -> None:
        self.pane.value = self._page(self._album, self.temperature.value)

    def _prepare(self, album: dict[float, str]) -> None:
        """Draw the slider's other positions, the nearest first, until another picture is chosen; for a thread."""
        low, high, step = SPAN
        places = np.arange(low, high + step / 2, step).tolist()
        try:
            for place in sorted(places, key=lambda place: abs(place - self.temperature.value)):
                if album is not self._album:
                    return
                self._page(album, place)
                time.sleep(0.02)  # leaves the next turn to a learner who waits for a picture
        except Exception as error:  # a thread's exception would be lost
            self.tell(error)

    def _page(self, album: dict[float, str], temperature: float) -> str:
        """The picture at a temperature, drawn once."""
        if temperature not in album:
            image, scores, names, target = self._question()
            album[temperature] = draw(lambda: show.temperature(image, scores, names, temperature, target))
        return album[temperature]

    def _question(self) -> tuple[np.ndarray, np.ndarray, list[str], int | None]:
        """The picture, the logits of the classes that answer, their names, and the right one's place among them."""
        images, labels, scores = self._sample(self.pictures.value)
        place, head = int(self.picture.value) - 1, self.head.value
        asked = range(len(self.teacher.classes)) if head is None else [head]
        before = sum(self.teacher.classes[:head]) if head is not None else 0
        classes = [label for task in asked for label in self.stream[task].classes]
        target = classes.index(labels[place]) if labels[place] in classes else None
        names = [self.stream.class_names[label] for label in classes]
        return images[place], scores[place, before : before + len(classes)], names, target

    def _sample(self, task: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Test pictures of a task, spread over its classes: images (N, C, H, W), labels (N,), logits (N, classes)."""
        if task not in self._samples:
            test = self.stream[task].test
            places = list(spread(test.labels.numpy(), int(self.picture.span[1])))
            images = test.images[places]
            self._samples[task] = images.numpy(), test.labels[places].numpy(), logits(self.teacher, images).numpy()
        return self._samples[task]


def network_of(teacher: Run | Network, stream: Stream) -> Network:
    """The network that answers, on the CPU."""
    if isinstance(teacher, Run):
        if teacher.tasks != tuple(task.classes for task in stream):
            raise ValueError("This run has learned other tasks than those of the stream: give the stream it learned.")
        if not teacher.learned:
            raise ValueError("This run has not finished a task yet: it has no network to ask.")
        return teacher.model
    if not isinstance(teacher, Network):
        raise ValueError("The teacher is a run, or one of its networks such as run.model_after(0).")
    sizes = [len(task.classes) for task in stream]
    if not teacher.classes or list(teacher.classes) != sizes[: len(teacher.classes)]:
        raise ValueError("This network has learned other tasks than those of the stream: give the stream it learned.")
    return teacher


def class_list(stream: Stream, task: Task) -> str:
    """The names of a task's classes, cut where they become long."""
    names = ", ".join(stream.class_names[label] for label in task.classes)
    return names if len(names) <= 40 else f"{names[:38].rstrip(' ,')} …"


def spread(labels: np.ndarray, count: int) -> Iterator[int]:
    """`count` places, the classes taking turns."""
    turn = np.zeros(len(labels))
    for label in np.unique(labels):
        turn[labels == label] = np.arange((labels == label).sum())
    yield from np.argsort(turn, kind="stable")[:count].tolist()
