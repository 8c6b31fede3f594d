"""The slides of every notebook: little text on each, everything else in the notes, no solution."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbconvert import SlidesExporter

from docs import slides

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def kinds(notebook):
    return [(one["metadata"]["slideshow"]["slide_type"], "".join(one["source"])) for one in notebook["cells"]]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem[:2])
def made(request):
    return json.loads(request.param.read_text()), slides.slides(json.loads(request.param.read_text()))


def test_a_slide_has_no_more_words_than_can_be_projected(made):
    for cell, (kind, source) in zip(made[1]["cells"], kinds(made[1]), strict=True):
        if cell["cell_type"] == "markdown" and kind != "notes":
            text = re.sub(r"\$\$.*?\$\$|^\|.*$", "", source, flags=re.DOTALL | re.MULTILINE)
            assert len(text.split()) <= slides.FULL, source


def test_nothing_of_the_text_is_lost_but_solutions(made):
    def words(cells):
        text = " ".join("".join(one["source"]) for one in cells if one["cell_type"] == "markdown")
        text = slides.FOLDED.sub(lambda m: "" if m[1] == "Solution" else f"{m[1]} {m[2]}", text)
        return sorted(text.split())  # notes stand below what is shown

    assert words(made[1]["cells"]) == words(made[0]["cells"])


def test_all_code_is_there_in_its_order_and_pictures_are_shown_without_it(made):
    code = [["".join(c["source"]) for c in book["cells"] if c["cell_type"] == "code"] for book in made]
    assert code[0] == code[1]
    for cell in made[1]["cells"]:
        source = "".join(cell["source"])
        if "cl.show.wall" in source or "cl.widgets." in source:
            assert slides.TAG in cell["metadata"]["tags"]
        if "exercises.check(" in source and cell["cell_type"] == "code":
            assert cell["metadata"]["slideshow"]["slide_type"] == "subslide"


def test_nbconvert_makes_a_section_of_each_slide(made):
    book = nbformat.reads(json.dumps(made[1]), 4)
    nbformat.validate(book)
    page, _ = SlidesExporter().from_notebook_node(book)
    assert page.count("<section>") >= sum(kind in ("slide", "subslide") for kind, _ in kinds(made[1]))
    assert "Solution</summary>" not in page


def test_a_long_paragraph_is_a_note_below_its_heading_and_a_question_is_shown_without_its_answer():
    text = "## Title\n" + "word " * 60 + "\n\nShort.\n\n<details><summary>1. Why?</summary>\n\nBecause.\n\n</details>"
    assert [(c["metadata"]["slideshow"]["slide_type"], "".join(c["source"])) for c in slides.text_slides(text)] == [
        ("slide", "## Title\n\nShort.\n\n1. Why?"),
        ("notes", ("word " * 60).strip() + "\n\nBecause."),
    ]
