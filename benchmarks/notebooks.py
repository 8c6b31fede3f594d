"""Seconds and peak memory of each notebook, run from its first cell to its last in a kernel of a real JupyterLab.

Memory is the proportional set size of all processes: of the kernel with its own (at most 1,200 MB), and of the server
with all that it started, the kernel included (at most 1,500 MB). On two cores a notebook takes at most 180 s.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import psutil
import report
import websocket

SECONDS, KERNEL, TOGETHER = 180, 1200, 1500  # s, MB, MB
EVERY = 0.2  # s between two looks at the memory
FOLDER = Path(__file__).resolve().parents[1] / "notebooks"


class Lab:
    """A JupyterLab server of its own on a folder, with everything that it writes."""

    def __init__(self, folder: str):
        self.token = secrets.token_hex(16)
        own = {f"JUPYTER_{name}_DIR": f"{folder}/{name.lower()}" for name in ("CONFIG", "DATA", "RUNTIME")}
        own |= {"HOME": folder, "IPYTHONDIR": f"{folder}/ipython", "JUPYTER_TOKEN": self.token}
        own |= {"PYTHONPATH": str(FOLDER.parent)}
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
        command += ["--ServerApp.port=0", f"--ServerApp.root_dir={folder}"]
        with open(f"{folder}/log", "w") as log:
            self.process = subprocess.Popen(command, env=os.environ | own, cwd=folder, stdout=log, stderr=log)
        self.address = self._address(Path(folder, "runtime"))
        self._answers()

    def _address(self, runtime: Path) -> str:
        file = runtime / f"jpserver-{self.process.pid}.json"
        for _ in range(600):
            if file.exists() and (text := file.read_text()).endswith("}"):
                return json.loads(text)["url"]
            time.sleep(0.1)
        self.process.kill()
        raise RuntimeError(f"JupyterLab did not start within a minute: {(runtime.parent / 'log').read_text()[-2000:]}")

    def _answers(self) -> None:
        """Wait until the server listens: it writes its file a moment before."""
        for _ in range(600):
            try:
                self.ask("GET", "api")
                return
            except urllib.error.URLError:
                time.sleep(0.1)
        raise RuntimeError("JupyterLab does not answer at the address that it gave.")

    def ask(self, method: str, path: str, body: dict | None = None) -> bytes:
        """What the server answers to a request, as the page in a browser makes it."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self.token}"}
        with urllib.request.urlopen(urllib.request.Request(self.address + path, data, headers, method=method)) as reply:
            return reply.read()

    @contextmanager
    def kernel(self, name: str) -> Iterator[websocket.WebSocket]:
        """The channels of a kernel for this notebook, opened as the page opens it."""
        self.ask("GET", "lab")
        self.ask("GET", f"api/contents/{name}")
        asked = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        session = json.loads(self.ask("POST", "api/sessions", asked))
        place = f"{self.address.replace('http', 'ws', 1)}api/kernels/{session['kernel']['id']}/channels"
        channels = websocket.create_connection(f"{place}?token={self.token}", timeout=1800)
        try:
            yield channels
        finally:
            channels.close()
            self.ask("DELETE", f"api/sessions/{session['id']}")


def run_cell(channels: websocket.WebSocket, code: str) -> None:
    """Run a cell and wait until the kernel has done it; RuntimeError with its words if it failed."""
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    head = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": "", "version": "5.3"}
    message = {"header": head, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    channels.send(json.dumps(message))
    waiting = {"execute_reply", "idle"}
    while waiting:
        got = json.loads(channels.recv())
        if got.get("parent_header", {}).get("msg_id") != head["msg_id"]:
            continue
        if got["msg_type"] == "error":
            raise RuntimeError("\n".join(got["content"]["traceback"]))
        waiting -= {got["msg_type"], got["content"].get("execution_state")}


class Peak(threading.Thread):
    """Watches a server: the most memory that its kernel, and that all of it, had at one time, in MB."""

    def __init__(self, server: int):
        super().__init__(daemon=True)
        self.server, self.kernel, self.together, self.over = psutil.Process(server), 0.0, 0.0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(EVERY):
            children = self.server.children()
            kernels = [own for child in children if is_kernel(child) for own in [child, *children_of(child)]]
            kernel = sum(map(megabytes, kernels))
            everything = [self.server, *children_of(self.server)]
            self.kernel = max(self.kernel, kernel)
            self.together = max(self.together, kernel + sum(megabytes(own) for own in everything if own not in kernels))


def is_kernel(process: psutil.Process) -> bool:
    try:
        return any("ipykernel" in word for word in process.cmdline())
    except psutil.Error:  # it has just ended
        return False


def children_of(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def megabytes(process: psutil.Process) -> float:
    """What the process takes, its share of shared pages included; 0 when it has just ended."""
    try:
        taken = process.memory_full_info()
    except psutil.Error:
        return 0.0
    return getattr(taken, "pss", taken.rss) / 2**20  # outside Linux there is no share to be known


def measure(path: Path) -> list:
    """A row: the notebook's name, seconds from opening it to its last cell, peaks in MB."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, path.name).write_bytes(path.read_bytes())
        lab = Lab(folder)
        peak = Peak(lab.process.pid)
        peak.start()
        try:
            started = time.perf_counter()
            with lab.kernel(path.name) as channels:
                for cell in nbformat.read(path, 4).cells:
                    if cell.cell_type == "code":
                        run_cell(channels, cell.source)
            seconds = time.perf_counter() - started
        finally:
            peak.over.set()
            peak.join()
            lab.process.terminate()
            lab.process.wait(30)
    return [path.stem, f"{seconds:.0f}", f"{peak.kernel:.0f}", f"{peak.together:.0f}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="the beginnings of notebooks' names; nothing is written then")
    only = parser.parse_args().only
    paths = [path for path in sorted(FOLDER.glob("*.ipynb")) if not only or path.name.startswith(tuple(only))]
    rows = [measure(path) for path in paths]
    header = ["notebook", "s", "kernel, peak MB", "JupyterLab and kernel, peak MB"]
    if only:
        print(report.table(header, rows))
    else:
        notes = (
            "Each in a JupyterLab of its own, from opening the notebook to its last cell. Memory: proportional set "
            f"size, looked at every {EVERY} s, nothing else on the machine sharing PyTorch's pages. Required: at most "
            f"{SECONDS} s on two cores, {KERNEL} MB for the kernel, {TOGETHER} MB for server and kernel together."
        )
        report.write("notebooks", "The notebooks", header, rows, notes)
    return 0 if all(float(s) < SECONDS and float(k) < KERNEL and float(t) < TOGETHER for _, s, k, t in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
