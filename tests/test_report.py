import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

FILE = Path(__file__).resolve().parents[1] / "benchmarks" / "report.py"


@pytest.fixture
def report(tmp_path, monkeypatch):
    monkeypatch.setenv("CLTUTOR_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(sys, "argv", ["/somewhere/benchmarks/speed.py", "--seeds", "3 4"])
    return SimpleNamespace(**runpy.run_path(str(FILE)))


def test_the_columns_of_a_table_line_up_and_a_row_of_another_length_is_refused(report):
    assert report.table(["method", "%"], [["lwf", 96.24], ["joint", 100]]) == (
        "| method | %    |\n| ------ | ---- |\n| lwf    | 96.2 |\n| joint  | 100  |"
    )
    with pytest.raises(ValueError, match="a row has 1 cells, but the header has 2"):
        report.table(["a", "b"], [["only"]])


def test_a_result_is_printed_and_says_where_it_comes_from_but_names_no_path_of_the_machine(report, tmp_path, capsys):
    path = report.write("speed", "How fast", ["a"], [[1]], notes="On a busy day.", seeds=(3, 4))
    text = path.read_text()
    assert path == tmp_path / "results" / "speed.md"
    assert text.startswith("# How fast\n\n| a |\n| - |\n| 1 |\n\nOn a busy day.\n\n")
    assert "- command: `python benchmarks/speed.py --seeds '3 4'`\n- seeds: 3, 4\n" in text
    for known in ("- versions: Python 3.", "torch ", "- hardware: ", " threads", "- date: 2"):
        assert known in text
    assert "/somewhere" not in text
    assert "| a |\n| - |\n| 1 |" in capsys.readouterr().out
