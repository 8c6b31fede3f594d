"""The table of a comparison: hand-made runs, whose numbers are known."""

import re
from dataclasses import replace

import numpy as np
import pytest

import cltutor as cl

GOOD, BAD = 0.9, 0.4


def made(name, seed, last, heads=None, **changes):
    """A run of two tasks that learned each to 0.9, and after the last has these accuracies (2,), known and unknown."""
    recipe = getattr(cl.methods, name)(**({"heads": heads} if heads else {}))
    matrices = {
        f"{regime}_top1": np.array([[0.9, np.nan], row]) for regime, row in zip(("known", "unknown"), last, strict=True)
    }
    code, tasks = "streams.digits(tasks=2, order=0)", ((0, 1), (2, 3))
    run = cl.Run(
        recipe, seed, "cpu", code, tuple("abcd"), tasks, (8, 8), (1, 8, 8), "same",
        accuracies=matrices, states=[{}, {}], seconds={"train": 3.0, "test": 1.0}, updates=1200,
        memory={"network": 1_000_000, "Anchor": 500_000},
    )  # fmt: skip
    return replace(run, **changes)


@pytest.fixture
def comparison():
    """Two methods of each regime and two seeds, given in another order than that of their accuracy."""
    runs = []
    for seed, more in enumerate((0.0, 0.02)):
        runs += [
            made("finetune", seed, ((BAD + more, 0.8), (0.0, 0.8))),
            made("lwf", seed, ((GOOD, 0.8), (0.0, 0.1))),
            made("lwf_mc", seed, ((0.5, 0.99), (0.3, 0.5))),
            made("icarl", seed, ((0.5, 0.5), (0.4 + more, 0.6))),
        ]
    return cl.Comparison(runs)


def methods(table):
    return [[row.method for row in group] for group in table.groups]


def test_regimes_are_two_groups_each_sorted_by_what_it_was_trained_for(comparison):
    table = comparison.table()
    assert methods(table) == [["lwf", "finetune"], ["icarl", "lwf_mc"]]
    assert [row.method for row in table] == ["lwf", "finetune", "icarl", "lwf_mc"]
    assert [row.known_task for row in table] == [True, True, False, False]


def test_task_known_flips_all_and_the_order_with_it(comparison):
    assert methods(comparison.table(known_task=True)) == [["lwf", "finetune"], ["lwf_mc", "icarl"]]


def test_those_that_never_competed_have_no_number_with_the_task_unknown_and_keep_their_order(comparison):
    table = comparison.table(known_task=False)
    assert methods(table) == [["finetune", "lwf"], ["icarl", "lwf_mc"]]
    silent, _ = table.groups
    assert all(np.isnan(value).all() for row in silent for value in (*row.accuracies.values(), row.difference))
    assert "heads that never learned to compete have no answer" in repr(table)


def test_the_numbers_are_those_of_the_papers_definitions(comparison):
    lwf, finetune = comparison.table().groups[0]
    assert finetune.accuracies["old_task_accuracy"][0] == pytest.approx(BAD + 0.01)
    assert finetune.accuracies["new_task_accuracy"] == pytest.approx((0.8, 0.0))
    assert finetune.accuracies["average_accuracy"][0] == pytest.approx((BAD + 0.01 + 0.8) / 2)
    assert finetune.accuracies["forgetting"][0] == pytest.approx(0.9 - BAD - 0.01)
    gaps = [(GOOD - BAD) / 2, (GOOD - BAD - 0.02) / 2]
    assert lwf.difference == pytest.approx(cl.metrics.mean_interval(gaps))
    assert (lwf.train_seconds, lwf.test_seconds, lwf.updates, lwf.memory) == (3.0, 1.0, 1200, 1_500_000)


