"""The widgets of the methods after the five papers as a learner uses them: in JupyterLab, with mouse and keyboard."""

import pytest

pytestmark = pytest.mark.browser

CELLS = [
    "import cltutor as cl\nstream = cl.streams.digits(tasks=5, order=0)\n"
    "packed = cl.learn(stream, cl.methods.packnet(epochs=2), progress=False)\n"
    "run = cl.learn(stream, cl.methods.er(capacity=50, epochs=2), progress=False)",
    "cl.widgets.Reservoir(stream, capacity=20)",
    "cl.widgets.PackedMasks(packed, stream)",
    "cl.widgets.LastLayer(run, stream)",
]


@pytest.fixture(scope="module")
def tools(open_notebook):
    with open_notebook(CELLS) as opened:
        opened.run_all()
        yield [opened.tools(f"cltutor-{name}")[0] for name in ("reservoir", "packed-masks", "last-layer")]
        assert opened.errors() == []


def test_a_slot_of_the_memory_shows_its_image_and_the_stream_is_played(tools):
    tool = tools[0]
    tool.until(lambda: tool.picture.startswith("A memory of 20 images while 1,438 arrive"))
    words = tool.point("slots until 24", 3)
    assert words.startswith("slot 4: a ")
    assert "image to arrive" in words
    tool.touch("slots until 24", 3)
    tool.until(lambda: tool.place.locator("img[alt^='slot 4']").count() == 1)
    film = tool.place.get_by_label("seen, number", exact=True)
    film.fill("1")
    film.press("Enter")
    tool.until(lambda: film.input_value() == "1")
    tool.button("balanced").click()
    tool.until(lambda: 'rule="balanced"' in tool.field("as code").input_value())
    tool.until(lambda: "balanced memory" in tool.picture)


def test_a_slot_is_chosen_by_the_keyboard(tools):
    svg = tools[0].place.locator(".cltutor-live svg").first
    svg.press("ArrowRight")
    svg.press("Enter")
    tools[0].until(lambda: tools[0].place.locator("img[alt^='slot']").count() == 1)


def test_a_bar_shows_the_weights_of_its_layer(tools):
    tool = tools[1]
    tool.until(lambda: tool.picture.startswith("The owners of the weights of conv 1, packnet"))
    assert "output 1, weight 2: " in tool.point("weight", 1)
    tool.touch("hidden 2", 0)
    tool.until(lambda: tool.picture.startswith("The owners of the weights of hidden 2"))
    tool.until(lambda: 'layer="hidden 2"' in tool.field("as code").input_value())


def test_the_factor_is_slid_typed_clicked_and_aligned(tools):
    tool = tools[2]
    tool.until(lambda: tool.picture.startswith("The last layer of the network, er, after task 5"))
    tool.type("factor", "0.5")
    tool.until(lambda: "with the factor 0.50" in tool.pictures[1])
    tool.touch("all classes", 20, picture=1)
    tool.until(lambda: "with the factor 1.00" in tool.pictures[1])
    tool.button("align (WA)").click()
    tool.until(lambda: "factor=" in tool.field("as code").input_value())
    tool.button("as trained").click()
    tool.until(lambda: "factor=" not in tool.field("as code").input_value())
    tool.place.locator(".noUi-handle").first.press("ArrowRight")
    tool.until(lambda: "factor=1.05" in tool.field("as code").input_value())


def test_a_wrong_line_is_refused_in_plain_words(tools):
    tools[2].refuses(
        "as code", "cl.widgets.LastLayer(run, stream, task=9)", "task is a whole number from 2 to 5, not 9"
    )
    tools[0].refuses("as code", "cl.widgets.Reservoir(stream, capacity=3)", "capacity is a whole number from 10 to 60")
    tools[2].type("as code", "cl.widgets.LastLayer(run, stream, factor=0.7)")
    tools[0].type("as code", "cl.widgets.Reservoir(stream, capacity=20, seed=3)")
    for tool in (tools[0], tools[2]):
        tool.until(tool.has_no_error)
