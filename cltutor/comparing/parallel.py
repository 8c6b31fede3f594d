"""Several runs, one after another or on the workers of an executor, which share nothing but the store.

Jobs and runs travel as cloudpickle's bytes, so that a part defined in a notebook cell or a script goes along.
"""

import os
import pickle
import warnings
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
from ..streams import Stream
from ..training.loop import learn

Source = Stream | Callable[[int], Stream]
LARGE = 32 * 2**20  # bytes of a stream that should not travel with every run


class WorkerDied(RuntimeError):
    """An executor lost a worker and cannot go on."""


@dataclass(frozen=True)
class Job:
    """A run to be: one recipe with one seed."""

    recipe: Recipe
    seed: int
    device: str = "auto"
    store: str | os.PathLike | None = None

    def run(self, stream: Stream) -> Run:
        return learn(stream, self.recipe, self.seed, device=self.device, store=self.store, progress=False)


def processes(workers: int) -> ProcessPoolExecutor:
    """Processes on this machine for `compare`; each takes its share of the threads that this process would use.

    They start anew ("spawn"), as a fork of a process in which PyTorch has begun threads may hang: a script that uses
    them keeps its own work below ``if __name__ == "__main__":``.
    """
    Whole(at_least=1).check("workers", workers)
    threads = max(1, torch.get_num_threads() // workers)
    return ProcessPoolExecutor(workers, get_context("spawn"), initializer=_set_threads, initargs=(threads,))


def _set_threads(threads: int) -> None:
    torch.set_num_threads(threads)


def made(source: Source, seed: int) -> Stream:
    """The stream for a seed: the given one, or what the given function makes of the seed."""
    stream = source if isinstance(source, Stream) else source(seed)
    if not isinstance(stream, Stream):
        raise ValueError(f"compare needs a Stream or a function from a seed to one, which gave {stream!r}.")
    return stream


def runs_of(source: Source, jobs: Sequence[Job], executor: Executor | None) -> Iterator[tuple[int, Run]]:
    """(place among ``jobs``, run) as each is finished; the runs of one seed come together, so that a worker makes its
    stream once.

    No reference to a finished run is kept after it was yielded: a cluster would compute it again when its worker is
    lost later. WorkerDied where the whole executor broke.
    """
    order = sorted(range(len(jobs)), key=lambda place: jobs[place].seed)
    if executor is None:
        here = lru_cache(maxsize=1)(partial(made, source))
        yield from ((place, jobs[place].run(here(jobs[place].seed))) for place in order)
        return
    in_threads = isinstance(executor, ThreadPoolExecutor)
    submit, opened = (_in_threads if in_threads else _in_processes)(source, executor)
    pending: dict[Future, int] = {}
    try:
        pending |= {submit(jobs[place]): place for place in order}
        for future in as_completed(list(pending)):
            yield pending.pop(future), opened(future.result())
    except BrokenExecutor as error:
        raise WorkerDied(broken(jobs, pending)) from error
    finally:
        for future in pending:
            future.cancel()


def broken(jobs: Sequence[Job], pending: Iterable[Future[Any]]) -> str:
    """What is lost with an executor, in one sentence."""
    lost = 1 + sum(future.cancelled() or not future.done() or future.exception() is not None for future in pending)
    store = jobs[0].store
    kept = f"they are in {store}, and are found when it is run again" if store else "with store= they would be kept"
    return (
        "A worker process died, killed or out of memory, and the pool with it; "
        f"{max(0, len(jobs) - lost)} of {len(jobs)} runs were finished: {kept}."
    )


def _in_threads(source: Source, executor: Executor) -> tuple[Callable[[Job], Future[Any]], Callable[[Run], Run]]:
    """Threads see everything as it is."""
    here = lru_cache(maxsize=1)(partial(made, source))
    return (lambda job: executor.submit(lambda: job.run(here(job.seed)))), lambda run: run


def _in_processes(source: Source, executor: Executor) -> tuple[Callable[[Job], Future[Any]], Callable[[bytes], Run]]:
    """Other processes receive and return bytes: tensors as such would take a file descriptor each on the way."""
    data = _packed(source)
    if len(data) > LARGE:
        warnings.warn(
            f"This stream of {len(data) / 1e6:.0f} MB is sent to a worker with every run: give a function that makes "
            "it there, such as functools.partial(cl.streams.folder, PATH, 10).",
            stacklevel=5,
        )
    return (lambda job: executor.submit(_run, data, _packed(job))), pickle.loads


def _dumps(thing: Any) -> bytes:
    import cloudpickle  # only who sends something needs it

    for module in own_modules():  # a file beside the notebook, which workers elsewhere do not have
        cloudpickle.register_pickle_by_value(module)
    return cloudpickle.dumps(thing)


def _packed(thing: Source | Job) -> bytes:
    try:
        return _dumps(thing)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{thing!r} cannot be sent to another process ({error}): a stream is a Stream, or a function that can be "
            "pickled, such as functools.partial(cl.streams.digits, 5)."
        ) from error


def _run(source: bytes, packed: bytes) -> bytes:
    job: Job = pickle.loads(packed)
    return _dumps(job.run(_received(source, job.seed)))


@lru_cache(maxsize=1)
def _received(source: bytes, seed: int) -> Stream:
    """The stream in a worker, made once for the runs of one seed that come after one another."""
    return made(pickle.loads(source), seed)
