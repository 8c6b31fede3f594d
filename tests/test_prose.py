"""The prose of notebooks, README and docs: no phrase of docs/style.txt, sentences short on average."""

import re

import pytest

from docs.prose import NOTEBOOKS, PAGES, ROOT, WORDS, cells, hits, mean_length, sentences, style


def test_the_style_file_lists_sixty_phrases_or_more_with_their_replacements():
    entries = style()
    assert len({listed for listed, *_ in entries}) == len(entries) >= 60
    assert all(better.strip() for *_, better in entries)
    assert {better for listed, _, better in entries if listed == "learned by heart"} == {"overfitted"}


@pytest.mark.parametrize("path", [*NOTEBOOKS, *PAGES], ids=lambda path: path.name)
def test_no_page_uses_a_phrase_of_the_style_file(path):
    text = "\n".join(cells(path)) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
    assert hits(text, style()) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_short_sentences_on_average(path):
    assert mean_length(cells(path, "markdown")) < WORDS


def test_a_planted_phrase_is_found_with_its_line_and_its_replacement(tmp_path):
    file = tmp_path / "style.txt"
    file.write_text("# a comment\n\nlearned by heart => overfitted\n/\\bnumber a weight\\b/ => per\n")
    found = hits("Few images are Learned\nby heart.\nOne number a weight.", style(file))
    assert [(one.split(":")[0], one.split("write: ")[1]) for one in found] == [
        ("line 1", "overfitted)"),
        ("line 3", "per)"),
    ]
    assert hits("unlearned by heartless", style(file)) == []
    file.write_text("no arrow here\n")
    with pytest.raises(ValueError, match="'phrase => replacement' is missing in 'no arrow here'"):
        style(file)


def test_sentences_leave_out_code_equations_tables_and_headings():
    text = "# A heading\n\nOne, two. Three $x.y$ four:\n\n$$a. b$$\n\n| a | b |\n\n- five, `f.g` six\n- seven eight\n"
    text += "```python\nnot. counted.\n```\n<details><summary>Nine ten.</summary>\n\nSee eq. 2 here.\n</details>"
    assert [len(one.split()) for one in sentences(text)] == [2, 3, 3, 2, 2, 4]
    assert mean_length(["One two three. One."]) == 2
    assert mean_length([" ".join(["word"] * 30) + "."]) == 30


def test_every_term_of_the_glossary_stands_in_the_notebooks_that_it_names():
    text = {path.name[:2]: re.sub(r"[*`\s]+", " ", "\n".join(cells(path, "markdown")).lower()) for path in NOTEBOOKS}
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")][2:]
    assert len(rows) > 50
    assert [term.lower() for term, *_ in rows] == sorted(term.lower() for term, *_ in rows)
    for term, _, places in rows:
        for place in re.findall(r"\d\d", places):
            assert any(name in text[place] for name in term.lower().split(", ")), (term, place)
