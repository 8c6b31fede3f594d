"""Random actions on all widgets in a real JupyterLab: no error, no stuck button, no memory that grows.

Each action is a press, a choice, a number or words typed, a slider moved, a key in a picture, or a click on a random
spot of one. A sentence that refuses an action is counted; any other error, a list that shows nothing, or a button that
is not back after Stop, is a fault. In every round the cells run again at last: models, threads and files of the widgets
that they made before must be gone. Memory is that of the kernel (its proportional set size) and of the page (its
JavaScript heap after a collection), after the first round and after the last.
"""

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

try:
    from benchmarks import browsing, report
except ImportError:  # run as a script
    import browsing
    import report

GROWTH, STUCK = 100, 60  # MB, s
PAUSE, REST = 0.25, 4  # seconds between two actions, and until what is drawn ahead is done
SETUP = """import cltutor as cl
stream = cl.streams.digits(tasks=5, order=0)
three = cl.streams.digits(tasks=[4, 3, 3], order=0)
objects = cl.streams.scenes(tasks=[10, 2, 2, 2], classes=range(16), per_class=(50, 20), order=0)
memory = cl.memory.ExemplarMemory(100)
run = cl.learn(stream, cl.methods.eeil_bf(memory=memory, epochs=2), progress=False)
rebuilt = cl.learn(stream, cl.methods.dfcnn(epochs=2), progress=False)
packed = cl.learn(stream, cl.methods.packnet(epochs=2), progress=False)"""
TOOLS = {  # its class on the page -> the call; those that train begin with recorded results
    "playground": "cl.widgets.Playground(stream)",
    "method-toggle": "cl.widgets.MethodToggle(stream, epochs=3)",
    "importance-explorer": "cl.widgets.ImportanceExplorer(three, epochs=6, learning_rate=0.02)",
    "attention-drift": "cl.widgets.AttentionDrift(objects, epochs=8, learning_rate=0.03)",
    "herding-explorer": "cl.widgets.HerdingExplorer(run, stream)",
    "filter-reconstruction": "cl.widgets.FilterReconstruction(rebuilt, stream)",
    "reverse-transfer": "cl.widgets.ReverseTransfer(stream)",
    "balance": "cl.widgets.Balance(stream)",
    "what-not-to-forget": "cl.widgets.WhatNotToForget(three, epochs=6, learning_rate=0.02)",
    "temperature": "cl.widgets.Temperature(run, stream)",
    "reservoir": "cl.widgets.Reservoir(stream)",
    "packed-masks": "cl.widgets.PackedMasks(packed, stream)",
    "last-layer": "cl.widgets.LastLayer(run, stream)",
}
CENSUS = """import gc, json, os, threading
gc.collect()
kinds = {"tools": cl.widgets.base.Tool, "models": __import__("torch").nn.Module, "runs": cl.Run}
alive = [one for one in gc.get_objects() if not (issubclass(type(one), kinds["tools"]) and one.closed)]
counts = {name: sum(issubclass(type(one), kind) for one in alive) for name, kind in kinds.items()}
opened = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
opened = [name for name in opened if not name.endswith(".ttf")]  # matplotlib keeps 64 fonts, apart for each thread
counts |= {"threads": threading.active_count(), "files": len(opened)}
del alive  # or it would keep them
print(json.dumps(counts))"""
CELLS = [SETUP, *TOOLS.values(), CENSUS]
CONTROLS = "button, select, summary, textarea, input, .noUi-handle"
CANDIDATES = f"""tool => [...tool.querySelectorAll('{CONTROLS}')].flatMap((e, i) =>
    e.offsetParent && !e.disabled && e.type !== 'checkbox' && !e.closest('.cltutor-tools, .cltutor-code') ? [i] : [])"""
