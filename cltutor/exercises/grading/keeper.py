"""Runs a command and, when it ends or on SIGTERM, ends every process that came from it: ``python keeper.py COMMAND``.

On Linux, where a process without a parent becomes a child of the nearest "subreaper" above it, here of this one. So
what a student's code moves to a session of its own is still found. This file needs nothing of the package.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

SET_SUBREAPER = 36


def children() -> list[int]:
    """The processes whose parent is this one."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:  # it may have ended meanwhile
            parent = file.read().rpartition(b")")[2].split()[1]  # a name before it may have brackets, too
            if int(parent) == os.getpid():
                found.append(int(pid))
    return found


def end_all() -> None:
    """End the children; theirs become ours, until there is none."""
    while True:
        for pid in children():
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with suppress(OSError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not children():
            return
        time.sleep(0.01)


def main(words: list[str]) -> None:
    ctypes.CDLL(None).prctl(SET_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())
    try:
        kept = subprocess.Popen(words)
        for pipe in (0, 1):  # the command's own: they close when it ends
            os.close(pipe)
        code = kept.wait()
    finally:
        end_all()
    os._exit(code if code >= 0 else 128 - code)  # as a shell says which signal it was


if __name__ == "__main__":
    main(sys.argv[1:])
