"""Every figure in an exported page, at three sizes of the window, light and dark, to be looked at.

    python docs/screenshots_pictures.py FOLDER [figure ...]

Each is written to FOLDER/<figure>-<window>-<theme>.png, with the words of one spot.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import nbconvert
from nbformat import v4

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "benchmarks"))

import browsing  # noqa: E402 (it is a neighbour of the benchmarks)
import full_size  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WINDOWS = {
    "laptop": {"viewport": {"width": 1280, "height": 720}},
    "projector": {"viewport": {"width": 1600, "height": 1000}, "device_scale_factor": 2},
    "narrow": {"viewport": {"width": 900, "height": 720}},
}
POINT = "({ cltutor }) => cltutor.read(cltutor.spots.step(cltutor.spots.x.length >> 1, 1))"


def shoot(browser: "Browser", page: Path, names: list[str], window: str, theme: str, folder: Path) -> None:
    """All figures of an exported page, as a reader sees them in this window."""
    context = browser.new_context(offline=True, **WINDOWS[window])
    tab = context.new_page()
    tab.goto(page.as_uri(), wait_until="domcontentloaded")
    tab.wait_for_selector(".cltutor-live svg")
    for place, name in enumerate(names):
        picture = tab.locator(".cltutor-picture").nth(place)
        picture.scroll_into_view_if_needed()
        picture.evaluate(POINT)
        picture.screenshot(path=folder / f"{name}-{window}-{theme}.png")
    context.close()


def main(folder: Path, names: list[str]) -> None:
    drawn = full_size.pictures()
    names = names or list(drawn)
    bundles = [drawn[name]._repr_mimebundle_() for name in names]
    cells = [v4.new_code_cell(outputs=[v4.new_output("display_data", data=bundle)]) for bundle in bundles]
    folder.mkdir(parents=True, exist_ok=True)
    home = tempfile.TemporaryDirectory()
    with home, browsing.browser(browsing.find_chromium()) as context:
        for theme in ("light", "dark"):
            page = Path(home.name) / f"{theme}.html"
            page.write_text(nbconvert.HTMLExporter(theme=theme).from_notebook_node(v4.new_notebook(cells=cells))[0])
            for window in WINDOWS:
                shoot(context.browser, page, names, window, theme, folder)
    print(f"{len(WINDOWS) * 2 * len(names)} pictures in {folder}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("figure", nargs="*", help="names of figures; all if there is none")
    given = parser.parse_args()
    main(given.folder, given.figure)
