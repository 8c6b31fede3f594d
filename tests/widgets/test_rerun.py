"""A cell that runs again frees what its widget held before: models, pictures and threads."""

import gc
import itertools
import threading
import weakref

import ipywidgets
import pytest
from jupyter_client.manager import start_new_kernel
from torch import nn

import cltutor as cl
from cltutor.training.events import Stepped
from cltutor.widgets.base import Cells
from tests.widgets.test_contract import CASES, OTHERS, TRAINERS, shown  # noqa: F401


@pytest.fixture
def cell(shown, watched):  # noqa: F811
    """`cell(name)` makes a widget as the same cell does, once more at each call."""
    runs = itertools.count()
    cells = Cells(lambda: ("cell", str(next(runs))))

    def run(name):
        kind = getattr(cl.widgets, name)
        again = type(kind.__name__, (kind,), {"cells": cells})
        return watched(again, *shown[name].values(), **CASES[name][0])

    return run


def made():
    """All widgets of this process."""
    return ipywidgets.widgets.widget._instances


def models():
    gc.collect()
    return [one for one in gc.get_objects() if issubclass(type(one), nn.Module | cl.Run)]


def own_threads():
    """Those that end; a thread that measures waits for more as long as its widget lives."""
    names = "cltutor training", "cltutor behind the page"
    return [thread for thread in threading.enumerate() if thread.name in names]


def live(threads):
    """Those that are alive after a moment: a step under way may end."""
    for thread in threads:
        thread.join(5)
    return [thread for thread in threads if thread.is_alive()]


@pytest.mark.parametrize("name", CASES)
def test_models_pictures_and_threads_of_the_first_are_gone(cell, name):
    live(own_threads())  # of the widgets of other tests
    before, instances = {id(one) for one in models()}, set(made())
    threads = {thread.ident for thread in threading.enumerate()}  # a thread itself holds what it was to do
    first = cell(name)
    if name in TRAINERS:
        begun = threading.Event()
        first.train.stop = lambda event: begun.set() if isinstance(event, Stepped) else None
        first.actions.train.click()
        assert begun.wait(60)
    own = [weakref.ref(one) for one in models() if id(one) not in before]
    widgets = set(made()) - instances
    running = [thread for thread in threading.enumerate() if thread.ident not in threads]
    second = cell(name)
    assert live(running) == []
    assert [made()[one] for one in widgets & set(made())] == []
    running.clear()
    gc.collect()
    assert [one() for one in own if one() is not None] == []
    with pytest.raises(AttributeError, match="its cell has run again, use the new one"):
        _ = first.draw
    assert second.errors == []
    second.close()


class Closable:
    def __init__(self):
        self.closed = False

    def close(self):
        self.closed = True


def test_widgets_of_one_run_of_a_cell_of_other_cells_and_of_callbacks_stay():
    now = ["cell", "first"]
    cells = Cells(lambda: tuple(now) if now else None)
    one, other, elsewhere, called = (Closable() for _ in range(4))
    cells.add(one)
    cells.add(other)
    now[:] = "other cell", "second"
    cells.add(elsewhere)
    now[:] = []
    cells.add(called)
    assert not any(widget.closed for widget in (one, other, elsewhere, called))
    now[:] = "cell", "third"
    cells.add(Closable())
    assert (one.closed, other.closed, elsewhere.closed, called.closed) == (True, True, False, False)


CELL = """
import cltutor as cl
from cltutor.widgets.base import running_cell
print(running_cell())
"""


def test_a_kernel_says_which_cell_runs():
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        said = []
        for metadata in ({"cellId": "a cell"}, {}):
            message = client.session.msg("execute_request", {"code": CELL, "silent": False}, metadata=metadata)
            client.shell_channel.send(message)
            while (heard := client.get_iopub_msg(timeout=60))["msg_type"] != "stream":
                pass
            said.append((heard["content"]["text"].strip(), message["header"]["msg_id"]))
        assert said[0][0] == repr(("a cell", said[0][1]))
        assert said[1][0] == "None"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
