"""Comparing methods: same class orders, same initial weights, same budget, and paired differences."""

import csv
import json
import math
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from scipy import stats

import cltutor as cl
from cltutor.comparing.comparison import COLUMNS


def quick(*names, **settings):
    return [getattr(cl.methods, name)(epochs=1, **settings) for name in names]


def test_runs_come_by_method_then_seed_and_a_slice_is_a_list(tiny):
    runs = cl.compare(tiny, quick("finetune", "l2"), seeds=(3, 1), device="cpu", progress=False)
    assert isinstance(runs, cl.Comparison)
    assert [(run.name, run.seed) for run in runs] == [("finetune", 3), ("finetune", 1), ("l2", 3), ("l2", 1)]
    assert [run.name for run in runs[1:3]] == ["finetune", "l2"]
    assert len(runs) == 4


def test_a_seed_gives_every_method_the_same_initial_weights(tiny):
    methods = ["finetune", "lwf", "joint", "feature_extraction"]
    reference, *others = [run.states[0] for run in cl.compare(tiny, methods, (4,), epochs=1, progress=False)]
    for state in others:
        assert all(torch.equal(state[name], reference[name]) for name in reference)


def test_a_function_from_a_seed_gives_every_method_that_seeds_order():
    orders = lambda seed: cl.streams.digits([2, 2], seed, range(4)).fewer(0.1)  # noqa: E731
    runs = cl.compare(orders, quick("finetune", "l2"), seeds=(0, 2), device="cpu", progress=False)
    assert [run.tasks for run in runs] == 2 * [tuple(task.classes for task in orders(seed)) for seed in (0, 2)]
    assert runs[0].tasks != runs[1].tasks


@pytest.mark.parametrize(("setting", "values"), [("epochs", (1, 2)), ("batch_size", (32, 16))])
def test_unequal_budgets_are_refused_in_one_sentence_unless_the_caller_says_so(tiny, setting, values):
    one, other = ({"epochs": 1, setting: value} for value in values)
    methods = [cl.methods.finetune(**one), cl.methods.l2(**other)]
    message = f"finetune learns with {setting}={values[0]}, l2 with {setting}={values[1]}"
    with pytest.raises(ValueError, match=message):
        cl.compare(tiny, methods, seeds=(0,), progress=False)
    assert len(cl.compare(tiny, methods, seeds=(0,), device="cpu", equal_budget=False, progress=False)) == 2


def test_epochs_of_a_comparison_replace_those_of_its_recipes(tiny):
    methods = [cl.methods.finetune(epochs=2), cl.methods.l2(epochs=3)]
    runs = cl.compare(tiny, methods, seeds=(0,), device="cpu", epochs=1, progress=False)
    assert [run.recipe.schedule.epochs for run in runs] == [1, 1]


