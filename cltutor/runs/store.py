"""Runs on disk: found again, resumed inside a task, learned by one process at a time, and set aside when damaged."""

import hashlib
import os
import re
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from filelock import FileLock, Timeout
from torch import Tensor

from .. import __version__
from . import files
from .run import Run

Checkpoint = tuple[dict[str, Tensor], dict]  # tensors by name, and plain facts

SPACE = 4  # networks that a checkpoint may contain: the network, what an optimiser remembers, a teacher's


class Store:
    """A folder of runs, one file each, named after the method and a key of everything that decides the numbers.

    A run under way has a checkpoint beside it, written at the end of an epoch when at least ``every`` seconds have
    passed since the last one. A process that wants a run while another one learns it waits for what that one makes,
    as long as this shows a sign of life, a file written, every ``patience`` seconds.
    """

    def __init__(self, folder: str | os.PathLike, every: float = 10.0, patience: float = 60.0):
        self.folder, self.every, self.patience = Path(folder), every, patience

    @classmethod
    def of(cls, store: "str | os.PathLike | Store") -> "Store":
        """A store itself, or the one in a folder."""
        return store if isinstance(store, Store) else cls(store)

    def path(self, run: Run) -> Path:
        """Where this run is kept: same stream, recipe, seed, kind of device and version of cltutor, same file."""
        key = (files.FORMAT, __version__, run.fingerprint, repr(run.recipe), run.seed, run.device.split(":")[0])
        name = re.sub(r"[^\w.-]", "_", run.name)
        return self.folder / f"{name}-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.safetensors"

    def find(self, run: Run) -> Run:
        """The run of this kind on disk, as far as it got, or ``run`` itself; a damaged file is set aside, with a
        warning."""
        path = self.path(run)
        if not path.exists():
            return run
        try:
            return self.load(run)
        except ValueError as error:
            set_aside(path, error)
            return run

    def load(self, run: Run) -> Run:
        """The run of this kind on disk; ValueError if there is none that is whole."""
        path = self.path(run)
        found = Run.load(path, run.recipe)
        if self.path(found) != path:
            raise ValueError(f"{path} is another run: remove it and train again.")
        return found

    def save(self, run: Run) -> None:
        run.save(self.path(run))

    @contextmanager
    def learning(self, run: Run) -> Iterator["Slot"]:
        """Be the one process that learns ``run``; inside, its ``Slot`` has it as far as the disk has it.

        The lock is released with the block, with a generator inside it that is dropped, or with the process, however
        that dies. A second call in the same process shares the lock: a generator that was left in the middle blocks
        nothing there.
        """
        path = self.path(run)
        if found := self.finished(run):
            yield Slot(self, found, held=False)
            return
        if refused := self.refusal():
            raise ValueError(refused)
        lock = FileLock(path.with_name(f".{path.name}.lock"), thread_local=False, is_singleton=True)
        held = self.wait(lock, run)
        try:
            for draft in (*files.drafts(path), *files.drafts(checkpoint_of(path))) if held else ():
                draft.unlink(missing_ok=True)
            yield Slot(self, self.find(run), held)
        finally:
            if held:
                lock.release()

    def finished(self, run: Run) -> Run | None:
        """The run on disk if it is complete and whole, which needs no waiting and no writing."""
        if learned(self.path(run)) < len(run.tasks):
            return None
        try:
            return self.load(run)
        except ValueError:
            return None

    def refusal(self) -> str | None:
        """Why nothing can be written in this folder, in one sentence, or None."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                return None
        except (FileExistsError, NotADirectoryError):
            return f"Runs are kept in a folder, and {self.folder} is or lies in a file: name another store."
        except OSError as error:
            return f"Nothing can be written in {self.folder} ({error.strerror}): name another store, or None."

    def wait(self, lock: FileLock, run: Run) -> bool:
        """Wait until no other process learns ``run``; False where the one that has the lock has finished it, or is
        stuck."""
        seen, since, warned = None, time.monotonic(), False
        while True:
            try:
                lock.acquire(timeout=min(1.0, self.patience))
                return True
            except Timeout:
                pass
            except (OSError, NotImplementedError) as error:  # some network drives have none
                warnings.warn(f"{self.folder} has no file locks ({error}): learn a run once at a time.", stacklevel=2)
                return True
            if learned(self.path(run)) == len(run.tasks):
                return False
            if (signs := self.signs_of_life(run)) != seen:
                seen, since = signs, time.monotonic()
            if not warned:
                warnings.warn(f"Another process is learning {run.name}: waiting for what it makes.", stacklevel=2)
                warned = True
            elif time.monotonic() - since >= self.patience:
                warnings.warn(
                    f"The other process has saved nothing of {run.name} for {self.patience:g} seconds: it is learned "
                    "here as well, to the same numbers.",
                    stacklevel=2,
                )
                return False

    def signs_of_life(self, run: Run) -> list[int]:
        """When the run and its checkpoint were last written."""
        path = self.path(run)
        return [p.stat().st_mtime_ns for p in (path, checkpoint_of(path)) if p.exists()]


class Slot:
    """The place of one run in a store while it is learned: ``run`` as the disk has it."""

    def __init__(self, store: Store, run: Run, held: bool):
        self.store, self.run, self.held, self.path = store, run, held, store.path(run)
        self.warned, self.kept_at, self.took = False, time.monotonic(), 0.0

    def check_space(self, network: int) -> None:
        """Refuse a run of a network of so many bytes that the disk has no room for."""
        tasks = len(self.run.tasks)
        needed = network * (2 * tasks + SPACE)  # one network per task, and once more while the file is replaced
        free = shutil.disk_usage(self.store.folder).free
        if free < needed:
            raise ValueError(
                f"The disk of {self.store.folder} has {free / 1e6:,.0f} MB free, and this run of {tasks} tasks needs "
                f"about {needed / 1e6:,.0f} MB: make room, or name another store."
            )

    def checkpoint(self) -> Checkpoint | None:
        """The run's last checkpoint, if it lies in the task after those that are learned."""
        path = checkpoint_of(self.path)
        if not path.exists():
            return None
        try:
            tensors, facts = files.read(path)
            if facts["run"] != self.path.stem:
                raise ValueError(f"{path} belongs to another run: remove it and train again.")
            return (tensors, facts) if facts["task"] == self.run.learned else None
        except ValueError as error:
            set_aside(path, error)
        except KeyError:
            set_aside(path, ValueError(f"{path} is no checkpoint: remove it and train again."))
        return None

    def keep(self, make: Callable[[], Checkpoint]) -> None:
        """Write the checkpoint that ``make()`` gives, if it is time: those of large networks cost a twentieth."""
        started = time.monotonic()
        if not self.held or started - self.kept_at < self.store.every * max(1.0, 2 * self.took):
            return
        tensors, facts = make()
        self.write(lambda: files.write(checkpoint_of(self.path), tensors, {"run": self.path.stem, **facts}))
        self.kept_at = time.monotonic()
        self.took = self.kept_at - started

    def save(self, run: Run) -> None:
        """Write the run at the end of a task, unless a process that learned it as well was faster."""
        if learned(self.path) < run.learned:
            self.write(lambda: self.store.save(run))
        if self.held and run.complete:
            checkpoint_of(self.path).unlink(missing_ok=True)

    def write(self, write: Callable[[], None]) -> None:
        """Write, or say in one sentence that the disk refuses: what is there stays whole, and the run goes on."""
        try:
            write()
            self.warned = False
        except OSError as error:
            if not self.warned:
                warnings.warn(
                    f"{self.run.name} could not be saved in {self.store.folder} ({error.strerror or error}): what was "
                    "saved before is whole, the run goes on in memory, and saving is tried again.",
                    stacklevel=4,
                )
            self.warned = True


