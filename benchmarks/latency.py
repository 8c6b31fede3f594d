"""How soon the widgets answer in a real JupyterLab, as the page measures it.

From an action to the next frame of the screen after what it changes: the playground's picture of recorded runs after
its cell is run in a new kernel in which the cell of imports has run; the first own curve after Train; a press of a
toggle; the answer of each manipulation that needs Python, which is a picture drawn before or words; and what is drawn
anew. Beside the time on the wall stands the
CPU time of the kernel, which what else the machine does leaves alone, and the load of the machine (1 minute).
"""

import argparse
import contextlib
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import psutil

try:
    from benchmarks import browsing, report, soak
except ImportError:  # run as a script
    import browsing
    import report
    import soak

START_HERE = Path(__file__).resolve().parents[1] / "notebooks" / "00_start_here.ipynb"
FIRST, CURVE = "the playground's cell: its first picture", "Train: the first own curve"
FIRST_AT_MOST, IN_PAGE, WITH_PYTHON, DRAWN, CURVE_AT_MOST = 1500, 50, 120, 300, 500  # ms
STUCK = soak.STUCK
BALANCED, DAMAGED = "after balanced fine-tuning", "least important, task 1"  # keys of spots
# Milliseconds from an action to the screen with another picture, or with other words below or beside it.
ANSWER = """([tool, act, what, given]) => new Promise((done, fail) => {
    const pictures = () => [...tool.querySelectorAll('.cltutor-live svg')];
    const words = () => [...tool.querySelectorAll('.cltutor-middle .widget-html-content')].map(e => e.innerHTML).join();
    const frame = () => [...tool.querySelectorAll('.cltutor-live input[type=number]')].map(e => e.value).join();
    const own = { pictures, words, frame }[what], before = own();
    const other = () => Array.isArray(before) ? own().some((one, i) => one !== before[i]) : own() !== before;
    const started = performance.now();
    const look = () => {
        const past = performance.now() - started;
        if (other()) requestAnimationFrame(() => done(performance.now() - started));
        else if (past > 20000) fail(new Error(`${act}: no other ${what} within 20 s`));
        else setTimeout(look, 1);
    };
    const spot = (picture, key, number) => {
        const stage = tool.querySelectorAll('.cltutor-live')[picture].parentNode.cltutor;
        const kind = stage.drawing.spots.findIndex(group => group.key === key);
        stage.read(stage.spots.which.findIndex(([group, i]) => group === kind && i === number));
        stage.touch();
    };
    const next = picture => tool.querySelectorAll('.cltutor-live')[picture].querySelectorAll('button')[1].click();
    const press = handle => handle.click();
    const slide = number => tool.querySelectorAll('.noUi-handle')[number]
        .dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
    const choose = place => {
        const list = tool.querySelector('select');
        list.selectedIndex = place;
        list.dispatchEvent(new Event('change', { bubbles: true }));
    };
    ({ spot, next, press, slide, choose })[act](...given);
    look();
})"""
ARRIVAL = """async ([tool, before]) => {
    const run = () => jupyterapp.commands.execute('notebook:run-cell-and-select-next');
    for (let cell = 0; cell < before; cell++) await run();
    return await new Promise((done, fail) => {
        const started = performance.now();
        const look = () => {
            const past = performance.now() - started, picture = document.querySelector(`.${tool} .cltutor-live svg`);
            if (picture) requestAnimationFrame(() => done(performance.now() - started));
            else if (past > 60000) fail(new Error('no picture within a minute'));
            else requestAnimationFrame(look);
        };
        run();
        look();
    });
}"""


@dataclass
class Times:
    """Milliseconds on the wall and of the kernel's CPU, for each time that something was done."""

    most: float
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def row(self) -> list[str]:
        cpu = f"{np.median(self.cpu):.0f}" if self.cpu else "-"
        return [f"{np.median(self.wall):.0f}", f"{max(self.wall):.0f}", cpu, str(len(self.wall)), f"{self.most:.0f}"]


