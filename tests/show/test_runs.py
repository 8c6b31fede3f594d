import numpy as np
import pytest

from cltutor.show.runs import chance, mean_and_spread, measured, methods


def test_runs_of_one_recipe_are_seeds_of_one_method(run):
    found = methods([run("lwf"), run("finetune"), run("lwf", seed=1)])
    assert [(method.label, len(method.runs)) for method in found] == [("lwf", 2), ("finetune", 1)]


def test_a_single_run_is_a_method(run):
    assert [method.label for method in methods(run("joint"))] == ["joint"]


def test_recipes_of_one_name_are_told_apart_by_what_differs(run):
    found = methods([run("lwf", temperature=1.0), run("lwf", temperature=4.0), run("finetune")])
    assert [m.label for m in found] == ["lwf temperature=1.0", "lwf temperature=4.0", "finetune"]
    assert len({m.look for m in found}) == 3


def test_recipes_that_differ_in_too_much_are_numbered(run):
    found = methods([run("lwf", temperature=1.0 + 1e-15, epochs=1000), run("lwf", temperature=2.0)])
    assert [m.label for m in found] == ["lwf (1)", "lwf (2)"]


@pytest.mark.parametrize("nothing", [[], None, 3, "lwf", np.ones((2, 2))])
def test_what_is_no_run_is_refused(nothing):
    with pytest.raises(ValueError, match="give a run or a list of runs"):
        methods(nothing)


def test_runs_of_different_numbers_of_tasks_are_refused(run):
    with pytest.raises(ValueError, match="same number of tasks, not 2 and 3"):
        methods([run(tasks=3), run(tasks=2)])


def test_a_method_without_common_logits_is_left_out_and_named(run):
    copies = run("duplicate")
    copies.unknown[:] = np.nan
    copies.curves.unknown[:] = np.nan
    shown, note = measured(methods([copies, run("lwf")]), known_task=False)
    assert [method.label for method in shown] == ["lwf"]
    assert note.startswith("not shown: duplicate")
    assert len(measured(methods([copies, run("lwf")]), known_task=True)[0]) == 2
    with pytest.raises(ValueError, match="known_task=True only"):
        measured(methods(copies), known_task=False)


def test_mean_and_spread_leave_out_what_is_missing():
    values = np.array([[1.0, 2.0, np.nan], [3.0, np.nan, np.nan]])
    mean, spread = mean_and_spread(values)
    assert mean == pytest.approx([2.0, 2.0, np.nan], nan_ok=True)
    assert spread == pytest.approx([np.std([1, 3], ddof=1), np.nan, np.nan], nan_ok=True)


def test_guessing_gets_harder_only_when_the_task_is_unknown(run):
    assert chance(run(tasks=3), known_task=True) == pytest.approx([1 / 2, 1 / 2, 1 / 2])
    assert chance(run(tasks=3), known_task=False) == pytest.approx([1 / 2, 1 / 4, 1 / 6])
