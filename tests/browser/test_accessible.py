"""Every figure in an exported page, light and dark: axe finds nothing, all text can be read."""

import io
from pathlib import Path

import numpy as np
import pytest
from figures import FIGURES
from PIL import Image

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
# What axe finds at level A and AA, and what it cannot decide.
CHECK = """async within => {
    const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
    const { violations, incomplete } = await axe.run({ include: [[within]] }, { runOnly });
    const list = found => found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
    return [list(violations), list(incomplete)];
}"""
# It decides neither on colours above a drawing (a test of its own does) nor on a button whose name is one sign.
UNDECIDED = "color-contrast: <text", 'color-contrast: <div class="cltutor-tip"'
SIGNS = '<button aria-label="one frame back">', '<button aria-label="one frame on">'
# With every control that a picture may have; axe takes half a second for each.
WINDOWS = ["accuracy_over_time", "attention_maps", "temperature", "wall"]
ALL = "document.querySelectorAll('.cltutor-picture').forEach(({ cltutor }) => %s)"
STATES = {
    "as it opens": "null",
    "with the words of a spot": "cltutor.read(cltutor.spots.step(-1, 1))",
    "with a layer hidden": "cltutor.drawing.layers[0] && cltutor.toggle(cltutor.drawing.layers[0])",
}
TEXTS = """picture => {
    const { svg } = picture.cltutor;
    const { left, top } = svg.getBoundingClientRect();
    const shown = text => text.getBoundingClientRect().width && text.textContent.trim(); // not of another frame
    return [...svg.querySelectorAll("text")].filter(shown).map(text => {
        const box = text.getBoundingClientRect();
        const fill = getComputedStyle(text).fill.match(/[\\d.]+/g).map(Number);
        let opacity = fill[3] ?? 1;
        for (let one = text; one !== svg; one = one.parentNode) opacity *= getComputedStyle(one).opacity;
        const place = [box.left - left, box.top - top, box.right - left, box.bottom - top];
        return { words: text.textContent, fill: fill.slice(0, 3), opacity, place };
    });
}"""
# The size of each text on the screen: in the drawing, and beside it.
SIZES = """within => [...document.querySelectorAll(within + " *")]
    .filter(one => one.getBoundingClientRect().width && !one.closest("script, style, title"))
    .filter(one => [...one.childNodes].some(child => child.nodeType === 3 && child.data.trim()))
    .map(one => {
        const { a, b } = one.getScreenCTM?.() ?? { a: 1, b: 0 };
        return [parseFloat(getComputedStyle(one).fontSize) * Math.hypot(a, b), one.textContent];
    })"""


@pytest.fixture(params=["light", "dark"])
def page(request, open_page):
    opened = open_page(request.param)
    opened.add_script_tag(path=AXE)
    return opened


def found(page, within) -> list[str]:
    wrong, open_questions = page.evaluate(CHECK, within)
    asked = [one for one in open_questions if not one.startswith(UNDECIDED)]
    return wrong + [one for one in asked if not any(sign in one for sign in SIGNS)]


def test_axe_finds_nothing_in_a_picture_whatever_state_it_is_in(page):
    for state, act in STATES.items():
        page.evaluate(ALL % act)
        assert found(page, ".cltutor-picture") == [], state


def test_axe_finds_nothing_in_the_window_that_a_picture_fills(page):
    for name in WINDOWS:
        picture = page.locator(".cltutor-picture").nth(list(FIGURES).index(name))
        picture.evaluate("({ cltutor }) => { cltutor.enlarge(); cltutor.read(cltutor.spots.step(-1, 1)) }")
        assert found(page, "dialog") == [], name
        picture.evaluate("({ cltutor }) => cltutor.enlarge()")


def test_text_is_large_in_the_window_that_a_picture_fills(open_page):
    page = open_page()
    for picture in page.locator(".cltutor-picture").all():
        picture.evaluate("({ cltutor }) => { cltutor.enlarge(); cltutor.read(cltutor.spots.step(-1, 1)) }")
        sizes = page.evaluate(SIZES, "dialog")
        assert min(sizes)[0] >= 14, min(sizes)
        picture.evaluate("({ cltutor }) => cltutor.enlarge()")


@pytest.mark.parametrize("width", [1280, 900])
def test_no_text_is_smaller_than_twelve_pixels(open_page, width):
    page = open_page(viewport={"width": width, "height": 720})
    page.evaluate(ALL % STATES["with the words of a spot"])
    sizes = page.evaluate(SIZES, ".cltutor-picture")
    assert len(sizes) > 500
    assert min(sizes)[0] >= 12, min(sizes)


def test_the_text_of_a_drawing_stands_out_from_what_is_behind_it(page):
    faint = {}
    page.set_viewport_size({"width": 1920, "height": 1080})  # no picture scrolls
    page.evaluate(ALL % STATES["with a layer hidden"])
    for place, name in enumerate(FIGURES):
        picture = page.locator(".cltutor-picture").nth(place)
        texts = picture.evaluate(TEXTS)
        behind = picture.locator("svg").screenshot(style=".cltutor-live svg text { visibility: hidden }")
        pixels = np.array(Image.open(io.BytesIO(behind)).convert("RGB"))
        ratios = [contrast(text, pixels) for text in texts]
        faint |= {(name, text["words"]): ratio for text, ratio in zip(texts, ratios, strict=True) if ratio < 4.5}
    assert faint == {}


def contrast(text, pixels) -> float:
    """The contrast of a text with what is behind it, from 1 to 21 (WCAG 2.1)."""
    left, top, right, bottom = (max(0, round(edge)) for edge in text["place"])
    ground = np.median(pixels[top:bottom, left:right], axis=(0, 1))
    seen = text["opacity"] * np.array(text["fill"]) + (1 - text["opacity"]) * ground
    dark, light = sorted(luminance(color / 255) for color in (seen, ground))
    return (light + 0.05) / (dark + 0.05)


def luminance(color) -> float:
    linear = np.where(color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
