"""From a claim to its numbers: on a tiny stream, with a store, with processes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest

import cltutor as cl
from cltutor.studies.claims import CLAIMS, Claim, check, training
from cltutor.studies.claims.claim import Measure, constant, trained
from cltutor.studies.claims.running import cost
from cltutor.training.events import Diverged


def old(stream, run):
    return 100 * run.accuracy()[-1, :-1].mean()


def diverge(stream, run):
    raise Diverged("lost")


@pytest.fixture(autouse=True)
def quick(patterns, monkeypatch):
    """A tiny stream in place of digits; what is learned is counted."""
    seen = []

    def learn(stream, recipe, seed, **settings):
        seen.append((recipe.name, seed))
        return cl.learn(stream, recipe.with_epochs(2), seed, **settings)

    monkeypatch.setitem(training.STREAMS, "digits", training.Source(lambda trial: patterns))
    monkeypatch.setattr(training, "learn", learn)
    return seen


OLD = Measure("accuracy on old tasks, %", old)
LWF = Claim("lwf", "section 4", "It keeps.", OLD.name, OLD.on("lwf"), "above", OLD.on("finetune"), trials=2)
CHANGED = replace(LWF, sentence="Twice.", left=OLD.on(trained("lwf", temperature=1.0)))


def test_a_claim_is_decided_from_runs_that_anyone_can_learn(patterns, tmp_path):
    (found,) = check([LWF], tmp_path)
    for trial, pair in enumerate(found[0].numbers):
        runs = [
            cl.learn(patterns, cl.gallery.recipe(name, "digits").with_epochs(2), trial, device="cpu", progress=False)
            for name in ("lwf", "finetune")
        ]
        assert pair == pytest.approx([old(patterns, run) for run in runs])
    assert found[0].verdict in ("holds here", "does not hold here", "undecided")
    assert found.made()["command"] == "`cl.claims.check`"
    assert "rates" in found.made()


def test_the_ledger_grows_claim_by_claim_the_gallerys_runs_first(tmp_path):
    steps = list(check([CHANGED, LWF], tmp_path))
    assert [[bool(entry.numbers) for entry in step] for step in steps] == [[False, True], [True, True]]
    assert [cost(claim) for claim in (CHANGED, LWF)] == [1, 0]


def test_a_run_is_found_in_the_store_the_second_time(tmp_path):
    list(check([LWF], tmp_path))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    (again,) = check([LWF], tmp_path)
    assert len(before) == 4
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")} == before
    assert len(again[0].numbers) == 2


def test_what_both_sides_need_is_learned_once(quick, tmp_path):
    list(check([replace(LWF, right=OLD.on("lwf", "again"))], tmp_path))
    assert quick == [("lwf", 0), ("lwf", 1)]


def test_an_executor_gives_the_same_numbers(tmp_path):
    (alone,) = check([LWF], tmp_path / "alone")
    with ThreadPoolExecutor(2) as executor:
        (together,) = check([LWF], tmp_path / "together", executor=executor)
    assert together[0].numbers == alone[0].numbers


def test_a_run_that_diverges_leaves_its_claim_undecided(tmp_path):
    left = replace(LWF.left, measure=diverge)
    (found,) = check([replace(LWF, left=left)], tmp_path)
    assert len(found[0].numbers) == 2
    assert found[0].verdict == "undecided"


def test_a_count_needs_no_run(quick, tmp_path):
    counted = [claim for claim in CLAIMS if claim.paper == "dfcnn" and claim.counted]
    *_, found = check(counted, tmp_path)
    assert not quick
    assert all(len(entry.numbers) == 1 for entry in found)


def test_fewer_images_are_of_later_tasks_and_two_tasks_hold_all_classes():
    fewer, all_of_them = training.fewer(0), cl.gallery.stream("digits", 0)
    sizes = [len(few.train) / len(task.train) for few, task in zip(fewer, all_of_them, strict=True)]
    assert sizes[0] == 1
    assert all(0.25 < share < 0.35 for share in sizes[1:])
    assert [len(task.classes) for task in training.halves(0)] == [5, 5]


def test_a_number_of_a_paper_is_a_side_of_its_own(tmp_path):
    (found,) = check([replace(LWF, right=constant(50))], tmp_path)
    assert [right for _, right in found[0].numbers] == [50, 50]
    assert partial(constant, 7.96)().label == "7.96"
