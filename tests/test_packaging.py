"""What is uploaded and installed: metadata, the files in wheel and sdist, and the wheel at work."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest

import cltutor as cl

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with wheel and sdist, built from this checkout without a network."""
    pytest.importorskip("build", reason="pip install build hatchling")
    pytest.importorskip("hatchling", reason="pip install build hatchling")
    folder = tmp_path_factory.mktemp("dist")
    words = [sys.executable, "-m", "build", "--no-isolation", "--sdist", "--wheel", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def metadata(wheel) -> Message:
    with zipfile.ZipFile(wheel) as packed:
        (name,) = (name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        return BytesParser().parsebytes(packed.read(name))


def test_the_metadata_is_complete_and_of_a_version_that_indexes_read(metadata):
    assert metadata["Metadata-Version"] == "2.4"
    assert (metadata["Name"], metadata["Version"]) == ("cltutor", cl.__version__)
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "catastrophic forgetting" in metadata["Keywords"]
    assert set(metadata.get_all("Provides-Extra")) == {"test", "cluster", "docs"}


def test_the_classifiers_name_every_supported_python_and_the_field(metadata):
    found = metadata.get_all("Classifier")
    assert {one.rsplit(" ", 1)[1] for one in found if re.search(r"Python :: 3\.\d+$", one)} == {
        *("3.11", "3.12", "3.13", "3.14")
    }
    for words in ("Framework :: Jupyter", "Topic :: Education", "Scientific/Engineering :: Artificial Intelligence"):
        assert any(words in one for one in found), words


def test_no_address_is_named_that_the_project_does_not_have():
    """A project without a public home must not lead to somebody else's."""
    citation = (ROOT / "CITATION.cff").read_text()
    for address in PROJECT.get("urls", {}).values():
        assert address in citation


def test_the_wheel_has_the_package_with_its_data_its_types_and_the_notebooks(wheel):
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    here = {path.relative_to(ROOT).as_posix() for path in (ROOT / "cltutor").rglob("*") if path.is_file()}
    here = {name for name in here if "__pycache__" not in name}
    assert here <= names
    assert "cltutor/py.typed" in names
    books = {f"cltutor/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert books <= names
    others = {name for name in names - here - books if ".dist-info/" not in name}
    assert others == set(), "tests, benchmarks and pages stay out of the wheel"


def test_the_sdist_has_what_builds_and_tests_the_package(built):
    (found,) = built.glob("*.tar.gz")
    with tarfile.open(found) as packed:
        names = {name.split("/", 1)[1] for name in packed.getnames() if "/" in name}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "Makefile"} <= names
    assert {"tests/test_packaging.py", "notebooks/00_start_here.ipynb", "docs/add_a_method.md"} <= names
    assert not any(name.startswith((".venv", "build/", "dist/")) for name in names)


def test_an_index_would_take_both_and_show_the_readme(built):
    pytest.importorskip("twine", reason="pip install twine")
    files = [str(path) for path in built.iterdir()]
    done = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs Python with the wheel alone in place of the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    words = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target", str(folder)]
    subprocess.run([*words, str(wheel)], check=True)

    def run(*words: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        words = [sys.executable, "-P", *words]
        done = subprocess.run(words, cwd=folder.parent, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.long
def test_the_wheel_learns_opens_its_gallery_and_copies_its_notebooks(installed, tmp_path):
    place = installed("-c", "import cltutor; print(cltutor.__file__)")
    assert str(ROOT) not in place
    assert "lwf" in installed("-m", "cltutor", "run", "digits", "lwf", "--tasks", "2", "--epochs", "1")
    code = "import cltutor as cl; print(len(cl.gallery.runs('digits')), len(cl.claims.ledger()), "
    code += "len(cl.exercises.names()))"
    runs, claims, exercises = map(int, installed("-c", code).split())
    assert runs > 100
    assert claims > 50
    assert exercises == 24  # three in each notebook but the first
    code = f"from cltutor.cli import lab; from pathlib import Path; print(lab.working_folder(Path({str(tmp_path)!r})))"
    installed("-c", code)
    assert (tmp_path / "00_start_here.ipynb").exists()
