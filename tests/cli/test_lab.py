import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cltutor import cli
from cltutor.cli import lab


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """The package of a checkout with two notebooks."""
    (tmp_path / "checkout" / "cltutor").mkdir(parents=True)
    (tmp_path / "checkout" / "notebooks").mkdir()
    for name in ("02_second.ipynb", "01_first.ipynb"):
        (tmp_path / "checkout" / "notebooks" / name).write_text(f"{name} as shipped")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "checkout" / "cltutor"


@pytest.fixture
def installed(checkout):
    """The same, as pip installs it: the notebooks inside the package."""
    (checkout.parent / "notebooks").rename(checkout / "notebooks")
    return checkout


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_checkout_opens_its_own_notebooks_and_copies_only_when_a_folder_is_named(checkout, tmp_path):
    assert lab.working_folder(package=checkout) == checkout.parent / "notebooks"
    assert names(lab.working_folder(tmp_path / "mine", checkout)) == ["01_first.ipynb", "02_second.ipynb"]


def test_an_installed_package_copies_them_and_keeps_what_the_learner_has_changed(installed, tmp_path):
    folder = lab.working_folder(package=installed)
    assert folder == (tmp_path / "cltutor-notebooks").resolve()
    assert names(folder) == ["01_first.ipynb", "02_second.ipynb"]
    (folder / "01_first.ipynb").write_text("my answers")
    (folder / "02_second.ipynb").unlink()
    lab.working_folder(package=installed)
    assert (folder / "01_first.ipynb").read_text() == "my answers"
    assert (folder / "02_second.ipynb").read_text() == "02_second.ipynb as shipped"


def test_a_folder_that_cannot_be_written_and_missing_notebooks_are_refused(checkout, installed, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"^cannot write to .*: choose another place with --fold"):
        lab.working_folder(tmp_path / "file" / "below", installed)
    for notebook in (installed / "notebooks").iterdir():
        notebook.unlink()
    with pytest.raises(ValueError, match="there are no notebooks in .*: install cltutor again"):
        lab.working_folder(package=installed)


def test_jupyterlab_opens_the_first_notebook_at_a_given_port_only_and_can_be_reached_in_a_container(checkout):
    folder = checkout.parent / "notebooks"
    page = [f"--ServerApp.root_dir={folder}", "--LabApp.default_url=/lab/tree/01_first.ipynb"]
    assert lab.lab_arguments(folder) == page
    assert lab.lab_arguments(folder, port=8890) == [*page, "--ServerApp.port=8890", "--ServerApp.port_retries=0"]
    root = ["--no-browser", "--ServerApp.ip=0.0.0.0", "--allow-root"]  # its token stays on
    assert lab.lab_arguments(folder, display=False, container=True, root=True) == [*page, *root]


@pytest.mark.parametrize(
    ("platform", "environment", "display"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("darwin", {}, True),
        ("darwin", {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, False),
        ("win32", {}, True),
    ],
)
def test_a_display_is_recognised(platform, environment, display):
    assert lab.has_display(platform, environment) is display


def test_jupyterlab_leaves_out_its_announcements():
    """Asked of JupyterLab itself, since the name of the extension is its own."""
    code = (
        "import json; from jupyterlab_server.config import get_static_page_config as get;"
        "print(json.dumps(get(level='all')))"
    )
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": str(lab.JUPYTER_CONFIG)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    disabled = json.loads(done.stdout)["disabledExtensions"]
    assert disabled["@jupyterlab/apputils-extension:announcements"] is True


def test_a_missing_jupyterlab_is_reported_with_its_fix(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    assert cli.main(["lab", "--folder", str(tmp_path), "--port", "8890"]) == 1
    assert "jupyterlab is missing: pip install jupyterlab" in capsys.readouterr().err
