import subprocess
import sys
from pathlib import Path

import pytest

from cltutor import cli


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("jupyterlab", "did you mean 'lab'?"),
        ("xyzzy", "the commands are lab, run, compare, doctor, gallery, claims."),
    ],
)
def test_a_mistyped_command_is_answered_with_the_nearest_or_with_all(typed, words, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([typed])
    assert stop.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (["lab", "--folder", "/dev/null/mine"], "cltutor lab: cannot write to /dev/null/mine (Not a directory)"),
        (["gallery", "digits", "scene"], "cltutor gallery: there is no stream in the gallery 'scene'"),
    ],
)
def test_an_error_is_one_line_and_exit_code_1(typed, line, capsys):
    assert cli.main(typed) == 1
    said = capsys.readouterr().err
    assert said.startswith(line)
    assert said.count("\n") == 1


def test_python_m_cltutor_is_the_command():
    done = subprocess.run([sys.executable, "-m", "cltutor", "lba"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.endswith("cltutor: error: there is no command 'lba': did you mean 'lab'?\n")


def test_the_command_line_loads_nothing_heavy():
    heavy = {"jupyterlab", "torch", "torchvision", "matplotlib", "captum", "ipywidgets", "sklearn"}
    code = f"import sys, cltutor.cli.arguments as a; a.parser(); print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_folder_of_finished_runs_is_named_on_the_line_or_by_the_environment(monkeypatch):
    monkeypatch.setenv("CLTUTOR_RUNS", "elsewhere")
    stores = [cli.parser().parse_args(["gallery", *typed]).store for typed in ([], ["--store", "runs"])]
    assert stores == [Path("elsewhere"), Path("runs")]
