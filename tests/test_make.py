"""What make would run, without running it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from needs import needs

ROOT = Path(__file__).resolve().parents[1]
CPU = "--extra-index-url https://download.pytorch.org/whl/cpu"

OUTER = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # what a make that runs the tests hands down
PLAIN = {name: value for name, value in os.environ.items() if name not in OUTER}

pytestmark = needs(shutil.which("make") is not None, "make")


def dry(tmp_path: Path, *words: str) -> list[str]:
    """The commands of a target in a checkout where nothing is installed."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    done = subprocess.run(["make", "-n", *words], cwd=tmp_path, capture_output=True, text=True, env=PLAIN)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("target", "what"), [("lab", "."), (".venv/.test-installed", '".[test]"'), ("site", '".[docs]"')]
)
def test_the_build_without_a_gpu_comes_from_pytorchs_own_index_in_the_one_call_of_pip(tmp_path, target, what):
    (install,) = [line for line in dry(tmp_path, target, "TORCH=cpu") if "pip install" in line]
    assert install == f".venv/bin/python -m pip install {CPU} --editable {what}"


def test_without_a_choice_pip_asks_the_index_that_it_always_asks(tmp_path):
    (install,) = [line for line in dry(tmp_path, "lab") if "pip install" in line]
    assert "index" not in install


def test_another_build_is_refused_in_a_sentence(tmp_path):
    shutil.copyfile(ROOT / "Makefile", tmp_path / "Makefile")
    done = subprocess.run(["make", "-n", "lab", "TORCH=rocm"], cwd=tmp_path, capture_output=True, text=True, env=PLAIN)
    assert done.returncode != 0
    assert "TORCH is cpu, or left out: rocm is neither" in done.stderr


def test_the_site_is_built_by_one_command(tmp_path):
    assert dry(tmp_path, "site")[-1].strip() == ".venv/bin/python docs/site/build.py"


def test_slides_of_one_notebook_or_of_all_are_made_by_one_command(tmp_path):
    made = dry(tmp_path, "slides", "NOTEBOOK=notebooks/01.ipynb")[-1].strip()
    assert made == ".venv/bin/python docs/slides.py build/slides notebooks/01.ipynb"
    (tmp_path / "notebooks").mkdir()
    for name in ("00.ipynb", "01.ipynb"):
        (tmp_path / "notebooks" / name).touch()
    assert dry(tmp_path, "slides")[-1].split()[-2:] == ["notebooks/00.ipynb", "notebooks/01.ipynb"]
