"""The playground as a learner uses it: in JupyterLab, with mouse and keyboard."""

import psutil
import pytest

from benchmarks import soak

pytestmark = pytest.mark.browser

CELLS = soak.CELLS
TOOL = soak.TOOL


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
    tool.button("Clear").click()
    tool.until(lambda: "Sample pictures" in tool.picture)
    tool.button("known").last.click()
    tool.until(lambda: "known_task=False" not in code(tool))


def test_a_preset_is_trained_while_the_page_follows(tool):
    tool.shot("playground-empty")
    tool.button("lwf").first.click()
    tool.until(lambda: code(tool) == "cl.widgets.Playground(stream, cl.methods.lwf())")
    paste(tool, "cl.methods.lwf(epochs=3)")
    tool.until(lambda: "cl.methods.lwf(epochs=3)" in code(tool))
    tool.train()
    tool.until(lambda: "lwf, seed 0: task" in tool.status)
    tool.until(tool.button("Train").is_enabled, 120)
    tool.until(lambda: tool.place.locator("tbody tr", has_text="3 epochs").count() == 1)
    tool.shot("playground-trained")

    known = tool.settled()
    tool.button("unknown").last.click()
    tool.until(lambda: "task unknown at test" in tool.picture)
    tool.until(lambda: "task unknown at test" in tool.place.locator("caption").first.inner_text())
    tool.shot("playground-unknown")
    tool.button("known").last.click()
    tool.until(lambda: tool.pixels == known)
    tool.button("all").click()
    tool.shot("playground-all")
    tool.button("Loss").click()


def test_stop_pauses_and_resume_goes_on(tool):
    paste(tool, "cl.methods.finetune(epochs=25)")
    tool.train()
    tool.until(lambda: tool.place.locator("tbody tr", has_text="25 epochs").count() == 1)  # after the first epoch
    tool.button("Stop").click()
    tool.until(tool.button("Resume").is_enabled)
    tool.until(lambda: "Resume goes on" in tool.status)
    tool.until(lambda: "stopped in task" in tool.place.locator("tbody").first.inner_text())
    tool.button("Resume").click()
    tool.until(tool.button("Stop").is_enabled)
    tool.until(tool.button("Resume").is_disabled)


def test_what_makes_no_sense_is_grey_and_says_why(tool):
    paste(tool, "cl.methods.lwf()")
    tool.button("Memory").click()
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
    tool.button("Loss").click()


def test_a_wrong_line_is_refused_in_plain_words(tool):
    words = "temperature is a finite number from 0.001 up, not -1. Nothing was changed."
    tool.refuses("as code", "cl.methods.lwf(temperature=-1)", words)
    paste(tool, "cl.methods.lwf(temperature=3)")
    tool.until(tool.has_no_error)
    tool.until(lambda: "temperature=3" in code(tool))


def test_the_keyboard_alone_is_enough(tool):
    page = tool.notebook.page
    tool.button("MAS").first.focus()
    page.keyboard.press("Enter")
    tool.until(lambda: tool.button("ewc").count() > 0)
    tool.button("MAS").first.focus()
    reached = []
    for _ in range(12):  # the other papers, then the methods
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent"))
        if reached[-1] == "mas":
            page.keyboard.press("Space")
            break
    tool.until(lambda: code(tool) == "cl.widgets.Playground(stream, cl.methods.mas())")
    tool.button("Train").focus()
    page.keyboard.press("Enter")
    tool.until(tool.button("Stop").is_enabled)
    tool.button("Stop").focus()
    page.keyboard.press("Space")
    tool.until(tool.button("Train").is_enabled)


def test_a_run_opens_in_another_widget_and_closes(tool):
    paste(tool, "cl.methods.finetune(epochs=1)")
    tool.train()
    tool.until(lambda: tool.button("Herding").is_visible() and tool.button("Herding").is_enabled(), 60)
    tool.button("Herding").click()
    inner = tool.place.locator(".cltutor-herding-explorer")
    tool.until(lambda: inner.count() == 1)
    tool.button("Close").click()
    tool.until(lambda: inner.count() == 0)


@pytest.mark.long
def test_random_clicks_do_no_harm(tool, lab):
    kernel: psutil.Process = soak.kernel_of(lab)
    done = soak.soak(tool, kernel, seconds=25, seed=1)
    assert done.faults == []
    assert done.actions > 5
    assert done.growth < soak.GROWTH
