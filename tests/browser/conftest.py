"""A real JupyterLab, driven in a real browser: nothing of the user's is read or written."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
QUIET = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
SETTINGS = {
    # "none": cells off the screen are there as well.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
ERRORS = {
    "an error in an output": '[data-mime-type="application/vnd.jupyter.error"]',
    "a warning in an output": '[data-mime-type="application/vnd.jupyter.stderr"]',
    "an error told by a widget": ".cltutor-error",
    "a dialog": ".jp-Dialog",
    "a widget that cannot be shown": ".jupyter-widgets-error-widget, .jp-RenderedHTMLCommon .jupyter-widgets-error",
}


class Notebook:
    """A notebook open in the browser."""

    def __init__(self, page, name: str):
        self.page, self.name = page, name

    def run_all(self, seconds: float = 170) -> None:
        """Run all cells and wait until the kernel has done them."""
        self.page.set_default_timeout(1000 * seconds)
        self.page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
        self.page.set_default_timeout(20_000)

    def errors(self) -> list[str]:
        """Everything on the page that tells of a fault."""
        return [
            f"{what}: {place.inner_text()[:2000]}"
            for what, selector in ERRORS.items()
            for place in self.page.locator(selector).all()
        ]

    def shot(self, name: str, place=None) -> None:
        """Keep a screenshot where CLTUTOR_SCREENSHOTS says, of the page or of a place on it."""
        if folder := os.environ.get("CLTUTOR_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            (place or self.page).screenshot(path=Path(folder) / f"{name}.png")


@pytest.fixture(scope="session")
def lab(tmp_path_factory, chromium) -> tuple[str, str, Path]:
    """JupyterLab's address, its token and the folder that it serves."""
    home = tmp_path_factory.mktemp("lab")
    folder, settings = home / "notebooks", home / "settings"
    folder.mkdir()
    for name, values in SETTINGS.items():
        file = settings / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    token = secrets.token_hex(16)
    own = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"HOME": str(home), "IPYTHONDIR": str(home / "ipython"), "JUPYTERLAB_SETTINGS_DIR": str(settings)}
    own |= {"JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"), "JUPYTER_TOKEN": token, "OMP_NUM_THREADS": "1"}
    own |= {"PYTHONPATH": str(ROOT), "MPLCONFIGDIR": str(home / "matplotlib")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--ServerApp.root_dir={folder}"]
    with open(home / "log", "w") as log:
        server = subprocess.Popen(command, env=os.environ | own, cwd=folder, stdout=log, stderr=log)
    try:
        yield address(server, home), token, folder
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def address(server: subprocess.Popen, home: Path, seconds: float = 90) -> str:
    """Where the server answers, once it does."""
    file = home / "runtime" / f"jpserver-{server.pid}.json"
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        if file.exists() and (text := file.read_text()).endswith("}"):
            return f"http://127.0.0.1:{json.loads(text)['port']}"
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{(home / 'log').read_text()[-3000:]}")


@pytest.fixture(scope="session")
def browser(chromium):
    from playwright.sync_api import sync_playwright

    flags = [*QUIET.split(), "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield started
        started.close()


@pytest.fixture
def open_notebook(lab, browser):
    """open_notebook(path or cells, width=1280): the notebook in JupyterLab, its kernel ready."""
    url, token, folder = lab
    contexts = []

    def open_it(source: Path | list[str], width: int = 1280) -> Notebook:
        name = source.name if isinstance(source, Path) else f"test_{secrets.token_hex(4)}.ipynb"
        if isinstance(source, Path):
            shutil.copy(source, folder / name)
        else:
            nbformat.write(notebook(source), folder / name)
        contexts.append(browser.new_context(viewport={"width": width, "height": 1000}))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{url}/lab/tree/{name}?reset&token={token}")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.evaluate("jupyterapp.shell.currentWidget.sessionContext.ready")
        page.set_default_timeout(20_000)
        return Notebook(page, name)

    yield open_it
    for context in contexts:
        page = context.pages[0]
        page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")  # its memory is needed
        context.close()


def notebook(cells: list[str]) -> nbformat.NotebookNode:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return book
