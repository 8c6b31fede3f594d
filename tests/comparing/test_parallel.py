"""Runs on workers: the same numbers as alone, and what is lost with a worker that dies."""

import os
import pickle
import sys
import threading
import weakref
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import pytest
from running import assert_same

import cltutor as cl
from cltutor.comparing.comparison import processes
from cltutor.comparing.parallel import Job, RunFailed, WorkerDied, runs_of

METHODS = [cl.methods.finetune(epochs=1), cl.methods.lwf(epochs=1)]
SEEDS = (0, 1)
# A stream for every seed. That of seed 1 kills its process, the first time that lwf has learned one of its tasks: the
# run is then in the store, half finished. Before it dies, the process writes down which runs are complete.
KILLER = """
import os, signal
from pathlib import Path
import cltutor as cl

class Fatal(cl.streams.Stream):
    def positions(self, labels):
        folder = Path(os.environ["KILLER"])
        half = [cl.Run.load(path) for path in folder.glob("lwf-*.safetensors")]
        if any(run.seed == 1 and run.learned == 1 for run in half) and not (folder / "killed").exists():
            done = [path for path in folder.glob("*.safetensors") if cl.Run.load(path).complete]
            (folder / "killed").write_text("\\n".join(f"{path} {path.stat().st_mtime_ns}" for path in done))
            os.kill(os.getpid(), signal.SIGKILL)
        return super().positions(labels)

def stream(seed):
    made = cl.streams.digits([2, 2], classes=range(4), order=seed)
    return Fatal(list(made), made.class_names, made.name, made.code) if seed == 1 else made
"""


@pytest.fixture
def killer(tmp_path, monkeypatch):
    """A module that workers can import, and the folder of its store."""
    store = tmp_path / "store"
    store.mkdir()
    (tmp_path / "cltutor_killer.py").write_text(KILLER)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("KILLER", str(store))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    import cltutor_killer

    yield cltutor_killer.stream, store
    del sys.modules["cltutor_killer"]


@pytest.fixture
def client(killer):
    """A Dask client of a real cluster on this machine: two processes of one thread."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "memory_limit": "1GiB"}
    with (
        distributed.LocalCluster(**options, dashboard_address=None, silence_logs=50) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_a_number_of_workers_is_one_or_more():
    with pytest.raises(ValueError, match="workers is a whole number from 1 to 1000, not 0"):
        processes(0)


def test_a_cluster_gives_the_same_runs_and_a_killed_worker_loses_only_its_own(client, killer):
    stream, store = killer
    executor = client.get_executor()
    alone = cl.compare(stream, METHODS, SEEDS, device="cpu", progress=False)
    together = cl.compare(stream, METHODS, SEEDS, executor, device="cpu", store=store, progress=False)
    for one, other in zip(alone, together, strict=True):
        assert_same(one, other)
    finished = [line.rsplit(" ", 1) for line in (store / "killed").read_text().splitlines()]
    assert finished
    assert all(os.stat(path).st_mtime_ns == int(changed) for path, changed in finished)
    assert len(list(store.glob("*.safetensors"))) == 4


def test_a_pool_that_breaks_says_so_and_finished_runs_are_found_again(killer):
    stream, store = killer
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as executor,
        pytest.raises(WorkerDied, match=rf"A worker process died.*; 3 of 4 runs were finished: they are in {store}"),
    ):
        cl.compare(stream, METHODS, SEEDS, executor, device="cpu", store=store, progress=False)
    finished = dict(line.rsplit(" ", 1) for line in (store / "killed").read_text().splitlines())
    assert len(finished) == 3
    again = cl.compare(stream, METHODS, SEEDS, device="cpu", store=store, progress=False)
    assert all(os.stat(path).st_mtime_ns == int(changed) for path, changed in finished.items())
    assert [run.complete for run in again] == 4 * [True]


class Here(Executor):
    """Runs at once what is submitted; records what was submitted and weak references to its futures."""

    def __init__(self, fails: int | None = None, error: Exception | None = None):
        self.sent, self.given, self.fails, self.error = [], [], fails, error or ArithmeticError("no number")

    def submit(self, function, /, *values):
        future = Future()
        self.given.append(weakref.ref(future))
        if len(self.sent) == self.fails:
            future.set_exception(self.error)
        else:
            future.set_result(function(*values))
        self.sent.append(values)
        return future


SEEDS_MADE = []


def by_seed(seed):
    SEEDS_MADE.append(seed)
    return cl.streams.digits([2, 2], seed, range(4)).fewer(0.1)


def test_the_runs_of_one_seed_are_sent_together_and_its_stream_is_made_once():
    SEEDS_MADE.clear()
    executor = Here()
    runs = cl.compare(by_seed, METHODS, SEEDS, executor, device="cpu", progress=False)
    assert [pickle.loads(job).seed for _, job in executor.sent] == [0, 0, 1, 1]
    assert SEEDS_MADE == [0, 1]
    assert [(run.name, run.seed) for run in runs] == [("finetune", 0), ("finetune", 1), ("lwf", 0), ("lwf", 1)]


def test_no_reference_to_a_run_is_kept_once_it_was_yielded(tiny):
    executor = Here()
    found = runs_of(tiny, [Job(METHODS[0], seed, "cpu") for seed in SEEDS], executor)
    for alive in (2, 1):
        next(found)
        assert sum(given() is not None for given in executor.given) == alive


def test_the_error_of_a_run_that_fails_is_raised(tiny):
    with pytest.raises(ArithmeticError, match="no number"):
        cl.compare(tiny, METHODS, SEEDS, Here(fails=1), device="cpu", progress=False)


@dataclass(frozen=True, repr=False)
class Failing(cl.losses.Term):
    """Raises an error that cannot be sent, or a run's own."""

    kind: str = "lock"

    def __call__(self, batch, state):
        raise {"lock": Locked(), "two": TwoThings("a", "b"), "plain": KeyError("importance")}[self.kind]


