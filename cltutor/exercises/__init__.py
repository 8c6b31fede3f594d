"""The notebooks' exercises, checked on the spot: `check("01-forgetting", answer)`.

One module holds the exercises of one notebook.
"""

from . import notebook_01, notebook_02, notebook_03, notebook_04, notebook_05, notebook_06, notebook_07, notebook_08
from .checking import Check, check, names
from .reports import ClassReport, read_reports, report

MATRIX = notebook_01.MATRIX
COMPARISON = notebook_07.COMPARISON

__all__ = [
    "COMPARISON",
    "MATRIX",
    "Check",
    "ClassReport",
    "check",
    "names",
    "notebook_01",
    "notebook_02",
    "notebook_03",
    "notebook_04",
    "notebook_05",
    "notebook_06",
    "notebook_07",
    "notebook_08",
    "read_reports",
    "report",
]
