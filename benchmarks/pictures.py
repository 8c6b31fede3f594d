"""How fast the pictures of a page respond, and how large they are.

Milliseconds in the page are medians of 100, each with the layout that follows; those of the SVG are CPU time in Python.
A pointer is answered in under 8 ms, a frame and a legend entry in under 50 ms; an SVG is made in under 150 ms; a
drawing takes less than 300 kB and its image less than 100 kB.
"""

import json
import time
from statistics import median

import browsing
import report

import cltutor as cl
from cltutor.show.drawing import small_png

LIMITS = {
    "SVG (ms)": 150,
    "pointer (ms)": 8,
    "frame (ms)": 50,
    "legend (ms)": 50,
    "drawing (kB)": 300,
    "image (kB)": 100,
}
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
    const [layer] = stage.drawing.layers;
    return [
        time(i => stage.move({ pointerId: 0, ...across(i) })),
        time(i => stage.showFrame(i % Math.max(1, stage.drawing.frames.names.length))),
        layer === undefined ? null : time(() => stage.toggle(layer)),
    ];
}"""


def pictures() -> dict[str, cl.show.Picture]:
    """Pictures of full size: five tasks, four methods, three seeds."""
    stream = cl.streams.digits(tasks=5, order=0)
    names = ("finetune", "lwf", "mas", "joint")
    runs = [cl.learn(stream, name, epochs=8, seed=seed, progress=False) for name in names for seed in range(3)]
    return {
        "accuracy_over_time": cl.show.accuracy_over_time(runs),
        "accuracy_matrix": cl.show.accuracy_matrix(runs[0]),
        "loss_parts": cl.show.loss_parts(runs[3]),
        "tasks": cl.show.tasks(stream),
    }


def cpu(picture: cl.show.Picture) -> float:
    """The median of five: milliseconds of CPU time for an SVG."""
    taken = []
    for _ in range(5):
        start = time.process_time()
        picture.svg()
        taken.append(1000 * (time.process_time() - start))
    return median(taken)


def main() -> None:
    drawn = pictures()
    page = "<!doctype html><meta charset=utf-8>"
    page += "".join(picture._repr_mimebundle_()["text/html"] for picture in drawn.values())
    with browsing.browser(browsing.find_chromium()) as browser:
        tab = browser.new_page()
        tab.set_content(page)
        found = tab.locator(".cltutor-picture")
        measured = [found.nth(place).evaluate(MEASURE) for place in range(len(drawn))]
    rows = []
    for (name, picture), in_page in zip(drawn.items(), measured, strict=True):
        sizes = [len(json.dumps(picture.drawing())) / 1000, len(small_png(picture)) / 1000]
        values = [cpu(picture), *in_page, *sizes]
        over = [what for (what, limit), v in zip(LIMITS.items(), values, strict=True) if v is not None and v > limit]
        rows.append([name, *("-" if value is None else value for value in values), ", ".join(over) or "all kept"])
    report.write("pictures", __doc__.splitlines()[0], ["figure", *LIMITS, "limits"], rows, seeds=range(3))


if __name__ == "__main__":
    main()
