"""Numbers with an interval in notebooks stand in result files, and so do the README's times, its only results."""

import json
import re
from pathlib import Path

import pytest

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