class Clock:
    """Measures what is done to the widgets of a notebook."""

    def __init__(self, notebook: browsing.Notebook, kernel: psutil.Process):
        self.notebook, self.kernel, self.page = notebook, kernel, notebook.page
        self.found: dict[str, Times] = {}

    def tool(self, name: str) -> browsing.Widget:
        return self.notebook.tools(f"cltutor-{name}")[0]

    def time(self, words: str, most: float, tool: browsing.Widget, act: str, what: str, *given: Any) -> None:
        """One action, ``words`` in the table; the page is left alone before and after, as it draws ahead."""
        self.page.wait_for_timeout(1500)
        before = sum(self.kernel.cpu_times()[:2])
        past = self.page.evaluate(ANSWER, [tool.place.element_handle(), act, what, list(given)])
        self.page.wait_for_timeout(150)
        times = self.found.setdefault(words, Times(most))
        times.wall.append(past)
        times.cpu.append(1000 * (sum(self.kernel.cpu_times()[:2]) - before))

    def press(self, words: str, most: float, tool: browsing.Widget, button: Any, what: str = "pictures") -> None:
        self.time(words, most, tool, "press", what, button.element_handle())

    def playground(self) -> None:
        tool = self.tool("playground")
        self.time("playground: a frame", IN_PAGE, tool, "next", "frame", 0)
        for known in ("known", "unknown"):
            self.press("playground: task known or not", WITH_PYTHON, tool, tool.button(known))
        for switch in tool.place.locator(".cltutor-recorded button").all()[:2]:
            self.press("playground: a recorded run more or less", WITH_PYTHON, tool, switch)
        self.press(CURVE, CURVE_AT_MOST, tool, tool.button("Train"))
        tool.button("Stop").click()  # the next Train begins anew
        tool.until(tool.button("Train").is_enabled, STUCK)

    def touches(self, turn: int) -> None:
        """What is touched in pictures."""
        filters, herding = self.tool("filter-reconstruction"), self.tool("herding-explorer")
        for act, tool, *spot in (
            ("filters: a channel off", filters, "channel", 2 * turn),
            ("herding: an image in or out", herding, "dot", 3 + 2 * turn),
        ):
            self.time(f"{act}, its accuracy", WITH_PYTHON, tool, "spot", "words", 0, *spot)
            self.time(f"{act}, drawn", DRAWN, tool, "spot", "pictures", 0, spot[0], spot[1] + 1)
        weights, balance = self.tool("importance-explorer"), self.tool("balance")
        self.time("importance: a weight", WITH_PYTHON, weights, "spot", "words", 0, "mas", 10 + 7 * turn)
        weights.button("damage").click()
        self.time("importance: damage", WITH_PYTHON, weights, "spot", "words", 0, DAMAGED, 1 + turn % 6)
        weights.button("heat maps").click()
        self.time("balance: a cell of the matrix", WITH_PYTHON, balance, "spot", "words", 0, BALANCED, 11 * turn)

    def redraws(self, turn: int) -> None:
        """What is drawn anew."""
        slid, attention, weights = map(self.tool, ("temperature", "attention-drift", "importance-explorer"))
        self.time("temperature: another digit", DRAWN, slid, "slide", "pictures", 0)
        self.time("attention: another image", DRAWN, attention, "spot", "pictures", 0, f"image {1 + turn % 3}", 0)
        self.time("importance: another layer", DRAWN, weights, "choose", "pictures", 1 + turn % 3)


def first_pictures(lab: browsing.Lab, context: Any, times: int) -> list[float]:
    """Milliseconds from running the playground's cell, those before it done, to its picture of recorded runs."""
    cells = nbformat.read(START_HERE, as_version=4).cells
    before = next(place for place, cell in enumerate(cells) if "Playground(stream)" in cell.source)
    found = []
    for _ in range(times):
        with browsing.opened(lab, context, START_HERE) as notebook:
            found.append(notebook.page.evaluate(ARRIVAL, ["cltutor-playground", before]))
    return found


def load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=5, help="how often each action is measured")
    times, loads = parser.parse_args().times, [load()]
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lab = stack.enter_context(browsing.lab(home))
        context = stack.enter_context(browsing.browser(browsing.find_chromium()))
        first = Times(FIRST_AT_MOST, first_pictures(lab, context, times))
        notebook = stack.enter_context(browsing.opened(lab, context, soak.CELLS[:-1]))
        notebook.run_all()
        clock = Clock(notebook, soak.kernel_of(lab))
        clock.found[FIRST] = first
        notebook.page.wait_for_timeout(8000)  # pictures are drawn ahead
        for turn in range(times):
            clock.playground()
            clock.touches(turn)
            clock.redraws(turn)
        loads.append(load())
        if errors := notebook.errors():
            raise RuntimeError(errors[0])
    header = ["what", "median (ms)", "longest (ms)", "CPU of the kernel (ms)", "times", "at most (ms)"]
    rows = [[words, *one.row] for words, one in clock.found.items()]
    note = f"Load of the machine before and after: {' and '.join(loads)}, on {os.cpu_count()} cores."
    note += " The limit holds for the median; the first picture takes 2000 ms at the longest."
    report.write("latency", "How soon the widgets answer", header, rows, note, [0])
    slow = any(np.median(one.wall) > one.most for one in clock.found.values()) or max(first.wall) > 2000
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
