"""The table of a comparison."""

import re
from dataclasses import replace

import numpy as np
import pytest

import cltutor as cl
from cltutor.comparing.table import about

GOOD, BAD = 0.9, 0.4


@pytest.fixture
def comparison(made):
    """Two methods of each regime and two seeds, in another order than that of their accuracy."""
    runs = []
    for seed, more in enumerate((0.0, 0.02)):
        runs += [
            made("finetune", seed, (BAD + more, 0.8), (0.0, 0.8)),
            made("lwf", seed, (GOOD, 0.8), (0.0, 0.1)),
            made("lwf_mc", seed, (0.5, 0.99), (0.3, 0.5)),
            made("icarl", seed, (0.5, 0.5), (0.4 + more, 0.6)),
        ]
    return cl.Comparison(runs)


def test_the_heading_counts_epochs_as_one_says_it(comparison):
    for epochs, words in (((1,), "1 epoch per task"), ((1, 5), "1 or 5 epochs per task")):
        runs = [replace(run, recipe=run.recipe.with_epochs(epochs[run.seed % len(epochs)])) for run in comparison]
        assert f"; {words};" in about(runs)


def methods(table):
    return [[row.method for row in group] for group in table.groups]


def test_regimes_are_two_groups_each_sorted_by_what_it_was_trained_for(comparison):
    table = comparison.table()
    assert methods(table) == [["lwf", "finetune"], ["icarl", "lwf_mc"]]
    assert [row.method for row in table] == ["lwf", "finetune", "icarl", "lwf_mc"]
    assert [row.known_task for row in table] == [True, True, False, False]


def test_with_the_task_known_each_group_is_sorted_anew(comparison):
    assert methods(comparison.table(known_task=True)) == [["lwf", "finetune"], ["lwf_mc", "icarl"]]


def test_methods_that_never_competed_have_no_number_with_the_task_unknown_and_keep_their_order(comparison):
    table = comparison.table(known_task=False)
    assert methods(table) == [["finetune", "lwf"], ["icarl", "lwf_mc"]]
    silent, _ = table.groups
    assert all(np.isnan(value).all() for row in silent for value in (*row.accuracies.values(), row.difference))
    assert "heads that never learned to compete give no answer" in repr(table)


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


def test_methods_of_other_seeds_stay_without_a_difference(made):
    runs = [made("finetune", 0, (0.5, 0.8)), made("lwf", 1, (0.6, 0.8), fingerprint="other")]
    assert np.isnan([row.difference for row in cl.Comparison(runs).table()]).all()


def test_one_name_under_both_regimes_has_two_labels(made):
    runs = [made("finetune", 0, (0.5, 0.8)), made(cl.methods.finetune(heads="class"), 0, (0.5, 0.8))]
    assert methods(cl.Comparison(runs).table()) == [["finetune"], ["finetune across tasks"]]


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


def test_what_is_compared_is_stated_in_one_line(comparison, made):
    code, interval = "streams.digits(tasks=2, order=0)", "mean ± half width of the 95 % t-interval"
    assert comparison.table().about == f"{code}; seeds 0, 1; 10 epochs per task; {interval}; cpu"
    single = cl.Comparison([made("lwf", 4, (0.5, 0.8))]).table()
    assert single.about == f"{code}; seed 4; 10 epochs per task; cpu"
    assert "±" not in repr(single)
    assert "difference" not in repr(single)


def test_other_orders_and_other_budgets_are_stated(made):
    runs = [
        made("finetune", 0, (0.5, 0.8)),
        made("finetune", 1, (0.5, 0.8), fingerprint="other", stream_code="streams.digits(tasks=2, order=1)"),
        made(cl.methods.lwf(epochs=20), 0, (0.5, 0.8)),
    ]
    table = cl.Comparison(runs).table()
    assert "order=0) and 1 more class order; seeds 0, 1; 10 or 20 epochs per task" in table.about
    assert re.search(r"\| epochs \|", table.markdown())


def test_memory_that_was_not_counted_is_not_shown_as_none(made):
    table = cl.Comparison([made("lwf", 0, (0.5, 0.8), memory={})]).table()
    assert np.isnan(table[0].memory)
    assert repr(table).splitlines()[4].rstrip().endswith("–")


def test_names_are_escaped_in_a_page(made):
    strange = cl.Recipe("<b>&|", cl.losses.CrossEntropy())
    page = cl.Comparison([made(strange, 0, (0.5, 0.8))])._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;|" in page


def test_a_stream_of_one_task_has_neither_old_nor_new(made):
    run = made("lwf", 0, (0.5, 0.8), tasks=((0, 1),), states=[{}], test_sizes=(8,))
    run.accuracies = {name: np.array([[0.7]]) for name in run.accuracies}
    table = cl.Comparison([run]).table()
    assert np.isnan(table[0].accuracies["old_task_accuracy"][0])
    assert table[0].accuracies["average_accuracy"][0] == pytest.approx(0.7)


def test_of_images_with_several_labels_the_mean_average_precision_stands_beside_the_accuracy():
    stream = cl.streams.several(2, classes=range(6), size=8, per_task=(12, 8))
    methods = [cl.methods.for_several_labels(name) for name in ("finetune", "joint")]
    compared = cl.compare(stream, methods, seeds=(0, 1), epochs=1, progress=False)
    table = compared.table()
    assert "mean average precision (%)" in repr(table)
    for row in table:
        last = [run.mean_average_precision()[-1].mean() for run in compared.methods[row.method]]
        assert row.accuracies["mean_average_precision"] == pytest.approx(cl.metrics.mean_interval(last))
        assert f"{100 * sum(last) / 2:.1f}" in table.markdown()
    apart, _ = compared.difference("joint", "finetune", measure="mean_average_precision")
    of = {row.method: row.accuracies["mean_average_precision"][0] for row in table}
    assert apart == pytest.approx(of["joint"] - of["finetune"])
    assert {"known_mean_average_precision"} <= compared.data()[0].keys()
