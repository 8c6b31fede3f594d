"""A real JupyterLab, driven in a real browser, for tests, benchmarks and the pictures of the README.

Nothing of the user's is read or written.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

ROOT = Path(__file__).resolve().parents[1]
QUIET = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
SETTINGS = {
    # "none": cells off the screen are there as well.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
SIZE = {"width": 1280, "height": 1400}
FAULTS = {
    "an error in an output": '[data-mime-type="application/vnd.jupyter.error"]',
    "a warning in an output": '[data-mime-type="application/vnd.jupyter.stderr"]',
    "an error shown by a widget": ".cltutor-error",
    "a dialog": ".jp-Dialog",
    "a widget that cannot be shown": ".jupyter-widgets-error-widget",
}


PICTURE = ".cltutor-scroll > svg, .cltutor-words"


class Notebook:
    """A notebook open in the browser."""

    def __init__(self, page):
        self.page = page

    def run_all(self, seconds: float = 600) -> None:
        """Run all cells and wait until the kernel has done them."""
        self.page.evaluate(
            "() => { window.ran = false; "
            "jupyterapp.commands.execute('notebook:run-all-cells').then(() => { window.ran = true }) }"
        )
        self.page.wait_for_function("window.ran", timeout=1000 * seconds)

    def cells(self) -> list[nbformat.NotebookNode]:
        """The code cells with their outputs, as they would be saved."""
        book = self.page.evaluate("jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON()")
        return [cell for cell in nbformat.from_dict(book).cells if cell.cell_type == "code"]

    def errors(self) -> list[str]:
        """Every sign of a fault on the page."""
        return [
            f"{what}: {place.inner_text()[:2000]}"
            for what, selector in FAULTS.items()
            for place in self.page.locator(selector).all()
        ]

    def tools(self, css: str) -> list["Widget"]:
        """The widgets of a class on the page."""
        return [Widget(self, place) for place in self.page.locator(f".{css}").all()]


class Widget:
    """A widget on the page."""

    def __init__(self, notebook: Notebook, place):
        self.notebook, self.place = notebook, place

    def button(self, words: str):
        # A button's icon is a letter of its name, too.
        return self.place.get_by_role("button", name=re.compile(rf"^\W*{re.escape(words)}$"))

    def field(self, words: str):
        return self.place.get_by_label(words, exact=True)

    def type(self, words: str, value: str) -> None:
        """Type a value into a field and press Enter."""
        self.field(words).fill(value)
        self.field(words).press("Enter")

    @property
    def picture(self) -> str:
        """The alternative text of the picture, of the first where there are several, or the sentence in its place."""
        self.place.locator(PICTURE).first.wait_for()
        return self.pictures[0]

    @property
    def pictures(self) -> list[str]:
        """The alternative texts of all pictures, read at one moment."""
        words = "all => all.map(one => one.getAttribute('aria-label') ?? one.textContent)"
        return self.place.locator(PICTURE).evaluate_all(words)

    def spot(self, key: str, number: int, picture: int = 0) -> tuple[float, float]:
        """Where a spot of a picture is on the screen, counted in its own kind; the picture is scrolled into view."""
        place = self.place.locator(".cltutor-live").nth(picture)
        place.evaluate("one => one.scrollIntoView({ block: 'center' })")
        where = """(one, [key, number]) => {
          const { spots, drawing, svg } = one.parentNode.cltutor;
          const kind = drawing.spots.findIndex((group) => group.key === key);
          const spot = spots.which.findIndex(([group, i]) => group === kind && i === number);
          const { a, d, e, f } = svg.getScreenCTM();
          return [spots.x[spot] * a + e, spots.y[spot] * d + f];
        }"""
        return tuple(place.evaluate(where, [key, number]))

    def point(self, key: str, number: int, picture: int = 0) -> str:
        """Point at a spot of a picture: the words that are read."""
        self.notebook.page.mouse.move(*self.spot(key, number, picture))
        return self.place.locator(".cltutor-tip").nth(picture).inner_text()

    def touch(self, key: str, number: int, picture: int = 0) -> None:
        """Click on a spot of a picture."""
        self.notebook.page.mouse.click(*self.spot(key, number, picture))

    def marked(self, picture: int = 0) -> int:
        """How many spots are marked in a picture."""
        return self.place.locator(".cltutor-live").nth(picture).locator(".cltutor-mark").count()

    @property
    def pixels(self) -> str:
        return self.place.locator(PICTURE).first.inner_html()

    def settled(self) -> str:
        """What the picture is drawn of, once it has stayed the same for half a second: redraws come a little later."""
        before = None
        while before != (now := self.pixels):
            before = now
            self.notebook.page.wait_for_timeout(500)
        return now

    @property
    def status(self) -> str:
        return self.place.get_by_role("status").inner_text()

    def until(self, true: Callable[[], object], seconds: float = 30) -> None:
        """Wait until something is true of the page."""
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() >= end:  # not before: an element may vanish meanwhile, and is waited for
                state = f"{self.field('as code').input_value()}; {self.picture}; {self.notebook.errors()}"
                raise AssertionError(f"waited {seconds} s in vain: {state}")
            self.notebook.page.wait_for_timeout(100)

    def train(self) -> None:
        """Press Train and wait until it has begun."""
        self.button("Train").click()
        self.until(self.button("Stop").is_enabled)

    def stops(self, seconds: float = 30) -> None:
        """Train from the beginning and press Stop: the widget says that it stopped, and can train again."""
        self.button("Clear").click()
        self.train()
        self.button("Stop").click()
        self.until(self.button("Train").is_enabled, seconds)
        self.until(lambda: "stopped" in self.status)

    def refuses(self, field: str, value: str, words: str) -> None:
        """Type what is wrong: the page says so in ``words``."""
        self.type(field, value)
        alert = self.place.locator(".cltutor-error")
        self.until(lambda: alert.count() == 1 and words in alert.inner_text())

    def has_no_error(self) -> bool:
        return self.place.locator(".cltutor-error").count() == 0

    def shot(self, name: str) -> None:
        """Keep a picture of the widget where CLTUTOR_SCREENSHOTS says, at three widths of the page."""
        if folder := os.environ.get("CLTUTOR_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            for width in (1280, 1100, 900):
                self.notebook.page.set_viewport_size({"width": width, "height": 1400})
                self.notebook.page.wait_for_timeout(300)
                self.place.screenshot(path=Path(folder) / f"{name}-{width}.png")
            self.notebook.page.set_viewport_size(SIZE)


@dataclass(frozen=True)
class Lab:
    """A JupyterLab server: its address, its token, the folder that it serves, and its process."""

    address: str
    token: str
    folder: Path
    pid: int


@contextmanager
def lab(home: Path, python: str = sys.executable, app: str = "jupyterlab") -> Iterator[Lab]:
    """JupyterLab, or another ``app`` of that ``python``, with everything of its own in the folder ``home``."""
    folder, settings = home / "notebooks", home / "settings"
    folder.mkdir(parents=True)
    for name, values in SETTINGS.items():
        file = settings / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    token = secrets.token_hex(16)
    own = own_folders(home) | {"JUPYTERLAB_SETTINGS_DIR": str(settings), "JUPYTER_TOKEN": token}
    own |= {"JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}
    command = [python, "-m", app, "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--ServerApp.root_dir={folder}"]
    with open(home / "log", "w") as log:
        server = subprocess.Popen(command, env=os.environ | own, cwd=folder, stdout=log, stderr=log)
    try:
        yield Lab(address(server, home), token, folder, server.pid)
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def own_folders(home: Path) -> dict[str, str]:
    """Variables of the environment with which a server reads and writes nothing of the user's."""
    own = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"HOME": str(home), "IPYTHONDIR": str(home / "ipython"), "MPLCONFIGDIR": str(home / "matplotlib")}
    # MALLOC_ARENA_MAX as `cltutor lab` sets it.
    return own | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


