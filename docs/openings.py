"""The first picture of every notebook as JupyterLab shows it at 1280 x 720, to be looked at.

    python docs/openings.py FOLDER [beginning of a notebook's name ...]

Each notebook is executed up to its first picture; FOLDER/<notebook>.png is the page with it scrolled into view.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import nbformat

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "benchmarks"))

import browsing  # noqa: E402 (it is a neighbour of the benchmarks)

SIZE = {"width": 1280, "height": 720}
SHOWN = ".cltutor-live, .cltutor-tool, .jp-OutputArea-output img"


def first_cells(path: Path) -> nbformat.NotebookNode:
    """The notebook up to the first cell that shows a picture or a widget."""
    book = nbformat.read(path, 4)
    shows = ("cl.show.", "cl.widgets.", "paired({")
    last = next(
        place
        for place, cell in enumerate(book.cells)
        if cell.cell_type == "code" and cell.source.splitlines()[-1].startswith(shows)
    )
    book.cells = book.cells[: last + 1]
    return book


def main(folder: Path, only: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    paths = sorted((DOCS.parent / "notebooks").glob("*.ipynb"))
    home = tempfile.TemporaryDirectory()
    with home, browsing.lab(Path(home.name)) as lab, browsing.browser(browsing.find_chromium()) as browser:
        for path in paths:
            if only and not path.name.startswith(tuple(only)):
                continue
            short = Path(home.name) / path.name
            nbformat.write(first_cells(path), short)
            with browsing.opened(lab, browser, short) as notebook:
                notebook.page.set_viewport_size(SIZE)
                notebook.run_all()
                picture = notebook.page.locator(SHOWN).first
                picture.wait_for()
                picture.scroll_into_view_if_needed()
                notebook.page.wait_for_timeout(500)  # scrolling and fonts
                box = picture.bounding_box() or {}
                print(f"{path.stem}: {box.get('width', 0):.0f} x {box.get('height', 0):.0f} px", flush=True)
                notebook.page.screenshot(path=folder / f"{path.stem}.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("only", nargs="*", help="the beginnings of notebooks' names (default: all)")
    given = parser.parse_args()
    main(given.folder, given.only)
