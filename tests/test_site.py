"""What the pages are made of: equations as MathML, the reference from docstrings, links and hosts."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "docs" / "site"


def load(name: str):
    """A script of docs/site, which is no package."""
    spec = importlib.util.spec_from_file_location(name, SITE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference, build = load("reference"), load("build")


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


def test_the_reference_has_a_page_for_every_public_module_and_every_name_in_it(tmp_path):
    import cltutor as cl

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
    pytest.importorskip("sphinx", reason='pip install -e ".[docs]"')
    sys.path.insert(0, str(SITE))
    yield load("mathml").mathml
    sys.path.remove(str(SITE))


def test_every_equation_of_the_notebooks_becomes_mathml(mathml):
    found = equations()
    assert len(found) > 150
    for latex in found:
        assert mathml(latex, "block").startswith("<math")


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


def test_scripts_that_cannot_be_had_are_left_out_in_words(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build.vendor(tmp_path / "npm") == "npm, which brings requirejs@2.3.7, is not installed"


def test_a_script_that_is_not_what_it_was_is_not_used(tmp_path, monkeypatch):
    """A pretended npm packs something else."""
    import io
    import tarfile

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("package/require.js")
        archive.addfile(entry, io.BytesIO(b""))
    (tmp_path / "other.tgz").write_bytes(packed.getvalue())
    npm = tmp_path / "npm"
    name = "requirejs-2.3.7.tgz"
    npm.write_text(f'#!/bin/sh\n/bin/cp {tmp_path}/other.tgz {name}\necho \'[{{"filename": "{name}"}}]\'\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "is not the file that it was" in build.vendor(tmp_path / "scripts")
    assert not (tmp_path / "scripts" / "require.js").exists()
