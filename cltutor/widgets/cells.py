"""The widgets that each notebook cell has made: those of a cell that runs again are closed, and their memory freed."""

import sys
import weakref
from collections.abc import Callable
from typing import Any

Running = tuple[str, str]  # the identity of a cell, and of this run of it


def running_cell() -> Running | None:
    """The notebook cell that runs now; None where there is none, as in the callback of a button."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    request = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell = request.get("metadata", {}).get("cellId")
    return (cell, request["header"]["msg_id"]) if cell else None


class Cells:
    """Closes what a cell made when it ran before: its output is gone, too. running: tests give another."""

    def __init__(self, running: Callable[[], Running | None] = running_cell) -> None:
        self.running = running
        self._made: dict[str, tuple[str, weakref.WeakSet]] = {}

    def add(self, widget: Any) -> None:
        """Called when a widget is made."""
        if (now := self.running()) is None:
            return
        cell, execution = now
        before, made = self._made.get(cell, (execution, weakref.WeakSet()))
        if before != execution:
            for old in list(made):
                old.close()
            made = weakref.WeakSet()
        made.add(widget)
        self._made[cell] = execution, made
