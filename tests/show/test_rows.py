import pytest

from cltutor import show

ROWS = [{"method": "lwf", "old (%)": 98.333, "keeps": "a|b"}, {"method": "finetune", "old (%)": 9.0, "keeps": 3}]


def test_a_page_gets_a_markdown_table_with_one_decimal_place():
    assert show.table(ROWS)._repr_markdown_().splitlines() == [
        "| method | old (%) | keeps |",
        "| :-- | --: | --: |",
        r"| lwf | 98.3 | a\|b |",
        "| finetune | 9.0 | 3 |",
    ]


def test_a_terminal_gets_columns():
    assert repr(show.table(ROWS)).splitlines() == [
        "method    old (%)  keeps",
        "lwf          98.3    a|b",
        "finetune      9.0      3",
    ]


def test_rows_that_are_not_alike_are_refused():
    for rows in ([], [{"a": 1}, {"b": 2}], [{"a": 1, "b": 2}, {"b": 2, "a": 1}]):
        with pytest.raises(ValueError, match="the same keys in the same order"):
            show.table(rows)
