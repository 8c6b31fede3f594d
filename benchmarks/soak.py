"""Random clicks on the playground in a real JupyterLab: no error, no stuck button, no memory that grows.

Memory is that of the kernel (its proportional set size) and of the page (its JavaScript heap after a collection), each
time with all runs cleared: after a first round in which every preset was pressed and every other widget opened, as
PyTorch and others load much at first use, and at the end. Also measured, in the page: from running notebook 00's cell
of the playground, in a new kernel in which the cell of imports has run, to the gallery's first picture; from a press of
Train to the first own curve; and from a press of a toggle to the picture that answers it.
"""

import argparse
import contextlib
import gc
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import numpy as np
import psutil

try:
    from benchmarks import browsing, report
except ImportError:  # run as a script
    import browsing
    import report

GROWTH, STUCK = 100, 60  # MB, s
FIRST, CURVE, TOGGLE = "its cell, to the gallery's first picture", "Train, to the first own curve", "task known at test"
RECORDED = "a recorded run"
LIMITS = {FIRST: 1500, CURVE: 500, TOGGLE: 120, RECORDED: 120}  # ms
START_HERE = Path(__file__).resolve().parents[1] / "notebooks" / "00_start_here.ipynb"
CELLS = ['import cltutor as cl\nstream = cl.gallery.stream("digits")', "cl.widgets.Playground(stream)"]
TOOL = "cltutor-playground"
START = "cl.methods.finetune(epochs=2)"
OPENED = {
    START: ("Attention",),
    "cl.methods.mas(epochs=2)": ("Importance",),
    "cl.methods.eeil_bf(memory=cl.memory.ExemplarMemory(100), epochs=2)": ("Herding",),
    "cl.methods.dfcnn(epochs=2)": ("Filters",),
}
REFUSED = "Nothing was changed."  # the message for a press that came before its button was greyed out
ANSWER = """([tool, button]) => new Promise((done, fail) => {
    const picture = () => tool.querySelector('.cltutor-live svg');
    const before = picture(), started = performance.now();
    const observer = new MutationObserver(() => {
        if (picture() && picture() !== before) {
            observer.disconnect();
            requestAnimationFrame(() => done(performance.now() - started));
        }
    });
    observer.observe(tool, {subtree: true, childList: true, attributes: true});
    setTimeout(() => { observer.disconnect(); fail(new Error('no other picture within 20 s')); }, 20000);
    button.click();
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
CANDIDATES = """tool => [...tool.querySelectorAll('button, select, input, summary')].flatMap((e, i) =>
    e.offsetParent && !e.disabled && e.type !== 'checkbox' ? [i] : [])"""


@dataclass
class Soak:
    """What random clicks have done, and what they have cost."""

    actions: int = 0
    trainings: int = 0
    refusals: int = 0
    faults: list[str] = field(default_factory=list)
    kernel: float = 0.0  # MB that it grew
    page: float = 0.0

    @property
    def growth(self) -> float:
        return self.kernel + self.page


class Presser:
    """Presses, chooses and types at random on a playground in the page."""

    def __init__(self, tool: browsing.Widget, seed: int):
        self.tool, self.draw, self.page = tool, random.Random(seed), tool.notebook.page
        self.done, self.typed = Soak(), ""

    def press(self) -> None:
        """One random action on what can be pressed now."""
        places = self.tool.place.evaluate(CANDIDATES)
        control = self.tool.place.locator("button, select, input, summary").nth(self.draw.choice(places))
        try:
            self._act(control)
        except Exception as error:  # it may be gone by now, as a widget that was just closed is
            if "Timeout" not in type(error).__name__ and "Target" not in str(error):
                raise
        self.done.actions += 1

    def _act(self, control) -> None:
        kind = control.evaluate("e => e.tagName + (e.type || '')", timeout=2000)
        words = control.evaluate("e => e.textContent", timeout=2000)
        if kind.startswith("SELECT"):
            options = control.locator("option:not([disabled])").all()
            control.select_option(index=self.draw.randrange(len(options)), timeout=2000)
        elif kind == "INPUTnumber":
            self.typed = str(self.draw.choice([1, 2, 3]))
            control.fill(self.typed, timeout=2000)
            control.press("Enter", timeout=2000)
        elif not kind.startswith("INPUT") and "Copy" not in words:
            self.done.trainings += words.strip().endswith("Train")
            control.click(timeout=2000)

    def look(self) -> None:
        """Record the faults on the page; a press, or a number typed, that was refused with a rule is none."""
        for error in self.tool.notebook.errors():
            if REFUSED in error or error.endswith(f", not {self.typed}."):
                self.done.refusals += 1
            else:
                self.done.faults.append(error)

    def quiet(self) -> None:
        """Stop the training and clear the runs; what does not come to rest is a fault."""
        end = time.monotonic() + STUCK
        while self._busy():
            if time.monotonic() > end:
                self.done.faults.append(f"a button was stuck for {STUCK} s: {self.tool.status}")
                return
            for stop in self.tool.place.get_by_role("button", name="Stop").all():
                if stop.is_enabled():
                    stop.click()
            self.page.wait_for_timeout(200)
        close = self.tool.button("Close")
        if close.count() and close.is_visible():
            close.click()
        self.tool.place.get_by_role("button", name="Clear").first.click()
        self.page.wait_for_timeout(1500)

    def _busy(self) -> bool:
        return not all(button.is_enabled() for button in self.tool.place.get_by_role("button", name="Train").all())

    def first_round(self) -> None:
        """Press every preset, learn short recipes, and open each other widget."""
        self.tool.button("all switches").click()
        for words in self.tool.field("method").locator("option").all_inner_texts():
            self.tool.field("method").select_option(words)
            self.page.wait_for_timeout(500)
        for code, widgets in OPENED.items():
            self.train(code)
            for words in widgets:
                self.tool.button(words).click()
                self.page.wait_for_timeout(8000)  # it draws ahead, too
            self.quiet()

    def train(self, code: str = START) -> None:
        """Learn a short recipe to its end; the page must still be able to."""
        self.tool.place.get_by_label("as code", exact=True).last.fill(code)
        self.tool.place.get_by_label("as code", exact=True).last.press("Enter")
        self.page.wait_for_timeout(500)
        self.tool.train()
        self.tool.until(self.tool.button("Train").is_enabled, STUCK)


def soak(tool: browsing.Widget, kernel: psutil.Process, seconds: float, seed: int, pause: float = 0.4) -> Soak:
    """Random actions for so many seconds, one every ``pause`` seconds; faults end it early."""
    presser = Presser(tool, seed)
    presser.first_round()
    presser.quiet()
    before = megabytes(kernel), heap(presser.page)
    end = time.monotonic() + seconds
    while time.monotonic() < end and not presser.done.faults:
        presser.press()
        presser.page.wait_for_timeout(1000 * pause)
        presser.look()
    presser.quiet()
    presser.train()
    presser.quiet()
    presser.look()
    presser.done.kernel, presser.done.page = megabytes(kernel) - before[0], heap(presser.page) - before[1]
    return presser.done


def megabytes(process: psutil.Process) -> float:
    return process.memory_full_info().pss / 2**20


def heap(page) -> float:
    """MB of the page's JavaScript heap, after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return used / 2**20


