"""The store: the same run is found again, another is not, a damaged one is told and computed again; one process learns
a run at a time; a disk that refuses is told."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import warnings
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from filelock import FileLock, Timeout

import cltutor as cl
from cltutor.losses import Term
from cltutor.runs import files
from cltutor.runs import store as stores
from cltutor.runs.store import Store, checkpoint_of, set_aside
from cltutor.training.events import EpochDone, TaskDone

QUICK = cl.methods.finetune(epochs=2)
Usage = namedtuple("Usage", "total used free")


def train(stream, recipe, store, **settings):
    return cl.train(stream, recipe, device="cpu", store=store, **settings)


def learn(stream, recipe, store, **settings):
    return cl.learn(stream, recipe, device="cpu", progress=False, store=store, **settings)


def same(run, other):
    return all(
        torch.equal(value, other.states[task][name])
        for task, state in enumerate(run.states)
        for name, value in state.items()
    )


def left_after(kind, stream, recipe, store, task=0):
    """The run's file and checkpoint, after it was left at the first event of that ``kind`` in ``task``."""
    for event in train(stream, recipe, store):
        if isinstance(event, kind) and event.task == task:
            break
    path = store.path(event.run)
    return path, checkpoint_of(path)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "runs", every=0.0)


# The same run, found again.


def test_each_stream_recipe_and_seed_has_a_file_of_its_own(tiny, tmp_path):
    store = Store(tmp_path)
    quick = cl.methods.finetune(epochs=1)
    runs = [
        learn(tiny, quick, tmp_path),
        learn(tiny, quick, tmp_path, seed=1),
        learn(tiny, cl.methods.finetune(epochs=1, learning_rate=0.01), tmp_path),
        learn(cl.streams.digits(tasks=2, classes=(0, 1)), quick, tmp_path),
    ]
    assert len({store.path(run) for run in runs}) == len(list(tmp_path.glob("*.safetensors"))) == 4
    assert store.path(learn(tiny, quick, tmp_path)) == store.path(runs[0])


def test_another_version_of_cltutor_learns_its_own_runs(tiny, store, monkeypatch):
    run = learn(tiny, QUICK, store)
    path = store.path(run)
    monkeypatch.setattr(stores, "__version__", "9.9")
    assert store.path(run) != path


def test_a_name_that_is_no_file_name_is_no_trouble(tiny, store):
    recipe = cl.Recipe(
        "half/../../half: lwf", cl.losses.CrossEntropy(), schedule=cl.methods.finetune(epochs=1).schedule
    )
    run = learn(tiny, recipe, store)
    assert store.path(run).parent == store.folder
    assert list(train(tiny, recipe, store)) == []


@dataclass(frozen=True)
class Own(Term):
    """A term that cltutor does not know."""

    def __call__(self, batch, kept):
        return batch.student.logits.square().mean()


def test_a_run_with_a_term_of_ones_own_is_found_again(tiny, store):
    recipe = cl.Recipe("own", cl.losses.CrossEntropy() + Own(), schedule=QUICK.schedule)
    first = learn(tiny, recipe, store)
    assert list(train(tiny, recipe, store)) == []
    assert same(learn(tiny, recipe, store), first)


def test_a_finished_run_leaves_no_checkpoint(tiny, store):
    path = store.path(learn(tiny, QUICK, store))
    assert [p.name for p in store.folder.iterdir() if not p.name.startswith(".")] == [path.name]


# Checkpoints.


def test_a_checkpoint_is_written_when_it_is_time(tiny, tmp_path):
    for every, there in ((0.0, True), (3600.0, False)):
        _, checkpoint = left_after(EpochDone, tiny, QUICK, Store(tmp_path / str(every), every))
        assert checkpoint.exists() == there


