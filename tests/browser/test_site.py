"""The built pages, opened from disk without a network: pictures respond, nothing fails, no other host is asked."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
PLACE = """picture => {
    const { spots, svg } = picture.cltutor;
    svg.scrollIntoView({ block: "center" });
    const { a, d, e, f } = svg.getScreenCTM();
    const found = spots.which.findIndex((_, spot) => spots.shown[spot]);
    return [e + a * spots.x[found], f + d * spots.y[found]];
}"""

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture(scope="module")
def site() -> Path:
    """The pages of this checkout; outputs that are kept from an earlier build are used."""
    if importlib.util.find_spec("myst_nb") is None:
        pytest.skip('the site needs pip install -e ".[docs]"')
    done = subprocess.run([sys.executable, str(ROOT / "docs" / "site" / "build.py")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "build" / "site" / "html"


@pytest.fixture
def opened(site, browser):
    """opened("notebooks/00_start_here"): the page, what it asked other hosts for, and what it complained about."""
    contexts = []

    def open_(name):
        contexts.append(browser.browser.new_context(offline=True, viewport={"width": 1280, "height": 720}))
        page, asked, said = contexts[-1].new_page(), [], []
        page.on("request", lambda sent: sent.url.startswith(("http:", "https:")) and asked.append(sent.url))
        page.on("console", lambda message: message.type == "error" and said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto((site / f"{name}.html").as_uri(), wait_until="load")
        return page, asked, said

    yield open_
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebooks_pictures_respond_and_nothing_fails(opened, name):
    page, asked, said = opened(f"notebooks/{name}")
    page.wait_for_selector(".cltutor-live svg")
    page.wait_for_selector(".jupyter-widgets .cltutor-live svg", state="attached")
    pictures = page.locator(":has(> .cltutor-live)")
    assert pictures.count() >= 2
    framed = 0
    for place in range(pictures.count()):
        picture = pictures.nth(place)
        if not picture.is_visible():
            continue
        if picture.evaluate("picture => picture.cltutor.spots.shown.some(there => there)"):
            page.mouse.move(*picture.evaluate(PLACE))
            assert picture.locator(".cltutor-tip").inner_text().strip()
        back = picture.get_by_role("button", name="one frame back")
        if back.count():
            framed += 1
            before = picture.evaluate("picture => picture.cltutor.frame")
            back.click()
            assert picture.evaluate("picture => picture.cltutor.frame") != before
    assert framed or name[:2] in ("03", "07"), "every notebook but these two, which compare ends, has frames to play"
    assert asked == []
    assert said == []


@pytest.mark.parametrize(
    "name", ["index", "gallery", "api/index", "api/losses", "docs/claims", "docs/glossary", "search"]
)
def test_the_other_pages_fail_at_nothing_and_ask_no_other_host(opened, name):
    page, asked, said = opened(name)
    assert page.locator("h1").first.inner_text().strip()
    assert asked == []
    assert said == []


def test_equations_are_drawn_without_a_script(opened):
    page, _, _ = opened("notebooks/02_learning_without_forgetting")
    assert page.locator("div.cltutor-math math").count() >= 3
    assert page.locator(".cltutor-tag").first.inner_text() == "(1)"
