"""What all widgets promise a reader, in one notebook, at last pressed, clicked and typed at random.

Ten minutes of random actions are `benchmarks/soak.py`.
"""

import pytest

from benchmarks import browsing, soak
from tests.browser.test_accessible import AXE

pytestmark = pytest.mark.browser

STATES = """tool => [...tool.querySelectorAll('.widget-toggle-button:not(.cltutor-fold)')]
    .map(e => e.getAttribute('aria-pressed') === String(e.classList.contains('mod-active')))"""
HANDLES = "tool => [...tool.querySelectorAll('.noUi-handle')].map(e => e.getAttribute('aria-label') ?? '')"
RULES = "async tool => (await axe.run(tool, { runOnly: ['wcag2a', 'wcag21a'] })).violations"
BOTTOM = "tool => tool.querySelector('.cltutor-live svg').getBoundingClientRect().bottom"


@pytest.fixture(scope="module")
def notebook(open_notebook):
    with open_notebook(soak.CELLS) as opened:
        opened.run_all()
        yield opened


@pytest.fixture
def tools(notebook) -> dict[str, browsing.Widget]:
    return {name: notebook.tools(f"cltutor-{name}")[0] for name in soak.TOOLS}


def test_each_opens_with_a_picture_that_fits_a_small_screen_without_scrolling(notebook, tools):
    page = notebook.page
    page.set_viewport_size({"width": 1280, "height": 720})
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    bottoms = {}
    for name, tool in tools.items():
        tool.place.evaluate("tool => tool.closest('.jp-OutputArea').scrollIntoView({ block: 'start' })")
        bottoms[name] = tool.place.evaluate(BOTTOM)
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    page.set_viewport_size(browsing.SIZE)
    assert {name: bottom for name, bottom in bottoms.items() if bottom > 696} == {}  # the status bar begins


def test_buttons_have_a_state_and_sliders_a_name(notebook, tools):
    notebook.page.add_script_tag(path=AXE)
    for name, tool in tools.items():
        assert all(tool.place.evaluate(STATES)), name
        assert all(tool.place.evaluate(HANDLES)), name
        wrong = [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in tool.place.evaluate(RULES)]
        assert wrong == [], name


def test_train_is_at_most_ten_tabs_away_and_has_a_key(notebook, tools):
    for name, tool in tools.items():
        if not tool.button("Train").count():
            continue
        tool.place.evaluate("tool => { tool.tabIndex = -1; tool.focus() }")
        for _ in range(10):
            notebook.page.keyboard.press("Tab")
            if "Train" in notebook.page.evaluate("document.activeElement.textContent"):
                break
        else:
            raise AssertionError(f"{name}: Train is more than 10 Tabs away")
        assert tool.button("Train").get_attribute("title").endswith("(key t)")


def test_the_key_of_large_type_works_wherever_the_focus_is_inside(tools):
    for name, tool in tools.items():
        tool.button("large type").focus()
        for large in (True, False):
            tool.notebook.page.keyboard.press("l")
            known = f"tool => tool.classList.contains('cltutor-large') === {str(large).lower()}"
            tool.until(lambda tool=tool, known=known: tool.place.evaluate(known))
        assert tool.button("large type").get_attribute("aria-pressed") == "false", name


def test_a_line_of_code_shows_all_of_itself(tools):
    tool = tools["method-toggle"]
    line = (
        'cl.widgets.MethodToggle(stream, method="lwf", methods=("finetune", "lwf", "l2", "joint", "feature_extraction")'
    )
    tool.type("as code", f"{line}, epochs=3, temperature=3.5, lam=0.25)")
    field = tool.field("as code")
    tool.until(lambda: len(field.input_value()) > 140)
    tool.until(lambda: field.evaluate("e => e.scrollHeight <= e.clientHeight + 2 && e.scrollWidth <= e.clientWidth"))
    assert tool.has_no_error()


def test_a_list_shows_all_classes_when_they_are_chosen_in_the_page(tools):
    heads = tools["temperature"].field("answers for")
    for place in (1, 0, 2, 0):
        heads.select_option(index=place)
        tools["temperature"].notebook.page.wait_for_timeout(1000)  # the kernel's answer, too
        assert heads.evaluate("e => e.selectedIndex") == place


@pytest.fixture(scope="module")
def done(notebook, lab) -> soak.Soak:
    return soak.soak(notebook, soak.kernel_of(lab), seconds=30, seed=1, rounds=2)


def test_random_actions_do_no_harm_and_every_button_comes_back(done):
    assert done.faults == []
    assert done.actions.total() > 20
    assert len(done.actions) > 5


def test_cells_that_run_again_free_what_they_made_before(done):
    assert done.counts[0]["tools"] == len(soak.TOOLS)
    assert done.leaks == {}


def test_neither_kernel_nor_page_grow(done):
    assert done.growth < soak.GROWTH
