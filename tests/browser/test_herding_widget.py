"""The herding explorer as a learner uses it: in JupyterLab, with mouse and keyboard."""

import pytest

pytestmark = pytest.mark.browser

CELLS = [
    "import cltutor as cl\nstream = cl.streams.digits(tasks=5, order=0)\n"
    "recipe = cl.methods.eeil_base(memory=cl.memory.ExemplarMemory(100), epochs=4)\n"
    "run = cl.learn(stream, recipe, progress=False)",
    "cl.widgets.HerdingExplorer(run, stream)",
]
TOOL = "cltutor-herding-explorer"


def test_exemplars_are_added_by_typing_and_by_the_arrow_keys(tool):
    tool.until(lambda: "herding: 5 of" in tool.picture)
    tool.until(tool.button("t-SNE").is_enabled)
    tool.shot("herding-opened")
    tool.type("exemplars", "17")
    tool.until(lambda: "herding: 17 of" in tool.picture)
    handle = tool.place.locator(".noUi-handle").first
    handle.press("ArrowRight")
    tool.until(lambda: "herding: 18 of" in tool.picture)
    tool.button("exemplars").click()
    tool.until(lambda: "number 18 enlarged" in tool.picture)
    tool.shot("herding-step")
    tool.button("map").click()
    tool.until(lambda: "herding: 18 of" in tool.picture)


def test_an_image_is_chosen_by_its_dot_its_picture_the_keyboard_and_its_number(tool):
    tool.type("exemplars", "5")
    tool.until(lambda: "herding: 5 of" in tool.picture)
    words = tool.point("image", 20)
    assert "number 21 to be chosen" in words
    assert tool.marked() == 2  # and its dot
    tool.touch("image", 20)
    tool.until(lambda: "your choice: 6 of" in tool.picture)
    tool.until(lambda: "of your 6 images of class" in tool.status)
    tool.shot("herding-own")
    number = int(words.split()[1].rstrip(","))
    assert str(number) in tool.field("own choice").input_value()
    tool.touch("dot", number - 1)
    tool.until(lambda: "your choice: 5 of" in tool.picture)
    svg = tool.place.locator(".cltutor-live svg")
    svg.press("Enter")
    tool.until(lambda: "your choice: 6 of" in tool.picture)
    tool.type("own choice", "3, 7-9")
    tool.until(lambda: "own=(3, 7, 8, 9)" in tool.field("as code").input_value())
    tool.until(lambda: "your choice: 4 of" in tool.picture)
    tool.button("reset").click()
    tool.until(lambda: "herding: 5 of" in tool.picture)


def test_a_click_on_a_curve_chooses_its_strategy_and_number(tool):
    tool.touch("closest", 11)
    tool.until(lambda: "closest: 12 of" in tool.picture)
    tool.refuses("own choice", "1000", "Own choice: numbers from 1 to")
    tool.type("exemplars", "18")
    tool.until(tool.has_no_error)


def test_strategy_map_and_class_are_chosen(tool):
    tool.button("closest").click()
    tool.until(lambda: "closest: 18 of" in tool.picture)
    before = tool.pixels
    tool.button("t-SNE").click()
    tool.until(lambda: tool.pixels != before)
    tool.until(lambda: "keeps neighbours" in tool.status)
    tool.shot("herding-tsne")
    tool.field("class").select_option(index=6)
    tool.until(lambda: "6 with" not in tool.picture and "class 4" not in tool.picture)
    tool.until(tool.button("PCA").is_enabled)
    tool.button("PCA").click()
    tool.button("herding").click()
    tool.until(lambda: "herding: 18 of" in tool.picture)
    tool.shot("herding-class")


def test_a_larger_memory_evicts_later(tool):
    tool.field("class").select_option(index=0)
    tool.button("evictions").click()
    tool.until(lambda: "50 with 2 classes" in tool.picture)
    tool.until(lambda: "10 with 10 classes" in tool.picture)
    tool.type("capacity K", "250")
    tool.until(lambda: "25 with 10 classes" in tool.picture)
    tool.shot("herding-capacity")
    tool.until(lambda: "capacity=250" in tool.field("as code").input_value())


def test_a_wrong_line_of_code_is_refused_in_plain_words(tool):
    tool.refuses("as code", "cl.widgets.HerdingExplorer(run, stream, capacity=4)", "a whole number from 10 up")
    tool.type("exemplars", "3")
    tool.until(tool.has_no_error)
    tool.type("as code", "cl.widgets.HerdingExplorer(run, stream, strategy='random', step=9)")
    tool.until(lambda: "random: 9 of" in tool.picture)