def address(server: subprocess.Popen, home: Path, seconds: float = 90) -> str:
    """Where the server answers, once it does."""
    file = home / "runtime" / f"jpserver-{server.pid}.json"
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        if file.exists() and (text := file.read_text()).endswith("}"):
            return f"http://127.0.0.1:{json.loads(text)['port']}"
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{(home / 'log').read_text()[-3000:]}")


@contextmanager
def browser(chromium: str) -> Iterator["BrowserContext"]:
    """The system's Chromium without a window. One context: JupyterLab's scripts are fetched and compiled once."""
    from playwright.sync_api import sync_playwright

    flags = [*QUIET.split(), "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield started.new_context(viewport=SIZE)
        started.close()


@contextmanager
def opened(
    lab: Lab, browser: "BrowserContext", source: Path | list[str], more: tuple[str, ...] = ()
) -> Iterator[Notebook]:
    """A notebook, or the cells of one, and ``more`` cells, open in the browser with a kernel; closed at the end."""
    name = f"{source.stem if isinstance(source, Path) else 'test'}_{secrets.token_hex(4)}.ipynb"
    book = nbformat.read(source, as_version=4) if isinstance(source, Path) else notebook(source)
    book.cells += notebook(list(more)).cells
    nbformat.write(book, lab.folder / name)
    page = lab_page(lab, browser)
    page.set_viewport_size(SIZE)
    # Nothing is returned: a widget of JupyterLab cannot be sent to Python.
    page.evaluate("async path => { await jupyterapp.commands.execute('docmanager:open', { path }) }", name)
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.ready }")
    try:
        yield Notebook(page)
    finally:
        # The kernel's memory is needed; the notebook is closed without a question about what was not saved.
        page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.shutdown() }")
        page.evaluate("() => { jupyterapp.shell.currentWidget.dispose() }")
        page.wait_for_selector(".jp-Notebook", state="detached")


def lab_page(lab: Lab, browser: "BrowserContext") -> "Page":
    """JupyterLab in the browser, loaded once: that takes seconds."""
    if browser.pages:
        return browser.pages[0]
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{lab.address}/lab?reset&token={lab.token}")
    page.wait_for_function("window.jupyterapp && jupyterapp.restored")
    page.evaluate("async () => { await jupyterapp.restored }")
    return page


def find_chromium() -> str | None:
    """The path of the system's Chromium, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def notebook(cells: list[str]) -> nbformat.NotebookNode:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return book
