"""The widgets of Memory Aware Synapses as a learner uses them: in JupyterLab, with mouse and keyboard."""

import pytest

from benchmarks.browsing import PICTURE

pytestmark = pytest.mark.browser

METHODS = ["mas", "mas_local", "ewc", "si"]
CELLS = [
    "import cltutor as cl\nstream = cl.streams.digits(tasks=[4, 3, 3], order=0)",
    "cl.widgets.ImportanceExplorer(stream, epochs=3)",
    "cl.widgets.WhatNotToForget(stream, epochs=3)",
]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    with open_notebook(CELLS) as opened:
        opened.run_all()
        yield opened
        assert opened.errors() == []


@pytest.fixture(scope="module")
def explorer(notebook):
    (tool,) = notebook.tools("cltutor-importance-explorer")
    tool.shot("explorer-before")
    tool.train()
    tool.until(lambda: "measuring" in tool.status or "damaging" in tool.status, 60)
    tool.until(lambda: "after task 1" in tool.picture, 60)
    tool.until(tool.button("Train").is_enabled, 120)
    tool.until(lambda: "done" in tool.status)
    return tool


@pytest.fixture(scope="module")
def chooser(notebook):
    (tool,) = notebook.tools("cltutor-what-not-to-forget")
    return tool


def test_heat_maps_follow_layer_task_and_scale(explorer):
    explorer.until(lambda: "accumulated: heat maps" in explorer.picture)
    explorer.shot("explorer-maps")
    explorer.field("layer").select_option(index=3)
    explorer.until(lambda: "hidden 1, after task 3" in explorer.picture)
    explorer.type("after task", "2")
    explorer.until(lambda: "after task 2" in explorer.picture)
    explorer.button("this task's").click()
    explorer.until(lambda: "this task's" in explorer.picture)
    explorer.button("log").click()
    explorer.until(lambda: "decades" in explorer.picture)
    explorer.shot("explorer-log")


def test_a_weight_is_read_by_all_methods_where_it_is_pointed_at_and_its_importance_by_a_click(explorer):
    explorer.button("rank").click()
    explorer.field("layer").select_option("conv 2")
    explorer.until(lambda: "conv 2, after task 2" in explorer.picture)
    explorer.settled()
    drawing, page = explorer.place.locator(PICTURE).first, explorer.notebook.page
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    tip = explorer.place.locator(".cltutor-tip")
    explorer.until(lambda: [line.split(",")[0] for line in tip.inner_text().split("\n")] == METHODS)
    assert len({line.split(":")[0].partition(", ")[2] for line in tip.inner_text().split("\n")}) == 1
    assert explorer.place.locator(".cltutor-mark").count() == 4
    page.mouse.down()
    page.mouse.up()
    note = explorer.place.get_by_text("conv 2, from map")
    explorer.until(lambda: all(f"{method} " in note.inner_text() for method in METHODS))
    weight = explorer.field("weight").input_value()
    assert f'weight="{weight}"' in explorer.field("as code").input_value()
    explorer.type("weight", "3, 5, 1, 2")
    explorer.until(lambda: "from map 5 to map 3, row 1, column 2" in note.inner_text())


def test_any_two_methods_are_set_against_each_other(explorer):
    explorer.button("scatter").click()
    explorer.until(lambda: "Importance by mas and ewc" in explorer.picture)
    explorer.field("up").select_option("si")
    explorer.until(lambda: "Importance by mas and si" in explorer.picture)
    explorer.until(lambda: "rank correlation" in explorer.picture)
    explorer.shot("explorer-scatter")


def test_damage_is_slid_and_typed_and_shown_for_each_task(explorer):
    explorer.type("after task", "3")
    explorer.button("damage").click()
    explorer.until(lambda: "Accuracy with damaged weights" in explorer.picture)
    note = explorer.place.get_by_text("of the weights of every layer set to zero: task 1")
    explorer.until(lambda: "30 %" in note.inner_text())
    explorer.type("share (%)", "42")
    explorer.until(lambda: "42 %" in note.inner_text())
    explorer.place.locator(".widget-toggle-button").filter(has_text="most important").click()  # not the legend
    explorer.until(lambda: "The most important 42 %" in note.inner_text())
    explorer.shot("explorer-damage")
    shown = explorer.place.get_by_label("share of the weights, number")
    explorer.until(lambda: shown.input_value() == "5")  # 40 %, the nearest
    explorer.place.locator(PICTURE).first.focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "Enter"):
        explorer.notebook.page.keyboard.press(key)
    explorer.until(lambda: explorer.field("share (%)").input_value() == "20")
    explorer.until(lambda: shown.input_value() == "3")
    explorer.type("share (%)", "42")
    for words in ('view="damage"', "share=42"):
        explorer.until(lambda words=words: words in explorer.field("as code").input_value())
    wrong = "cl.widgets.ImportanceExplorer(stream, view='map', epochs=3)"
    explorer.refuses("as code", wrong, "view is one of maps, scatter, damage")
    explorer.button("heat maps").click()
    explorer.until(explorer.has_no_error)


def test_the_explorer_stops(explorer):
    explorer.train()
    explorer.button("Stop").click()
    explorer.until(explorer.button("Train").is_enabled, 20)
    explorer.until(lambda: "stopped: 0 of 3 tasks" in explorer.status)


def test_a_choice_of_classes_is_trained_and_shown(chooser):
    chooser.shot("chooser-before")
    assert ", to be met again; " in chooser.pictures[0]
    chooser.touch("1", 0)  # the second class of task 1
    chooser.until(lambda: "classes=(" in chooser.field("as code").input_value())
    chooser.until(lambda: chooser.pictures[0].count(", to be met again") == 2)
    chooser.train()
    chooser.until(lambda: "finetune, " in chooser.pictures[1], 60)
    chooser.until(chooser.button("Train").is_enabled, 120)
    chooser.until(lambda: "mas, adapted, " in chooser.pictures[1])
    chooser.shot("chooser-after")
    chooser.place.locator(".cltutor-side .cltutor-scroll > svg").focus()  # the keyboard does it, too
    chooser.notebook.page.keyboard.press("ArrowRight")
    chooser.notebook.page.keyboard.press("Enter")
    chooser.until(lambda: chooser.pictures[0].count(", to be met again") == 1)
    chooser.until(lambda: "mas, adapted, " not in chooser.pictures[1])
    chooser.shot("chooser-other")
    chooser.train()
    chooser.button("Stop").click()
    chooser.until(chooser.button("Train").is_enabled, 20)
