"""The README's animation: the wall of the playground as tasks are learned, then the curves of three methods.

    python docs/animation.py

It is written to docs/playing.gif, from JupyterLab in the system's Chromium.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "benchmarks"))

import browsing  # noqa: E402 (it is a neighbour of the benchmarks)

CELLS = ['import cltutor as cl\nstream = cl.gallery.stream("digits")', "cl.widgets.Playground(stream)"]
WIDTH, COLOURS, LARGEST = 960, 64, 2_000_000  # pixels, colours, bytes
STEPS, BRIEF, LONG = 16, 180, 1800  # frames of each view, and for how many milliseconds one and the last is shown
FRAMES = "one => one.parentNode.cltutor.drawing.frames.names.length"
SHOW = "(one, frame) => one.parentNode.cltutor.showFrame(frame)"


def played(tool: browsing.Widget) -> list[tuple[Image.Image, int]]:
    """The widget in some frames of its picture from the first to the last, and how long each is shown."""
    live, taken = tool.place.locator(".cltutor-live").first, []
    last = live.evaluate(FRAMES) - 1
    for step in range(STEPS):
        live.evaluate(SHOW, round(last * step / (STEPS - 1)))
        shot = tool.place.locator(".cltutor-columns").screenshot()
        taken.append((Image.open(io.BytesIO(shot)).convert("RGB"), LONG if step == STEPS - 1 else BRIEF))
    return taken


def record(notebook: browsing.Notebook) -> list[tuple[Image.Image, int]]:
    """The wall and the curves, played."""
    notebook.run_all()
    notebook.page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    (tool,) = notebook.tools("cltutor-playground")
    tool.button("wall").click()
    tool.until(lambda: "Wall of test images" in tool.picture)
    taken = played(tool)
    tool.button("curves").click()
    tool.until(lambda: "Accuracy of each task" in tool.picture)
    return taken + played(tool)


def main() -> int:
    home = tempfile.TemporaryDirectory()
    with (
        home,
        browsing.lab(Path(home.name)) as lab,
        browsing.browser(browsing.find_chromium()) as context,
        browsing.opened(lab, context, CELLS) as notebook,
    ):
        taken = record(notebook)
    height = max(picture.height * WIDTH // picture.width for picture, _ in taken)
    frames = []
    for picture, _ in taken:
        small = picture.resize((WIDTH, picture.height * WIDTH // picture.width), Image.Resampling.LANCZOS)
        page = Image.new("RGB", (WIDTH, height), small.getpixel((1, 1)))
        page.paste(small, (0, 0))
        frames.append(page)
    both = Image.new("RGB", (WIDTH, 2 * height))  # one palette, of both views
    both.paste(frames[STEPS - 1], (0, 0))
    both.paste(frames[-1], (0, height))
    palette = both.quantize(COLOURS, dither=Image.Dither.NONE)
    first, *rest = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    path, durations = DOCS / "playing.gif", [duration for _, duration in taken]
    first.save(path, save_all=True, append_images=rest, duration=durations, loop=0, optimize=True)
    print(f"docs/{path.name}, {path.stat().st_size / 1000:.0f} kB")
    return int(path.stat().st_size > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