@pytest.mark.parametrize(
    ("methods", "seeds", "message"),
    [
        ([], (0,), "methods is a list of 1 or more"),
        (["lwf"], (), "seeds is a list of 1 or more"),
        (["lwf", "lwf"], (0,), "lwf is given twice"),
        (["lwf"], (0, 1, 0), "Seed 0 is given twice"),
        (["lfw"], (0,), "There is no method 'lfw'; did you mean"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_any_training(tiny, methods, seeds, message):
    with pytest.raises(ValueError, match=message):
        cl.compare(tiny, methods, seeds, progress=False)
    with pytest.raises(ValueError, match="needs a Stream or a function from a seed to one, which gave 0"):
        cl.compare(lambda seed: 0, ["lwf"], (0,), progress=False)


def test_a_difference_is_paired_by_seed_whatever_the_order(made):
    ours, theirs = [0.5, 0.7, 0.8], [0.4, 0.75, 0.5]
    runs = [made("lwf", seed, (a, a)) for seed, a in enumerate(ours)]
    runs += [made("finetune", seed, (a, a)) for seed, a in reversed(list(enumerate(theirs)))]
    mean, half = cl.Comparison(runs).difference("lwf", "finetune")
    gaps = np.subtract(ours, theirs)
    low, high = stats.t.interval(0.95, 2, gaps.mean(), stats.sem(gaps))
    assert mean == pytest.approx((low + high) / 2)
    assert half == pytest.approx((high - low) / 2)


def test_a_difference_of_one_pair_has_no_interval(made):
    runs = [made("lwf", 0, (0.6, 0.8)), made("finetune", 0, (0.1, 0.9))]
    mean, half = cl.Comparison(runs).difference("lwf", "finetune", measure="old_task_accuracy")
    assert mean == pytest.approx(0.5)
    assert math.isnan(half)


def test_regimes_are_set_side_by_side_only_with_the_task_known(made):
    runs = [made("lwf", 0, (0.6, 0.8)), made("lwf_mc", 0, (0.5, 0.7), (0.1, 0.3))]
    comparison = cl.Comparison(runs)
    for known in (None, False):
        with pytest.raises(ValueError, match="trained under different regimes"):
            comparison.difference("lwf", "lwf_mc", known)
    assert comparison.difference("lwf", "lwf_mc", True)[0] == pytest.approx(0.1)


def test_a_difference_that_has_no_pairs_or_no_number_is_refused(made):
    runs = [made("lwf", seed, (0.6, 0.8)) for seed in (0, 1)] + [made("l2", 0, (0.5, 0.7))]
    comparison = cl.Comparison(runs)
    with pytest.raises(ValueError, match=r"paired by seed: lwf has \[0, 1\] and l2 has \[0\]"):
        comparison.difference("lwf", "l2")
    with pytest.raises(ValueError, match="There is no 'mas' in this comparison of lwf, l2"):
        comparison.difference("mas", "l2")
    with pytest.raises(ValueError, match="There is no measure 'speed'; there are average_accuracy"):
        comparison.difference("l2", "l2", measure="speed")
    with pytest.raises(ValueError, match="lwf has no forgetting with known_task=False"):
        comparison.difference("lwf", "lwf", False, "forgetting")


def test_only_runs_that_belong_together_are_compared(made):
    one = made("lwf", 0, (0.6, 0.8))
    with pytest.raises(ValueError, match="runs is a list of 1 or more"):
        cl.Comparison([])
    with pytest.raises(ValueError, match="lwf has two runs with one seed"):
        cl.Comparison([one, one])
    with pytest.raises(ValueError, match="l2 with seed 3 has learned 1 of 2 tasks"):
        cl.Comparison([one, made("l2", 3, (0.6, 0.8), states=[{}])])
    with pytest.raises(ValueError, match="Runs of different streams cannot be compared: lwf with seed 0 learned"):
        cl.Comparison([one, made("l2", 0, (0.6, 0.8), fingerprint="other", stream_code="another")])
    with pytest.raises(ValueError, match="l2 with seed 1 another"):
        cl.Comparison([one, made("l2", 1, (0.6, 0.8), class_names=("x",), stream_code="another")])


def test_the_numbers_are_plain_data_with_none_where_there_is_none(made):
    one = made("lwf", 2, (0.6, 0.8), memory={"network": 100, "teacher": 20}, updates=7)
    two = made("lwf_mc", 2, (0.5, 0.7), (0.2, 0.4), memory={})
    first, second = json.loads(json.dumps(cl.Comparison([one, two]).data()))
    assert (first["method"], first["seed"], first["heads"], first["updates"]) == ("lwf", 2, "task", 7)
    assert (first["memory_bytes"], second["memory_bytes"]) == (120, None)
    assert first["known_average_accuracy"] == pytest.approx(0.7)
    assert first["unknown_average_accuracy"] is None
    assert second["unknown_old_task_accuracy"] == pytest.approx(0.2)
    assert second["known_forgetting"] == pytest.approx(0.4)


def test_a_csv_file_has_a_row_for_every_accuracy_that_was_measured(made, tmp_path):
    one, two = made("lwf", 2, (0.6, 0.8)), made("lwf_mc", 2, (0.5, 0.7), (0.2, 0.4))
    cl.Comparison([one, two]).to_csv(path := tmp_path / "runs.csv")
    head, *rows = csv.reader(path.read_text().splitlines())
    assert head == ["method", "seed", "stream", "heads", "after_task", "on_task", "known_task", "accuracy"]
    assert rows[:3] == [
        ["lwf", "2", one.stream_code, "task", "0", "0", "True", "0.9"],
        ["lwf", "2", one.stream_code, "task", "1", "0", "True", "0.6"],
        ["lwf", "2", one.stream_code, "task", "1", "1", "True", "0.8"],
    ]
    assert [row[4:] for row in rows[7:]] == [["1", "0", "False", "0.2"], ["1", "1", "False", "0.4"]]
    assert {(row[0], row[6]) for row in rows} == {("lwf", "True"), ("lwf_mc", "True"), ("lwf_mc", "False")}
    with pytest.raises(ValueError, match="cannot be written"):
        cl.Comparison([one]).to_csv(path / "below")


def test_a_data_frame_has_the_rows_of_the_file_and_pandas_may_be_missing(made, monkeypatch):
    comparison = cl.Comparison([made("lwf", 2, (0.6, 0.8))])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="to_pandas needs pandas: pip install pandas"):
        comparison.to_pandas()
    monkeypatch.undo()
    rows = comparison.to_pandas()
    assert list(rows.columns) == list(COLUMNS)
    assert rows.iloc[-1]["accuracy"] == 0.8
    assert rows.pivot_table(index="after_task", columns="on_task", values="accuracy").shape == (2, 2)


def test_a_callback_gets_the_events_of_all_runs_in_this_process_only(tiny):
    heard = []
    runs = cl.compare(tiny, quick("finetune", "l2"), (0, 1), device="cpu", progress=False, callback=heard.append)
    done = [(event.run.name, event.run.seed) for event in heard if isinstance(event, cl.events.TaskDone)]
    assert sorted(done) == sorted(2 * [(run.name, run.seed) for run in runs])
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="callback is called in this process"):
        cl.compare(tiny, quick("l2"), (0,), pool, callback=heard.append)
