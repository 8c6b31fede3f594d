"""A student's process, seen from the grader: it gets the cells to run, and its answers are judged here."""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import cloudpickle
import torch

from ..checking import EXERCISES, Check, NotYet, judge
from .student import PACKAGE
from .wire import LONGEST, Broken, decode, loads, raised, receive, send

STARTING = 120.0  # seconds that a process may take to import cltutor, which is no fault of the student's
ENDING = 10.0  # seconds in which what a process has started can be ended
KEEPER = Path(__file__).with_name("keeper.py")
# Of the grader's environment; no password or token that may be in the rest.
KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH")


class Ended(Exception):
    """The process has ended, in words for the table."""


class Session:
    """A process with a working folder of its own, which is removed with it.

    seconds: what `run` may take; memory: bytes that the process may have.
    """

    def __init__(self, seconds: float, memory: int):
        self.seconds = seconds
        self.folder = tempfile.TemporaryDirectory(prefix="cltutor-grade-", ignore_cleanup_errors=True)
        place = self.folder.name
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR"), place)
        environment |= {"PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        words = [sys.executable, "-P", "-m", "cltutor.exercises.grading.student", str(memory), str(int(10 * seconds))]
        if sys.platform == "linux":
            words = [sys.executable, "-I", "-S", str(KEEPER), *words]
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd=place, env=environment, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdin
        assert self.process.stdout
        self.input, self.output = self.process.stdin, self.process.stdout
        self.confined: bool | None = None  # until the process has said so
        self.thread: threading.Thread | None = None  # of the conversation
        self.took = 0.0  # seconds of the last `run`

    def close(self) -> None:
        """End the process and all that it started; on macOS only those in its own session, on Windows itself."""
        if sys.platform == "linux":
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(ENDING)
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()
        if self.thread:
            self.thread.join(2)
        if not (self.thread and self.thread.is_alive()):  # where a child holds the pipes, they stay open with it
            for pipe in (self.input, self.output):
                with suppress(OSError):  # what was not sent cannot be
                    pipe.close()
        self.folder.cleanup()

    def run(self, sources: list[str], judged: Callable[[Check], None]) -> tuple[str, str] | None:
        """Run cells one after another, and judge what they check; what the last one stopped with, None if nothing.

        Raises:
            Ended: the process took too long, or has gone.
        """
        if self.confined is None:
            self.confined = self._within(STARTING, self._hear).get("confined") is True
        before = time.monotonic()
        try:
            return self._within(self.seconds, lambda: self._converse(sources, judged))
        finally:
            self.took = time.monotonic() - before

    def _within(self, seconds: float, work: Callable[[], Any]) -> Any:
        """The result of ``work``; Ended where it takes longer, or the process says what is no message."""
        outcome: list[Any] = []

        def do() -> None:
            try:
                outcome.append(work())
            except (Exception, Broken) as error:  # whatever a hostile process says ends its own conversation alone
                outcome.append(error if isinstance(error, Broken) else Broken(f"it led to {type(error).__name__}"))

        # A thread: where a process leaves children that hold its pipe, a read here would never end.
        self.thread = threading.Thread(target=do, daemon=True)
        self.thread.start()
        self.thread.join(seconds)
        if self.thread.is_alive():
            raise Ended(f"it took longer than {seconds:g} s")
        if isinstance(found := outcome[0], Broken):
            raise Ended(self._words(found)) from found
        return found

    def _words(self, error: Broken) -> str:
        code = None
        with suppress(subprocess.TimeoutExpired):
            code = self.process.wait(2)
        ended = (signal.SIGABRT, signal.SIGSEGV, getattr(signal, "SIGKILL", 9), getattr(signal, "SIGBUS", 10))
        if code in [sign for number in ended for sign in (-number, 128 + number)]:  # of it, or of its keeper's
            return "the process was ended by the system, mostly for its memory"
        return str(error)

    def _converse(self, sources: list[str], judged: Callable[[Check], None]) -> tuple[str, str] | None:
        found = None
        for source in sources:
            send(self.input, pickle.dumps(("run", source)))
            while "done" not in (said := self._hear()):
                self._judge(said, judged)
            found = None if said["done"] is None else (str(said["done"][0]), str(said["done"][1]))
        return found

    def _hear(self) -> dict:
        said = loads(receive(self.output, LONGEST))
        if not isinstance(said, dict):
            raise Broken("an answer cannot be read")
        return said

    def _judge(self, said: dict, judged: Callable[[Check], None]) -> None:
        """Judge an answer, calling the process where it is a function, and return the verdict to the process."""
        name = said["check"]
        if name not in EXERCISES:
            return send(self.input, pickle.dumps(("unknown", f"There is no exercise {name!r}.")))
        try:
            verdict = judge(name, decode(said["answer"], self._ask))
        except NotYet as reason:
            verdict = Check(name, False, str(reason))
        except Exception as error:  # a value of no sensible type or size
            verdict = Check(name, False, f"The answer led to {type(error).__name__}.")
        judged(verdict)
        send(self.input, cloudpickle.dumps(("verdict", verdict)))

    def _ask(self, kind: str, inputs: tuple) -> Any:
        """What the student's function returns, or raises; its gradients."""
        send(self.input, cloudpickle.dumps((kind, inputs)))
        said = self._hear()
        if "error" in said:
            raise raised(*said["error"])
        if "value" not in said:
            raise NotYet("Your function checks another answer while it is checked.")
        return decode(said["value"], self._ask, [one for one in inputs if isinstance(one, torch.Tensor)])
