"""Pictures that respond, as a reader meets them: in JupyterLab, in a saved notebook without a kernel, and exported."""

import json
from pathlib import Path

import nbconvert
import nbformat
import pytest
from figures import FIGURES, FRAMES, LAYERS, SETUP

from benchmarks import browsing

pytestmark = pytest.mark.browser

CELLS = [SETUP, "import json; print(json.dumps([" + ", ".join(words for _, words in FIGURES.values()) + "]))"]
CELLS += [code for code, _ in FIGURES.values()]

FIND = """(picture, words) => {
    const { spots, svg } = picture.cltutor;
    const found = spots.which.findIndex((_, spot) => picture.cltutor.words(spot).includes(words));
    if (found < 0) return null;
    svg.scrollIntoView({ block: "center" });
    const { a, d, e, f } = svg.getScreenCTM();
    return [e + a * spots.x[found], f + d * spots.y[found]];
}"""

# The rest of the way in the page: a key that Playwright presses takes 20 ms.
WALK = """picture => {
    const [stage, reached] = [picture.cltutor, new Set()];
    while (!reached.has(stage.current)) {
        reached.add(stage.current);
        stage.svg.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    }
    return reached.size;
}"""


def of_jupyterlab(error) -> bool:
    """JupyterLab's own complaint where a kernel is shut down; of an unanswered request it may have no stack."""
    return "/static/lab/" in (error.stack or "") or "Canceled future for " in str(error)


class Faults(list):
    """What a page complains about, but for what it cannot fetch."""

    def watch(self, page):
        page.on("pageerror", lambda error: of_jupyterlab(error) or self.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.complain(message))
        return page

    def complain(self, message):
        if "Failed to load resource" not in message.text and "cltutor" in str(message.location) + message.text:
            self.append(message.text)


@pytest.fixture(scope="module")
def saved(lab, open_notebook, tmp_path_factory):
    """The notebook with its outputs, as JupyterLab saved it, after it was tried there: (path, words, faults)."""
    faults = Faults()
    with open_notebook(CELLS) as notebook:
        faults.watch(notebook.page)
        notebook.run_all()
        assert notebook.errors() == []
        words = json.loads(notebook.cells()[1].outputs[0].text)
        tried = {name: try_figure(notebook.page, place, words[place]) for place, name in enumerate(FIGURES)}
        notebook.page.evaluate("async () => { await jupyterapp.commands.execute('docmanager:save') }")
        path = Path(lab.folder) / notebook.page.evaluate("jupyterapp.shell.currentWidget.context.path")
        assert notebook.errors() == []
    return path, words, tried, faults


def try_figure(page, place, words) -> dict:
    """What a reader does with the picture at this place of the page, and what is seen then."""
    picture = page.locator(".cltutor-picture").nth(place)
    picture.scroll_into_view_if_needed()
    seen = {"spots": picture.evaluate("picture => picture.cltutor.spots.shown.reduce((sum, there) => sum + there)")}
    page.mouse.move(*picture.evaluate(FIND, words))
    seen["tip"] = picture.locator(".cltutor-tip").inner_text()
    entry = picture.locator("[role=button][data-entry]").first
    hidden = "picture => [...picture.cltutor.all('layer')].filter(part => part.style.display === 'none').length"
    if entry.count():
        entry.click()
        seen["hidden"], seen["pressed"] = picture.evaluate(hidden), entry.get_attribute("aria-pressed")
        entry.press("Shift+Enter")
        seen["alone"] = picture.evaluate("picture => [...picture.cltutor.hidden]")
        entry.press("Shift+Enter")
        seen["again"] = picture.evaluate(hidden)
    back = picture.get_by_role("button", name="one frame back")
    if back.count():
        svg = "picture => picture.querySelector('svg').innerHTML"
        before, at = picture.evaluate(svg), picture.evaluate("picture => picture.cltutor.frame")
        back.click()
        seen["stepped"] = picture.evaluate(svg) != before
        picture.get_by_role("spinbutton").fill(str(at + 1))
        seen["returned"] = picture.evaluate("picture => picture.cltutor.frame") == at
    seen["reached"] = walk(page, picture)
    return seen


def walk(page, picture) -> int:
    """How many spots the arrow keys reach, once Tab has entered the picture."""
    svg = picture.locator("svg")
    picture.get_by_role("button", name="large").focus()
    for _ in range(12):
        if svg.evaluate("svg => document.activeElement === svg"):
            break
        page.keyboard.press("Shift+Tab")
    assert svg.evaluate("svg => document.activeElement === svg")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert picture.evaluate("picture => picture.cltutor.current") >= 0
    reached = picture.evaluate(WALK)
    assert picture.locator(".cltutor-tip").inner_text()
    return reached


