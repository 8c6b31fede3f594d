"""Slides of notebooks: python docs/slides.py FOLDER notebooks/01_catastrophic_forgetting.ipynb ...

Writes copies into FOLDER that `jupyter nbconvert --to slides` turns into pages worth projecting. A heading begins a
slide. Below it stand short paragraphs, equations and tables; longer paragraphs become the speaker's notes. Pictures,
widgets, guesses and exercises have a slide each, pictures without their code (tag "slide-picture"). Cells that prepare
the next one are run and not shown. Folded solutions are left out, and folded answers are notes.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TAG = "slide-picture"
SHORT, FULL = 40, 90  # words of a paragraph that is shown, and of a slide
FOLDED = re.compile(r"<details><summary>(.*?)</summary>(.*?)</details>", re.DOTALL)
SHOWS = re.compile(r"\bcl\.(?:show|guess|widgets)\b|\bPlayground\(|\bdisplay\(")
Block = tuple[str, str]  # "slide", "shown" or "notes", and its text


def blocks(source: str) -> Iterator[Block]:
    """A text paragraph by paragraph, each with how it is shown."""
    at = 0
    for folded in FOLDED.finditer(source):
        yield from paragraphs(source[at : folded.start()])
        if folded[1] != "Solution":
            yield "shown", folded[1]
            yield "notes", folded[2].strip()
        at = folded.end()
    yield from paragraphs(source[at:])


def paragraphs(text: str) -> Iterator[Block]:
    for part in re.split(r"\n\s*\n", text.strip()):
        if not part:
            continue
        heading, _, rest = part.partition("\n")
        if re.match(r"#{1,3} ", part):
            yield "slide", heading
            yield from paragraphs(rest)
        else:
            stays = part.startswith(("|", "$$", "![")) or len(part.split()) <= SHORT
            yield ("shown" if stays else "notes"), part


def cell(source: str, kind: str) -> dict[str, Any]:
    lines = source.splitlines(keepends=True)
    return {"cell_type": "markdown", "metadata": {"slideshow": {"slide_type": kind}}, "source": lines}


def text_slides(source: str) -> Iterator[dict[str, Any]]:
    """The slides of a text, each followed by its notes."""
    shown: list[str] = []
    notes: list[str] = []
    begins = "subslide"

    def flush() -> Iterator[dict[str, Any]]:
        if shown:
            yield cell("\n\n".join(shown), begins)
        if notes:
            yield cell("\n\n".join(notes), "notes")

    for kind, text in blocks(source):
        if kind == "notes":
            notes.append(text)
            continue
        full = len(" ".join([*shown, text]).split()) > FULL
        if kind == "slide" or (shown and full):
            yield from flush()
            shown, notes, begins = [], [], "slide" if kind == "slide" else "subslide"
        shown.append(text)
    yield from flush()


def code_slide(source: dict[str, Any]) -> dict[str, Any]:
    """A code cell with its tags: shown where it draws or is an exercise."""
    text = "".join(source["source"])
    draws = bool(SHOWS.search(text))
    shown = draws or "exercises.check(" in text
    metadata = {**source["metadata"], "slideshow": {"slide_type": "subslide" if shown else "skip"}}
    if draws and "show.source" not in text:
        metadata["tags"] = [*metadata.get("tags", []), TAG]
    return {**source, "metadata": metadata}


def slides(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook as slides."""
    cells: list[dict[str, Any]] = []
    for source in notebook["cells"]:
        text = "".join(source["source"])
        cells += [code_slide(source)] if source["cell_type"] == "code" else text_slides(text)
    return {**notebook, "cells": [{**one, "id": f"slide-{number}"} for number, one in enumerate(cells)]}


def main(folder: str, *paths: str) -> int:
    Path(folder).mkdir(parents=True, exist_ok=True)
    for path in map(Path, paths):
        made = slides(json.loads(path.read_text(encoding="utf-8")))
        (Path(folder) / path.name).write_text(json.dumps(made, indent=1, ensure_ascii=False), encoding="utf-8")
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("python docs/slides.py FOLDER NOTEBOOK...")
    sys.exit(main(*sys.argv[1:]))