SPOT = """([tool, picture, share]) => {
    const all = [...tool.querySelectorAll('.cltutor-live')].filter(one => one.offsetParent);
    const host = all[Math.floor(picture * all.length)]?.parentNode;
    if (!host?.cltutor) return null;
    const { spots, svg } = host.cltutor;
    const shown = [...spots.x.keys()].filter(i => spots.shown[i]);
    if (!shown.length) return null;
    host.scrollIntoView({ block: 'center' });
    const spot = shown[Math.floor(share * shown.length)], { a, d, e, f } = svg.getScreenCTM();
    const [x, y] = [spots.x[spot] * a + e, spots.y[spot] * d + f];
    return host.contains(document.elementFromPoint(x, y)) ? [x, y] : null; // not scrolled out of sight
}"""
SIGNS = """faults => {
    const seen = e => e.offsetParent, words = e => e.textContent.trim();
    const blank = e => seen(e) && e.options.length && e.selectedIndex < 0;
    const all = query => [...document.querySelectorAll(query)];
    const empty = all('.cltutor select').filter(blank).map(e => `a list shows nothing: ${words(e.parentNode)}`);
    const other = Object.entries(faults).flatMap(([what, query]) => all(query).map(e => `${what}: ${words(e)}`));
    return [all('.cltutor-error').filter(seen).map(words), [...empty, ...other]];
}"""
LINES = "cl.methods.lwf(temperature=3)", "cl.methods.ewc(lam=2, epochs=2)", "what(", "cl.widgets.Nothing(stream)"
TYPED = {"number": ("1", "2", "3", "7", "0", "-1"), "text": ("1, 3-4", "17, 3, 1, 2", "2 5", "x", "")}
MOVES = "ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "Home", "End", "PageUp", "PageDown"
KEYS = *MOVES, "Enter", " ", "t", "s", "k", "l"
BROKEN = "Something went wrong in cltutor"  # what a widget shows of an error that is no sentence for the reader
OTHER_FAULTS = {what: query for what, query in browsing.FAULTS.items() if query != ".cltutor-error"}


@dataclass
class Soak:
    """What random actions have done, and what they have cost."""

    actions: Counter[str] = field(default_factory=Counter)  # by widget
    trainings: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by sentence
    faults: list[str] = field(default_factory=list)
    kernel: float = 0.0  # MB that it grew
    page: float = 0.0
    counts: list[dict[str, int]] = field(default_factory=list)  # what is alive after each round

    @property
    def growth(self) -> float:
        return self.kernel + self.page

    @property
    def leaks(self) -> dict[str, int]:
        """What there is more of after the last round than after the first."""
        first, last = self.counts[0], self.counts[-1]
        return {name: last[name] - first[name] for name in first if last[name] > first[name]}


class Presser:
    """Acts at random on the widgets of a notebook."""

    def __init__(self, notebook: browsing.Notebook, seed: int):
        self.notebook, self.page, self.draw = notebook, notebook.page, random.Random(seed)
        self.done, self.shown = Soak(), []

    @property
    def tools(self) -> list[browsing.Widget]:
        return [self.notebook.tools(f"cltutor-{name}")[0] for name in TOOLS]

    def act(self) -> None:
        """One random action on what there is now, and a look at what came of it."""
        name = self.draw.choice(list(TOOLS))
        tool = self.notebook.tools(f"cltutor-{name}")[0].place
        how = self.draw.choices([self._control, self._spot, self._key], [5, 3, 1])[0]
        try:
            how(tool)
        except Exception as error:  # what is pressed may be gone by now
            if "Timeout" not in type(error).__name__ and "Target" not in str(error):
                raise
        self.done.actions[name] += 1
        self.page.wait_for_timeout(1000 * PAUSE)
        self.look(name)

    def _control(self, tool) -> None:
        places = tool.evaluate(CANDIDATES)
        control = tool.locator(CONTROLS).nth(self.draw.choice(places))
        kind = control.evaluate("e => e.type?.startsWith('select') ? 'select' : e.type ?? e.tagName", timeout=1000)
        if kind == "select":
            count = control.locator("option").count()
            control.select_option(index=self.draw.randrange(count), timeout=1000)
        elif kind in (*TYPED, "textarea"):
            control.fill(self.draw.choice(TYPED.get(kind, LINES)), timeout=1000)
            control.press("Enter", timeout=1000)
        elif kind in ("range", "DIV"):
            control.press(self.draw.choice(MOVES), timeout=1000)
        else:
            self.done.trainings += control.inner_text(timeout=1000).strip().endswith("Train")
            control.click(timeout=1000)

    def _spot(self, tool) -> None:
        place = self.page.evaluate(SPOT, [tool.element_handle(), self.draw.random(), self.draw.random()])
        if place:
            self.page.mouse.click(*place)

    def _key(self, tool) -> None:
        pictures = tool.locator(".cltutor-live svg:focus, .cltutor-live svg[tabindex]")
        if count := pictures.count():
            pictures.nth(self.draw.randrange(count)).focus(timeout=1000)
            for key in self.draw.choices(KEYS, k=3):
                self.page.keyboard.press(key)

    def look(self, name: str) -> None:
        """Record what the page shows: sentences that refuse, and faults."""
        sentences, faults = self.page.evaluate(SIGNS, OTHER_FAULTS)
        new = Counter(sentences) - Counter(self.shown)
        self.shown = sentences
        self.done.refused.update(one for one in new if not one.startswith(BROKEN))
        self.done.faults += [f"{name}: {one}" for one in (*(one for one in new if one.startswith(BROKEN)), *faults)]

    def rest(self) -> None:
        """Stop what learns; a widget whose Train or Clear does not come back is a fault."""
        end = time.monotonic() + STUCK
        for tool in self.tools:
            while (stop := tool.button("Stop")).count() and stop.first.is_enabled() or self._waits(tool):
                if stop.first.is_enabled():
                    stop.first.click()
                if time.monotonic() > end:
                    self.done.faults.append(f"stuck {STUCK} s after Stop: {tool.place.inner_text()[:200]}")
                    return
                self.page.wait_for_timeout(200)

    def _waits(self, tool: browsing.Widget) -> bool:
        named = (tool.button(words) for words in ("Train", "Clear"))
        return any(one.count() and not one.first.is_enabled() for one in named)

    def again(self) -> None:
        """Run every widget's cell again, and count what is alive in the kernel then."""
        for place in range(1, len(CELLS)):
            if place == len(CELLS) - 1:
                self.page.wait_for_timeout(1000 * REST)
            self.run(place)
        self.done.counts.append(json.loads("".join(self.notebook.cells()[-1].outputs[0].text)))

    def run(self, place: int) -> None:
        """Run one cell."""
        self.page.evaluate(
            """async place => {
                jupyterapp.shell.currentWidget.content.activeCellIndex = place;
                await jupyterapp.commands.execute('notebook:run-cell');
            }""",
            place,
        )


