"""What a reader does with a picture of an exported page: enlarge it, copy it, play it, look at one method alone."""

import base64
import io
from xml.etree import ElementTree

import pytest
from figures import FIGURES
from PIL import Image

pytestmark = pytest.mark.browser

VIEW = "({ cltutor }) => cltutor.view"
FRAME = "({ cltutor }) => cltutor.frame"
CLIPBOARD = """async type => {
    const [item] = await navigator.clipboard.read();
    const bytes = new Uint8Array(await (await item.getType(type)).arrayBuffer());
    return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
}"""


def at(page, name):
    """The picture of a figure, in view."""
    picture = page.locator(".cltutor-picture").nth(list(FIGURES).index(name))
    picture.scroll_into_view_if_needed()
    return picture


def middle(picture) -> tuple[float, float]:
    box = picture.locator("svg").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_two_fingers_enlarge_a_picture_and_one_moves_it(open_page):
    page = open_page(has_touch=True)
    picture, fingers = at(page, "accuracy_over_time"), page.context.new_cdp_session(page)

    def touch(kind, *places):
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    whole, (x, y) = picture.evaluate(VIEW), middle(picture)
    touch("touchStart", (x - 20, y), (x + 20, y))
    for apart in range(30, 70, 10):
        touch("touchMove", (x - apart, y), (x + apart, y))
    touch("touchEnd")
    near = picture.evaluate(VIEW)
    assert near[2:] == pytest.approx([side / 3 for side in whole[2:]], rel=0.01)
    assert near[0] + near[2] / 2 == pytest.approx(whole[2] / 2, abs=whole[2] / 15)
    touch("touchStart", (x, y))
    touch("touchMove", (x + 60, y))
    touch("touchEnd")
    moved = picture.evaluate(VIEW)
    assert moved[2:] == near[2:]
    assert moved[0] < near[0]


def test_the_wheel_scrolls_the_page_until_a_picture_is_entered_and_then_enlarges_it(open_page):
    page = open_page()
    picture = at(page, "accuracy_over_time")
    whole, (x, y) = picture.evaluate(VIEW), middle(picture)
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    page.wait_for_function("document.querySelector('.cltutor-picture').cltutor.zoomed")
    near = picture.evaluate(VIEW)
    assert near[2] == pytest.approx(whole[2] / 2.718, rel=0.01)
    assert near[0] + near[2] / 2 == pytest.approx(whole[2] / 2, abs=2), "the place under the pointer stays"
    picture.get_by_role("button", name="reset zoom").click()
    assert picture.evaluate(VIEW) == whole
    assert picture.get_by_role("button", name="reset zoom").is_hidden()
    page.mouse.click(x, y)
    for _ in range(3):
        page.mouse.wheel(0, -4000)
    width = "document.querySelector('.cltutor-picture').cltutor.view[2]"
    page.wait_for_function(f"nearest => {width} < 1.001 * nearest", arg=whole[2] / 16)
    page.mouse.wheel(0, -4000)
    assert picture.evaluate(VIEW)[2] == pytest.approx(whole[2] / 16), "no nearer than that"
    page.mouse.wheel(0, 40_000)
    page.wait_for_function("!document.querySelector('.cltutor-picture').cltutor.zoomed")
    page.evaluate("document.activeElement.blur()")
    before = page.evaluate("scrollY")
    page.mouse.wheel(0, 300)
    page.wait_for_function("before => scrollY > before", arg=before)
    assert picture.evaluate(VIEW) == whole


def test_a_picture_fills_the_window_and_returns_to_its_place(open_page):
    page = open_page()
    picture = at(page, "accuracy_over_time")
    width = picture.locator("svg").bounding_box()["width"]
    picture.get_by_role("spinbutton").fill("2")
    for close in (lambda: page.keyboard.press("Escape"), lambda: page.get_by_role("button", name="close").click()):
        picture.hover(position={"x": 5, "y": 5})
        picture.get_by_role("button", name="large").click()
        window = page.locator("dialog[open]")
        assert window.bounding_box() == {"x": 0, "y": 0, "width": 1280, "height": 720}
        assert window.locator("svg").bounding_box()["width"] > 1.1 * width
        assert window.get_by_role("spinbutton").input_value() == "2"
        close()
        assert page.locator("dialog").count() == 0
        assert picture.locator("svg").bounding_box()["width"] == width
        assert picture.get_by_role("button", name="large").count() == 1


@pytest.mark.parametrize(("theme", "ground", "ink"), [("light", "#fff", "#222222"), ("dark", "#111111", "#e8e8e8")])
def test_a_picture_is_copied_in_the_colours_of_its_page(open_page, theme, ground, ink):
    page = open_page(theme, permissions=["clipboard-read", "clipboard-write"])
    picture = at(page, "accuracy_over_time")
    copied = {kind: copy(page, picture, kind) for kind in ("SVG", "PNG")}
    width, height = picture.evaluate("({ cltutor }) => [cltutor.drawing.width, cltutor.drawing.height]")
    text = copied["SVG"].decode()
    root = ElementTree.fromstring(text)
    assert (root.tag, root.get("width"), root.get("height")) == (
        "{http://www.w3.org/2000/svg}svg",
        *map(str, (width, height)),
    )
    assert "var(" not in text
    assert f"fill: {ink}" in text
    image = Image.open(io.BytesIO(copied["PNG"]))
    assert image.size == (2 * width, 2 * height)
    assert image.convert("RGB").getpixel((3, 3)) == Image.new("RGB", (1, 1), ground).getpixel((0, 0))
    assert len(image.convert("RGB").getcolors(1 << 20)) > 50


