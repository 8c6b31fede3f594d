"""Several runs, one after another or on the workers of an executor, which share nothing but the store.

Jobs and runs travel as cloudpickle's bytes, so that a part defined in a notebook cell or a script goes along.
"""

import os
import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
)
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing import get_context
from typing import Any

import torch

from ..describe import Whole
from ..recipe.parser import own_modules
from ..recipe.recipe import Recipe
from ..runs.run import Run
from ..seeds import own_settings
from ..streams import Stream
from ..training.events import Event
from ..training.loop import learn
from ..warned import warn

Source = Stream | Callable[[int], Stream]
KILLED = "KilledWorker"  # what Dask raises; its class is not imported, as Dask need not be installed
MOST = 1000  # processes of one pool
LARGE = 32 * 2**20  # bytes of a stream that should not be sent with every run


class WorkerDied(BrokenExecutor):
    """An executor lost a worker and cannot go on."""


class RunFailed(RuntimeError):
    """A run failed in a worker, with an error that cannot be sent from there; its message says which."""


@dataclass(frozen=True)
class Job:
    """A run to learn: one recipe with one seed."""

    recipe: Recipe
    seed: int
    device: str | torch.device = "auto"
    store: str | os.PathLike | None = None
    threads: int | None = 1
    callback: Callable[[Event], object] | None = None
    test_every: int = 1

    def run(self, stream: Stream) -> Run:
        own = ("device", "store", "threads", "callback", "test_every")
        settings: dict[str, Any] = {name: getattr(self, name) for name in own}
        return learn(stream, self.recipe, self.seed, progress=False, **settings)


def processes(workers: int) -> ProcessPoolExecutor:
    """Processes on this machine for `compare`.

    They are spawned, as a fork of a process in which PyTorch has started threads may hang: a script that uses them
    keeps its own work below ``if __name__ == "__main__":``.
    """
    return ProcessPoolExecutor(Whole(1, MOST).check("workers", workers), get_context("spawn"))


def make_stream(source: Source, seed: int) -> Stream:
    """The stream for a seed: ``source`` itself, or what it returns for the seed."""
    try:
        stream = source if isinstance(source, Stream) else source(seed)
    except TypeError as error:
        raise ValueError(
            f"stream is a Stream, or a function from a seed to one, and this one failed: {error}."
        ) from error
    if not isinstance(stream, Stream):
        raise ValueError(f"compare needs a Stream or a function from a seed to one, which gave {stream!r}.")
    return stream


def runs_of(
    source: Source, jobs: Sequence[Job], executor: Executor | None, large: int = LARGE
) -> Iterator[tuple[int, Run]]:
    """(place among ``jobs``, run) as each is finished. The runs of one seed are sent together, so that a worker makes
    its stream once; a stream of more than ``large`` bytes is sent with a warning.

    No reference to a finished run is kept after it was yielded: a cluster would compute it again when its worker is
    lost later. WorkerDied where the whole executor broke.
    """
    order = sorted(range(len(jobs)), key=lambda place: jobs[place].seed)
    if executor is None:
        here = lru_cache(maxsize=1)(partial(make_stream, source))
        yield from ((place, jobs[place].run(here(jobs[place].seed))) for place in order)
        return
    in_threads = isinstance(executor, ThreadPoolExecutor)
    submit, opened = _in_threads(source, executor) if in_threads else _in_processes(source, executor, large)
    pending: dict[Future, int] = {}
    try:
        pending |= {submit(jobs[place]): place for place in order}
        for future in as_completed(list(pending)):
            place = pending.pop(future)
            yield place, opened(future.result())
    except BrokenExecutor as error:
        raise WorkerDied(broken(jobs, pending, "killed or out of memory, and the pool with it")) from error
    except Exception as error:
        if type(error).__name__ != KILLED:
            raise
        cause = f"{KILLED}: {' '.join(str(error).split())}".rstrip(".")
        raise WorkerDied(
            broken(jobs, pending, f"several times over one run, and the cluster gave it up ({cause})")
        ) from error
    finally:
        for future in pending:
            future.cancel()


def broken(jobs: Sequence[Job], pending: Iterable[Future[Any]], how: str) -> str:
    """How an executor broke, and how many runs were finished, in one sentence."""
    lost = 1 + sum(future.cancelled() or not future.done() or future.exception() is not None for future in pending)
    store = jobs[0].store
    kept = f"they are in {store}, and are found when it is run again" if store else "with store= they would be kept"
    return f"A worker process died, {how}; {max(0, len(jobs) - lost)} of {len(jobs)} runs were finished: {kept}."


def _in_threads(source: Source, executor: Executor) -> tuple[Callable[[Job], Future[Any]], Callable[[Run], Run]]:
    """How to submit a job to threads, which share all objects, and how to read its result."""
    here = lru_cache(maxsize=1)(partial(make_stream, source))
    return (lambda job: executor.submit(lambda: job.run(here(job.seed)))), lambda run: run


def _in_processes(
    source: Source, executor: Executor, large: int
) -> tuple[Callable[[Job], Future[Any]], Callable[[bytes], Run]]:
    """The same for other processes, which receive and return bytes: tensors would take a file descriptor each."""
    data = _packed(source)
    if len(data) > large:
        warn(
            f"This stream of {len(data) / 1e6:.0f} MB is sent to a worker with every run: give a function that makes "
            "it there, such as functools.partial(cl.streams.folder, PATH, 10)."
        )
    return (lambda job: executor.submit(_run, data, _packed(job))), _opened


def _dumps(thing: Any) -> bytes:
    import cloudpickle  # only who sends something needs it

    # Parts in a file beside the notebook travel with their code: workers elsewhere do not have the file.
    sent = {module.__name__: module for module in own_modules()}
    added = sent.keys() - cloudpickle.list_registry_pickle_by_value()
    for name in added:
        cloudpickle.register_pickle_by_value(sent[name])
    try:
        return cloudpickle.dumps(thing)
    finally:
        for name in added:
            cloudpickle.unregister_pickle_by_value(sent[name])


def _packed(thing: Source | Job) -> bytes:
    try:
        return _dumps(thing)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{thing!r} cannot be sent to another process ({error}): a stream is a Stream or a function, "
            "such as functools.partial(cl.streams.digits, 5), without open files, locks and the like."
        ) from error


def _run(source: bytes, packed: bytes) -> bytes:
    """A job's run, or the error that ended it, which an executor might not be able to send."""
    try:
        job: Job = pickle.loads(packed)
        with own_settings(job.threads):  # a forked worker waits for ever for threads that only its parent has
            stream = _received(source, job.seed)
        return _dumps(job.run(stream))
    except Exception as error:
        error.add_note(f"In the worker: {traceback.format_exc()}")
        return _packed_error(error)


def _packed_error(error: Exception) -> bytes:
    try:
        data = _dumps(error)
        pickle.loads(data)  # an error whose class takes other arguments than its message cannot be made again
        return data
    except Exception:  # a class may raise anything when it is made again; the error under way is reported all the same
        failed = RunFailed(f"A run failed in a worker with {type(error).__name__}: {error}")
        failed.__notes__ = error.__notes__
        return _dumps(failed)


def _opened(data: bytes) -> Run:
    found = pickle.loads(data)
    if isinstance(found, Exception):
        raise found
    return found


@lru_cache(maxsize=1)
def _received(source: bytes, seed: int) -> Stream:
    """The stream in a worker, made once for consecutive runs with the same seed."""
    return make_stream(pickle.loads(source), seed)
