"""Errors of callbacks: an exception there would vanish into the kernel's log, where nobody sees it."""

import traceback

_errors: list[str] = []


def errors() -> list[str]:
    """Every error that a widget of this process has shown, oldest first, with its traceback.

    A test of a notebook must look here (or for the class "cltutor-error" in the state of the widgets): an exception in
    a callback does not fail the cell that shows the widget.
    """
    return list(_errors)


def record(error: Exception) -> str:
    """Keep an error for `errors`, and put it into words for the reader."""
    _errors.append("".join(traceback.format_exception(error)))
    if isinstance(error, ValueError | ArithmeticError):  # these are sentences for the reader
        return str(error)
    return f"Something went wrong in cltutor ({type(error).__name__}: {error}). Run this cell again."
