"""A real JupyterLab, driven in a real browser: nothing of the user's is read or written."""

from functools import partial

import pytest

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
