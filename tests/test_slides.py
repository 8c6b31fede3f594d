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

    told = [cell for cell in made[1]["cells"] if not "".join(cell["source"]).startswith("**Your guess.**")]
    assert words(told) == words(made[0]["cells"])


def test_every_guess_is_a_slide_with_its_question(made):
    asked = sum("cl.guess(\n" in "".join(cell["source"]) for cell in made[0]["cells"])
    assert sum(source.startswith("**Your guess.**") for _, source in kinds(made[1])) == asked


@pytest.mark.parametrize(
    ("code", "slide"),
    [
        ('cl.guess("How far?", span=(0, 50), unit=" %", truth=lambda: 1)', "**Your guess.** How far?\n\n0 to 50 %"),
        ('cl.guess("Which?", options=["a", "b"], truth=lambda: "a")', "**Your guess.** Which?\n\n- a\n- b"),
        ("cl.guess.summary()", None),
        ("%matplotlib inline\n!ls", None),
        ("cl.show.wall([run], stream)", None),
    ],
)
def test_a_guess_is_shown_with_its_options_or_its_range(code, slide):
    assert slides.question_of(code) == slide


def output(text, kind="application/vnd.jupyter.widget-view+json"):
    return {"output_type": "display_data", "metadata": {}, "data": {kind: "", "text/plain": text}}


def test_bars_of_progress_and_the_controls_of_a_guess_are_no_slides():
    guess = 'show(x)\ncl.guess("a", options=["b"])'
    assert not slides.shows("cl.learn(stream)", output("  0%|          | 0/9 [00:00<?, ?run/s]"))
    assert not slides.shows(guess, output("Guess(children=(HTML()"))
    assert slides.shows(guess, output("Picture", "text/html"))
    assert slides.shows("cl.widgets.Balance(stream)", output("Balance(children=(HTML()"))
    assert slides.shows("print(1)", {"output_type": "stream", "name": "stdout", "text": "50%| 1\n"})


def test_equations_are_mathml_that_markdown_leaves_as_it_is():
    text = slides.drawn(
        "Let $a_j$ cost 5\\$ or $b * c$:\n\n$$\\begin{aligned} x_1 &= y \\\\ z &= 1 \\end{aligned}$$\n\nSo."
    )
    assert text.startswith("Let <math")
    assert text.endswith("\n\nSo.")
    assert text.count("<math") == 3
    assert "<mtable" in text
    assert "5\\$" in text
    assert not set("_*&").intersection(re.sub(r"&#?\w+;", "", "".join(re.findall(r"<math.*?</math>", text, re.DOTALL))))


def test_a_page_of_slides_names_no_other_host(made):
    book = nbformat.reads(json.dumps(made[1]), 4)
    found = slides.page(book)
    assert re.findall(r"""(?:src|href)=["']?(https?:[^"' >]+)""", re.sub(r"<a [^>]*>", "", found)) == []
    assert "import mermaid" not in found
    assert "$" not in re.sub(r"<(script|style|pre)\b.*?</\1>", "", found, flags=re.DOTALL)
    for script in ("reveal.js", "notes.js", "require.js", "embed-amd.js", "dist/reveal.css", "dist/theme/white.css"):
        assert f'"scripts/{script}"' in found


def test_scripts_are_all_that_the_page_asks_for_and_a_theme_asks_for_no_font(tmp_path):
    digests = {line.split()[1] for line in (ROOT / "docs" / "npm.sha256").read_text().splitlines()}
    kept = tmp_path / "npm"
    for packages in (slides.REVEAL, slides.WIDGETS):
        for names in packages.values():
            assert set(names.values()) <= digests
            for name in names.values():
                (kept / name).parent.mkdir(parents=True, exist_ok=True)
                (kept / name).write_text('r.p+"1551f4f60c37af51121f.woff2" @import url(./fonts/a.css);h1{}')
    assert slides.bring_scripts(tmp_path / "scripts", kept) is None
    assert (tmp_path / "scripts/dist/theme/white.css").read_text().endswith(" h1{}")
    there = {path.relative_to(tmp_path / "scripts").as_posix() for path in (tmp_path / "scripts").rglob("*.*")}
    assert {"reveal.js", "notes.js", "require.js", "embed-amd.js", "anywidget.js", "widgets-local.js"} < there


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