def copy(page, picture, kind) -> bytes:
    """What is in the clipboard after the button."""
    picture.hover(position={"x": 5, "y": 5})
    button = picture.locator(".cltutor-tools button", has_text=kind)
    button.evaluate("button => { button.id = 'pressed' }")
    button.click()
    page.wait_for_function("document.getElementById('pressed').textContent === 'copied'")
    page.evaluate("document.getElementById('pressed').removeAttribute('id')")
    return base64.b64decode(page.evaluate(CLIPBOARD, {"SVG": "text/plain", "PNG": "image/png"}[kind]))


def test_a_page_that_may_not_write_to_the_clipboard_saves_a_file(open_page, exported):
    page = open_page()
    page.route("http://cluster.example/", lambda route: route.fulfill(path=exported["light"]))
    page.goto("http://cluster.example/", wait_until="domcontentloaded")  # without TLS there is no clipboard
    picture = at(page, "temperature")
    picture.hover(position={"x": 5, "y": 5})
    with page.expect_download() as download:
        picture.get_by_role("button", name="copy SVG").click()
    assert download.value.suggested_filename == "picture.svg"
    assert ElementTree.parse(download.value.path()).getroot().tag.endswith("svg")


def test_a_frame_is_typed_and_stepped_within_its_bounds(open_page):
    page = open_page()
    picture = at(page, "accuracy_over_time")
    last = picture.evaluate(FRAME)
    typed, named = picture.get_by_role("spinbutton"), picture.get_by_label("frames").locator("span")
    names = picture.evaluate("({ cltutor }) => cltutor.drawing.frames.names")
    for value, frame in (("2", 1), ("", 1), ("99", last), ("0", 0), ("1.6", 1)):
        typed.fill(value)
        assert picture.evaluate(FRAME) == frame, value
        assert named.inner_text() == names[frame]
    for _ in range(last + 2):
        picture.get_by_role("button", name="one frame on").click()
    assert picture.evaluate(FRAME) == last
    for _ in range(last + 2):
        picture.get_by_role("button", name="one frame back").click()
    assert picture.evaluate(FRAME) == 0
    assert picture.get_by_role("slider").get_attribute("aria-valuetext") == names[0]


@pytest.mark.parametrize(("motion", "pause"), [("reduce", 1000), ("no-preference", 700)])
def test_frames_play_to_the_end_slowly_where_motion_is_reduced(open_page, motion, pause):
    page = open_page(reduced_motion=motion)
    picture = at(page, "accuracy_matrix")
    page.clock.install(time=0)
    page.clock.pause_at(10_000)
    last = picture.evaluate(FRAME)
    picture.get_by_role("button", name="play").click()
    assert picture.evaluate(FRAME) == 0, "from the beginning, since it was at its end"
    page.clock.run_for(pause - 50)
    assert picture.evaluate(FRAME) == 0
    page.clock.run_for(100)
    assert picture.evaluate(FRAME) == 1
    picture.get_by_role("button", name="pause").click()
    page.clock.run_for(5000)
    assert picture.evaluate(FRAME) == 1
    picture.get_by_role("button", name="play").click()
    page.clock.run_for(pause * last)
    assert picture.evaluate(FRAME) == last
    assert picture.get_by_role("button", name="play").count() == 1


def test_shift_and_click_show_one_method_alone_and_then_all_again(open_page):
    page = open_page()
    picture = at(page, "accuracy_over_time")
    entries = picture.locator("[role=button][data-entry]")
    entries.filter(has_text="lwf").click(modifiers=["Shift"])
    assert read(picture) == {"lwf"}
    pressed = {entry.get_attribute("data-entry"): entry.get_attribute("aria-pressed") for entry in entries.all()}
    assert pressed.pop("lwf") == "true"
    assert set(pressed.values()) == {"false"}
    entries.filter(has_text="lwf").click(modifiers=["Shift"])
    assert read(picture) == {"finetune", "lwf"}
    assert {entry.get_attribute("aria-pressed") for entry in entries.all()} == {"true"}


def read(picture) -> set[str]:
    """The methods whose values can be read."""
    words = (
        "({ cltutor }) => [...cltutor.spots.x.keys()].filter(i => cltutor.spots.shown[i]).map(i => cltutor.words(i))"
    )
    return {each.split(",")[0] for each in picture.evaluate(words)}


@pytest.mark.parametrize("larger", ["zoom: 1.5", "transform: scale(1.5); transform-origin: 0 0"])
def test_words_stand_beside_their_spot_also_on_a_slide_that_is_shown_larger(open_page, larger):
    page = open_page()
    picture = at(page, "accuracy_matrix")
    picture.evaluate("(picture, larger) => { picture.style.cssText = larger; }", larger)
    picture.scroll_into_view_if_needed()
    place = """({ cltutor: { spots, svg } }) => {
        const spot = spots.shown.findIndex(there => there), { a, d, e, f } = svg.getScreenCTM();
        return [e + a * spots.x[spot], f + d * spots.y[spot]];
    }"""
    page.mouse.move(*picture.evaluate(place))
    mark = picture.evaluate("({ cltutor }) => cltutor.marks.getBoundingClientRect().toJSON()")
    tip = picture.locator(".cltutor-tip").bounding_box()
    assert tip["x"] - mark["right"] == pytest.approx(8 * 1.5, abs=1)
    apart = max(tip["y"] - mark["bottom"], mark["top"] - tip["y"] - tip["height"])
    assert apart == pytest.approx(4 * 1.5, abs=1)
