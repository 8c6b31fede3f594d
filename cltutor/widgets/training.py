"""Training in a thread, one at a time, so that the page answers while a network learns; its buttons and its pace."""

import html
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

import ipywidgets
import traitlets

from ..runs.run import Run
from ..training.events import Event
from .behind import Fail, ignore
from .inputs import Act, Guarded, button, key, row

Clock = Callable[[], float]
End = Callable[[Run | None, bool], None]
FEW = 4  # recorded runs, at most, that are named one by one
SHARE = 5  # seconds of training for a second of drawing
PAUSE = 0.25  # seconds between two live pictures, at least
BLINK = 0.1  # seconds between two lines of progress, at least


class Training(threading.Thread):
    """Draws events from `train` in a thread of its own.

    `each(event)` is called for every event, `end(run, finished)` once at last, with None when no event ever came;
    `fail(error)` before it, if something raised. All three are called in the thread. A training that starts while
    another one runs, of any widget, stops that one first. With `keep`, events that were stopped are not closed: another
    training goes on with them.
    """

    _latest: "Training | None" = None
    _lock = threading.Lock()

    def __init__(
        self, events: Iterator[Event], each: Callable[[Event], None], end: End, fail: Fail, keep: bool = False
    ) -> None:
        super().__init__(name="cltutor training", daemon=True)
        self.events, self.each, self.end, self.fail, self.keep = events, each, end, fail, keep
        self.stopped = threading.Event()

    def start(self) -> None:
        """Begin, once the training before has ended."""
        with Training._lock:
            self._before, Training._latest = Training._latest, self
        if self._before:
            self._before.stop()
        super().start()

    def stop(self) -> None:
        """Have it end after the step under way."""
        self.stopped.set()

    def cease(self) -> None:
        """Stop, and say nothing of it."""
        self.each = self.end = self.fail = ignore
        self.keep = False
        self.stop()

    def run(self) -> None:
        """What the thread does."""
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
        with Training._lock:
            if Training._latest is self:  # else it would keep this training's run and widget
                Training._latest = None


class Actions(ipywidgets.VBox):
    """Buttons that call `train()`, `stop()`, `clear()` and, if it is given, `resume()`.

    Train and Stop are never enabled at the same time; Resume only where `resumable` is set, and never with Stop.
    """

    busy = traitlets.Bool(False)  # something is being trained
    resumable = traitlets.Bool(False)  # there is a stopped run to continue

    def __init__(self, train: Act, stop: Act, clear: Act, guarded: Guarded, resume: Act | None = None) -> None:
        def made(words: str, icon: str, tooltip: str, action: Act) -> ipywidgets.Button:
            return button(words, tooltip, guarded(lambda _: action()), icon, "84px")

        self.train = made("Train", "play", "learn all tasks, one after another", lambda: self.busy or train())
        self.train.button_style = "primary"
        self.stop = made("Stop", "stop", "stop after this step and keep what was learned", stop)
        keeps = "continue where it was stopped: the same numbers as without the stop"
        self.resume = made("Resume", "step-forward", keeps, lambda: self.busy or (resume and resume()))
        self.clear = made("Clear", "trash", "remove all runs from the picture", clear)
        wide = ipywidgets.Layout(flex="1 1 160px", width="auto", max_width="480px", margin="2px 6px")
        self.bar = ipywidgets.FloatProgress(min=0, max=1, tooltip="progress", layout=wide)
        self.words = ipywidgets.HTML(layout=ipywidgets.Layout(min_height="32px", margin="0"))
        self.cautions, self.origin = ipywidgets.HTML(), ipywidgets.HTML()
        self.resume.layout.display = None if resume else "none"
        key(self.train, "t")
        key(self.stop, "s")
        buttons = row(self.train, self.stop, self.resume, self.clear, self.bar)
        parts = buttons, self.words, self.cautions, self.origin
        super().__init__(parts, layout=ipywidgets.Layout(width="100%"))
        self.add_class("cltutor-actions")
        self._enable()

    @traitlets.observe("busy", "resumable")
    def _enable(self, change=None) -> None:
        self.train.disabled, self.stop.disabled = self.busy, not self.busy
        self.resume.disabled = self.busy or not self.resumable

    def caution(self, sentences: Iterable[str]) -> None:
        """Show what a run warns of."""
        shown = "".join(f'<p role="status" class="cltutor-caution">{html.escape(one)}</p>' for one in sentences)
        if shown != self.cautions.value:
            self.cautions.value = shown

    def explain(self, recorded: Collection[str]) -> None:
        """Say which of the results came with the package."""
        several, names = len(recorded) > 1, html.escape(", ".join(sorted(recorded)))
        runs = "recorded runs" if several else "a recorded run"
        which = f"{runs} of {names}" if len(recorded) <= FEW else f"{len(recorded)} {runs}"
        own = "them with your own" if several else "it with your own"
        words = f"You see {which}, which came with the package. Train replaces {own}."
        self.origin.value = f'<p style="line-height:1.4">{words}</p>' if recorded else ""

    def say(self, words: str, progress: float | None = None) -> None:
        """Show what is happening, and how much of it is done (0 to 1)."""
        self.words.value = f'<span role="status">{html.escape(words)}</span>'
        if progress is not None:
            self.bar.value = progress


class Pace:
    """How often a page is updated during a training: after some steps, and with pictures that leave time to learn.

    clock: the time in seconds; pause: between two pictures, at least; share: seconds of training per second of
    drawing; blink: between two lines of progress, at least.
    """

    def __init__(
        self, clock: Clock = time.monotonic, pause: float = PAUSE, share: float = SHARE, blink: float = BLINK
    ) -> None:
        self._clock, self._pause, self._share, self._blink = clock, pause, share, blink
        self.restart()

    def restart(self) -> None:
        """Have the next line and the next picture come at once."""
        self._next_line = self._next_picture = 0.0

    def line_due(self) -> bool:
        """Whether it is time for a line of progress."""
        now = self._clock()
        due = now >= self._next_line
        if due:
            self._next_line = now + self._blink
        return due

    def draw(self, picture: Callable[[], None]) -> None:
        """Draw, if it is time for a picture; the longer it takes, the longer until the next."""
        now = self._clock()
        if now >= self._next_picture:
            picture()
            done = self._clock()
            self._next_picture = done + max(self._pause, self._share * (done - now))


def snapshot(run: Run) -> Run:
    """The run as it stands now: one that the thread no longer writes in, for pictures drawn meanwhile."""
    return replace(
        run,
        accuracies={name: matrix.copy() for name, matrix in run.accuracies.items()},
        curves=replace(run.curves, loss=dict(run.curves.loss)),
        states=list(run.states),
    )
