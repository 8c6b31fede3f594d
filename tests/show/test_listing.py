import inspect
from pathlib import Path

import pytest

import cltutor
from cltutor import show
from cltutor.losses import Distillation, distillation


def test_a_source_is_the_very_lines_of_the_file_with_their_place():
    shown = show.source(distillation)
    file, line = shown.place.split(", line ")
    lines = (Path(cltutor.__file__).parents[1] / file).read_text().splitlines()
    first = int(line) - 1
    assert shown.code.splitlines() == lines[first : first + len(shown.code.splitlines())]
    assert shown.code.startswith("def distillation(")


def test_a_method_is_shown_without_the_indentation_of_its_class():
    shown = show.source(Distillation.__call__)
    assert shown.code.startswith("def __call__(")
    assert "\n    student, teacher = " in shown.code


def test_a_page_shows_highlighted_python_and_a_terminal_the_code():
    shown = show.source(distillation)
    assert f"```python\n{inspect.getsource(distillation)}```" in shown._repr_markdown_()
    assert shown._repr_markdown_().startswith("`cltutor/losses/distillation.py, line ")
    assert inspect.getsource(distillation).strip() in repr(shown)


def test_what_has_no_python_source_is_refused():
    for thing in (len, 3):
        with pytest.raises(ValueError, match="has no Python source to show"):
            show.source(thing)
