"""From claims to a ledger: what is trained, once, in which order, and how it goes on after an interruption."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from claiming import claim, constant, drawn, side

import cltutor as cl
from cltutor.studies.claims import planning, running
from cltutor.studies.claims.choosing import Search
from cltutor.studies.claims.deciding import NOT_RUN
from cltutor.studies.claims.records import Job, Records
from cltutor.studies.claims.rows import all_claims

LWF = claim(trials=3)
OLD = replace(LWF, sentence="The old task.", left=LWF.left)
NEW = claim(statistic="new", trials=3)
FORGETS = claim(side("finetune", warm_up=True), constant(0.0, "drop"), statistic="drop", differs=(), also={}, trials=3)


class Trainer:
    """Stands for training, and counts."""

    def __init__(self, stop_after=None):
        self.jobs, self.stop = [], stop_after

    def __call__(self, job):
        if len(self.jobs) == self.stop:
            raise KeyboardInterrupt
        self.jobs.append(job)
        return drawn(job)


def run(claims, folder, trainer=None, **more):
    return list(running.check(claims, folder, train=trainer or Trainer(), **more))


def test_every_run_is_trained_once_and_shared_by_the_claims_that_need_it(tmp_path):
    trainer = Trainer()
    *_, found = run([LWF, NEW, FORGETS], tmp_path, trainer, variants=False)
    keys = [job.key for job in trainer.jobs]
    assert len(keys) == len(set(keys))
    assert all(entry.complete for entry in found)
    again = Trainer()
    *_, same = run([LWF, NEW, FORGETS], tmp_path, again, variants=False)
    assert again.jobs == []
    assert [entry.trials for entry in same] == [entry.trials for entry in found]


def test_what_was_stopped_goes_on_to_the_same_ledger(tmp_path):
    whole = Trainer()
    *_, found = run([LWF, NEW], tmp_path / "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        run([LWF, NEW], tmp_path / "stopped", Trainer(stop_after=11))
    rest = Trainer()
    *_, resumed = run([LWF, NEW], tmp_path / "stopped", rest)
    assert len(rest.jobs) == len(whole.jobs) - 11
    assert [entry.found for entry in resumed] == [entry.found for entry in found]


def test_an_executor_gives_the_same_numbers(tmp_path):
    *_, alone = run([LWF], tmp_path / "alone")
    with ThreadPoolExecutor(2) as executor:
        *_, together = run([LWF], tmp_path / "together", executor=executor)
    assert [entry.found for entry in together] == [entry.found for entry in alone]


def test_the_ledger_grows_claim_by_claim_and_a_claim_without_runs_is_not_run_yet(tmp_path):
    steps = run([LWF, FORGETS], tmp_path, variants=False)
    assert [entry.verdict for entry in steps[0]] == [NOT_RUN] * 2
    assert [sum(entry.complete for entry in step) for step in steps] == [0, 1, 2]


def test_the_claim_that_needs_the_least_beyond_what_is_trained_by_then_is_next(tmp_path):
    own = [one for one in all_claims() if not one.data][::12]
    records, extras = Records(tmp_path), planning.extras_of(own)
    order = planning.ordered(own, records, extras)
    assert set(order) == set(own)
    counts = [one.counted for one in order]
    assert counts == sorted(counts, reverse=True), "what needs no run comes first"
    assert planning.ordered([NEW, FORGETS, LWF], records, extras) == [FORGETS, NEW, LWF]


def test_what_any_claim_needs_of_the_networks_is_measured_when_a_run_is_trained(tmp_path):
    drift = next(one for one in all_claims() if one.comparison == "lwm < C")
    trainer = Trainer()
    run([drift], tmp_path, trainer, variants=False)
    trials = [job for job in trainer.jobs if job.trial < 100 and "Attention" in repr(job.recipe)]
    assert trials
    assert all(job.extras == ("attention at first", "attention at last", "drift") for job in trials)


def test_counts_need_no_run(tmp_path):
    trainer = Trainer()
    counted = [one for one in all_claims() if one.counted and one.paper == "dfcnn"]
    *_, found = run(counted, tmp_path, trainer)
    assert trainer.jobs == []
    assert all(len(entry.trials) == 1 for entry in found)
    *_, again = run(counted, tmp_path, trainer)
    assert [entry.trials for entry in again] == [entry.trials for entry in found]


def test_the_estimate_falls_to_nothing_as_runs_are_found(tmp_path):
    runs, seconds = planning.estimate([LWF], tmp_path)
    assert runs == 2 * (3 * 3 + 3)
    assert seconds == runs * 1.5
    run([LWF], tmp_path, variants=False)
    assert planning.estimate([LWF], tmp_path) == (0, 0.0)


@pytest.mark.parametrize("stopped", [1, 9, 12, 14])
def test_the_estimate_is_never_nothing_while_a_run_is_missing(tmp_path, stopped):
    with pytest.raises(KeyboardInterrupt):
        run([LWF], tmp_path, Trainer(stop_after=stopped), variants=False)
    assert planning.estimate([LWF], tmp_path)[0] > 0


MAS = claim(
    side("mas", warm_up=True, weights={"lam": (0.1, 1.0, 10.0)}, published={"lam": 1.0}),
    side("si", warm_up=True, weights={"lam": (0.1, 1.0, 10.0)}),
    also={},
    trials=3,
)


def test_variants_are_estimated_and_trained_after_the_claims_and_go_on_where_they_were_stopped(tmp_path):
    assert planning.estimate_variants([MAS], tmp_path) == (0, 0, 0.0, 1), "nothing is known before the search"
    *_, plain = run([MAS], tmp_path, variants=False)
    need = planning.estimate_variants([MAS], tmp_path)
    assert need.claims == 1
    assert need.waiting == 0
    assert need.runs % 3 == 0
    assert need.seconds == need.runs * 1.5 > 0
    with pytest.raises(KeyboardInterrupt):
        list(running.vary([MAS], tmp_path, train=Trainer(stop_after=2)))
    assert planning.estimate_variants([MAS], tmp_path).runs == need.runs - 2
    rest = Trainer()
    *_, found = running.vary([MAS], tmp_path, train=rest)
    assert len(rest.jobs) == need.runs - 2
    assert all(job.trial in range(3) for job in rest.jobs), "the search is made, only trials are missing"
    assert planning.estimate_variants([MAS], tmp_path) == (1, 0, 0.0, 0)
    assert found[0].found.variants.keys() == set(planning.variants_of(search(tmp_path), found[0].found.choice))
    assert found[0].trials == plain[0].trials


def search(folder):
    return Search(MAS, Records(folder), planning.extras_of([MAS]))


def test_a_claim_without_its_trials_has_no_variants_yet(tmp_path):
    trainer = Trainer()
    *_, found = running.vary([MAS], tmp_path, train=trainer)
    assert trainer.jobs == []
    assert found[0].found is None


def test_a_job_is_trained_as_anyone_can_train_it():
    recipe = cl.methods.finetune(epochs=15, learning_rate=0.04)
    found = running.train(Job("pair, 10 %", recipe, 2))
    stream = running.stream_of("pair, 10 %", 2)
    expected = cl.learn(stream, recipe, 2, device="cpu", threads=1, progress=False)
    assert found.accuracy() == pytest.approx(100 * expected.accuracy(), nan_ok=True)
    assert found.recipe == repr(recipe)


def test_a_run_that_diverges_is_a_record_without_numbers():
    recipe = cl.methods.finetune(epochs=15, learning_rate=1e30, clip=1e30)
    assert running.train(Job("pair, 10 %", recipe, 2)).diverged


def test_a_killed_command_leaves_whole_records_and_goes_on(tmp_path):
    typed = [sys.executable, "-m", "cltutor", "claims", "--paper", "lwf", "--trials", "3", "--store", str(tmp_path)]
    process = subprocess.Popen(
        typed, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    deadline = time.monotonic() + 300
    while len(list(tmp_path.glob("*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    files = list(tmp_path.glob("*.json"))
    assert len(files) >= 2
    claims = [one for one in all_claims() if one.paper == "lwf" and one.comparison == "finetune > 0"]
    missing, _ = planning.estimate(claims, tmp_path)
    assert missing < 9 + claims[0].trials
