"""Pictures that are drawn once, and drawn ahead so that a toggle is answered from memory."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from .. import show
from ..runs.run import Run
from .base import Draw

MOST = 40  # pictures of about 150 kB
LATER = 0.3  # seconds before anything is drawn ahead, so that the page first gets the picture that was pressed for


class Album:
    """Pictures by a key that says everything that they show; each is drawn once."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.pages: dict[tuple, str] = {}

    def page(self, key: tuple, make: Callable[[], show.Picture]) -> str:
        """The HTML of the picture with this key, which `make` draws."""
        pages = self.pages  # `clear` may come meanwhile: what is drawn then must not come back
        if key not in pages:
            pages[key] = self.draw(make)
        return pages[key]

    def clear(self) -> None:
        self.pages = {}


class RunAlbum:
    """`picture(runs, known_task)` draws the accuracy of runs over time; `ahead(wishes)` draws in a thread."""

    def __init__(self, empty: Callable[[], str], fail: Callable[[Exception], None], draw: Draw) -> None:
        self._empty, self._fail, self._draw = empty, fail, draw
        # Runs are kept with their picture: another run must not get the identity of one that is gone.
        self._drawn: OrderedDict[tuple, tuple[tuple[Run, ...], str]] = OrderedDict()
        self._lock, self._turn, self._thread = threading.Lock(), 0, None

    def picture(self, runs: Sequence[Run], known_task: bool) -> str:
        """The HTML of the picture of these runs."""
        if not runs:
            return self._empty()
        key = (known_task, *map(id, runs))
        with self._lock:
            if key in self._drawn:
                self._drawn.move_to_end(key)
                return self._drawn[key][1]
        pictures = []

        def make() -> show.Picture:
            pictures.append(show.accuracy_over_time(runs, known_task=known_task))
            return pictures[0]

        made = self._draw(make)
        for picture in pictures:
            picture.clear()  # its artists refer to each other, and would stay until the garbage collector runs
        with self._lock:
            self._drawn[key] = tuple(runs), made
            while len(self._drawn) > MOST:
                self._drawn.popitem(last=False)
        return made

    def ahead(self, wishes: Iterable[tuple[Sequence[Run], bool]]) -> None:
        """Draw these in a thread, instead of earlier wishes that are not drawn yet."""
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
        """Wait until all wishes are drawn."""
        if self._thread:
            self._thread.join()
