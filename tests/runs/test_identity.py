"""What decides a run's numbers beyond the code of its recipe."""

import importlib
import subprocess
import sys
import textwrap

import pytest

import cltutor as cl
from cltutor.recipe.recipe import Recipe
from cltutor.runs.identity import contents

MINE = """
from dataclasses import dataclass
from functools import cached_property
import cltutor as cl
import helper
from helper import scaled

SCALE = 2.0
KINDS = {"a", "b", "c"}

def halved(value):
    return value / SCALE

@dataclass(frozen=True, repr=False)
class Mine(cl.losses.Term):
    weight: float = 1.0

    @cached_property
    def twice(self):
        return self.weight * 2

    def __call__(self, batch, state):
        # a comment
        inner = lambda value: halved(value) if "a" in KINDS else helper.other(value)
        return inner(scaled(batch.zero * self.twice))
"""
HELPER = """
def scaled(value):
    return value * 3

def other(value):
    return value
"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A function that writes the user's two modules, imports them afresh and returns the digest of a recipe."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(mine=MINE, helper=HELPER):
        for name, text in (("mine", mine), ("helper", helper)):
            (tmp_path / f"{name}.py").write_text(text)
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        try:
            module = importlib.import_module("mine")
        finally:
            sys.dont_write_bytecode = before
        return contents(Recipe("own", cl.losses.CrossEntropy() + module.Mine()))

    yield write
    for name in ("mine", "helper"):
        sys.modules.pop(name, None)


CHANGES = {
    "the call": ("inner(scaled(", "inner(2 * scaled("),
    "a property": ("self.weight * 2", "self.weight * 3"),
    "a default": ("weight: float = 1.0", "weight: float = 2.0"),
    "a function that it calls": ("return value / SCALE", "return value * SCALE"),
    "a constant": ("SCALE = 2.0", "SCALE = 3.0"),
    "a set": ('"a", "b", "c"', '"b", "c"'),
    "a function inside": ('if "a" in KINDS', 'if "b" in KINDS'),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_a_users_part_computes_is_part_of_its_identity(written, change):
    before, after = CHANGES[change]
    assert MINE.count(before) == 1
    assert written() == written()
    assert written(MINE.replace(before, after)) != written()


def test_an_imported_helper_counts_and_a_comment_does_not(written):
    assert written(helper=HELPER.replace("value * 3", "value * 4")) != written()
    assert written(helper=HELPER.replace("return value\n", "return -value\n")) != written()
    assert written(MINE.replace("# a comment", "# another, longer comment")) == written()


def test_the_identity_is_the_same_in_every_process(written, tmp_path):
    expected = written()
    code = textwrap.dedent("""
        import mine, cltutor as cl
        from cltutor.recipe.recipe import Recipe
        from cltutor.runs.identity import contents
        print(contents(Recipe("own", cl.losses.CrossEntropy() + mine.Mine())))
    """)
    for seed in ("1", "2"):
        found = subprocess.run(
            [sys.executable, "-B", "-c", code],
            cwd=tmp_path,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout.strip() == repr(expected)


def test_cltutors_own_parts_have_no_contents_and_weights_have_those_of_their_file(tmp_path):
    assert all(contents(cl.methods.get(name)) == () for name in cl.gallery.names())
    path = tmp_path / "weights.pth"
    recipe = cl.methods.lwf(backbone=cl.networks.Torchvision("resnet18", weights=str(path)))
    missing = contents(recipe)
    path.write_bytes(b"one")
    one = contents(recipe)
    path.write_bytes(b"other")
    assert len({missing, one, contents(recipe)}) == 3
