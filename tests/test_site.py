"""What the pages are made of: equations as MathML, the reference from docstrings, links and hosts."""

import importlib.util
import inspect
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from numpy.typing import ArrayLike
from torch import Tensor

import cltutor as cl
from cltutor.checked import Numbers, checked, shaped
from docs import npm

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "docs" / "site"


def load(name: str):
    """A script of docs/site, which is no package."""
    spec = importlib.util.spec_from_file_location(name, SITE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference, build, facts = load("reference"), load("build"), load("facts")


def equations() -> list[str]:
    found = []
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            text = "".join(cell["source"]) if cell["cell_type"] == "markdown" else ""
            found += re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL)
            found += re.findall(r"(?<!\$)\$([^$\n]+?)\$(?!\$)", text)
    return found


def test_every_public_name_has_a_docstring():
    assert sorted(reference.undocumented()) == []


def test_a_name_without_a_docstring_is_found(tmp_path):
    class Silent:
        """A class with a silent method."""

        def act(self):
            pass

        @property
        def known(self):
            """Something."""

    assert list(reference._silent(Silent)) == ["act"]


class Declares:
    """Has a fact."""

    keeps = True


class Computes(Declares):
    """Has a property in its place, which inspect would document with the words of `bool`."""

    @property
    def keeps(self):
        return False


def test_a_property_in_place_of_a_fact_needs_words_of_its_own():
    assert "Returns True" in inspect.getdoc(Computes.keeps)
    assert list(reference._silent(Computes)) == ["keeps"]


def test_every_public_name_states_its_shapes_units_errors_and_source():
    assert [line for one in facts.every() for line in facts.missing(*one)] == []


class Kept:
    """Keeps ``images`` (N, C, H, W)."""

    def same(self, images: Tensor) -> Tensor:
        """The images (N, C, H, W)."""


class Keeps(Kept):
    """The same."""

    def same(self, images: Tensor) -> Tensor:
        return images

    def other(self, labels: Tensor) -> "Keeps":
        """Keeps labels."""


def unshaped(values: Tensor, other: Tensor) -> Tensor:
    """Adds ``values`` (N,) to ``other``."""


def unreturned(values: Tensor) -> Tensor:
    """Adds values, a tensor."""


@shaped(values="N, C")
def axes(values: Tensor) -> None:
    """Adds values."""


@checked(values=Numbers("T"))
def numbers(values: ArrayLike) -> None:
    """Adds values."""


def seconds_of(run: object) -> float:
    """How long a run took."""


def share_of(share: float) -> float:
    """Cuts off a share of the images, from 0 to 1."""


def fails(what: str) -> None:
    """Does nothing."""
    raise ValueError(what)


def tells(what: str) -> None:
    """Does nothing; ValueError for everything."""
    raise ValueError(what)


def passes(what: str) -> None:
    """A subclass does it."""
    raise NotImplementedError


@dataclass
class Made:
    """A thing."""

    values: Tensor

    def __post_init__(self):
        if not len(self.values):
            raise ValueError("none")


@pytest.mark.parametrize(
    ("value", "lacks"),
    [
        (unshaped, ["shape of other"]),
        (unreturned, ["shape of values", "shape of what is returned"]),
        (axes, []),
        (numbers, []),
        (seconds_of, ["unit of seconds_of"]),
        (share_of, []),
        (fails, ["error"]),
        (tells, []),
        (passes, []),
        (Made, ["shape of values", "error"]),
    ],
)
def test_what_a_docstring_does_not_say_is_found(value, lacks):
    assert list(facts.lacking(value)) == lacks


def test_an_override_keeps_what_is_said_of_the_method_and_a_new_method_says_it_itself():
    Keeps.__module__ = "cltutor.losses"
    assert list(facts.missing("losses", "Keeps", Keeps)) == ["cl.losses.Keeps.other: shape of labels"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("A distance (LwF, eq. 2).", True),
        ("A distance (Rebuffi et al. 2017).", True),
        ("A distance, a choice of ours.", True),
        ("A distance of two networks, whose colours differ.", False),
    ],
)
def test_a_term_names_its_source(words, found):
    kind = type("Far", (cl.losses.Term,), {"__doc__": words})
    assert ("cl.losses.Far: source" not in list(facts.missing("losses", "Far", kind))) is found
    assert facts.needs_source("methods", "lwf", cl.methods.lwf)
    assert facts.needs_source("metrics", "forgetting", cl.metrics.forgetting)
    assert not facts.needs_source("losses", "Term", cl.losses.Term)


def test_what_is_declared_is_written_below_the_docstring():
    words = facts.declared(cl.losses.Distillation)
    assert words.startswith("Declared, and refused by a ``ValueError``")
    assert "- ``temperature``: a finite number from 0.001 up" in words
    assert "- ``logits``: a tensor (N, C) of floating-point numbers" in facts.declared(cl.losses.l1)
    assert "- ``epochs``: a whole number from 1 up" in facts.declared(cl.Schedule)
    assert facts.declared(unshaped) == ""


