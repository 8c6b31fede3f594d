"""Training in a thread, one at a time, so that the page answers while a network learns."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from ..runs.run import Run
from ..training.events import Event

SHARE = 5  # seconds of training for a second of drawing
PAUSE = 0.25  # seconds between two live pictures, at least
BLINK = 0.1  # seconds between two lines of news, at least


class Training:
    """Draws events from `train` in a thread of its own.

    `each(event)` is called for every event, `end(run, finished)` once at last, with None when no event ever came;
    `fail(error)` before it, if something raised. All three are called in the thread. A training that starts while
    another one runs, of any widget, stops that one first. With `keep`, events that were stopped are not closed: another
    training goes on with them.
    """

    _latest: "Training | None" = None
    _lock = threading.Lock()

    def __init__(
        self,
        events: Iterator[Event],
        each: Callable[[Event], None],
        end: Callable[[Run | None, bool], None],
        fail: Callable[[Exception], None],
        keep: bool = False,
    ) -> None:
        self.events, self.each, self.end, self.fail, self.keep = events, each, end, fail, keep
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="cltutor training", daemon=True)

    def start(self) -> None:
        with Training._lock:
            self._before, Training._latest = Training._latest, self
        if self._before:
            self._before.stop()
        self._thread.start()

    def stop(self) -> None:
        """Ask for the end; it comes after the step under way."""
        self.stopped.set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait for the end; whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        if self._before:
            self._before.join()
            self._before = None
        run, finished = None, False
        try:
            for event in self.events:
                run = event.run
                if not self.stopped.is_set():
                    self.each(event)
                if self.stopped.is_set():
                    break
            else:
                finished = True
        except Exception as error:  # a thread's exception would be lost
            self.keep = False
            self.fail(error)
        try:
            if finished or not self.keep:
                self.keep = False
                self.events.close()
            self.end(run, finished)
        except Exception as error:
            self.fail(error)


class Pace:
    """How often a page hears of a training: of some steps, and in pictures that leave the time to learn."""

    def __init__(self) -> None:
        self._next_news = self._next_picture = 0.0

    def news(self) -> bool:
        """Whether it is time for a line of news."""
        now = time.monotonic()
        due = now >= self._next_news
        if due:
            self._next_news = now + BLINK
        return due

    def draw(self, picture: Callable[[], None]) -> None:
        """Draw, if it is time for a picture; the longer it takes, the longer until the next."""
        now = time.monotonic()
        if now >= self._next_picture:
            picture()
            done = time.monotonic()
            self._next_picture = done + max(PAUSE, SHARE * (done - now))


class Trains:
    """What the widgets that train have in common: `actions`, and the methods that hear of a training.

    `_follow(event)` and `_end(run, finished)` are called in the thread, `tell(error)` where something raised.
    """

    training: Training | None = None

    def _begin(
        self, events: Iterator[Event], words: str = "getting ready", keep: bool = False, progress: float | None = 0
    ) -> None:
        self.actions.say(words, progress)
        self.actions.busy = True
        self.pace = Pace()
        self.training = Training(events, self._follow, self._end, self.tell, keep)
        self.training.start()

    def _stop(self) -> None:
        self.training.stop()
        self.actions.stop.disabled = True


def snapshot(run: Run) -> Run:
    """The run as it stands now: one that the thread no longer writes in, for pictures drawn meanwhile."""
    return replace(
        run,
        accuracies={name: matrix.copy() for name, matrix in run.accuracies.items()},
        curves=replace(run.curves, loss=dict(run.curves.loss)),
        states=list(run.states),
    )
