import sys

import pytest

from benchmarks import report


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(sys, "argv", ["/somewhere/benchmarks/speed.py", "--seeds", "3 4"])
    return tmp_path / "results"


def test_the_columns_of_a_table_line_up():
    assert report.table(["method", "%"], [["lwf", 96.24], ["joint", 100]]) == (
        "| method | %    |\n| ------ | ---- |\n| lwf    | 96.2 |\n| joint  | 100  |"
    )


def test_a_row_of_another_length_than_the_header_is_refused():
    with pytest.raises(ValueError, match="a row has 1 cells, but the header has 2"):
        report.table(["a", "b"], [["only"]])


def test_a_result_says_where_it_comes_from(results):
    path = report.write("speed", "How fast", ["a"], [[1]], notes="On a busy day.", seeds=(3, 4))
    text = path.read_text()
    assert path == results / "speed.md"
    assert text.startswith("# How fast\n\n| a |\n| - |\n| 1 |\n\nOn a busy day.\n\n")
    assert "- command: `python benchmarks/speed.py --seeds '3 4'`\n- seeds: 3, 4\n" in text
    for known in ("- versions: Python 3.", "torch ", "- hardware: ", " threads", "- date: 2"):
        assert known in text


def test_a_result_holds_no_path_of_the_machine(results):
    assert "/somewhere" not in report.write("speed", "How fast", ["a"], [[1]]).read_text()


def test_the_table_is_printed_too(results, capsys):
    report.write("speed", "How fast", ["a"], [[1]])
    assert "| a |\n| - |\n| 1 |" in capsys.readouterr().out