class Locked(Exception):
    def __init__(self):
        super().__init__("no weights here")
        self.lock = threading.Lock()


class TwoThings(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("lock", RunFailed, "A run failed in a worker with Locked: no weights here"),
        ("two", (RunFailed, TwoThings), "a and b"),  # distributed, once imported, teaches pickle to make it again
        ("plain", KeyError, "importance"),
    ],
)
def test_an_error_in_a_worker_is_told_whether_or_not_it_can_be_sent(tiny, kind, error, words):
    recipe = cl.Recipe("failing", cl.losses.CrossEntropy() + Failing(kind), schedule=METHODS[0].schedule)
    with pytest.raises(error, match=words) as told:
        cl.compare(tiny, [recipe], [0], Here(), device="cpu", progress=False)
    assert "raise {" in told.value.__notes__[0], "the line that failed in the worker"


class KilledWorker(Exception):
    """As Dask's, which gives up on a run that has killed several workers."""


def test_a_run_that_kills_the_workers_of_a_cluster_is_named_as_such(tiny):
    executor = Here(fails=1, error=KilledWorker("the last worker was tcp://10.0.0.1:42.\nMore: see"))
    words = r"several times over one run, and the cluster gave it up \(KilledWorker: the last worker .*\); 3 of 4 runs"
    with pytest.raises(WorkerDied, match=words):
        cl.compare(tiny, METHODS, SEEDS, executor, device="cpu", progress=False)


def test_a_function_that_cannot_be_sent_is_refused(tiny):
    lock = threading.Lock()
    with pytest.raises(ValueError, match=r"cannot be sent to another process .*: a stream is a Stream or a function"):
        cl.compare(lambda seed: tiny if lock else None, METHODS, SEEDS, Here(), progress=False)


def test_a_large_stream_is_sent_with_the_advice_to_make_it_in_the_worker(tiny):
    with pytest.warns(UserWarning, match=r"is sent to a worker with every run: give a function that makes it there"):
        list(runs_of(tiny, [Job(METHODS[0], 0, "cpu")], Here(), large=100))
