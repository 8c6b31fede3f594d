"""The widget of Learning without Memorizing as a learner uses it: in JupyterLab, with mouse and keyboard."""

import pytest

from benchmarks.browsing import PICTURE

pytestmark = pytest.mark.browser

CELLS = [
    "import cltutor as cl\nstream = cl.streams.scenes(tasks=[4, 2, 2], classes=range(8), per_class=(20, 10), order=0)",
    "cl.widgets.AttentionDrift(stream, epochs=2)",
]
TOOL = "cltutor-attention-drift"


def click(tool, across, down):
    """Click in the picture, at shares of its width and height."""
    tool.settled()
    drawing = tool.place.locator(PICTURE).first
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    tool.notebook.page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])


def test_maps_appear_for_every_method_and_follow_the_controls(tool):
    tool.shot("attention-before")
    tool.train()
    tool.until(tool.button("Train").is_enabled, 120)
    tool.until(lambda: all(method in tool.picture for method in ("finetune", "lwf_mc", "lwm")))
    tool.shot("attention-after")
    for change in (
        lambda: tool.type("opacity (%)", "20"),
        lambda: tool.type("image", "3"),
        lambda: tool.field("layer").select_option(index=0),
        lambda: tool.field("class").select_option(index=1),
    ):
        before = tool.pixels
        change()
        tool.until(lambda before=before: tool.pixels != before)
    tool.shot("attention-changed")
    tool.until(lambda: "opacity=20" in tool.field("as code").input_value())


def test_a_click_shows_an_image_or_enlarges_its_maps(tool):
    click(tool, 0.1, 0.5)
    tool.until(lambda: "test image 2" in tool.picture)
    click(tool, 0.6, 0.6)
    tool.until(lambda: "enlarged=True" in tool.field("as code").input_value())
    tool.until(lambda: tool.button("enlarge the maps").get_attribute("class").find("mod-active") > 0)
    tool.shot("attention-enlarged")
    entry = tool.place.get_by_role("button", name="object")
    entry.click()
    tool.until(lambda: entry.get_attribute("aria-pressed") == "false")
    click(tool, 0.6, 0.6)
    tool.until(lambda: "enlarged" not in tool.field("as code").input_value())
    tool.button("drift").click()
    tool.until(lambda: "Mean drift of attention" in tool.picture)
    assert tool.place.get_by_text("Drift: the L1 distance").count() == 1
    tool.button("maps").click()
    tool.until(lambda: "view" not in tool.field("as code").input_value())


def test_a_wrong_line_of_code_is_refused_in_plain_words(tool):
    tool.refuses("as code", "cl.widgets.AttentionDrift(stream, opacity=200, epochs=2)", "a number from 0 to 100")
    tool.type("opacity (%)", "40")
    tool.until(tool.has_no_error)


def test_training_stops(tool):
    tool.stops()
