"""The ledger as an interactive table of a notebook: by paper, filtered by verdict, with all trials of a row."""

import hashlib
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from .claim import PAPERS, SIGNS
from .deciding import CEILING, CONSTRUCTION, FAILS, HOLDS, NOT_RUN, UNCONVERGED, UNDECIDED, VERDICTS, Trial
from .entry import Entry
from .page import where

if TYPE_CHECKING:
    from .entries import Ledger

SCRIPT = Path(__file__).resolve().parent / "ledger.js"
MARKS = {HOLDS: "✓", FAILS: "✗", UNDECIDED: "?", CEILING: "▔", UNCONVERGED: "…", CONSTRUCTION: "≡", NOT_RUN: "·"}
HEADER = ("paper and place", "claim", "comparison", "difference", "p", "verdict")
STYLE = """
.cl-ledger { color: var(--jp-content-font-color1, CanvasText); font-size: 13px; max-width: 75em }
.cl-ledger table { border-collapse: collapse; width: 100% }
.cl-ledger :is(td, th) { text-align: left; vertical-align: top; padding: 3px 8px; border-top: 1px solid #8886 }
.cl-ledger td { white-space: normal }
.cl-ledger button { font: inherit; margin: 2px; padding: 1px 8px; background: none; color: inherit }
.cl-ledger :is(button, .panel) { border: 1px solid #888; border-radius: 4px }
.cl-ledger button[aria-pressed=true] { outline: 2px solid currentColor; font-weight: bold }
.cl-ledger .panel { display: none; position: sticky; top: 0; min-height: 11em; padding: 6px 10px; z-index: 1 }
.cl-ledger .panel { background: var(--jp-layout-color1, Canvas) }
.cl-ledger.alive .panel { display: block }
.cl-ledger .panel summary { list-style: none; font-weight: bold }
.cl-ledger .pointed { background: #8882 }
.cl-ledger code { font-size: 12px; overflow-wrap: anywhere; white-space: normal }
""".strip()


def interactive(ledger: "Ledger") -> str:
    """HTML. Without its script, as in a sanitised page, it is the same table, and a row opens by its claim."""
    name = "ledger-" + hashlib.sha256(repr([entry.said for entry in ledger]).encode()).hexdigest()[:10]
    head = "".join(f"<th>{title}</th>" for title in HEADER)
    body = "".join(_row(entry, ledger) for entry in ledger)
    script = SCRIPT.read_text(encoding="utf-8").replace("LEDGER", f'"{name}"', 1)
    return (
        f'<div class="cl-ledger" id="{name}"><style>{STYLE}</style><div>{_filters(ledger)}</div>'
        f'<div class="panel" aria-live="polite">Point at a claim, or walk the claims with Tab: its trials and its two '
        f"recipes are shown here.</div><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f'<script type="module">{script}</script></div>'
    )


def _filters(ledger: "Ledger") -> str:
    counts = ledger.counts()
    papers = {paper: len(ledger.of(paper)) for paper in PAPERS}
    verdicts = [
        _button("verdict", word, f"{MARKS[word]} {word}: {counts[word]}") for word in VERDICTS if word in counts
    ]
    chosen = [
        _button("paper", paper, f"{PAPERS[paper].split(' (')[0]}: {count}") for paper, count in papers.items() if count
    ]
    return f"{''.join(chosen)}<br>{''.join(verdicts)} <output>{len(ledger)} claims</output>"


def _button(name: str, value: str, words: str) -> str:
    return f'<button type="button" name="{name}" value="{escape(value)}" aria-pressed="false">{escape(words)}</button>'


def _row(entry: Entry, ledger: "Ledger") -> str:
    claim = entry.claim
    _, _, gap, p = entry.numbers()
    about = f"<details><summary>{escape(claim.sentence)}</summary>{_details(entry, ledger)}</details>"
    verdict = f"{MARKS[entry.verdict]} {escape(entry.said)}"
    cells = (escape(f"{claim.paper}, {claim.place}"), about, escape(claim.comparison), escape(gap), escape(p), verdict)
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr data-paper="{claim.paper}" data-verdict="{escape(entry.verdict)}">{row}</tr>'


def _details(entry: Entry, ledger: "Ledger") -> str:
    claim = entry.claim
    lines = [f"{claim.statistic}{'' if claim.counted else ' on ' + where(entry)}", f"differs in: {entry.differing}"]
    if claim.range:
        lines.append(claim.range.words(claim.sides))
    lines += [claim.construction] if claim.construction else []
    lines += [entry.settings] if entry.settings else []
    parts = "".join(f"<div>{escape(line)}</div>" for line in lines)
    if entry.trials and not claim.counted:
        parts += _strip(entry) + f"<div>{escape(_listed(entry.trials))}</div>"
    return parts + "".join(f"<div><code>{escape(code)}</code></div>" for code in recipes(entry, ledger))


def recipes(entry: Entry, ledger: "Ledger") -> list[str]:
    """The code of the recipes of a claim's first trial."""
    keys = entry.found.keys[: len(entry.claim.left.sides) + len(entry.claim.right.sides)] if entry.found else []
    return list(dict.fromkeys(ledger.records[key].recipe for key in keys if key in ledger.records))


def _listed(trials: list[Trial]) -> str:
    """All trials, left against right."""
    return "trials: " + "; ".join(f"{trial.left:.4g} and {trial.right:.4g}" for trial in trials)


def _strip(entry: Entry, width: int = 420) -> str:
    """The differences of the trials as marks on a line, with zero, the margin, and the interval of the mean."""
    values, (mean, half) = entry.differences, entry.difference
    ends = [*values, mean - half, mean + half, -entry.claim.margin, entry.claim.margin, 0.0]
    if not all(abs(value) < float("inf") for value in ends):
        return ""
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0

    def x(value: float) -> str:
        return f"{10 + (width - 20) * (value - low) / span:.1f}"

    words = f"left minus right, claimed {SIGNS[entry.claim.side]} 0: {', '.join(f'{value:+.3g}' for value in values)}"
    margin = entry.claim.margin
    lines = "".join(f'<line x1="{x(at)}" x2="{x(at)}" y1="2" y2="26"/>' for at in dict.fromkeys((0.0, -margin, margin)))
    dots = "".join(f'<circle cx="{x(value)}" cy="10" r="3"/>' for value in values)
    bar = f'<line x1="{x(mean - half)}" x2="{x(mean + half)}" y1="20" y2="20" stroke-width="4"/>'
    return (
        f'<svg role="img" aria-label="{escape(words)}" width="{width}" height="28" stroke="currentColor" '
        f'fill="currentColor" fill-opacity="0.5">{lines}{dots}{bar}</svg>'
    )
