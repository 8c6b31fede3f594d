import subprocess
import sys
from pathlib import Path

import pytest

from cltutor import cli


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (["jupyterlab"], "cltutor: there is no command 'jupyterlab': did you mean 'lab'?\n"),
        (
            ["xyzzy"],
            "cltutor: there is no command 'xyzzy': the commands are "
            "lab, run, compare, doctor, gallery, claims, grade.\n",
        ),
        (["run", "digits"], "cltutor run: the following arguments are required: method; see cltutor run --help.\n"),
        (
            ["claims", "--workers", "0"],
            "cltutor claims: argument --workers: workers is a whole number from 1 to 1000, not 0.\n",
        ),
    ],
)
def test_what_is_mistyped_is_answered_in_one_line(typed, line, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(typed)
    assert stop.value.code == 2
    assert capsys.readouterr().err == line


def test_python_m_cltutor_is_the_command():
    done = subprocess.run([sys.executable, "-m", "cltutor", "lba"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.endswith("cltutor: there is no command 'lba': did you mean 'lab'?\n")


def test_the_command_line_loads_nothing_heavy():
    heavy = {"jupyterlab", "torch", "torchvision", "matplotlib", "captum", "ipywidgets", "sklearn"}
    code = f"import sys, cltutor.cli.arguments as a; a.parser(); print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_folder_of_finished_runs_is_named_on_the_line_or_by_the_environment(monkeypatch):
    monkeypatch.setenv("CLTUTOR_RUNS", "elsewhere")
    stores = [cli.parser().parse_args(["gallery", *typed]).store for typed in ([], ["--store", "runs"])]
    assert stores == [Path("elsewhere"), Path("runs")]