def check(name, seen, words):
    """The picture did what it should."""
    assert words in seen["tip"], name
    assert seen["spots"] > 1, name
    assert seen["reached"] == seen["spots"], name
    if "pressed" in seen:
        assert seen["pressed"] == "false"
        assert seen["hidden"] > 0
        assert seen["again"] == 0
    assert seen.get("stepped", True)
    assert seen.get("returned", True)


@pytest.mark.parametrize("name", FIGURES)
def test_a_picture_responds_in_jupyterlab(saved, name):
    _, words, tried, faults = saved
    check(name, tried[name], words[list(FIGURES).index(name)])
    assert faults == []
    assert ("hidden" in tried[name]) == (name in LAYERS)
    assert ("stepped" in tried[name]) == (name in FRAMES)


def test_a_saved_notebook_responds_without_a_kernel(saved, lab, browser):
    path, words, _, _ = saved
    faults, page = Faults(), browsing.lab_page(lab, browser)
    faults.watch(page).reload()
    page.wait_for_function("window.jupyterapp && jupyterapp.restored")
    page.evaluate("async () => { await jupyterapp.restored }")
    opening = "async path => { await jupyterapp.commands.execute('docmanager:open', { path }) }"
    page.evaluate(opening, path.name)
    page.wait_for_selector(".cltutor-live svg")
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.ready }")
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.shutdown() }")
    try:
        for place, name in enumerate(FIGURES):
            check(name, try_figure(page, place, words[place]), words[place])
    finally:
        page.evaluate("() => { jupyterapp.shell.currentWidget.dispose() }")
    assert faults == []


def exported(saved, browser, folder, **options):
    """The notebook as HTML, opened from disk without a network; options: of the exporter."""
    book = nbformat.read(saved[0], as_version=4)
    html, _ = nbconvert.HTMLExporter(**options).from_notebook_node(book)
    (folder / "page.html").write_text(html)
    page = browser.browser.new_context(offline=True, viewport=browsing.SIZE).new_page()
    faults = Faults()
    faults.watch(page).goto(f"file://{folder}/page.html", wait_until="domcontentloaded")
    return page, faults


def test_an_exported_page_responds_from_disk_without_a_network(saved, browser, tmp_path):
    page, faults = exported(saved, browser, tmp_path)
    page.wait_for_selector(".cltutor-live svg")
    for place, name in enumerate(FIGURES):
        check(name, try_figure(page, place, saved[1][place]), saved[1][place])
    page.context.close()
    assert faults == []


def test_an_export_that_allows_no_image_shows_the_words_and_no_source(saved, browser, tmp_path):
    page, faults = exported(saved, browser, tmp_path, sanitize_html=True)
    shown = page.locator("[data-mime-type='text/html']").all_inner_texts()
    assert len(shown) == len(FIGURES)
    for words in shown:
        assert words.strip().endswith(".")
        assert "base64" not in words
        assert "<" not in words
    page.context.close()
    assert faults == []


def test_a_page_that_drops_scripts_shows_the_image_with_its_words(saved, open_notebook):
    with open_notebook(saved[0], ("1",)) as notebook:  # one more cell, so that nobody has signed it
        page = notebook.page
        page.wait_for_selector(".cltutor-picture img")
        assert page.locator(".cltutor-live").count() == 0
        images = page.locator(".cltutor-picture img")
        assert images.count() == len(FIGURES)
        for alt, width in images.evaluate_all("images => images.map(image => [image.alt, image.naturalWidth])"):
            assert alt.endswith(".")
            assert len(alt) > 20
            assert width > 300


def test_what_is_touched_reaches_python_and_comes_back(open_notebook):
    cells = [
        "import cltutor as cl\nfrom cltutor.show.picture import Picture\n"
        "def box(words):\n    picture = Picture(4, 2, alt=words)\n    picture.spot((1, 0.5, 2, 1), words)\n"
        "    return picture",
        "cl.widgets.Stage(box('before.'), lambda spot: box(f'after {spot[\"words\"]}'))",
    ]
    with open_notebook(cells) as notebook:
        notebook.run_all()
        svg = notebook.page.locator(".cltutor-live svg")
        svg.click(position={"x": 200, "y": 100})
        notebook.page.wait_for_selector('svg[aria-label^="after before."]')
        assert notebook.page.locator(".cltutor-tip").inner_text() == "after before."
        svg.press("Enter")
        notebook.page.wait_for_selector('svg[aria-label^="after after before."]')
        assert notebook.errors() == []
