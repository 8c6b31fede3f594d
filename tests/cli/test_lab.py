import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cltutor.cli import lab


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with two notebooks, and a screen, outside any container."""
    (tmp_path / "checkout" / "cltutor").mkdir(parents=True)
    (tmp_path / "checkout" / "notebooks").mkdir()
    for name in ("02_second.ipynb", "01_first.ipynb"):
        (tmp_path / "checkout" / "notebooks" / name).write_text(f"{name} as shipped")
    monkeypatch.setattr(lab, "PACKAGE", tmp_path / "checkout" / "cltutor")
    monkeypatch.setattr(lab, "has_display", lambda: True)
    monkeypatch.setattr(lab, "in_container", lambda: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "checkout"


@pytest.fixture
def installed(checkout):
    """The same, as pip installs it: the notebooks inside the package."""
    (checkout / "notebooks").rename(checkout / "cltutor" / "notebooks")
    return checkout


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_checkout_opens_its_own_notebooks(checkout):
    assert lab.working_folder() == checkout / "notebooks"


def test_an_installed_package_copies_them_into_the_current_folder(installed, tmp_path):
    folder = lab.working_folder()
    assert folder == (tmp_path / "cltutor-notebooks").resolve()
    assert names(folder) == ["01_first.ipynb", "02_second.ipynb"]


def test_copying_keeps_what_the_learner_has_changed(installed, tmp_path):
    mine = tmp_path / "mine"
    lab.working_folder(mine)
    (mine / "01_first.ipynb").write_text("my answers")
    (mine / "02_second.ipynb").unlink()
    lab.working_folder(mine)
    assert (mine / "01_first.ipynb").read_text() == "my answers"
    assert (mine / "02_second.ipynb").read_text() == "02_second.ipynb as shipped"


def test_a_checkout_copies_only_when_a_folder_is_named(checkout, tmp_path):
    assert names(lab.working_folder(tmp_path / "mine")) == ["01_first.ipynb", "02_second.ipynb"]


def test_a_place_that_cannot_be_written_is_refused_in_one_sentence(installed, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"^cannot write to .*: choose another place with --fold"):
        lab.working_folder(tmp_path / "file" / "below")


def test_no_notebooks_is_said(checkout):
    for notebook in (checkout / "notebooks").iterdir():
        notebook.unlink()
    with pytest.raises(ValueError, match="there are no notebooks in .*: install cltutor again"):
        lab.working_folder()


def test_the_first_notebook_is_the_first_page(checkout):
    arguments = lab.lab_arguments(checkout / "notebooks")
    assert arguments == [
        f"--ServerApp.root_dir={checkout / 'notebooks'}",
        "--LabApp.default_url=/lab/tree/01_first.ipynb",
    ]


def test_a_port_that_was_asked_for_is_the_only_one_tried(checkout):
    arguments = lab.lab_arguments(checkout / "notebooks", port=8890)
    assert {"--ServerApp.port=8890", "--ServerApp.port_retries=0"} <= set(arguments)


def test_root_without_a_display_in_a_container_can_be_reached_and_keeps_the_token(checkout, monkeypatch):
    monkeypatch.setattr(lab, "has_display", lambda: False)
    monkeypatch.setattr(lab, "in_container", lambda: True)
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    arguments = lab.lab_arguments(checkout / "notebooks")
    assert {"--no-browser", "--allow-root", "--ServerApp.ip=0.0.0.0"} <= set(arguments)
    assert not any("token" in argument or "password" in argument for argument in arguments)


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
def test_a_display_is_recognised(platform, environment, display, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert lab.has_display() is display


def test_jupyterlab_is_told_to_leave_out_its_announcements():
    """Asked of JupyterLab itself, since the name of the extension is its own."""
    code = (
        "import json; from jupyterlab_server.config import get_static_page_config as get;"
        "print(json.dumps(get(level='all')))"
    )
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": str(lab.JUPYTER_CONFIG)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    disabled = json.loads(done.stdout)["disabledExtensions"]
    assert disabled["@jupyterlab/apputils-extension:announcements"] is True


def test_a_missing_jupyterlab_is_said_with_its_remedy(checkout, monkeypatch):
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    with pytest.raises(ValueError, match="jupyterlab is missing: pip install jupyterlab"):
        lab.open_lab()