def test_differences_are_with_each_groups_first_method_or_with_the_one_that_was_named(comparison):
    assert [row.against for row in comparison.table()] == ["finetune", "finetune", "lwf_mc", "lwf_mc"]
    assert [row.against for row in comparison.table(against="lwf")] == ["lwf", "lwf", "lwf_mc", "lwf_mc"]
    with pytest.raises(ValueError, match="There is no 'mas' in this comparison of finetune, lwf, lwf_mc, icarl"):
        comparison.table(against="mas")


def test_methods_of_other_seeds_stay_without_a_difference():
    runs = [made("finetune", 0, ((0.5, 0.8),) * 2), made("lwf", 1, ((0.6, 0.8),) * 2, fingerprint="other")]
    assert np.isnan([row.difference for row in cl.Comparison(runs).table()]).all()


def test_one_name_under_both_regimes_is_told_apart():
    runs = [made("finetune", 0, ((0.5, 0.8),) * 2), made("finetune", 0, ((0.5, 0.8),) * 2, heads="class")]
    assert methods(cl.Comparison(runs).table()) == [["finetune"], ["finetune heads=class"]]


def test_a_page_a_file_and_a_terminal_show_the_same_cells(comparison):
    table = comparison.table()
    page, file, terminal = comparison._repr_html_(), table.markdown(), repr(table)
    cells = ["lwf", "85.0 ± 0.0", "+24.5 ± 6.4", "1,200", "3.0", "1.0", "1.50", "reference", "–"]
    for shown in (page, file, terminal):
        assert all(cell in shown for cell in cells)
        assert shown.index("Trained with a head per task, task known at test") < shown.index(
            "Trained with all classes competing, task unknown at test"
        )
    assert page.count("<table>") == page.count("<caption") == 3
    assert 'scope="col"' in page
    assert 'scope="row"' in page
    assert "What the columns mean" in page
    assert table._repr_markdown_() == file


def test_what_is_compared_is_said_in_a_line(comparison):
    said = (
        "streams.digits(tasks=2, order=0); seeds 0, 1; 10 epochs a task; mean ± half width of the 95 % t-interval; cpu"
    )
    assert comparison.table().about == said
    single = cl.Comparison([made("lwf", 4, ((0.5, 0.8),) * 2)]).table()
    assert single.about == "streams.digits(tasks=2, order=0); seed 4; 10 epochs a task; cpu"
    assert "±" not in repr(single)
    assert "difference" not in repr(single)


def test_other_orders_and_other_budgets_are_said():
    recipe = cl.methods.lwf(epochs=20)
    runs = [
        made("finetune", 0, ((0.5, 0.8),) * 2),
        made("finetune", 1, ((0.5, 0.8),) * 2, fingerprint="other", stream_code="streams.digits(tasks=2, order=1)"),
        made("lwf", 0, ((0.5, 0.8),) * 2, recipe=recipe),
    ]
    table = cl.Comparison(runs).table()
    assert "order=0) and 1 more class order; seeds 0, 1; 10 or 20 epochs a task" in table.about
    assert re.search(r"\| epochs \|", table.markdown())


def test_memory_that_was_not_counted_is_not_shown_as_none():
    table = cl.Comparison([made("lwf", 0, ((0.5, 0.8),) * 2, memory={})]).table()
    assert np.isnan(table[0].memory)
    assert repr(table).splitlines()[4].rstrip().endswith("–")


def test_names_are_escaped_in_a_page(comparison):
    strange = cl.Recipe("<b>&|", cl.losses.CrossEntropy())
    page = cl.Comparison([made("lwf", 0, ((0.5, 0.8),) * 2, recipe=strange)])._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;|" in page


def test_a_stream_of_one_task_has_neither_old_nor_new():
    run = made("lwf", 0, ((0.5, 0.8),) * 2, tasks=((0, 1),), states=[{}], test_sizes=(8,))
    run.accuracies = {name: np.array([[0.7]]) for name in run.accuracies}
    table = cl.Comparison([run]).table()
    assert np.isnan(table[0].accuracies["old_task_accuracy"][0])
    assert table[0].accuracies["average_accuracy"][0] == pytest.approx(0.7)
