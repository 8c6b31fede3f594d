"""From a claim to its numbers: on a tiny stream, with a store, with an executor."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import cltutor as cl
from cltutor.studies.claims import CLAIMS, Claim, running, training
from cltutor.studies.claims.claim import Constant, Measure, Quantity, trained
from cltutor.training.events import Diverged


def old(stream, run):
    return 100 * run.accuracy()[-1, :-1].mean()


def diverge(stream, run):
    raise Diverged("lost")


def learn(stream, recipe, seed, **settings):
    return cl.learn(stream, recipe.with_epochs(2), seed, **settings)


@pytest.fixture
def check(patterns):
    """``check`` with a tiny stream in place of digits and two epochs; its ledgers. ``check.trained`` are its runs."""

    def check(claims, store, executor=None):
        check.trained = []

        def counted(stream, recipe, seed, **settings):
            check.trained.append((recipe.name, seed))
            return learn(stream, recipe, seed, **settings)

        streams = {"digits": training.Source(lambda trial: patterns)}
        return list(running.check(claims, store, executor=executor, streams=streams, learn=counted))

    return check


OLD = Measure("accuracy on old tasks, %", old)
SIDES = (OLD.on(trained("lwf")), OLD.on(trained("finetune")))
LWF = Claim("lwf", "section 4", "It keeps.", OLD.name, SIDES[0], "above", SIDES[1], trials=2)
CHANGED = replace(LWF, sentence="Twice.", left=OLD.on(trained("lwf", temperature=1.0)))


def test_a_claim_is_decided_from_runs_that_anyone_can_train_also_in_an_executor(check, patterns, tmp_path):
    (found,) = check([LWF], tmp_path / "alone")
    with ThreadPoolExecutor(2) as executor:
        (together,) = check([LWF], tmp_path / "together", executor)
    assert together[0].numbers == found[0].numbers
    for trial, pair in enumerate(found[0].numbers):
        recipes = [cl.gallery.recipe(name, "digits") for name in ("lwf", "finetune")]
        runs = [learn(patterns, recipe, trial, device="cpu", progress=False) for recipe in recipes]
        assert pair == pytest.approx([old(patterns, run) for run in runs])
    assert found[0].verdict in ("holds here", "does not hold here", "undecided")
    assert found.made()["command"] == "`cl.claims.check`"
    assert "rates" in found.made()


def test_the_ledger_grows_claim_by_claim_the_gallerys_runs_first(check, tmp_path):
    steps = check([CHANGED, LWF], tmp_path)
    assert [[bool(entry.numbers) for entry in step] for step in steps] == [[False, True], [True, True]]
    assert [running.cost(claim) for claim in (CHANGED, LWF)] == [1, 0]


def test_what_both_sides_need_is_trained_once_and_found_in_the_store_the_second_time(check, tmp_path):
    both = replace(LWF, right=OLD.on(trained("lwf"), "again"))
    check([both], tmp_path)
    assert check.trained == [("lwf", 0), ("lwf", 1)]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    (again,) = check([both], tmp_path)
    assert len(before) == len(again[0].numbers) == 2
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")} == before


def test_a_run_that_diverges_leaves_its_claim_undecided(check, tmp_path):
    (found,) = check([replace(LWF, left=replace(LWF.left, measure=diverge))], tmp_path)
    assert np.isnan(found[0].numbers).tolist() == [[True, True]] * 2
    assert found[0].verdict == "undecided"


def test_a_count_needs_no_run_and_a_papers_number_is_a_side_of_its_own(check, tmp_path):
    counted = [claim for claim in CLAIMS if claim.paper == "dfcnn" and claim.counted]
    *_, found = check(counted, tmp_path)
    assert not check.trained
    assert all(len(entry.numbers) == 1 for entry in found)
    (found,) = check([replace(LWF, right=Quantity("50", Constant(50)))], tmp_path)
    assert [right for _, right in found[0].numbers] == [50, 50]


def test_fewer_images_are_of_later_tasks_and_two_tasks_have_all_classes():
    fewer, all_of_them = training.fewer(0), cl.gallery.stream("digits", 0)
    sizes = [len(few.train) / len(task.train) for few, task in zip(fewer, all_of_them, strict=True)]
    assert sizes[0] == 1
    assert all(0.25 < share < 0.35 for share in sizes[1:])
    assert [len(task.classes) for task in training.halves(0)] == [5, 5]
