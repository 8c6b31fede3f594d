"""Pictures of runs, each drawn once, and drawn ahead so that a toggle is answered from memory."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from .. import show
from ..runs.run import Run
from .base import draw

MOST = 40  # pictures of about 150 kB
LATER = 0.3  # seconds before anything is drawn ahead, so that the page first gets what it asked for


class Album:
    """`picture(runs, known_task)` is drawn when it is first asked for; `ahead(wishes)` draws in a thread."""

    def __init__(self, empty: Callable[[], show.Picture], fail: Callable[[Exception], None]) -> None:
        self._empty, self._fail = empty, fail
        # Runs are held with their picture: another run must not get the identity of one that is gone.
        self._drawn: OrderedDict[tuple, tuple[tuple[Run, ...], str]] = OrderedDict()
        self._lock, self._turn, self._thread = threading.Lock(), 0, None

    def picture(self, runs: Sequence[Run], known_task: bool) -> str:
        """The HTML of the picture of these runs."""
        key = (known_task, *map(id, runs)) if runs else ()
        with self._lock:
            if key in self._drawn:
                self._drawn.move_to_end(key)
                return self._drawn[key][1]
        made = self._draw(runs, known_task)
        with self._lock:
            self._drawn[key] = tuple(runs), made
            while len(self._drawn) > MOST:
                self._drawn.popitem(last=False)
        return made

    def _draw(self, runs: Sequence[Run], known_task: bool) -> str:
        pictures = []

        def make() -> show.Picture:
            pictures.append(show.accuracy_over_time(runs, known_task=known_task) if runs else self._empty())
            return pictures[0]

        made = draw(make)
        for picture in pictures:
            picture.clear()  # its artists hold each other, and would stay until memory is looked through
        return made

    def ahead(self, wishes: Iterable[tuple[Sequence[Run], bool]]) -> None:
        """Draw these in a thread, instead of what was wished for before."""
        self._turn += 1
        turn, before, wishes = self._turn, self._thread, list(wishes)

        def work() -> None:
            try:
                if before:
                    before.join()
                for runs, known_task in wishes:
                    if turn != self._turn:
                        return
                    self.picture(runs, known_task)
            except Exception as error:  # a thread's exception would be lost
                self._fail(error)

        self._thread = threading.Timer(LATER, work)
        self._thread.name = "cltutor drawing ahead"
        self._thread.start()

    def settle(self) -> None:
        """Wait until what was wished for is drawn."""
        if self._thread:
            self._thread.join()
