"""The store: the same run is found again, another is not, a damaged one is reported and computed again; one process
learns a run at a time; a disk that refuses is reported."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import safetensors.torch
from filelock import FileLock, Timeout
from running import assert_same, learn, left_after

import cltutor as cl
from cltutor.losses import Term
from cltutor.recipe.parser import UnknownPart
from cltutor.runs import files
from cltutor.runs.files import set_aside
from cltutor.runs.store import Store
from cltutor.training.events import Diverged, EpochDone, TaskDone

QUICK = cl.methods.finetune(epochs=2)


def train(stream, recipe, store, **settings):
    return cl.train(stream, recipe, device="cpu", store=store, **settings)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "runs", every=0.0)


@pytest.fixture(scope="module")
def whole(tiny):
    """QUICK, learned without a store."""
    return learn(tiny, QUICK)


# The same run, found again.


@pytest.mark.filterwarnings("ignore:finetune. tasks 0, 1 have one class")
@pytest.mark.filterwarnings("ignore:finetune. tasks 1, 2 have one class")
def test_each_stream_recipe_and_seed_has_a_file_of_its_own(tiny, store):
    quick = cl.methods.finetune(epochs=1)
    runs = [
        learn(tiny, quick, store=store),
        learn(tiny, quick, store=store, seed=1),
        learn(tiny, cl.methods.finetune(epochs=1, learning_rate=0.01), store=store),
        learn(cl.streams.digits(tasks=2, classes=(0, 1)).fewer(0.1), quick, store=store),
    ]
    assert len({store.path(run) for run in runs}) == len(list(store.folder.glob("*.safetensors"))) == 4
    assert list(train(tiny, quick, store)) == [], "it was learned again"
    assert_same(learn(tiny, quick, store=store), runs[0])
    assert {p.suffix for p in store.folder.iterdir()} == {".safetensors", ".lock"}, "a checkpoint was left"


def test_another_version_of_cltutor_learns_its_own_runs(whole, store):
    assert store.path(whole) != Store(store.folder, version="9.9").path(whole)


@dataclass(frozen=True)
class Own(Term):
    """A term that cltutor does not know."""

    def __call__(self, batch, state):
        return batch.student.logits.square().mean()


def test_a_run_with_any_name_and_a_users_term_is_kept_in_the_folder_and_found_again(tiny, store):
    recipe = cl.Recipe("half/../../half: lwf", cl.losses.CrossEntropy() + Own(), schedule=QUICK.schedule)
    first = learn(tiny, recipe, store=store)
    assert store.path(first).parent == store.folder
    assert list(train(tiny, recipe, store)) == []
    assert_same(learn(tiny, recipe, store=store), first)
    with pytest.raises(UnknownPart, match=r"part Own, which is not known here: .*, or give the recipe") as refused:
        cl.Run.load(store.path(first))
    assert refused.value.name == "Own"


# Checkpoints.


def test_a_checkpoint_is_written_when_it_is_due(tiny, tmp_path):
    for every, there in ((0.0, True), (3600.0, False)):
        _, checkpoint = left_after(EpochDone, tiny, QUICK, Store(tmp_path / str(every), every))
        assert checkpoint.exists() == there


def test_checkpoints_that_take_long_are_written_less_often(whole, tmp_path):
    now, written = [0.0], []

    def make():
        now[0] += 2.0  # seconds that it takes
        written.append(now[0])
        return {}, {}

    with Store(tmp_path, every=10.0, clock=lambda: now[0]).learning(whole) as slot:
        for second in range(0, 200, 5):
            now[0] = max(now[0], second)
            slot.keep(make)
    assert written[0] == 12.0
    assert all(later - earlier >= 42.0 for earlier, later in zip(written, written[1:], strict=False))


def test_a_checkpoint_of_a_task_that_is_already_learned_is_ignored(tiny, store):
    path, checkpoint = left_after(EpochDone, tiny, QUICK, store)
    old = checkpoint.read_bytes()
    left_after(TaskDone, tiny, QUICK, store)
    checkpoint.write_bytes(old)
    first = next(iter(train(tiny, QUICK, store)))
    assert (first.task, first.progress) == (1, 0.5)


# Damage.


def flip(path: Path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def folder(path: Path):
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


def older(path: Path):
    facts = json.dumps({"format": files.FORMAT - 1})
    safetensors.torch.save_file({}, path, {"cltutor": facts, "checksum": files.checksum({}, facts)})


def impossible(**changed):
    """A file with a right checksum, and facts that no run has."""

    def damage(path: Path):
        tensors, facts = files.read(path)
        files.write(path, tensors, {**facts, **changed})

    return damage


def pipe(path: Path):
    path.unlink()
    os.mkfifo(path)


DAMAGE = {  # every other kind: test_files.py
    "a pipe": pipe,
    "more tasks than the stream has": impossible(learned=10**9),
    "no number of tasks": impossible(learned=None),
    "a flipped bit": flip,
    "empty": lambda path: path.write_bytes(b""),
    "a folder": folder,
    "of an older version": older,
    "without facts": lambda path: files.write(path, {}, {}),
}


def other_tensors(path: Path):
    """A checkpoint with a right checksum, from whose tensors nothing can go on."""
    tensors, facts = files.read(path)
    files.write(path, {name: value for name, value in tensors.items() if "network" not in name}, facts)


def other_facts(path: Path):
    tensors, facts = files.read(path)
    files.write(path, tensors, {"run": facts["run"], "task": facts["task"]})


@pytest.mark.parametrize("damage", [other_tensors, other_facts])
def test_a_checkpoint_of_something_else_is_set_aside_and_the_task_begins_anew(tiny, store, whole, damage):
    _, checkpoint = left_after(EpochDone, tiny, QUICK, store, task=1)
    damage(checkpoint)
    with pytest.warns(UserWarning, match="no checkpoint of this run.*set aside as .*computed again"):
        assert_same(learn(tiny, QUICK, store=store), whole)
    assert checkpoint.with_name(f"{checkpoint.name}.damaged").exists()


OF_A_RUN = "more tasks than the stream has", "no number of tasks"


@pytest.mark.parametrize(
    ("which", "damage"),
    [("run", damage) for damage in DAMAGE] + [("checkpoint", damage) for damage in DAMAGE if damage not in OF_A_RUN],
)
def test_a_damaged_file_is_reported_once_set_aside_and_computed_again(tiny, store, whole, which, damage):
    path, checkpoint = left_after(EpochDone, tiny, QUICK, store, task=1)
    if which == "run":
        checkpoint.unlink()
    damaged = path if which == "run" else checkpoint
    DAMAGE[damage](damaged)
    with pytest.warns(UserWarning, match=r"(damaged|another version|no ).*set aside as .*computed again") as warned:
        again = learn(tiny, QUICK, store=store)
    assert len(warned) == 1
    kind = "other-version" if damage == "of an older version" else "damaged"
    assert damaged.with_name(f"{damaged.name}.{kind}").exists()
    assert_same(again, whole)
    assert_same(cl.Run.load(path), whole)


@pytest.mark.parametrize("which", ["run", "checkpoint"])
def test_the_file_of_another_run_is_not_taken_for_this_one(tiny, store, whole, which):
    other = cl.methods.finetune(epochs=2, learning_rate=0.05)
    path, checkpoint = left_after(EpochDone, tiny, QUICK, store, task=1)
    theirs, their_checkpoint = left_after(EpochDone, tiny, other, store, task=1)
    if which == "run":
        checkpoint.unlink()
        shutil.copy(theirs, path)
    else:
        shutil.copy(their_checkpoint, checkpoint)
    with pytest.warns(UserWarning, match="another run.*set aside"):
        assert_same(learn(tiny, QUICK, store=store), whole)


def test_files_set_aside_earlier_are_not_overwritten(tmp_path):
    for content in ("first", "second", "third"):
        (tmp_path / "run").write_text(content)
        with pytest.warns(UserWarning, match="set aside"):
            set_aside(tmp_path / "run", ValueError("Bad: remove it and train again."))
    assert sorted(p.read_text() for p in tmp_path.iterdir()) == ["first", "second", "third"]


def test_drafts_of_a_killed_process_are_removed(tiny, store):
    path, checkpoint = left_after(EpochDone, tiny, QUICK, store)
    drafts = [p.with_name(f".{p.name}.{os.getpid() + 1}-7") for p in (path, checkpoint)]
    for draft in drafts:
        draft.touch()
    learn(tiny, QUICK, store=store)
    assert not any(draft.exists() for draft in drafts)


# Several processes, and generators that are left unfinished.

HOLDER = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(path: Path):
    """Another process that learns the run of ``path``: it has the lock."""
    path.parent.mkdir(exist_ok=True, parents=True)
    command = [sys.executable, "-c", HOLDER, path.with_name(f".{path.name}.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def later(action, *arguments) -> threading.Timer:
    timer = threading.Timer(1.5, action, arguments)  # waits of under a second give no warning
    timer.start()
    return timer


def test_a_second_process_waits_says_so_and_takes_the_result_of_the_first(tiny, store, tmp_path):
    made = learn(tiny, QUICK, store=tmp_path / "elsewhere")
    store.patience = 5.0
    with holder(store.path(made)) as process:
        timer = later(shutil.copy, Store(tmp_path / "elsewhere").path(made), store.path(made))
        with pytest.warns(UserWarning, match="^Another process is learning finetune: waiting") as warned:
            assert list(train(tiny, QUICK, store)) == [], "it was learned again"
        timer.join()
        assert process.poll() is None, "the lock was free, so the file did not matter"
    assert len(warned) == 1
    assert_same(store.load(made), made)


def test_the_lock_of_a_process_that_is_killed_is_released(tiny, store, whole):
    store.patience = 30.0
    with holder(store.path(whole)) as process:
        timer = later(process.kill)
        with pytest.warns(UserWarning, match="^Another process") as warned:
            run = learn(tiny, QUICK, store=store)
        timer.join()
    assert len(warned) == 1
    assert store.find(run).complete


def test_a_process_that_has_the_lock_and_does_nothing_is_not_waited_for(tiny, store, whole):
    store.patience = 0.2
    with holder(store.path(whole)):
        with pytest.warns(UserWarning, match="Another process|The other process") as warned:
            run = learn(tiny, QUICK, store=store)
        assert "saved nothing of finetune for 0.2 seconds" in str(warned[-1].message)
        assert len(warned) == 2
        assert store.find(run).complete


def test_a_generator_left_unfinished_blocks_nothing_and_may_go_on(tiny, store):
    left = train(tiny, QUICK, store)
    next(left)
    run = learn(tiny, QUICK, store=store)  # a warning that it waits would be an error here
    path = store.path(run)
    before = path.read_bytes()
    *_, last = left
    assert_same(last.run, run)
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
    with pytest.raises(Diverged):
        learn(tiny, cl.methods.finetune(epochs=2, learning_rate=1e30), store=store)
    (other,) = set(store.folder.glob(".*.lock")) - {lock}
    assert free(other)


class NoLocks(FileLock):
    """Locks on a network drive without them."""

    def acquire(self, *_, **__):
        raise OSError("No locks available")


def test_a_folder_without_file_locks_is_reported_and_used(tiny, tmp_path):
    store = Store(tmp_path, lock=NoLocks)
    with pytest.warns(UserWarning, match="has no file locks"):
        assert store.find(learn(tiny, QUICK, store=store)).complete


# A disk that refuses.


def test_a_file_in_place_of_the_folder_is_refused_before_training(tiny, tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "runs"):
        with pytest.raises(ValueError, match="kept in a folder, and .* is or lies in a file: name another"):
            next(train(tiny, QUICK, place))


@contextmanager
def nobody(folder: Path):
    """A user without rights in ``folder``, even where the tests run as root."""
    user = os.geteuid()
    os.chmod(folder, 0o555)
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        os.chmod(folder, 0o755)


def test_a_read_only_folder_is_refused_before_training_but_finished_runs_are_found(tiny):
    with tempfile.TemporaryDirectory() as name:  # not pytest's own, which no other user may read
        os.chmod(name, 0o755)
        learned = learn(tiny, QUICK, store=name)
        os.chmod(Store(name).path(learned), 0o644)
        with nobody(Path(name)):
            assert_same(learn(tiny, QUICK, store=name), learned)
            for place in (name, f"{name}/new"):
                with pytest.raises(
                    ValueError, match=r"Nothing can be written in .* \(Permission denied\): name another"
                ):
                    next(train(tiny, QUICK, place, seed=1))
        assert len(list(Path(name).glob("*.safetensors"))) == 1


def test_a_run_for_which_the_disk_has_no_room_is_refused_before_training(tiny, tmp_path, whole):
    network = sum(value.nbytes for value in whole.states[0].values())
    with pytest.raises(ValueError, match=r"MB free, and this run of 2 tasks needs about .* MB: make room"):
        next(train(tiny, QUICK, Store(tmp_path, free_space=lambda _: 2 * network)))
    next(train(tiny, QUICK, Store(tmp_path, free_space=lambda _: 20 * network)))


def test_a_disk_that_fills_up_is_reported_once_and_the_run_goes_on_with_the_file_intact(tiny, store, whole):
    """The kernel itself refuses to let a file grow beyond the size that the first task needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = store.path(whole)
    store.every = 3600.0
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            for event in train(tiny, QUICK, store):
                if isinstance(event, TaskDone) and event.task == 0:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, hard))
                    store.every = 0.0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (only,) = warned
    assert "finetune could not be saved in" in str(only.message)
    assert "(File too large)" in str(only.message)
    assert_same(event.run, whole)
    assert event.run.complete
    assert cl.Run.load(path).learned == 1
    assert {p.suffix for p in store.folder.iterdir()} == {".safetensors", ".lock"}, "a draft was left"
    assert_same(learn(tiny, QUICK, store=store), whole)
