"""All ten widgets in one notebook, pressed, clicked and typed at random; ten minutes of it are `benchmarks/soak.py`."""

import pytest

from benchmarks import soak

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def done(open_notebook, lab) -> soak.Soak:
    with open_notebook(soak.CELLS) as notebook:
        notebook.run_all()
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
