"""Slides of notebooks: python docs/slides.py FOLDER notebooks/01_catastrophic_forgetting.ipynb ...

A heading begins a slide. Below it stand short paragraphs, equations and tables; longer paragraphs become the speaker's
notes. Pictures, widgets, guesses and exercises have a slide each, pictures without their code (tag "slide-picture"); a
guess is its question. Cells that prepare the next one are run and not shown. Folded solutions are left out, and folded
answers are notes. The notebook is run, and `nbconvert --to slides` with the template `slides_page` makes the page: with
the scripts beside it, it needs no network.
"""

import ast
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "site")]

from mathml import mathml  # noqa: E402
from npm import REVEAL, WIDGETS, copy_scripts, vendor  # noqa: E402

TAG = "slide-picture"
SHORT, FULL = 40, 90  # words of a paragraph that is shown, and of a slide
FOLDED = re.compile(r"<details><summary>(.*?)</summary>(.*?)</details>", re.DOTALL)
SHOWS = re.compile(r"\bcl\.(?:show|guess|widgets)\b|\bPlayground\(|\bdisplay\(")
MATH = re.compile(r"\$\$(.+?)\$\$|(?<![\$\\])\$(?!\$)([^$\n]+?)\$(?!\$)", re.DOTALL)
PROGRESS = re.compile(r"\s*\d+%\|")  # the text of a bar, which has done its work
FONTS = re.compile(r"@import url\([^)]*\);")  # of a theme: they would be asked for elsewhere
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


def question_of(text: str) -> str | None:
    """The question that a cell asks for a guess, with its options or its range; None where it asks none."""
    try:
        tree = ast.parse(text)
    except SyntaxError:  # magic lines, which only IPython understands
        return None
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    guess = next((call for call in calls if ast.unparse(call.func) == "cl.guess"), None)
    if guess is None:
        return None
    given = {word.arg: word.value for word in guess.keywords}
    question = f"**Your guess.** {ast.literal_eval(guess.args[0])}"
    if "options" in given:
        return "\n".join([question, "", *(f"- {option}" for option in ast.literal_eval(given["options"]))])
    low, high = ast.literal_eval(given["span"])
    return f"{question}\n\n{low} to {high}{ast.literal_eval(given['unit']) if 'unit' in given else ''}"


def code_slides(source: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A code cell with its tags: shown where it draws or is an exercise; a guess is its question, and run unseen."""
    text = "".join(source["source"])
    question = question_of(text)
    draws = bool(SHOWS.search(re.sub(r"cl\.guess\(", "", text) if question else text))
    shown = draws or "exercises.check(" in text
    metadata = {**source["metadata"], "slideshow": {"slide_type": "subslide" if shown else "skip"}}
    if draws and "show.source" not in text:
        metadata["tags"] = [*metadata.get("tags", []), TAG]
    yield {**source, "metadata": metadata}
    if question:
        yield cell(question, "subslide")


def slides(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook as slides."""
    cells: list[dict[str, Any]] = []
    for source in notebook["cells"]:
        text = "".join(source["source"])
        cells += code_slides(source) if source["cell_type"] == "code" else text_slides(text)
    return {**notebook, "cells": [{**one, "id": f"slide-{number}"} for number, one in enumerate(cells)]}


def shows(source: str, output: dict[str, Any]) -> bool:
    """Whether an output is for the audience: no bar of progress, and no guess, whose question is on its own slide."""
    data = output.get("data", {})
    widget = "application/vnd.jupyter.widget-view+json" in data
    text = "".join(data.get("text/plain", ""))
    return not (widget and (PROGRESS.match(text) or (text.startswith("Guess(") and "cl.guess(" in source)))


def drawn(text: str) -> str:
    """A text whose equations are MathML, which a page draws without a script."""

    def equation(found: re.Match[str]) -> str:
        display = found[1] is not None
        made = mathml(found[1] or found[2], "block" if display else "inline")
        made = made.replace("*", "&#42;").replace("_", "&#95;").replace("\n", " ")  # no marks of Markdown
        return f'\n\n<div class="cltutor-math">{made}</div>\n\n' if display else made

    return MATH.sub(equation, text)


def page(notebook: dict[str, Any]) -> str:
    """The HTML of slides that have been run."""
    import nbformat
    from nbconvert import SlidesExporter
    from traitlets.config import Config

    for one in notebook["cells"]:
        if one["cell_type"] == "markdown":
            one["source"] = drawn(one["source"])
        else:
            one["outputs"] = [output for output in one["outputs"] if shows(one["source"], output)]
    exporter = SlidesExporter(
        config=Config(TagRemovePreprocessor={"enabled": True, "remove_input_tags": {TAG}}),
        extra_template_basedirs=[str(HERE)],
        template_name="slides_page",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        reveal_url_prefix="scripts",
        reveal_theme="white",
    )
    return exporter.from_notebook_node(nbformat.from_dict(notebook))[0]


def bring_scripts(folder: Path, kept: Path) -> str | None:
    """The scripts of a page into ``folder``, downloaded once into ``kept``; or why they cannot be had."""
    if why := vendor(kept, REVEAL | WIDGETS):
        return why
    folder.mkdir(parents=True, exist_ok=True)
    copy_scripts(kept, folder)
    for name in REVEAL["reveal.js@4.6.1"].values():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept / name, folder / name)
    theme = folder / "dist" / "theme" / "white.css"
    theme.write_text(FONTS.sub("", theme.read_text(encoding="utf-8")), encoding="utf-8")
    return None


def main(folder: str, *paths: str) -> int:
    import nbformat
    from nbconvert.preprocessors import ExecutePreprocessor

    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    missing = bring_scripts(target / "scripts", target / "npm")
    for path in map(Path, paths):
        book = nbformat.reads(json.dumps(slides(json.loads(path.read_text(encoding="utf-8")))), 4)
        ExecutePreprocessor(timeout=600).preprocess(book, {"metadata": {"path": str(path.parent)}})
        written = target / path.name
        nbformat.write(book, written)
        if missing:
            print(f"{written}: {missing}. jupyter nbconvert --to slides makes a page that loads its scripts.")
            continue
        made = written.with_suffix(".slides.html")
        made.write_text(page(book), encoding="utf-8")
        print(made)
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("python docs/slides.py FOLDER NOTEBOOK...")
    sys.exit(main(*sys.argv[1:]))