def soak(notebook: browsing.Notebook, kernel: psutil.Process, seconds: float, seed: int, rounds: int = 5) -> Soak:
    """Random actions for so many seconds in so many rounds; faults end it early."""
    presser, memory = Presser(notebook, seed), []
    for _ in range(rounds):
        end = time.monotonic() + seconds / rounds
        while time.monotonic() < end and not presser.done.faults:
            presser.act()
        presser.rest()
        presser.look("at rest")
        if presser.done.faults:
            return presser.done
        presser.again()
        memory.append((megabytes(kernel), heap(presser.page)))
    presser.done.kernel, presser.done.page = (last - first for first, last in zip(memory[0], memory[-1], strict=True))
    return presser.done


def megabytes(process: psutil.Process) -> float:
    return process.memory_full_info().pss / 2**20


def heap(page: Any) -> float:
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lab = stack.enter_context(browsing.lab(home))
        context = stack.enter_context(browsing.browser(browsing.find_chromium()))
        notebook = stack.enter_context(browsing.opened(lab, context, CELLS))
        notebook.run_all()
        done = soak(notebook, kernel_of(lab), asked.seconds, asked.seed)
    by_widget = ", ".join(f"{count} {name}" for name, count in done.actions.most_common())
    rows = [[f"{asked.seconds:.0f} s of random actions", f"{done.actions.total()}, {done.trainings} on Train", ""]]
    rows += [["faults", len(done.faults), 0]]
    rows += [["actions refused, with a sentence", done.refused.total(), ""]]
    rows += [["memory that the kernel grew, MB", round(done.kernel), ""], ["the page, MB", round(done.page), ""]]
    rows += [["together, MB", round(done.growth), GROWTH]]
    for name, count in done.counts[0].items() if done.counts else ():
        rows.append([f"{name} alive, after every round", ", ".join(str(one[name]) for one in done.counts), count])
    sentences = "\n".join(f"- {count} x {words}" for words, count in done.refused.most_common())
    notes = "\n".join([f"Actions: {by_widget}.", *done.faults[:5], "", "Refused with:", "", sentences])
    report.write("soak", "Random actions on all widgets", ["what", "measured", "at most"], rows, notes, [asked.seed])
    return 1 if done.faults or done.growth > GROWTH or done.leaks else 0


if __name__ == "__main__":
    sys.exit(main())