def test_the_reference_has_a_page_for_every_public_module_and_every_name_in_it(tmp_path):
    pages = {path.stem: path.read_text() for path in reference.write(tmp_path)}
    assert set(pages) == {*cl._MODULES, "cl", "index"}
    assert "autofunction:: cltutor.losses.distillation" in pages["losses"]
    assert "autoclass:: cltutor.losses.Anchor" in pages["losses"]
    assert "autofunction:: cltutor.training.loop.learn" in pages["cl"]
    assert "autofunction:: cltutor.metrics.forgetting" in pages["metrics"]
    for name, module in reference.modules().items():
        assert all(f"cltutor.{name}.{own}\n" in pages[name] for own in reference.public(module))


def test_every_guide_is_in_the_contents():
    contents = (SITE / "index.md").read_text()
    pages = {f"docs/{path.stem}" for path in (ROOT / "docs").glob("*.md")} - {"docs/glossary"}  # found by a pattern
    assert {page for page in pages if f"\n{page}\n" not in contents and f"<{page}>\n" not in contents} == set()


@pytest.fixture(scope="module")
def mathml():
    sys.path.insert(0, str(SITE))
    yield load("mathml").mathml
    sys.path.remove(str(SITE))


def test_every_equation_of_the_notebooks_becomes_mathml(mathml):
    found = equations()
    assert len(found) > 150
    for latex in found:
        assert mathml(latex, "block").startswith("<math")


def test_an_equation_of_several_lines_is_aligned_and_one_that_is_not_is_refused(mathml):
    assert mathml(r"\begin{aligned} a &= b \\ c &= d \end{aligned}", "block").count("<mtr>") == 2
    with pytest.raises(ValueError, match="does not align"):
        mathml(r"\begin{gathered} a &= b \end{gathered}", "block")


def test_an_equations_number_stands_beside_it_and_an_unknown_command_is_refused(mathml):
    assert mathml(r"a = b \tag{2}", "block").endswith('</math><span class="cltutor-tag">(2)</span>')
    assert r"\tag" not in mathml(r"a \tag{2}", "block")
    with pytest.raises(ValueError, match=r"\\nonsense"):
        mathml(r"a \nonsense b", "inline")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.html", '<script src="https://cdn.example/x.js"></script>'),
        ("a.html", '<link rel="stylesheet" href="https://fonts.example/x.css">'),
        ("a.html", "<img alt='' src='http://example/x.png'>"),
        ("a.css", "@import 'https://example/x.css';"),
        ("a.css", "a { background: url(https://example/x.png) }"),
    ],
)
def test_a_page_that_asks_another_host_is_found(tmp_path, file, text):
    (tmp_path / file).write_text(text)
    assert any("asks http" in fault for fault in build.faults(tmp_path))


def test_links_that_a_reader_follows_are_no_fault(tmp_path):
    (tmp_path / "a.html").write_text('<a href="https://arxiv.org/abs/1606.09282">paper</a><img src="x.png">')
    assert list(build.faults(tmp_path)) == []


WHOLE = (
    '<a href="sub/b.html#there">x</a><a href="#here">x</a><p id="here"><a href="#">x</a></p><a href="mailto:x">x</a>',
    '<img src="data:image/png;base64,x"><script>"<a href=none.html>"</script><a href="sub/b.html?q=1">x</a>',
)
TORN = (
    '<details><a href="docs/none.md">x</a></details>',
    '<a href="sub/b.html#elsewhere">x</a>',
    '<a href="#nowhere">x</a>',
    '<p><img src="none.png"></p>',
)


@pytest.mark.parametrize(("link", "found"), [*((one, 0) for one in WHOLE), *((one, 1) for one in TORN)])
def test_a_link_to_what_is_not_there_is_found_also_where_it_is_written_as_html(tmp_path, link, found):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.html").write_text('<h1 id="there">b</h1><a href="../a.html">back</a>')
    (tmp_path / "a.html").write_text(link)
    assert [line.startswith("a.html leads to ") for line in build.broken(tmp_path)] == [True] * found


def test_scripts_that_cannot_be_had_are_left_out_in_words(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert npm.vendor(tmp_path / "npm") == "npm, which brings requirejs@2.3.7, is not installed"


def test_where_npm_has_no_network_its_last_line_says_why(tmp_path, monkeypatch):
    (tmp_path / "npm").write_text("#!/bin/sh\necho 'one\nnpm error network request failed' >&2\nexit 1\n")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert npm.vendor(tmp_path / "x") == "npm cannot bring requirejs@2.3.7 (npm error network request failed)"


def test_a_script_that_is_not_what_it_was_is_not_used(tmp_path, monkeypatch):
    """A pretended npm packs something else."""
    import io
    import tarfile

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/require.js")
        archive.addfile(entry, io.BytesIO(b""))
    (tmp_path / "other.tgz").write_bytes(packed.getvalue())
    pretended = tmp_path / "npm"
    name = "requirejs-2.3.7.tgz"
    pretended.write_text(f'#!/bin/sh\n/bin/cp {tmp_path}/other.tgz {name}\necho \'[{{"filename": "{name}"}}]\'\n')
    pretended.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "is not the file that it was" in npm.vendor(tmp_path / "scripts")
    assert not (tmp_path / "scripts" / "require.js").exists()
