"""Slides of a notebook, opened from disk without a network: none is empty or too tall, and what is on them responds."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "01_catastrophic_forgetting"
HEIGHT = 720
SEEN = """() => {
    const slide = Reveal.getCurrentSlide();
    const { left, right, top, bottom } = slide.getBoundingClientRect();
    const filled = slide.innerText.trim().length > 0;
    return { left, right, top, bottom, filled, number: Reveal.getSlidePastCount() };
}"""

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Scripts that were brought for `make slides` are used again."""
    command = [sys.executable, str(ROOT / "docs" / "slides.py"), "build/slides", f"notebooks/{NAME}.ipynb"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"build/slides/{NAME}.slides.html"
    return ROOT / done.stdout.strip()


@pytest.fixture
def shown(made, browser):
    """The page, and what it asked other hosts for or complained about."""
    context = browser.browser.new_context(offline=True, viewport={"width": 1280, "height": HEIGHT})
    page, wrong = context.new_page(), []
    page.on("request", lambda sent: sent.url.startswith(("http:", "https:")) and wrong.append(sent.url))
    page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(made.as_uri(), wait_until="load")
    page.wait_for_selector(".jupyter-widgets .cltutor-live svg", state="attached")
    yield page, wrong
    context.close()


def test_every_slide_has_something_on_it_and_fits_the_projector(shown):
    page, wrong = shown
    count = page.evaluate("Reveal.getTotalSlides()")
    assert count > 30
    for number in range(count):
        seen = page.evaluate(SEEN)
        assert seen["number"] == number
        assert seen["filled"], f"slide {number + 1} is empty"
        assert 0 <= seen["top"] < seen["bottom"] <= HEIGHT, f"slide {number + 1} is cut"
        assert 0 <= seen["left"] < seen["right"] <= 1280
        page.evaluate("Reveal.next()")
    assert wrong == []


def test_pictures_and_widgets_play_on_a_slide_without_a_kernel(shown):
    page, wrong = shown
    for inside in (".jp-RenderedHTML", ".jupyter-widgets"):
        page.evaluate(
            "inside => { const { h, v } = Reveal.getIndices(document.querySelector(`${inside} .cltutor-live`)"
            ".closest('section')); Reveal.slide(h, v); }",
            inside,
        )
        picture = page.locator(f".present {inside} :has(> .cltutor-live)").first
        before = picture.evaluate("picture => picture.cltutor.frame")
        picture.get_by_role("button", name="one frame back").click()
        assert picture.evaluate("picture => picture.cltutor.frame") != before
    assert wrong == []
