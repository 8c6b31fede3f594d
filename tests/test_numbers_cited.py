"""Every measured number in the prose names the result that it comes from, and is what the result says."""

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))

import cited

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
NUMBER = re.compile(r"([-+−]?\d+(?:\.\d+)?)(?: %)? ± (\d+(?:\.\d+)?)")
PAPERS = "EEIL, Table 1a, 10 classes: 63.6 ± 1.3, iCaRL 60.5 ± 1.6, Hybrid1 55.8 ± 1.8, LwF.MC 40.4 ± 2.0"


def pairs(text):
    """Every "mean ± half width" of a text: (mean, half width, as written)."""
    return [(float(m[1].replace("−", "-")), float(m[2]), m) for m in NUMBER.finditer(text)]


def found(mean, half, match, texts):
    """Whether one of the texts has the number, in as many decimals or more, of either sign."""
    decimals = len(match[1].partition(".")[2])
    room = 0.5 * 10**-decimals + 1e-9
    known = (pair for text in texts for pair in pairs(text))
    return any(abs(abs(mean) - abs(m)) <= room and abs(half - h) <= room for m, h, _ in known)


def test_the_readme_leaves_numbers_with_an_interval_to_the_page_that_is_made_of_result_files():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert pairs(readme) == []
    assert "(docs/results.md)" in readme


def test_the_readmes_times_beside_another_package_stand_in_the_result_file_that_it_names():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    paragraph = readme[readme.index("Training time beside") : readme.index("## Questions")]
    (name,) = re.findall(r"benchmarks/results/(\w+\.md)", paragraph)
    times = re.findall(r"\d\.\d\d\b", paragraph)
    table = (RESULTS / name).read_text(encoding="utf-8")
    assert len(times) == 3
    assert [time for time in times if f"| {time} [" not in table] == []


def cells():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            text = "".join(cell["source"])
            if cell["cell_type"] == "markdown" and pairs(text):
                yield pytest.param(text, id=f"{path.stem} {cell['id']}")


@pytest.mark.parametrize("text", list(cells()))
def test_every_number_in_a_notebook_stands_in_a_table_of_the_results_or_of_a_paper(text):
    pages = [ROOT / "docs" / "results.md", ROOT / "docs" / "claims.md", *sorted(RESULTS.glob("*.md"))]
    texts = [PAPERS, *(path.read_text(encoding="utf-8") for path in pages)]
    assert [match[0] for mean, half, match in pairs(text) if not found(mean, half, match, texts)] == []


def test_a_number_that_stands_nowhere_is_seen():
    (one,) = pairs("`lwm` drifts 0.6 ± 0.1 less")
    assert found(*one, ["| -0.62 ± 0.12 |"])
    assert not found(*one, ["| -0.67 ± 0.12 |"])
    assert not found(*one, ["| -0.62 ± 0.16 |"])


PAGE = "Over five orders LwF lost 4.1 ± 5.8 points, in about 40 seconds.\n\nNothing is measured in section 4.2 here."
LOST, TIME = "4.1 ± 5.8 points", "40 seconds"


def entry(sentence=None, page="page.md", **numbers):
    return {"page": page, "sentence": sentence or cited.statements(PAGE)[0], "numbers": numbers}


def table(*entries, **known):
    return {"entry": list(entries), "known": known}


RIGHT = {LOST: "result: dissimilar.md | dissimilar / lwf | old task lost", TIME: "is: 42"}


def test_every_measured_number_in_the_prose_has_an_entry_and_is_what_the_entry_cites():
    assert list(cited.faults(cited.pages(), cited.read())) == []


def test_what_is_read_are_the_readme_the_pages_written_by_hand_and_all_notebooks():
    found = cited.pages()
    assert {"README.md", "docs/class.md", "docs/results.toml", "docs/site/index.md"} <= found.keys()
    assert len([page for page in found if page.endswith(".ipynb")]) == len(list((ROOT / "notebooks").glob("*.ipynb")))
    assert not {"docs/claims.md", "docs/results.md"} & found.keys(), "they are made of the results"


def test_a_right_entry_is_accepted():
    assert list(cited.faults({"page.md": PAGE}, table(entry(**RIGHT)))) == []


