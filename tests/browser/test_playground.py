"""The playground as a learner uses it: in JupyterLab, with mouse and keyboard."""

import pytest

from benchmarks import browsing
from tests.browser.test_accessible import AXE

pytestmark = pytest.mark.browser

CELLS = ['import cltutor as cl\nstream = cl.gallery.stream("digits")', "cl.widgets.Playground(stream)"]
TOOL = "cltutor-playground"


def code(tool):
    return tool.field("as code").input_value()


def paste(tool, line):
    """Paste a line, and wait until the kernel has answered it with its own."""
    tool.type("as code", line)
    tool.until(lambda: code(tool) != line)


@pytest.fixture(autouse=True)
def at_rest(tool):
    """Nothing is learned and nothing is shown before a test."""
    yield
    if tool.button("Stop").is_enabled():
        tool.button("Stop").click()
    tool.until(tool.button("Train").is_enabled)
    for pressed in ("large type", "all switches"):
        if tool.button(pressed).get_attribute("aria-pressed") == "true":
            tool.button(pressed).click()
    tool.button("Clear").click()
    tool.until(lambda: "Sample pictures" in tool.picture)
    tool.button("unknown").click()
    tool.button("curves").click()
    tool.until(lambda: "known_task" not in code(tool) and "view" not in code(tool))


def unfold(tool):
    """Open the second layer."""
    if tool.button("all switches").get_attribute("aria-expanded") == "false":
        tool.button("all switches").click()
    tool.until(lambda: tool.button("distillation").is_visible())


def test_it_opens_on_forgetting_on_one_screen(tool):
    """Runs first: later tests clear the recorded runs."""
    page = tool.notebook.page
    tool.until(lambda: "task unknown at test: finetune across tasks ends with 0 % on task 1" in tool.picture)
    page.set_viewport_size({"width": 1280, "height": 720})
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    tool.place.evaluate("tool => tool.closest('.jp-Cell').scrollIntoView({ block: 'start' })")
    tool.until(lambda: tool.place.locator(".cltutor-scroll").evaluate("e => e.scrollWidth <= e.clientWidth"))
    bottom = tool.place.locator(".cltutor-live svg").first.evaluate("e => e.getBoundingClientRect().bottom")
    assert bottom < 690  # the status bar begins
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    page.set_viewport_size(browsing.SIZE)

    tool.button("wall").click()
    tool.until(lambda: "Wall of test images, task unknown at test" in tool.picture)
    tool.button("curves").click()
    tool.until(lambda: "Accuracy of each task" in tool.picture)
    headings = tool.place.locator("thead button")
    headings.filter(has_text="average accuracy (%), task unknown at test").press("Enter")
    tool.until(lambda: "joint" in tool.place.locator("tbody tr").first.inner_text())
    tool.until(lambda: "average accuracy" in page.evaluate("document.activeElement.textContent"))
    page.keyboard.press("Enter")
    tool.until(lambda: tool.place.locator("th[aria-sort=descending]").count() == 0)


def test_a_preset_is_trained_while_the_page_follows(tool):
    tool.shot("playground-empty")
    tool.field("method").select_option("lwf (LwF)")
    tool.until(lambda: code(tool) == 'cl.widgets.Playground(stream, cl.methods.lwf(heads="class"))')
    paste(tool, "cl.methods.lwf(epochs=3)")
    tool.until(lambda: "cl.methods.lwf(epochs=3)" in code(tool))
    tool.train()
    tool.until(lambda: "lwf, yours, seed 0: task" in tool.status)
    tool.until(tool.button("Train").is_enabled, 120)
    tool.until(lambda: tool.place.locator("tbody tr", has_text="3 epochs").count() == 1)
    tool.shot("playground-trained")

    unknown = tool.settled()
    tool.button("known").click()
    tool.until(lambda: "task known at test" in tool.picture)
    tool.until(lambda: "task known at test" in tool.place.locator("thead").first.inner_text())
    tool.until(lambda: "(task known at test)" in tool.status)
    tool.shot("playground-known")
    tool.button("unknown").click()
    tool.until(lambda: tool.pixels == unknown)
    unfold(tool)
    tool.shot("playground-all")


