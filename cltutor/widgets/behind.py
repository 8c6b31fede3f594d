"""What works behind the page, in threads, and the pictures that are kept so that none is drawn twice."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

from .. import show
from ..runs.run import Run
from .stage import Draw, Drawing

Behind = Callable[[Callable[[], None]], None]
MOST = 40  # pictures of about 150 kB
LATER = 0.3  # seconds before anything is drawn ahead, so that the page first gets the picture that was pressed for


def ignore(*_: object) -> None:
    """What a tool that was closed does with what a thread still says."""


def in_thread(work: Callable[[], None]) -> None:
    """Do `work` behind the page."""
    threading.Thread(target=work, daemon=True).start()


class Album:
    """Pictures by a key that says everything that they show: each is drawn once, and the latest are kept."""

    def __init__(self, draw: Draw) -> None:
        self.draw, self._lock = draw, threading.Lock()
        self.clear()

    def page(self, key: tuple, make: Callable[[], show.Picture], of: tuple = ()) -> Drawing:
        """What a stage shows of the picture with this key, which ``make`` draws; ``of``: what the key names by its
        identity, kept with the picture, as nothing else may get that identity."""
        pages = self.pages  # `clear` may come meanwhile: what is drawn then must not come back
        with self._lock:
            if key in pages:
                pages.move_to_end(key)
                return pages[key][0]
        made = self.draw(make)
        with self._lock:
            pages[key] = made, of
            while len(pages) > MOST:
                pages.popitem(last=False)
        return made

    def clear(self) -> None:
        self.pages: OrderedDict[tuple, tuple[Drawing, tuple]] = OrderedDict()


class Worker:
    """Works behind the page, in steps, on the newest wish: an older one ends at its next step.

    fail: called with what a step has raised; delay: seconds before the first step.
    """

    def __init__(self, fail: Callable[[Exception], None], delay: float = 0) -> None:
        self._fail, self._delay = fail, delay
        self._lock, self._newest = threading.Lock(), threading.Thread()

    def do(self, steps: Iterator) -> None:
        """Go through the steps in a thread."""

        def work() -> None:
            done = object()
            try:
                with self._lock:  # one at a time
                    while threading.current_thread() is self._newest and next(steps, done) is not done:
                        pass
            except Exception as error:  # a thread's exception would be lost
                self._fail(error)

        self._newest = threading.Timer(self._delay, work)
        self._newest.name = "cltutor behind the page"
        self._newest.start()

    def settle(self) -> None:
        """Wait until the newest wish is done."""
        if self._newest.ident:
            self._newest.join()

    def cease(self) -> None:
        """Do nothing more, after the step under way, and say nothing of it."""
        self._newest, before = threading.Thread(), self._newest
        self._fail = self.do = ignore
        getattr(before, "cancel", ignore)()


class RunAlbum(Album):
    """`picture(runs, known_task)` draws the accuracy of runs over time, or what else ``make(runs, known_task)`` does,
    once; `ahead` draws behind the page."""

    def __init__(self, empty: Callable[[], Drawing], fail: Callable[[Exception], None], draw: Draw) -> None:
        super().__init__(draw)
        self._empty, self._worker = empty, Worker(fail, LATER)
        self.settle, self.cease = self._worker.settle, self._worker.cease

    def picture(
        self, runs: Sequence[Run], known_task: bool, make: Callable[..., show.Picture] = show.accuracy_over_time
    ) -> Drawing:
        """What a stage shows of the picture of these runs."""
        if not runs:
            return self._empty()
        pictures = []

        def keep() -> show.Picture:
            pictures.append(make(runs, known_task=known_task))
            return pictures[0]

        made = self.page((known_task, make, *map(id, runs)), keep, tuple(runs))
        for picture in pictures:
            picture.clear()  # its artists refer to each other, and would stay until the garbage collector runs
        return made

    def ahead(self, wishes: Sequence[tuple]) -> None:
        """Draw these instead of earlier wishes that are not drawn yet."""
        self._worker.do(self.picture(*wish) for wish in wishes)
