import subprocess
import sys

import pytest

from cltutor import cli
from cltutor.cli import gallery, lab


def test_help_names_both_commands(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    printed = capsys.readouterr().out
    assert stop.value.code == 0
    assert "lab" in printed
    assert "doctor" in printed


@pytest.mark.parametrize(("typed", "meant"), [("lba", "lab"), ("docter", "doctor"), ("jupyterlab", "lab")])
def test_a_mistyped_command_is_answered_with_the_nearest(typed, meant, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([typed])
    assert stop.value.code == 2
    assert f"there is no command '{typed}': did you mean '{meant}'?" in capsys.readouterr().err


def test_a_command_that_is_like_no_other_is_answered_with_all(capsys):
    with pytest.raises(SystemExit):
        cli.main(["xyzzy"])
    assert f"the commands are {', '.join(cli.COMMANDS)}." in capsys.readouterr().err


@pytest.mark.parametrize("port", ["0", "65536", "-1", "eight", ""])
def test_a_port_that_is_none_is_refused(port, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["lab", f"--port={port}"])
    assert stop.value.code == 2
    assert f"a port is a number from 1 to 65535, not '{port}'" in capsys.readouterr().err


def test_lab_gets_its_port_and_folder(monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setattr(lab, "open_lab", lambda **asked: seen.update(asked) or 0)
    assert cli.main(["lab", "--port", "8890", "--folder", str(tmp_path)]) == 0
    assert seen == {"port": 8890, "folder": tmp_path}


def test_what_goes_wrong_is_one_line_and_exit_code_1(monkeypatch, capsys):
    def fail(**_):
        raise ValueError("no notebooks")

    monkeypatch.setattr(lab, "open_lab", fail)
    assert cli.main(["lab"]) == 1
    assert capsys.readouterr().err == "cltutor lab: no notebooks\n"


def test_the_command_line_loads_nothing_heavy():
    heavy = {"jupyterlab", "torchvision", "matplotlib", "captum", "ipywidgets", "sklearn"}
    code = f"import sys, cltutor.cli as cli; cli._parser(); print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_gallery_gets_its_streams_store_and_workers(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(gallery, "rebuild", lambda *asked: seen.append(asked) or 0)
    assert cli.main(["gallery", "scenes", "--store", str(tmp_path), "--workers", "2"]) == 0
    assert cli.main(["gallery"]) == 0
    assert seen == [(["scenes"], tmp_path, 2), ([], None, 1)]


def test_a_stream_that_the_gallery_does_not_have_is_refused_before_anything_is_made(capsys):
    assert cli.main(["gallery", "digits", "scene"]) == 1
    assert capsys.readouterr().err.startswith("cltutor gallery: there is no stream in the gallery 'scene'")
