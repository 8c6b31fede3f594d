"""The README's pictures of the widgets, taken from the running page: JupyterLab in the system's Chromium.

    python docs/screenshots.py [name ...]
    python docs/screenshots.py --look FOLDER [name ...]

Each is written to docs/<name>.png, with fewer colours where it would be larger than 200 kB; to be looked at, to
FOLDER/<name>-<window>.png, the page as a reader sees it: on a laptop, with a projector, and dark.
"""

import argparse
import base64
import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "benchmarks"))

import browsing  # noqa: E402 (it is a neighbour of the benchmarks)
import soak  # noqa: E402

LARGEST = 200_000  # bytes
IN_README = (
    *("playground", "method-toggle", "importance-explorer", "attention-drift", "herding-explorer"),
    *("filter-reconstruction", "reverse-transfer"),
)
WINDOWS = {  # width, height and pixels of a CSS pixel, and the theme
    "laptop": (1280, 720, 1, "JupyterLab Light"),
    "projector": (1600, 1000, 2, "JupyterLab Light"),
    "dark": (1280, 720, 1, "JupyterLab Dark"),
}


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


# What is done before a picture is taken; the others begin with recorded results.
PREPARED: dict[str, Callable[[browsing.Widget], None]] = {"playground": play, "method-toggle": toggle}


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


def seen(tool: browsing.Widget, window: str) -> bytes:
    """The page as PNG, with a widget at the top of this window."""
    width, height, scale, theme = WINDOWS[window]
    page = tool.notebook.page
    page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
    devtools = page.context.new_cdp_session(page)  # Playwright's own screenshot would have the window it opened
    devtools.send("Emulation.setDeviceMetricsOverride", size)
    page.wait_for_timeout(1000)  # until all is laid out
    tool.place.evaluate("tool => tool.closest('.jp-OutputArea').scrollIntoView({ block: 'start' })")
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    return base64.b64decode(devtools.send("Page.captureScreenshot")["data"])


def main(names: list[str], folder: Path | None) -> int:
    if unknown := set(names) - soak.TOOLS.keys():
        print(f"There is no widget {', '.join(sorted(unknown))}; there are {', '.join(soak.TOOLS)}.", file=sys.stderr)
        return 2
    names = names or list(soak.TOOLS if folder else IN_README)
    home = tempfile.TemporaryDirectory()
    with home, browsing.lab(Path(home.name)) as lab, browsing.browser(browsing.find_chromium()) as context:
        cells = [soak.SETUP, *(soak.TOOLS[name] for name in names)]
        with browsing.opened(lab, context, cells) as notebook:
            notebook.run_all()
            notebook.page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
            for name in names:
                (tool,) = notebook.tools(f"cltutor-{name}")
                PREPARED.get(name, lambda tool: None)(tool)
                notebook.page.wait_for_timeout(3000)  # what is drawn or greyed out soon after
                if errors := notebook.errors():
                    raise RuntimeError(f"{name}: {errors[0]}")
                for window in WINDOWS if folder else ():
                    folder.mkdir(parents=True, exist_ok=True)
                    (folder / f"{name}-{window}.png").write_bytes(seen(tool, window))
                if not folder:
                    data = smallest(tool.place.screenshot())
                    (DOCS / f"{name}.png").write_bytes(data)
                    print(f"docs/{name}.png, {len(data) / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--look", type=Path, metavar="FOLDER")
    parser.add_argument("names", nargs="*", metavar="name")
    given = parser.parse_args()
    sys.exit(main(given.names, given.look))