def kernel_of(lab: browsing.Lab) -> psutil.Process:
    """The newest kernel of a server."""
    found = [p for p in psutil.Process(lab.pid).children(recursive=True) if "ipykernel" in " ".join(p.cmdline())]
    return max(found, key=lambda process: process.create_time())


def answer(tool: browsing.Widget, button) -> float:
    """Milliseconds from a press of the button to another picture, as the page measures them."""
    return tool.notebook.page.evaluate(ANSWER, [tool.place.element_handle(), button.element_handle()])


def first_pictures(lab: browsing.Lab, context, times: int) -> list[float]:
    """Milliseconds from running the playground's cell, those before it done, to its picture of recorded runs."""
    cells = nbformat.read(START_HERE, as_version=4).cells
    before = next(place for place, cell in enumerate(cells) if "Playground(stream)" in cell.source)
    found = []
    for _ in range(times):
        with browsing.opened(lab, context, START_HERE) as notebook:
            found.append(notebook.page.evaluate(ARRIVAL, [TOOL, before]))
    return found


def answers(tool: browsing.Widget, times: int) -> dict[str, list[float]]:
    """Milliseconds to the first own curve after Train, and to the picture after a press of a toggle, drawn ahead."""
    found: dict[str, list[float]] = {CURVE: [], TOGGLE: [], RECORDED: []}
    page = tool.notebook.page
    for _ in range(times):
        found[CURVE].append(answer(tool, tool.button("Train")))
        tool.until(tool.button("Train").is_enabled, STUCK)
        page.wait_for_timeout(3000)  # pictures are drawn ahead meanwhile
        for known in ("known", "unknown"):
            found[TOGGLE].append(answer(tool, tool.button(known)))
            page.wait_for_timeout(2000)
    for switch in tool.place.locator(".cltutor-recorded button").all()[:4]:
        for _ in range(2):
            found[RECORDED].append(answer(tool, switch))
            page.wait_for_timeout(4000)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lab = stack.enter_context(browsing.lab(home))
        context = stack.enter_context(browsing.browser(browsing.find_chromium()))
        measured = {FIRST: first_pictures(lab, context, 3)}
        notebook = stack.enter_context(browsing.opened(lab, context, CELLS))
        notebook.run_all()
        (tool,) = notebook.tools(TOOL)
        notebook.page.wait_for_timeout(5000)  # the first step of all is warmed up, the first pictures are drawn
        measured |= answers(tool, 3)
        done = soak(tool, kernel_of(lab), asked.seconds, asked.seed)
    gc.collect()
    rows = [[f"{asked.seconds:.0f} s of random clicks", f"{done.actions} actions, {done.trainings} on Train", ""]]
    rows += [["errors shown", len(done.faults), 0], ["presses refused, with a sentence", done.refusals, ""]]
    rows += [["memory that the kernel grew, MB", round(done.kernel), ""], ["the page, MB", round(done.page), ""]]
    rows += [["together, MB", round(done.growth), GROWTH]]
    for what, values in measured.items():
        shown = f"{np.median(values):.0f} (most {max(values):.0f}, {len(values)} times)"
        rows.append([f"{what}, ms", shown, LIMITS[what]])
    notes = "\n".join(done.faults[:3])
    report.write("soak", "Random clicks on the playground", ["what", "measured", "at most"], rows, notes, [asked.seed])
    slow = any(np.median(ms) > LIMITS[what] for what, ms in measured.items())
    return 1 if done.faults or done.growth > GROWTH or slow else 0


if __name__ == "__main__":
    sys.exit(main())
