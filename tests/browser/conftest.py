"""A real JupyterLab, driven in a real browser: nothing of the user's is read or written."""

from functools import partial
from pathlib import Path

import nbconvert
import pytest
from figures import drawn
from nbformat import v4

from benchmarks import browsing


@pytest.fixture(scope="session")
def lab(tmp_path_factory, chromium) -> browsing.Lab:
    with browsing.lab(tmp_path_factory.mktemp("lab")) as started:
        yield started


@pytest.fixture(scope="session")
def browser(chromium):
    with browsing.browser(chromium) as started:
        yield started


@pytest.fixture(scope="session")
def open_notebook(lab, browser):
    """`with open_notebook(path or cells) as notebook:` the notebook in JupyterLab, its kernel ready."""
    return partial(browsing.opened, lab, browser)


@pytest.fixture(scope="module")
def tool(open_notebook, request) -> browsing.Widget:
    """The one widget, of the class ``TOOL``, in a notebook of the test module's ``CELLS``."""
    with open_notebook(request.module.CELLS) as opened:
        opened.run_all()
        (found,) = opened.tools(request.module.TOOL)
        yield found
        assert opened.errors() == []


@pytest.fixture(scope="session")
def exported(tmp_path_factory) -> dict[str, Path]:
    """theme -> a notebook of every figure, exported as HTML in it."""
    outputs = [v4.new_output("display_data", data=picture._repr_mimebundle_()) for picture in drawn().values()]
    book = v4.new_notebook(cells=[v4.new_code_cell(outputs=[output]) for output in outputs])
    folder, pages = tmp_path_factory.mktemp("exported"), {}
    for theme in ("light", "dark"):
        pages[theme] = folder / f"{theme}.html"
        pages[theme].write_text(nbconvert.HTMLExporter(theme=theme).from_notebook_node(book)[0])
    return pages


@pytest.fixture
def open_page(exported, browser):
    """`open_page(theme, **options of Playwright's context)`: that page, opened from disk without a network."""
    contexts = []

    def opened(theme="light", **options):
        size = {"viewport": {"width": 1280, "height": 720}}
        contexts.append(browser.browser.new_context(offline=True, **size | options))
        page = contexts[-1].new_page()
        page.goto(exported[theme].as_uri(), wait_until="domcontentloaded")
        page.wait_for_selector(".cltutor-live svg")
        return page

    yield opened
    for context in contexts:
        context.close()
