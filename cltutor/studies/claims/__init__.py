"""The papers' claims, checked: each with its place, its comparison, its numbers and a verdict that is computed.

``cl.claims.ledger()`` is the table with the numbers that come with cltutor; ``cltutor claims`` makes them again.
"""

from .claim import PAPERS, VERDICTS, Claim, Measure, Quantity, Trained, verdict
from .entries import CLAIMS, Entry, Ledger, ledger
from .running import check

__all__ = [
    "CLAIMS",
    "PAPERS",
    "VERDICTS",
    "Claim",
    "Entry",
    "Ledger",
    "Measure",
    "Quantity",
    "Trained",
    "check",
    "ledger",
    "verdict",
]
