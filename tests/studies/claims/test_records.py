"""Records hold the counts of a run, are found again, and never half-written."""

import numpy as np
import pytest
from claiming import record

import cltutor as cl
from cltutor.studies.claims.records import Job, Missing, Record, Records, packed, record_of

M = cl.methods


def job(**changed):
    return Job(**{"setting": "pair", "recipe": M.finetune(epochs=2), "trial": 0, **changed})


@pytest.mark.parametrize("heads", ["task", "class"])
def test_a_record_has_the_accuracies_of_its_run(patterns, heads):
    recipe = M.finetune(epochs=2, heads=heads)
    run = cl.learn(patterns, recipe, 1, device="cpu", progress=False)
    found = record_of(job(recipe=recipe), run, 77, {"drift": 1.5})
    assert found.accuracy(known=True) == pytest.approx(100 * run.accuracy(), nan_ok=True)
    if heads == "class":
        assert found.accuracy() == pytest.approx(100 * run.accuracy(known_task=False), nan_ok=True)
    else:
        assert found.accuracy() == pytest.approx(100 * run.accuracy(), nan_ok=True)
    assert (found.updates, found.parameters, found.extras) == (run.updates, 77, {"drift": 1.5})
    assert found.competes == (heads == "class")


def test_curves_are_those_of_each_task_while_it_was_learned(patterns):
    run = cl.learn(patterns, M.finetune(epochs=3), 1, device="cpu", progress=False)
    found = record_of(job(setting="few images"), run, 1, {})
    for task in range(3):
        own = run.curves.known[run.curves.epoch_task == task, task]
        assert np.array(found.curves[task]) / found.sizes[task] == pytest.approx(own)
    assert found.peaks() == pytest.approx(100 * cl.metrics.peak_accuracy(run.curves.known, run.curves.epoch_task))


def test_a_record_is_found_again_in_another_process_and_by_everything_that_it_depends_on(tmp_path):
    first = Records(tmp_path)
    first.add(job().key, record("pair", [[3], [4, 5]]))
    again = Records(tmp_path)
    assert job() in again
    assert again.of([job()])[0] == record("pair", [[3], [4, 5]])
    for other in (job(trial=1), job(setting="four tasks"), job(recipe=M.finetune(epochs=2, learning_rate=0.1))):
        assert other not in again
    with pytest.raises(Missing) as missing:
        again.of([job(), job(trial=1)])
    assert missing.value.jobs == [job(trial=1)]


def test_a_record_without_what_is_to_be_measured_is_made_again(tmp_path):
    records = Records(tmp_path)
    records.add(job().key, record("pair", [[3], [4, 5]], extras={"drift": 1.0}))
    assert job(extras=("drift",)) in records
    assert job(extras=("drift", "lost most")) not in records
    records.add(job(trial=2).key, Record("pair", "Recipe()", 2, diverged=True))
    assert job(trial=2, extras=("drift",)) in records, "a run that diverged has nothing to measure"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"setting": "pair"}', '{"no": 1}'])
def test_a_damaged_record_counts_as_absent(tmp_path, text):
    (tmp_path / f"{job().key}.json").write_text(text)
    assert job() not in Records(tmp_path)


def test_a_packed_record_is_the_same_but_its_seconds():
    one = record("pair", [[3], [4, 5]], extras={"drift": 1.0}, updates=3)
    assert Record(*packed(one)) == one
