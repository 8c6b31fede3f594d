"""Runs on disk: found again, resumed inside a task, learned by one process at a time, set aside when damaged."""

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout
from torch import Tensor

from .. import __version__
from ..checked import checked
from ..describe import Real
from ..warned import warn
from . import files
from .identity import contents
from .run import Run

Checkpoint = tuple[dict[str, Tensor], dict]  # tensors by name, and plain facts

SPACE = 4  # networks that a checkpoint may contain: the network, the optimiser's momenta (up to two), a teacher
LONGEST = 100  # bytes of a recipe's name in that of a file, which may have 255 with all that is added


class Store:
    """A folder of runs, one file each, named after the method and a key of everything that decides the numbers.

    A run under way has a checkpoint beside it, written at the end of an epoch when at least ``every`` seconds have
    passed since the last one. A process that needs a run while another process learns it waits for the result, as long
    as the other one writes a file at least every ``patience`` seconds.

    ``clock`` (seconds), ``free_space`` (bytes), ``lock`` (a class of file locks) and ``version`` (part of the key) are
    what the store reads of the machine and of cltutor.
    """

    @checked(every=Real(at_least=0), patience=Real(at_least=0))
    def __init__(
        self,
        folder: str | os.PathLike,
        every: float = 10.0,
        patience: float = 60.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        free_space: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
        lock: type[BaseFileLock] = FileLock,
        version: str = __version__,
    ):
        self.folder, self.every, self.patience = Path(folder), every, patience
        self.clock, self.free_space, self.lock, self.version = clock, free_space, lock, version

    @classmethod
    @checked
    def of(cls, store: "str | os.PathLike | Store") -> "Store":
        """A store as it is, or the store in a folder."""
        return store if isinstance(store, Store) else cls(store)

    def path(self, run: Run) -> Path:
        """The file of this run. Runs share one if all that ``learn`` reads is the same: the stream with its class
        names, the recipe, the files and the user's own code in it, the seed, the kind of device, the number of threads,
        how often it is tested, what is recorded, and the version."""
        stream = run.fingerprint, run.class_names
        computed = run.seed, run.device.split(":")[0], run.threads, run.tested, run.record
        key = (files.FORMAT, self.version, stream, repr(run.recipe), contents(run.recipe), computed)
        name = re.sub(r"[^\w.-]", "_", run.name).encode()[:LONGEST].decode(errors="ignore")
        return self.folder / f"{name}-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.safetensors"

    def find(self, run: Run) -> Run:
        """The same run as it is on disk, or ``run`` itself; a damaged file is set aside, with a warning."""
        path = self.path(run)
        if not path.exists():
            return run
        try:
            found = self.load(run)
            if 0 < found.learned < len(run.tasks):
                found.model_after(found.learned - 1)  # weights that do not fit would stop the run each time
            return found
        except ValueError as error:
            files.set_aside(path, error)
            return run

    def load(self, run: Run) -> Run:
        """The same run as it is on disk; ValueError if there is none, or if its file is damaged."""
        path = self.path(run)
        found = Run.load(path, run.recipe)
        same = ("tasks", "test_sizes", "image_shape")  # which follow from the fingerprint, unless somebody wrote it
        if self.path(found) != path or any(getattr(found, name) != getattr(run, name) for name in same):
            raise ValueError(f"{path} is another run: remove it and train again.")
        return found

    def save(self, run: Run) -> None:
        run.save(self.path(run))

    @contextmanager
    def learning(self, run: Run) -> Iterator["Slot"]:
        """Inside, this is the one process that learns ``run``; its ``Slot`` has the run as it is on disk.

        The lock is released at the end of the block, when a generator that contains it is dropped, or when the process
        dies. A second call in the same process shares the lock, so that a generator left unfinished blocks nothing.
        """
        path = self.path(run)
        if found := self.finished(run):
            yield Slot(self, found, locked=False)
            return
        if refused := self.refusal():
            raise ValueError(refused)
        lock = self.lock(path.with_name(f".{path.name}.lock"), thread_local=False, is_singleton=True)
        locked = self.wait(lock, run)
        try:
            for draft in (*files.drafts(path), *files.drafts(checkpoint_of(path))) if locked else ():
                files.discard(draft)
            yield Slot(self, self.find(run), locked)
        finally:
            if locked:
                lock.release()

    def finished(self, run: Run) -> Run | None:
        """The run on disk if it is complete and undamaged: it needs no lock and no writable folder."""
        if tasks_learned(self.path(run)) < len(run.tasks):
            return None
        try:
            return self.load(run)
        except ValueError:
            return None

    def refusal(self) -> str | None:
        """Why nothing can be written in this folder, in one sentence; None where it can."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                return None
        except (FileExistsError, NotADirectoryError):
            return f"Runs are kept in a folder, and {self.folder} is or lies in a file: name another store."
        except OSError as error:
            return f"Nothing can be written in {self.folder} ({error.strerror}): name another store, or None."

    def wait(self, lock: BaseFileLock, run: Run) -> bool:
        """Wait until no other process learns ``run``. False where the process that has the lock has finished the run,
        or has stopped writing: then this one goes on without the lock."""
        seen, since, warned = None, self.clock(), False
        while True:
            try:
                lock.acquire(timeout=min(1.0, self.patience))
                return True
            except Timeout:
                pass
            except (OSError, NotImplementedError) as error:  # some network drives have none
                warn(f"{self.folder} has no file locks ({error}): learn each run in one process at a time.")
                return True
            if tasks_learned(self.path(run)) == len(run.tasks):
                return False
            if (signs := self.signs_of_life(run)) != seen:
                seen, since = signs, self.clock()
            if not warned:
                warn(f"Another process is learning {run.name}: waiting for its result.")
                warned = True
            elif self.clock() - since >= self.patience:
                warn(
                    f"The other process has saved nothing of {run.name} for {self.patience:g} seconds: the run is "
                    "learned here as well, with the same numbers."
                )
                return False

    def signs_of_life(self, run: Run) -> list[int]:
        """When the run and its checkpoint were last written."""
        path, found = self.path(run), []
        for file in (path, checkpoint_of(path)):
            with suppress(OSError):  # it may go between two looks at it
                found.append(file.stat().st_mtime_ns)
        return found


class Slot:
    """The place of one run in a store while it is learned: ``run`` as it is on disk, and whether it is ``locked``."""

    def __init__(self, store: Store, run: Run, locked: bool):
        self.store, self.run, self.locked, self.path = store, run, locked, store.path(run)
        self.warned, self.last_checkpoint, self.seconds_to_write = False, store.clock(), 0.0

    def check_space(self, network: int) -> None:
        """Refuse a run for whose files the disk has no room; ``network`` is the size of one network in bytes."""
        tasks = len(self.run.tasks)
        needed = network * (2 * tasks + SPACE)  # one network per task, and once more while the file is replaced
        free = self.store.free_space(self.store.folder)
        if free < needed:
            raise ValueError(
                f"The disk of {self.store.folder} has {free / 1e6:,.0f} MB free, and this run of {tasks} tasks needs "
                f"about {needed / 1e6:,.0f} MB: make room, or name another store."
            )

    def checkpoint(self) -> Checkpoint | None:
        """The run's last checkpoint, if it is from the task after those that are learned."""
        path = checkpoint_of(self.path)
        if not path.exists():
            return None
        try:
            tensors, facts = files.read(path)
            if facts["run"] != self.path.stem:
                raise ValueError(f"{path} belongs to another run: remove it and train again.")
            return (tensors, facts) if facts["task"] == self.run.learned else None
        except ValueError as error:
            files.set_aside(path, error)
        except KeyError as error:
            self.refuse_checkpoint(error)
        return None

    def refuse_checkpoint(self, error: Exception) -> None:
        """Set aside a checkpoint from which the run cannot go on."""
        path = checkpoint_of(self.path)
        files.set_aside(path, ValueError(f"{path} is no checkpoint of this run ({str(error).splitlines()[0]})"))

    def keep(self, make: Callable[[], Checkpoint]) -> None:
        """Write the checkpoint that ``make()`` returns, if one is due. The interval grows with the seconds that writing
        takes, so that it costs at most a twentieth of the time (for ``every=10``)."""
        started = self.store.clock()
        due = self.last_checkpoint + self.store.every * max(1.0, 2 * self.seconds_to_write)
        if not self.locked or started < due:
            return
        tensors, facts = make()
        self.write(lambda: files.write(checkpoint_of(self.path), tensors, {"run": self.path.stem, **facts}))
        self.last_checkpoint = self.store.clock()
        self.seconds_to_write = self.last_checkpoint - started

    def save(self, run: Run) -> None:
        """Write the run at the end of a task, unless another process that learns it too has already written as much."""
        if tasks_learned(self.path) < run.learned:
            self.write(lambda: self.store.save(run))
        if self.locked and run.complete:
            files.discard(checkpoint_of(self.path))

    def write(self, write: Callable[[], None]) -> None:
        """Write, or warn once that the disk refuses: the old file stays as it was, and the run goes on."""
        try:
            write()
            self.warned = False
        except files.NotWritten as error:
            if not self.warned:
                warn(
                    f"{self.run.name} could not be saved in {self.store.folder} ({error.reason}): the file "
                    "saved before is intact, the run goes on in memory, and saving is tried again."
                )
            self.warned = True


class NullSlot:
    """The place of a run that is kept in memory only."""

    def __init__(self, run: Run):
        self.run = run

    def check_space(self, network: int) -> None:
        pass

    def checkpoint(self) -> None:
        return None

    def refuse_checkpoint(self, error: Exception) -> None:
        raise error  # there is none

    def keep(self, make: Callable[[], Checkpoint]) -> None:
        pass

    def save(self, run: Run) -> None:
        pass


def slot_of(run: Run, store: str | os.PathLike | Store | None) -> AbstractContextManager[Slot | NullSlot]:
    """The place of ``run`` while it is learned: in a store, or for None in memory only."""
    return nullcontext(NullSlot(run)) if store is None else Store.of(store).learning(run)


def checkpoint_of(path: Path) -> Path:
    """The file of the checkpoint of the run in ``path``."""
    return path.with_suffix(".checkpoint")


def tasks_learned(path: Path) -> int:
    """How many tasks the run in ``path`` has learned; 0 where there is none."""
    try:
        learned = files.facts_of(path)["learned"]
    except (ValueError, KeyError):
        return 0
    return learned if isinstance(learned, int) else 0