def test_checkpoints_that_take_long_are_written_less_often(tiny, tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(stores.time, "monotonic", lambda: now[0])
    with Store(tmp_path, every=10.0).learning(learn(tiny, QUICK, None)) as slot:
        written = []

        def make():
            now[0] += 2.0  # seconds that it takes
            written.append(now[0])
            return {}, {}

        for second in range(0, 200, 5):
            now[0] = max(now[0], second)
            slot.keep(make)
    assert written[0] == 12.0
    assert all(later - earlier >= 42.0 for earlier, later in zip(written, written[1:], strict=False))


def test_a_checkpoint_of_a_task_that_is_learned_already_is_passed_over(tiny, store):
    path, checkpoint = left_after(EpochDone, tiny, QUICK, store)
    old = checkpoint.read_bytes()
    left_after(TaskDone, tiny, QUICK, store)
    checkpoint.write_bytes(old)
    first = next(iter(train(tiny, QUICK, store)))
    assert (first.task, first.progress) == (1, 0.5)


# Damage.


def truncate(path: Path):
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def empty(path: Path):
    path.write_bytes(b"")


def pickled(path: Path):
    torch.save({"weights": torch.zeros(2)}, path)


def folder(path: Path):
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


def older(path: Path):
    format_, files.FORMAT = files.FORMAT, files.FORMAT - 1
    try:
        files.write(path, {}, {})
    finally:
        files.FORMAT = format_


def without_facts(path: Path):
    files.write(path, {}, {})


@pytest.mark.parametrize("damage", [truncate, flip, empty, pickled, folder, older, without_facts])
@pytest.mark.parametrize("which", ["run", "checkpoint"])
def test_damage_is_told_once_set_aside_and_computed_again(tiny, store, damage, which):
    whole = learn(tiny, QUICK, None)
    path, checkpoint = left_after(EpochDone, tiny, QUICK, store, task=1)
    if which == "run":
        checkpoint.unlink()
    damaged = path if which == "run" else checkpoint
    damage(damaged)
    with pytest.warns(UserWarning, match=r"(damaged|another version|no ).*set aside as .*computed again") as told:
        again = learn(tiny, QUICK, store)
    assert len(told) == 1
    assert damaged.with_name(f"{damaged.name}.damaged").exists()
    assert same(again, whole)
    assert same(cl.Run.load(path), whole)


@pytest.mark.parametrize("which", ["run", "checkpoint"])
def test_another_runs_file_is_not_taken_for_this_one(tiny, store, which):
    other = cl.methods.finetune(epochs=2, learning_rate=0.05)
    path, checkpoint = left_after(EpochDone, tiny, QUICK, store, task=1)
    theirs, their_checkpoint = left_after(EpochDone, tiny, other, store, task=1)
    if which == "run":
        checkpoint.unlink()
        shutil.copy(theirs, path)
    else:
        shutil.copy(their_checkpoint, checkpoint)
    with pytest.warns(UserWarning, match="another run.*set aside"):
        assert same(learn(tiny, QUICK, store), learn(tiny, QUICK, None))


def test_nothing_that_was_set_aside_is_overwritten(tmp_path):
    for content in ("first", "second", "third"):
        (tmp_path / "run").write_text(content)
        with pytest.warns(UserWarning, match="set aside"):
            set_aside(tmp_path / "run", ValueError("Bad: remove it and train again."))
    kept = sorted(p.read_text() for p in tmp_path.iterdir())
    assert kept == ["first", "second", "third"]


def test_what_a_killed_writer_left_is_cleared_away(tiny, store):
    path, checkpoint = left_after(EpochDone, tiny, QUICK, store)
    drafts = [p.with_name(f".{p.name}.{os.getpid() + 1}-7") for p in (path, checkpoint)]
    for draft in drafts:
        draft.touch()
    learn(tiny, QUICK, store)
    assert not any(draft.exists() for draft in drafts)


# Several processes, and generators that nobody asks any more.

HOLDER = """
import shutil, sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    for line in sys.stdin:
        source, target = line.split()
        shutil.copy(source, target)
"""


class Holder:
    """Another process that learns the run of ``path``: it has the lock, and makes a file when it is told."""

    def __init__(self, path: Path):
        path.parent.mkdir(exist_ok=True, parents=True)
        command = [sys.executable, "-c", HOLDER, path.with_name(f".{path.name}.lock")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "held\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def make(self, source: Path, target: Path):
        self.process.stdin.write(f"{source} {target}\n")
        self.process.stdin.flush()


def later(action, *arguments) -> threading.Timer:
    timer = threading.Timer(1.5, action, arguments)  # short waits are not told
    timer.start()
    return timer


def test_a_second_process_waits_says_so_and_takes_what_the_first_has_made(tiny, store, tmp_path, monkeypatch):
    made = learn(tiny, QUICK, tmp_path / "elsewhere")
    store.patience = 5.0
    monkeypatch.setattr(cl.training.loop, "learn_epoch", lambda *_: pytest.fail("it was learned again"))
    with Holder(store.path(made)) as holder:
        timer = later(holder.make, Store(tmp_path / "elsewhere").path(made), store.path(made))
        with pytest.warns(UserWarning, match="^Another process is learning finetune: waiting") as told:
            run = learn(tiny, QUICK, store)
        timer.join()
        assert holder.process.poll() is None, "the lock was free: nobody had to look at the file"
    assert len(told) == 1
    assert same(run, made)


def test_the_lock_of_a_process_that_is_killed_is_free(tiny, store):
    store.patience = 30.0
    with Holder(store.path(learn(tiny, QUICK, None))) as holder:
        timer = later(holder.process.kill)
        with pytest.warns(UserWarning, match="^Another process") as told:
            run = learn(tiny, QUICK, store)
        timer.join()
    assert len(told) == 1
    assert store.find(run).complete


def test_a_process_that_holds_a_run_and_does_nothing_is_not_waited_for(tiny, store):
    store.patience = 0.2
    with Holder(store.path(learn(tiny, QUICK, None))):
        with pytest.warns(UserWarning, match="Another process|The other process") as told:
            run = learn(tiny, QUICK, store)
        assert "saved nothing of finetune for 0.2 seconds" in str(told[-1].message)
        assert len(told) == 2
        assert store.find(run).complete


def test_a_generator_left_in_the_middle_holds_up_nobody_and_may_go_on(tiny, store):
    left = train(tiny, QUICK, store)
    next(left)
    whole = learn(tiny, QUICK, store)  # a warning that it waits would be an error here
    path = store.path(whole)
    before = path.read_bytes()
    *_, last = left
    assert same(last.run, whole)
    assert path.read_bytes() == before, "the slower one wrote over the finished run"


def free(lock: Path) -> bool:
    try:
        with FileLock(lock, timeout=0):
            return True
    except Timeout:
        return False


def test_the_lock_is_free_when_a_generator_is_closed_or_ends_in_an_error(tiny, store):
    events = train(tiny, QUICK, store)
    next(events)
    (lock,) = store.folder.glob(".*.lock")
    assert not free(lock)
    events.close()
    assert free(lock)
    with pytest.raises(cl.training.events.Diverged):
        learn(tiny, cl.methods.finetune(epochs=2, learning_rate=1e30), store)
    (other,) = set(store.folder.glob(".*.lock")) - {lock}
    assert free(other)


def test_a_folder_without_file_locks_is_told_and_used(tiny, store, monkeypatch):
    def none(*_, **__):
        raise OSError("No locks available")

    monkeypatch.setattr(stores.FileLock, "acquire", none)
    with pytest.warns(UserWarning, match="has no file locks"):
        assert store.find(learn(tiny, QUICK, store)).complete


# A disk that refuses.


def test_a_file_where_the_folder_should_be_is_told_before_training(tiny, tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "runs"):
        with pytest.raises(ValueError, match="kept in a folder, and .* is or lies in a file: name another"):
            next(train(tiny, QUICK, place))


@pytest.fixture
def read_only():
    """A folder in which this process may not write, though it be root's: it is nobody for the time being."""
    with tempfile.TemporaryDirectory() as name:  # not pytest's own, into which nobody may look
        os.chmod(name, 0o755)
        yield Path(name)


class Nobody:
    """A user without rights inside; root's come back at the end."""

    def __init__(self, folder: Path):
        self.folder, self.user = folder, os.geteuid()

    def __enter__(self):
        os.chmod(self.folder, 0o555)
        if self.user == 0:
            os.seteuid(65534)

    def __exit__(self, *_):
        os.seteuid(self.user)
        os.chmod(self.folder, 0o755)


def test_a_folder_that_cannot_be_written_is_told_before_training_but_finished_runs_are_found(tiny, read_only):
    learned = learn(tiny, QUICK, read_only)
    os.chmod(Store(read_only).path(learned), 0o644)
    with Nobody(read_only):
        assert same(learn(tiny, QUICK, read_only), learned)
        for place in (read_only, read_only / "new"):
            with pytest.raises(ValueError, match=r"Nothing can be written in .* \(Permission denied\): name another"):
                next(train(tiny, QUICK, place, seed=1))
    assert len(list(read_only.glob("*.safetensors"))) == 1


def test_a_run_that_the_disk_has_no_room_for_is_told_before_training(tiny, store, monkeypatch):
    network = sum(value.nbytes for value in learn(tiny, QUICK, None).states[0].values())
    monkeypatch.setattr(stores.shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 2 * network))
    with pytest.raises(ValueError, match=r"MB free, and this run of 2 tasks needs about .* MB: make room"):
        next(train(tiny, QUICK, store))
    monkeypatch.setattr(stores.shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 20 * network))
    next(train(tiny, QUICK, store))


def test_a_disk_that_fills_up_is_told_once_the_file_stays_whole_and_the_run_goes_on(tiny, store):
    """The kernel itself refuses to let a file grow beyond the size that the first task needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    whole = learn(tiny, QUICK, None)
    path = store.path(whole)
    store.every = 3600.0
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for event in train(tiny, QUICK, store):
                if isinstance(event, TaskDone) and event.task == 0:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, hard))
                    store.every = 0.0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (only,) = told
    assert "finetune could not be saved in" in str(only.message)
    assert "(File too large)" in str(only.message)
    assert same(event.run, whole)
    assert event.run.complete
    assert cl.Run.load(path).learned == 1
    assert {p.suffix for p in store.folder.iterdir()} == {".safetensors", ".lock"}, "a draft was left"
    assert same(learn(tiny, QUICK, store), whole)
