"""docs/results.md is made from the result files, and refuses a column or row that they lack."""

import tomllib

import pytest

from docs.results import PAGE, RESULTS, ROOT, markdown, page, read_table, selected


def test_the_committed_page_is_what_the_result_files_give():
    source = tomllib.loads((ROOT / "docs" / "results.toml").read_text(encoding="utf-8"))
    assert PAGE.read_text(encoding="utf-8") == page(source), "run: python docs/results.py"


def test_a_table_is_read_and_cut_to_its_columns_and_rows(tmp_path):
    file = tmp_path / "one.md"
    file.write_text("# One\n\n| a | b | c |\n| - | - | - |\n| x | 1 | 2 |\n| y | 3 |   |\n\nSome words.\n")
    assert read_table(file) == [["a", "b", "c"], ["x", "1", "2"], ["y", "3", ""]]
    assert selected(read_table(file), ["a", "c"], ["y"]) == [["a", "c"], ["y", ""]]
    assert markdown([["a", "c"], ["y", "4"]]) == "| a | c |\n| :-- | --: |\n| y | 4 |"
    with pytest.raises(ValueError, match="There is no 'd' in this table."):
        selected(read_table(file), ["d"], [])


def test_a_changed_result_file_changes_the_page(tmp_path):
    source = {
        "introduction": "# Results",
        "section": [{"title": "T", "words": "W.", "tables": [{"file": "ranking", "title": "A.", "setting": "B."}]}],
    }
    text = (RESULTS / "ranking.md").read_text(encoding="utf-8")
    (tmp_path / "ranking.md").write_text(text.replace("94.8", "12.3"))
    assert "94.8" in page(source)
    assert "12.3" in page(source, tmp_path)