class NullSlot:
    """The place of a run that is kept in memory alone."""

    def __init__(self, run: Run):
        self.run = run

    def check_space(self, network: int) -> None:
        pass

    def checkpoint(self) -> None:
        return None

    def keep(self, make: Callable[[], Checkpoint]) -> None:
        pass

    def save(self, run: Run) -> None:
        pass


def slot_of(run: Run, store: str | os.PathLike | Store | None) -> AbstractContextManager[Slot | NullSlot]:
    """The place of ``run`` while it is learned: in a store, or nowhere for None."""
    return nullcontext(NullSlot(run)) if store is None else Store.of(store).learning(run)


def checkpoint_of(path: Path) -> Path:
    """Where the checkpoint of the run in ``path`` lies."""
    return path.with_suffix(".checkpoint")


def learned(path: Path) -> int:
    """How many tasks the run in ``path`` has learned; 0 where there is none."""
    try:
        return files.facts_of(path)["learned"]
    except (ValueError, KeyError):
        return 0


def set_aside(path: Path, error: ValueError) -> None:
    """Rename a file that cannot be used, so that nothing of it is lost, and say so in one warning."""
    names = (path.with_name(f"{path.name}.damaged{number or ''}") for number in range(1000))
    aside = next(name for name in names if not name.exists())
    os.replace(path, aside)
    reason = str(error).removesuffix(": remove it and train again.")
    warnings.warn(f"{reason}. It was set aside as {aside.name} and is computed again.", stacklevel=2)
