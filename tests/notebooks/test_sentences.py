"""Sentences of the notebooks that state a result are true for every class order (tests/sentences.py evaluates them).

What is stored is read here; the long tests execute the notebooks again, for five orders each.
"""

import re

import nbformat
import pytest
from sentences import FOLDER, ORDERS, SWITCH, code_of, digest, evaluate, stored, table

NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def prose(name: str) -> str:
    cells = nbformat.read(FOLDER / f"{name}.ipynb", 4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("name", NOTEBOOKS)
class TestSentences:
    def test_a_notebook_has_its_class_order_in_one_place_and_lists_what_it_states(self, name):
        setup, *others = code_of(name)
        assert SWITCH in setup
        assert not any("order=0" in source for source in others), "the class order is ORDER"
        assert len(table()[name]) >= 2

    def test_every_listed_sentence_stands_in_the_notebook(self, name):
        text = prose(name)
        assert [sentence for sentence in table()[name] if sentence not in text] == []

    def test_what_is_stored_belongs_to_this_code_and_is_true_for_all_five_orders(self, name):
        found = stored()[name]
        again = f"run: python tests/sentences.py {name[:2]}"
        assert found["digest"] == digest(name), again
        assert set(found["found"]) == {str(order) for order in ORDERS}, again
        asked = table()[name].items()
        assert all(expression in some for some in found["found"].values() for _, expression in asked), again
        assert [(order, one) for order, some in found["found"].items() for one, e in asked if not some[e]] == []

    @pytest.mark.long
    @pytest.mark.parametrize("order", ORDERS)
    def test_they_are_true_when_the_notebook_is_executed_for_this_order(self, name, order):
        found = evaluate(name, table()[name].values(), order)
        assert [sentence for sentence, expression in table()[name].items() if not found[expression]] == []


def test_a_changed_cell_asks_for_another_evaluation_and_changed_prose_does_not(tmp_path):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(f"{SWITCH}  # a comment"), nbformat.v4.new_markdown_cell("Old.")]

    def digest_now():
        nbformat.write(notebook, tmp_path / "one.ipynb")
        return digest("one", tmp_path)

    first = digest_now()
    notebook.cells[1].source = "New."
    notebook.cells[0].source = SWITCH
    assert digest_now() == first
    notebook.cells[0].source = f"{SWITCH}\nx = 1"
    assert digest_now() != first


def test_an_expression_is_found_untrue_for_the_order_in_which_it_is(tmp_path):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(f"{SWITCH}\nrows = [ORDER]")]
    nbformat.write(notebook, tmp_path / "one.ipynb")
    asked = ["rows[0] < 2", "True"]
    assert evaluate("one", asked, 1, folder=tmp_path) == {"rows[0] < 2": True, "True": True}
    assert evaluate("one", asked, 3, folder=tmp_path) == {"rows[0] < 2": False, "True": True}
    notebook.cells[0].source = "rows = [0]"
    nbformat.write(notebook, tmp_path / "one.ipynb")
    with pytest.raises(ValueError, match=re.escape("one does not set 'ORDER = 0' in its first cell of code.")):
        evaluate("one", asked, 3, folder=tmp_path)