def test_stop_pauses_and_resume_goes_on(tool):
    paste(tool, "cl.methods.finetune(epochs=25)")
    tool.train()
    tool.until(lambda: tool.place.locator("tbody tr", has_text="25 epochs").count() == 1)  # after the first epoch
    tool.button("Stop").click()
    tool.until(tool.button("Resume").is_enabled)
    tool.until(lambda: "Resume goes on" in tool.status)
    tool.until(lambda: "stopped in task" in tool.place.locator("tbody").first.inner_text())
    tool.type("epochs", "24")
    tool.until(lambda: tool.button("Resume").is_disabled() and "Resume" not in tool.status)
    tool.type("epochs", "25")
    tool.until(lambda: "Resume goes on" in tool.status)
    tool.button("Resume").click()
    tool.until(tool.button("Stop").is_enabled)
    tool.until(tool.button("Resume").is_disabled)


def test_what_makes_no_sense_is_grey_and_says_why(tool):
    paste(tool, "cl.methods.lwf()")
    unfold(tool)
    balanced = tool.button("balanced fine-tuning")
    tool.until(balanced.is_disabled)
    tool.until(lambda: "keeps none" in balanced.get_attribute("title"))
    tool.place.locator("summary", has_text="greyed out here").click()
    tool.shot("playground-grey")
    tool.button("K in all").click()
    tool.until(balanced.is_enabled)
    balanced.click()
    tool.until(lambda: "balanced=True" in tool.place.locator(".cltutor-code code").first.inner_text())
    tool.until(tool.button("none").first.is_disabled)
    tool.shot("playground-memory")


def test_a_wrong_line_is_refused_in_plain_words(tool):
    words = "temperature is a finite number from 0.001 up, not -1. Nothing was changed."
    tool.refuses("as code", "cl.methods.lwf(temperature=-1)", words)
    paste(tool, "cl.methods.lwf(temperature=3)")
    tool.until(tool.has_no_error)
    tool.until(lambda: "temperature=3" in code(tool))


def test_the_keyboard_alone_is_enough(tool):
    page = tool.notebook.page
    paste(tool, "cl.methods.finetune(epochs=25)")
    tool.place.evaluate("tool => { tool.tabIndex = -1; tool.focus() }")
    page.keyboard.press("Tab")
    assert "Train" in page.evaluate("document.activeElement.textContent")
    page.keyboard.press("t")
    tool.until(tool.button("Stop").is_enabled)
    page.keyboard.press("k")
    tool.until(lambda: "known_task=True" in code(tool))
    page.keyboard.press("s")
    tool.until(tool.button("Train").is_enabled)
    tool.field("method").focus()
    page.keyboard.press("k")  # in a field a letter is a letter
    page.wait_for_timeout(300)
    assert "known_task=True" in code(tool)
    tool.button("known").focus()
    page.keyboard.press("k")
    tool.until(lambda: "known_task" not in code(tool))
    assert tool.button("Train").get_attribute("title").endswith("(key t)")


def test_a_screen_reader_hears_names_and_states(tool):
    unfold(tool)
    states = tool.place.locator(".widget-toggle-button:not(.cltutor-fold)")
    pressed = states.evaluate_all(
        "all => all.map(e => e.getAttribute('aria-pressed') === String(e.classList.contains('mod-active')))"
    )
    assert len(pressed) > 50
    assert all(pressed)
    tool.button("anchor").click()
    tool.until(lambda: tool.button("anchor").get_attribute("aria-pressed") == "true")
    tool.button("anchor").click()
    tool.notebook.page.add_script_tag(path=AXE)
    run = "async tool => (await axe.run(tool, { runOnly: ['wcag2a', 'wcag21a'] })).violations"
    found = tool.place.evaluate(run)
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []


def test_large_type_is_large_and_a_long_line_of_code_is_all_in_sight(tool):
    small = tool.place.locator(".cltutor-live svg text").first.evaluate("e => e.getBoundingClientRect().height")
    tool.button("large type").click()
    large = tool.place.locator(".cltutor-live svg text").first
    tool.until(lambda: large.evaluate("e => e.getBoundingClientRect().height") > 1.3 * small)
    tool.button("large type").click()
    paste(tool, "cl.methods.eeil(temperature=3, memory=cl.memory.ExemplarMemory(50), learning_rate=0.03, epochs=7)")
    assert len(code(tool)) > 110
    tool.until(lambda: tool.field("as code").evaluate("e => e.scrollHeight <= e.clientHeight + 2"))


def test_a_run_opens_in_another_widget_and_closes(tool):
    paste(tool, "cl.methods.finetune(epochs=1)")
    unfold(tool)
    tool.train()
    tool.until(lambda: tool.button("Herding").is_visible() and tool.button("Herding").is_enabled(), 60)
    tool.button("Herding").click()
    inner = tool.place.locator(".cltutor-herding-explorer")
    tool.until(lambda: inner.count() == 1)
    tool.button("Close").click()
    tool.until(lambda: inner.count() == 0)
