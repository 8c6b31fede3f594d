"""The widgets as a learner uses them: in JupyterLab, with mouse and keyboard."""

import pytest

pytestmark = pytest.mark.browser

CELLS = [
    "import cltutor as cl\nstream = cl.streams.digits(tasks=5, order=0)",
    'cl.widgets.MethodToggle(stream, ("finetune", "lwf", "l2", "joint"), epochs=8)',
    'halves = cl.streams.digits(tasks=[6, 4], order=0)\nrun = cl.learn(halves, "lwf", epochs=4, progress=False)',
    "cl.widgets.Temperature(run.model_after(0), halves, pictures=1)",
]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    with open_notebook(CELLS) as opened:
        opened.run_all()
        yield opened


@pytest.fixture
def toggle(notebook):
    """The method toggle, without runs; no error may be on the page after the test."""
    (tool,) = notebook.tools("cltutor-method-toggle")
    tool.until(tool.button("Train").is_enabled)
    tool.button("Clear").click()
    tool.until(lambda: "Sample pictures" in tool.picture)
    yield tool
    assert notebook.errors() == []


@pytest.fixture
def temperature(notebook):
    (tool,) = notebook.tools("cltutor-temperature")
    yield tool
    assert notebook.errors() == []


def test_methods_are_trained_one_after_another_while_the_page_follows(toggle):
    toggle.shot("toggle-before")
    bar = toggle.place.locator(".progress-bar")
    for method in ("lwf", "finetune", "joint"):
        toggle.button(method).click()
        toggle.until(lambda method=method: f"cl.methods.{method}(" in toggle.place.locator("code").inner_text())
        before = toggle.pixels
        toggle.train()
        toggle.until(toggle.button("Train").is_disabled)
        toggle.until(lambda method=method: f"{method}, seed 0: task" in toggle.status)
        toggle.until(lambda before=before: toggle.pixels != before)  # the live curve
        toggle.until(lambda: bar.is_visible() and bar.bounding_box()["width"] > 0)
        if method == "finetune":
            toggle.shot("toggle-training")
        toggle.until(toggle.button("Train").is_enabled, 60)
        toggle.until(lambda method=method: f"{method} ends with" in toggle.picture)
        toggle.until(lambda: "% on average" in toggle.status)
    toggle.until(lambda: "lwf ends with" in toggle.picture)
    toggle.shot("toggle-after")

    known = toggle.settled()
    toggle.button("task unknown").click()
    toggle.until(lambda: "task unknown at test" in toggle.picture)
    toggle.until(lambda: toggle.pixels != known)
    toggle.shot("toggle-unknown")
    toggle.button("task known").press("Space")
    toggle.until(lambda: toggle.pixels == known)


def test_stop_stops_and_keeps_the_curves(toggle):
    toggle.button("finetune").click()
    toggle.type("epochs", "500")
    toggle.train()
    toggle.until(lambda: "finetune ends with" in toggle.picture)
    toggle.button("Stop").press("Enter")
    toggle.until(toggle.button("Train").is_enabled, 10)
    toggle.until(lambda: "stopped in task 1 of 5" in toggle.status)
    toggle.until(lambda: "finetune ends with" in toggle.picture)
    toggle.until(toggle.button("Stop").is_disabled)


def test_controls_equation_and_code_go_together(toggle):
    toggle.button("lwf").click()
    toggle.until(toggle.field("weight λ").is_visible)
    toggle.type("weight λ", "0.05")  # between two steps of the slider
    toggle.type("temperature T", "20")  # beyond its end
    toggle.button("class-incremental").click()
    code = 'cl.widgets.MethodToggle(stream, method="lwf", heads="class", temperature=20, lam=0.05, epochs='
    toggle.until(lambda: toggle.field("as code").input_value().startswith(code))
    toggle.until(lambda: "cl.methods.lwf(temperature=20, lam=0.05," in toggle.place.locator("code").inner_text())
    toggle.until(lambda: toggle.place.locator("math").count() == 1)

    toggle.type("as code", "cl.methods.lwf(temperature=3, epochs=2)")
    toggle.until(lambda: toggle.field("temperature T").input_value() == "3")
    toggle.until(lambda: toggle.field("epochs").input_value() == "2")
    toggle.refuses("as code", "cl.methods.lfw(temperature=3)", "did you mean")
    toggle.shot("toggle-refused")
    toggle.button("finetune").click()
    toggle.until(toggle.has_no_error)


def test_the_temperature_is_slid_and_typed(temperature):
    temperature.type("temperature T", "1")
    temperature.until(lambda: "at temperature 1:" in temperature.picture)
    temperature.shot("temperature-1")
    cold = temperature.settled()
    handle = temperature.place.get_by_role("slider").nth(1)
    handle.press("ArrowRight")
    temperature.until(lambda: "at temperature 1.5:" in temperature.picture)
    temperature.until(lambda: temperature.pixels != cold)
    temperature.until(lambda: temperature.field("temperature T").input_value() == "1.5")
    handle.press("ArrowLeft")
    temperature.until(lambda: temperature.pixels == cold)
    temperature.type("temperature T", "8")
    temperature.until(lambda: "at temperature 8:" in temperature.picture)
    temperature.shot("temperature-8")


def test_the_temperature_is_dragged_in_the_picture(temperature):
    for place, shown in ((0, "1"), (4, "3"), (18, "10")):
        temperature.point("temperature", place)
        film = temperature.place.get_by_text(f"T = {shown}", exact=True)
        temperature.until(lambda film=film: film.is_visible())
        assert temperature.field("temperature T").input_value() == "8"  # pointing alone does not set it
    temperature.touch("temperature", 5)
    temperature.until(lambda: temperature.field("temperature T").input_value() == "3.5")
    temperature.until(lambda: "at temperature 3.5:" in temperature.picture)
    svg = temperature.place.locator(".cltutor-live svg")
    svg.press("PageDown")
    svg.press("Enter")
    temperature.until(lambda: "temperature=" in temperature.field("as code").input_value())


def test_another_picture_is_chosen(temperature):
    first = temperature.settled()
    temperature.place.get_by_role("slider").nth(0).press("ArrowRight")
    temperature.until(lambda: temperature.pixels != first)
    temperature.field("pictures of").select_option(index=0)
    temperature.until(lambda: "pictures=" not in temperature.field("as code").input_value())
