"""The README's pictures of the widgets, taken from the running page: JupyterLab in the system's Chromium.

    python docs/screenshots.py [name ...]

Each is written to docs/<name>.png, with fewer colours where it would be larger than 200 kB.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "benchmarks"))

import browsing  # noqa: E402 (it is a neighbour of the benchmarks)

LARGEST = 200_000  # bytes
DIGITS = "import cltutor as cl\nstream = cl.gallery.stream('digits')"
HERDED = "run = cl.learn(stream, cl.methods.eeil_bf(memory=cl.memory.ExemplarMemory(100), epochs=7), progress=False)"
FILTERS = "run = cl.learn(stream, cl.methods.dfcnn(epochs=10), progress=False)"


@dataclass(frozen=True)
class Shot:
    """The cells that show a widget, its class on the page, and what is done before its picture is taken."""

    cells: tuple[str, ...]
    css: str
    prepare: Callable[[browsing.Widget], None] = lambda tool: None


def train(tool: browsing.Widget, seconds: float = 300) -> None:
    """Learn to the end."""
    tool.train()
    tool.until(tool.button("Train").is_enabled, seconds)


def play(tool: browsing.Widget) -> None:
    """A composition that is no paper's, beside recorded runs."""
    tool.type("as code", "cl.methods.lwf(heads='class', memory=cl.memory.ExemplarMemory(100), epochs=10)")
    tool.button("all switches").click()
    tool.button("anchor").click()
    tool.button("all switches").click()
    train(tool)


def toggle(tool: browsing.Widget) -> None:
    for method in ("finetune", "lwf", "joint"):
        tool.button(method).click()
        train(tool)


SHOTS = {
    "playground": Shot((DIGITS, "cl.widgets.Playground(stream)"), "cltutor-playground", play),
    "method-toggle": Shot((DIGITS, "cl.widgets.MethodToggle(stream)"), "cltutor-method-toggle", toggle),
    "importance-explorer": Shot(
        (DIGITS, "cl.widgets.ImportanceExplorer(stream, epochs=5)"), "cltutor-importance-explorer", train
    ),
    "attention-drift": Shot(
        ("import cltutor as cl\nstream = cl.gallery.stream('scenes')", "cl.widgets.AttentionDrift(stream, epochs=5)"),
        "cltutor-attention-drift",
        train,
    ),
    "herding-explorer": Shot((DIGITS, HERDED, "cl.widgets.HerdingExplorer(run, stream)"), "cltutor-herding-explorer"),
    "filter-reconstruction": Shot(
        (DIGITS, FILTERS, "cl.widgets.FilterReconstruction(run, stream)"), "cltutor-filter-reconstruction"
    ),
    "reverse-transfer": Shot((DIGITS, "cl.widgets.ReverseTransfer(stream)"), "cltutor-reverse-transfer", train),
}


def smallest(png: bytes) -> bytes:
    """The picture in all its colours, or in as many as keep it under the limit."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    fewer = (picture.quantize(colours, dither=Image.Dither.NONE) for colours in (256, 128, 64, 32))
    for one in (picture, *fewer):
        file = io.BytesIO()
        one.save(file, "png", optimize=True)
        if file.tell() < LARGEST:
            break
    return file.getvalue()


def main(names: list[str]) -> int:
    if unknown := set(names) - SHOTS.keys():
        print(f"There is no picture {', '.join(sorted(unknown))}; there are {', '.join(SHOTS)}.", file=sys.stderr)
        return 2
    home = tempfile.TemporaryDirectory()
    with home, browsing.lab(Path(home.name)) as lab, browsing.browser(browsing.find_chromium()) as context:
        for name in names or SHOTS:
            shot = SHOTS[name]
            with browsing.opened(lab, context, list(shot.cells)) as notebook:
                notebook.page.set_viewport_size({"width": 1280, "height": 2000})
                notebook.run_all()
                (tool,) = notebook.tools(shot.css)
                shot.prepare(tool)
                notebook.page.wait_for_timeout(3000)  # what is drawn or greyed out soon after
                if errors := notebook.errors():
                    raise RuntimeError(f"{name}: {errors[0]}")
                data = smallest(tool.place.screenshot())
            (DOCS / f"{name}.png").write_bytes(data)
            print(f"docs/{name}.png, {len(data) / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
