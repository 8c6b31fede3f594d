"""Reads the prose of the notebooks, the README and docs/: phrases of docs/style.txt, and the length of sentences.

python docs/prose.py  # every hit, and each notebook's mean sentence length; status 1 if something is wrong
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WORDS = 20  # a notebook's sentences are shorter on average
Style = list[tuple[str, re.Pattern, str]]


def style(path: Path = ROOT / "docs" / "style.txt") -> Style:
    """The entries of a style file: what it lists, the pattern that finds it, and the replacement."""
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        listed, arrow, better = line.rpartition(" => ")
        if not arrow:
            raise ValueError(f"{path.name}: 'phrase => replacement' is missing in {line!r}.")
        regular = len(listed) > 2 and listed[0] == listed[-1] == "/"
        words = listed[1:-1] if regular else r"\s+".join(map(re.escape, listed.split())).join((r"(?<!\w)", r"(?!\w)"))
        entries.append((listed, re.compile(words, re.IGNORECASE), better))
    return entries


def cells(path: Path, kind: str = "") -> list[str]:
    """The text of a notebook's cells, of one kind if it is named."""
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if kind in ("", cell["cell_type"])]


def hits(text: str, entries: Style) -> list[str]:
    """Every phrase of the style file that a text uses, with its line and what to write instead."""
    found = []
    for listed, pattern, better in entries:
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"line {line}: {' '.join(match[0].split())!r} (instead of {listed!r} write: {better})")
    return found


def sentences(markdown: str) -> list[str]:
    """The sentences of a text in Markdown: without code, equations, headings, tables and links' targets."""
    text = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    text = re.sub(r"\$\$.*?\$\$", ".", text, flags=re.DOTALL)
    text = re.sub(r"\$[^$\n]*\$|`[^`\n]*`", "X", text)
    text = re.sub(r"<[^>]*>", "\n\n", text)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("#", "|"))]
    items = (re.sub(r"^\s*(?:[-*]|\d+\.)\s", "\n", line) for line in lines)
    blocks = re.split(r"\n\s*\n", "\n".join(items))
    guarded = (re.sub(r"\b(eq|e\.g|i\.e|cf|vs|al)\.", r"\1", block) for block in blocks)
    ends = (re.split(r"(?<=[.!?:;])[\"”*)\]]*\s+(?=[\w\"“*(\[])", block) for block in guarded)
    return [one for some in ends for one in some if re.search(r"[A-Za-z]{2}", one)]


def mean_length(markdown: list[str]) -> float:
    """The mean number of words of the sentences."""
    counts = [len(re.findall(r"[\w'’-]+", one)) for text in markdown for one in sentences(text)]
    return sum(counts) / max(1, len(counts))


def main() -> int:
    entries, status = style(), 0
    for path in (*NOTEBOOKS, *PAGES):
        notebook = path.suffix == ".ipynb"
        text = "\n".join(cells(path)) if notebook else path.read_text(encoding="utf-8")
        found = hits(text, entries)
        length = mean_length(cells(path, "markdown")) if notebook else 0.0
        status |= bool(found) or length >= WORDS
        print(f"{path.relative_to(ROOT)}: {len(found)} hits" + f", {length:.1f} words per sentence" * notebook)
        print("".join(f"  {one}\n" for one in found), end="")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
