"""Every notebook, opened and run in JupyterLab as a learner does, and its widgets pressed."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"), reverse=True)
RECORDED = "import cltutor\nprint(cltutor.widgets.errors())"


# Two classes, as `pytest -n 2 --dist loadscope` gives a class, like a module, to one worker.


@pytest.mark.parametrize("path", NOTEBOOKS[::2], ids=lambda path: path.stem)
class TestOneHalf:
    def test_a_notebook_runs_from_top_to_bottom_and_its_widgets_answer(self, path, open_notebook):
        run(path, open_notebook)


@pytest.mark.parametrize("path", NOTEBOOKS[1::2], ids=lambda path: path.stem)
class TestTheOtherHalf:
    def test_a_notebook_runs_from_top_to_bottom_and_its_widgets_answer(self, path, open_notebook):
        run(path, open_notebook)


def run(path, open_notebook) -> None:
    with open_notebook(path, more=(RECORDED,)) as notebook:
        notebook.run_all()
        assert notebook.errors() == []
        *cells, recorded = notebook.cells()
        assert output(recorded).strip() == "[]"
        exercises = [cell for cell in cells if "exercises.check(" in cell.source]
        assert len(exercises) == (0 if path.stem == "00_start_here" else 3)
        for cell in exercises:
            assert "not yet" in output(cell)
            assert "There is no answer here yet. Hint:" in output(cell)
        for toggle in notebook.tools("cltutor-method-toggle"):
            use_method_toggle(toggle)
        for temperature in notebook.tools("cltutor-temperature"):
            use_temperature(temperature)
        for explorer in notebook.tools("cltutor-importance-explorer"):
            use_importance_explorer(explorer)
        for chooser in notebook.tools("cltutor-what-not-to-forget"):
            use_what_not_to_forget(chooser)
        for playground in notebook.tools("cltutor-playground"):
            use_playground(playground)
        assert notebook.errors() == []


def output(cell) -> str:
    """All text in a cell's outputs."""
    words = []
    for one in cell.outputs:
        words += [one.get("text", ""), *one.get("traceback", []), *one.get("data", {}).values()]
    return "\n".join(word if isinstance(word, str) else "".join(map(str, word)) for word in words)


def use_method_toggle(toggle) -> None:
    before = toggle.pixels
    toggle.type("epochs", "300")  # far from done when Stop is pressed
    toggle.until(lambda: "epochs=300" in toggle.place.locator("code").inner_text())
    toggle.train()
    toggle.until(lambda: toggle.pixels != before, 60)
    toggle.button("Stop").click()
    toggle.until(toggle.button("Train").is_enabled)
    toggle.until(lambda: "ends with" in toggle.picture)
    other = "task unknown" if "task known at test" in toggle.picture else "task known"
    toggle.button(other).click()
    toggle.until(lambda: f"{other} at test" in toggle.picture)


def use_temperature(temperature) -> None:
    for value in ("1", "7"):
        temperature.type("temperature T", value)
        temperature.until(lambda value=value: f"at temperature {value}:" in temperature.picture)


def use_importance_explorer(explorer) -> None:
    explorer.until(lambda: "accumulated: heat maps" in explorer.picture)  # recorded, without a press
    explorer.shot("notebook-explorer-maps")
    explorer.button("scatter").click()
    explorer.until(lambda: "rank correlation" in explorer.picture)
    explorer.shot("notebook-explorer-scatter")
    explorer.button("damage").click()
    explorer.until(lambda: "Accuracy with damaged weights" in explorer.picture)
    explorer.shot("notebook-explorer-damage")
    explorer.train()
    explorer.button("Stop").click()  # the whole of it is learned by test_importance_widgets
    explorer.until(explorer.button("Train").is_enabled)


def use_what_not_to_forget(chooser) -> None:
    chooser.train()
    chooser.until(lambda: "finetune, " in chooser.pictures[-1], 120)
    chooser.button("Stop").click()
    chooser.until(chooser.button("Train").is_enabled)
    chooser.shot("notebook-chooser")


def use_playground(playground) -> None:
    playground.until(lambda: "joint across tasks ends with" in playground.picture)  # recorded, without a press
    asked = playground.place.locator(".cltutor-choice").filter(has_text="task at test")
    for answer in ("known", "unknown"):
        asked.get_by_role("button", name=answer, exact=True).click()
        playground.until(lambda answer=answer: f"task {answer} at test" in playground.picture)
    playground.button("all switches").click()
    playground.button("distillation").click()
    playground.until(lambda: "Distillation()" in playground.field("as code").input_value())
    playground.train()
    playground.until(playground.button("Train").is_enabled, 300)
    playground.until(lambda: "% on average" in playground.status)
    playground.shot("notebook-playground")
