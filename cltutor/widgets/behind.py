"""What works behind the page, in threads, and the pictures that are kept so that none is drawn twice."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator

from .. import show
from .stage import Draw, Drawing

Behind = Callable[[Callable[[], None]], None]
Fail = Callable[[Exception], None]
MOST = 40  # pictures of about 150 kB
LATER = 0.3  # seconds before anything is drawn ahead, so that the page first gets the picture that was pressed for


def ignore(*_: object) -> None:
    """What a tool that was closed does with what a thread still says."""


def in_thread(work: Callable[[], None]) -> None:
    """Do `work` behind the page."""
    threading.Thread(target=work, daemon=True).start()


class Worker:
    """Works behind the page, in steps, on the newest wish: an older one ends at its next step.

    fail: called with what a step has raised; delay: seconds before the first step.
    """

    def __init__(self, fail: Fail, delay: float = 0) -> None:
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

    def settle(self, most: float | None = None) -> None:
        """Wait until the newest wish is done, for so many seconds at ``most``."""
        if self._newest.ident:
            self._newest.join(most)

    def cease(self) -> None:
        """Do nothing more, after the step under way, and say nothing of it."""
        self._newest, before = threading.Thread(), self._newest
        self._fail = self.do = ignore
        getattr(before, "cancel", ignore)()


class Album(Worker):
    """Pictures by a key that says everything that they show: each is drawn once, and the latest are kept.

    As a worker, it draws ahead what a press of a control would show.
    """

    def __init__(self, draw: Draw, fail: Fail = ignore) -> None:
        super().__init__(fail, LATER)
        self.draw, self._access = draw, threading.Lock()
        self.clear()

    def page(self, key: tuple, make: Callable[[], show.Picture], of: tuple = ()) -> Drawing:
        """What a stage shows of the picture with this key, which ``make`` draws; ``of``: what the key names by its
        identity, kept with the picture, as nothing else may get that identity."""
        pages = self.pages  # `clear` may come meanwhile: what is drawn then must not come back
        with self._access:
            if key in pages:
                pages.move_to_end(key)
                return pages[key][0]
        made = self.draw(make)
        with self._access:
            pages[key] = made, of
            while len(pages) > MOST:
                pages.popitem(last=False)
        return made

    def clear(self) -> None:
        self.pages: OrderedDict[tuple, tuple[Drawing, tuple]] = OrderedDict()
