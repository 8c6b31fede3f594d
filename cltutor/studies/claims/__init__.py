"""The papers' claims, checked: each with its place, its comparison, its numbers and a verdict that is computed.

``cl.claims.ledger()`` is the table with the numbers that come with cltutor; ``cltutor claims`` makes them again.
"""

from .claim import PAPERS, Claim, Quantity, Range
from .deciding import VERDICTS, Trial, verdict
from .entries import Ledger, ledger
from .entry import Entry, Found
from .running import check

__all__ = [
    "PAPERS",
    "VERDICTS",
    "Claim",
    "Entry",
    "Found",
    "Ledger",
    "Quantity",
    "Range",
    "Trial",
    "check",
    "ledger",
    "verdict",
]
