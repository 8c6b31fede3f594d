"""How fast the pictures of a page respond, and how large they are.

Milliseconds in the page are medians of 100, each with the layout that follows; those of the SVG are CPU time in Python,
the median of 5. A pointer is answered in under 8 ms, a frame and a legend entry in under 50 ms; an SVG is made in under
150 ms; a drawing takes less than 300 kB, that of the wall excepted, its image less than 100 kB, and all that a notebook
keeps of it less than 1.5 MB. A notebook saved with all its outputs takes less than 15 MB.
"""

import re
import time
from pathlib import Path
from statistics import median

import browsing
import full_size
import nbformat
import report
from nbclient import NotebookClient

import cltutor as cl

LIMITS = {
    "SVG (ms)": 150,
    "pointer (ms)": 8,
    "frame (ms)": 50,
    "legend (ms)": 50,
    "drawing (kB)": 300,
    "image (kB)": 100,
    "in all (kB)": 1500,
}
NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "03_memory_aware_synapses.ipynb"  # the largest
MEASURE = """picture => {
    const stage = picture.cltutor;
    const box = stage.svg.getBoundingClientRect();
    const median = values => values.sort((one, other) => one - other)[values.length >> 1];
    const time = act => median(Array.from({ length: 100 }, (_, i) => {
        const start = performance.now();
        act(i);
        stage.root.getBoundingClientRect();
        return performance.now() - start;
    }));
    const across = i => ({ clientX: box.x + box.width * i / 100, clientY: box.y + box.height * (i * 37 % 100) / 100 });
    const [[layer], frames] = [stage.drawing.layers, stage.drawing.frames.names.length];
    return [
        time(i => stage.move({ pointerId: 0, ...across(i) })),
        frames < 2 ? null : time(i => stage.showFrame(i % frames)),
        layer === undefined ? null : time(() => stage.toggle(layer)),
    ];
}"""


def cpu(picture: cl.show.Picture) -> float:
    """The median of five: milliseconds of CPU time for an SVG."""
    taken = []
    for _ in range(5):
        start = time.process_time()
        picture.svg()
        taken.append(1000 * (time.process_time() - start))
    return median(taken)


def sizes(bundle: dict[str, str]) -> list[float]:
    """Of the drawing, of the image and of all that a notebook keeps of a picture, in kB."""
    (data,) = re.findall(r'<script type="application/json">(.*?)</script>', bundle["text/html"], re.S)
    image = len(bundle["image/png"]) * 3 / 4  # base64
    return [part / 1000 for part in (len(data.encode()), image, sum(len(kind.encode()) for kind in bundle.values()))]


def in_page(bundles: list[dict[str, str]]) -> list[list[float | None]]:
    """Milliseconds for pointer, frame and legend of each picture, all in one page."""
    html = "<!doctype html><meta charset=utf-8>" + "".join(bundle["text/html"] for bundle in bundles)
    with browsing.browser(browsing.find_chromium()) as browser:
        tab = browser.new_page()
        tab.set_content(html)
        return [tab.locator(".cltutor-picture").nth(place).evaluate(MEASURE) for place in range(len(bundles))]


def saved() -> float:
    """Megabytes of the largest notebook with all outputs and the state of its widgets."""
    book = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        book, timeout=3600, kernel_name="python3", resources={"metadata": {"path": NOTEBOOK.parent}}
    ).execute()
    return len(nbformat.writes(book).encode()) / 1e6


def main() -> None:
    drawn = full_size.pictures()
    bundles = [picture._repr_mimebundle_() for picture in drawn.values()]
    rows = []
    for (name, picture), bundle, fast in zip(drawn.items(), bundles, in_page(bundles), strict=True):
        values = [cpu(picture), *fast, *sizes(bundle)]
        limits = LIMITS | ({"drawing (kB)": LIMITS["in all (kB)"]} if name == "wall" else {})
        over = [what for (what, limit), v in zip(limits.items(), values, strict=True) if v is not None and v > limit]
        rows.append([name, *("-" if value is None else value for value in values), ", ".join(over) or "all kept"])
    notes = f"{NOTEBOOK.stem} with all outputs, as it is saved: {saved():.1f} MB (at most 15)."
    notes += " SVG: CPU time, the median of 5; in the page: medians of 100, in the tenths that a browser counts."
    notes += " In all: the HTML with its copy of the module, the image twice, the words. Limits: "
    notes += ", ".join(f"{what} {limit}" for what, limit in LIMITS.items()) + "; the wall's drawing 1500."
    report.write(
        "pictures", __doc__.splitlines()[0], ["figure", *LIMITS, "limits"], rows, notes, range(full_size.SEEDS)
    )


if __name__ == "__main__":
    main()