@pytest.mark.parametrize(
    ("page", "numbers", "words"),
    [
        (PAGE.replace("4.1", "4.3"), {}, "no entry says where '4.3 ± 5.8 points' comes from"),
        (PAGE.replace("4.1", "4.3"), RIGHT, "the sentence of an entry is gone"),
        (PAGE + " It takes 3 seconds.", RIGHT, "no entry says where '3 seconds' comes from"),
        (PAGE + " It has 796,282 parameters.", RIGHT, "no entry says where '796,282' comes from"),
        ("Nothing.", RIGHT, "the sentence of an entry is gone"),
        (PAGE, {LOST: RIGHT[LOST]}, "no entry says where '40 seconds' comes from"),
        (PAGE, {**RIGHT, "7 %": "is: 7"}, "'7 %' of an entry is not in"),
        (PAGE, {**RIGHT, TIME: "is: 46"}, "'40 seconds' is 46 in is: 46"),
        (PAGE, {**RIGHT, LOST: "result: dissimilar.md | similar / lwf | old task lost"}, "is 23.5 ± 16.8 in result"),
        (PAGE, {**RIGHT, LOST: "result: dissimilar.md | dissimilar / lwf | drop"}, "cites what is not there"),
        (PAGE, {**RIGHT, LOST: "result: dissimilar.md | unlike / lwf | old task lost"}, "cites what is not there"),
        (PAGE, {**RIGHT, LOST: "result: nowhere.md | lwf | old"}, "cites what is not there"),
        (PAGE, {**RIGHT, LOST: "claim: lwf | No such claim. | left"}, "cites what is not there"),
        (PAGE, {**RIGHT, LOST: "known: LwF, Table 9"}, "cites what is not there"),
        (PAGE, {**RIGHT, LOST: "example: "}, "needs words after example"),
        (PAGE, {**RIGHT, LOST: ""}, "cites what is not there"),
        (PAGE, {**RIGHT, TIME: "code: docs/cited.py | no such line 40"}, "which is not in docs/cited.py"),
        (PAGE, {**RIGHT, TIME: "code: pyproject.toml | torch>=2.11"}, "is not in 'torch>=2.11' of pyproject.toml"),
    ],
)
def test_a_planted_fault_is_found(page, numbers, words):
    assert words in "\n".join(cited.faults({"page.md": page}, table(entry(**numbers))))


def test_a_row_of_the_ledger_is_read_from_its_numbers():
    claim = "claim: dfcnn | DF-CNN has 7.96 million parameters for ten tasks. | left"
    page = "It has 7.96 million parameters."
    assert list(cited.faults({"page.md": page}, table(entry(page, **{"7.96": claim})))) == []
    page = "It has 7.98 million parameters."
    assert "is 7.963 in claim" in "".join(cited.faults({"page.md": page}, table(entry(page, **{"7.98": claim}))))


@pytest.mark.parametrize(
    ("number", "said", "rounded", "agree"),
    [
        ("34.8 ± 16.3", "+34.8 ± 16.3", False, True),
        ("-34.8 ± 16.3", "+34.8 ± 16.3", False, False),
        ("34.8 ± 16.4", "+34.8 ± 16.3", False, False),
        ("34.8 ± 16.3", "34.8", False, False),
        ("40 seconds", "42", False, False),
        ("40 seconds", "42", True, True),
        ("2 minutes", "106", True, True),
        ("1 minute", "106", True, False),
        ("1.2 GB", "1200", False, True),
        ("640 MB", "644", True, True),
        ("650 MB", "644", True, False),
        ("330 images per second", "326", True, True),
        ("five times", "5", False, True),
        ("half a minute", "31", False, True),
        ("half a minute", "61", False, False),
    ],
)
def test_a_number_is_compared_at_the_precision_in_which_it_is_written(number, said, rounded, agree):
    assert cited.agrees(number, said, rounded) is agree


@pytest.mark.parametrize(
    "sentence",
    [
        "As in section 4.2 and Table 1.",
        "Its 95 % interval.",
        "cltutor 0.2.0 on Python 3.12.",
        "Ten tasks of two classes.",
    ],
)
def test_what_names_a_place_or_a_version_is_not_measured(sentence):
    assert cited.numbers(sentence) == []


def test_a_new_sentence_gets_an_entry_to_be_filled_in():
    (made,) = cited.lacking({"page.md": PAGE}, [])
    assert 'numbers."4.1 ± 5.8 points" = ""' in made
    assert list(cited.lacking({"page.md": PAGE}, [entry(**RIGHT)])) == []
