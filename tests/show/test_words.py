"""The exact words that are read in a figure, compared with the numbers that it was given."""

import numpy as np
import pytest

from cltutor import show
from cltutor.evaluation import metrics

DRAWN = np.random.default_rng(3)
SEEDS = DRAWN.uniform(0.4, 0.6, (3, 4))


def spread(values):
    """A mean in per cent with its standard deviation."""
    return f"{100 * np.mean(values):.1f} ± {100 * np.std(values, ddof=1):.1f}"


def interval(values):
    mean, half = metrics.mean_interval(100 * np.asarray(values))
    return f"{mean:.1f} ± {half:.1f} % (95 % interval)"


@pytest.fixture
def runs(run):
    """Three runs of lwf, and one of joint that was trained across tasks."""
    return [*(run("lwf", seed) for seed in range(3)), run("joint", competes=True)]


def test_a_row_of_bars_reads_both_measures_of_its_method(runs, read):
    ends = [metrics.average_accuracy(run.known) for run in runs[:3]]
    lost = [metrics.forgetting(run.known) for run in runs[:3]]
    words = read(show.forgetting(runs))
    assert f"lwf, average accuracy at the end: {spread(ends)} %, 3 runs" in words
    assert f"lwf, forgetting: {spread(lost)} points, 3 runs" in words
    alone = 100 * metrics.average_accuracy(runs[3].known)
    assert f"joint across tasks, average accuracy at the end: {alone:.1f} %, 1 run" in words


def test_a_row_of_the_gallery_reads_its_mean_interval_and_regime(runs, read):
    known, unknown = show.gallery(runs).drawing()["drawings"]
    assert (known["setting"], unknown["setting"]) == ("task known at test", "task unknown at test")
    for known_task, name in ((True, "lwf"), (False, "lwf*")):
        ends = [metrics.average_accuracy(run.known if known_task else run.unknown) for run in runs[:3]]
        words = read(show.gallery(runs, known_task))
        assert f"{name}, trained per task: {interval(ends)}, 3 runs" in words
    assert any(each.startswith("joint across tasks, trained across tasks: ") for each in words)


def test_a_point_reads_old_and_new_tasks_and_is_switched_in_the_legend(runs, read):
    picture = show.old_and_new(runs)
    old, new = (
        interval([measure(run.known) for run in runs[:3]]).removesuffix(" (95 % interval)")
        for measure in (metrics.old_task_accuracy, metrics.new_task_accuracy)
    )
    assert f"lwf, trained per task, task known at test: {old} on old tasks, {new} on new tasks, 3 runs" in read(picture)
    assert list(picture.layers) == ["lwf", "joint across tasks"]


def test_a_point_of_a_learning_curve_reads_its_epoch_and_seeds(read):
    picture = show.convergence({"here": {"dfcnn": SEEDS, "single_task": SEEDS[:1]}})
    assert f"dfcnn, here, after epoch 2: {interval(SEEDS[:, 1])}, 3 seeds" in read(picture)
    assert f"single_task, here, after epoch 4: {100 * SEEDS[0, 3]:.1f} %" in read(picture)
    assert list(picture.layers) == ["dfcnn", "single_task"]


def test_a_point_reads_the_share_of_images(run, read):
    runs = {share: [run("lwf", seed, loss=share / 5) for seed in range(3)] for share in (1.0, 0.03)}
    old = [run.known[-1, :2].mean() for run in runs[0.03]]
    picture = show.accuracy_by_share(runs)
    assert f"lwf, old tasks, with 3 % of the images: {spread(old)} %, 3 runs" in read(picture)


def test_a_point_reads_its_parameters_in_full(read):
    words = read(show.accuracy_over_parameters({"dfcnn": (7_963_252, SEEDS[:, 0])}, "peak accuracy"))
    assert words == [f"dfcnn, peak accuracy: {interval(SEEDS[:, 0])}, 3 seeds, 7,963,252 parameters"]
    picture = show.growth({"dfcnn": [800_000, 1_600_001]})
    assert read(picture) == ["dfcnn, 1 task: 800,000 parameters", "dfcnn, 2 tasks: 1,600,001 parameters"]
    assert list(picture.layers) == ["dfcnn (1.6 M)"]


def test_a_point_reads_what_was_damaged_and_how_often(read):
    values = DRAWN.uniform(0.2, 1, (5, 2, 3))
    words = read(show.damage((0, 0.25), {"most": values}, done="given noise"))
    assert f"most important, task 3, 25 % of the weights given noise: {spread(values[:, 1, 2])} %, 5 repeats" in words


def test_a_point_reads_its_group_of_classes(read):
    values = DRAWN.uniform(0.2, 1, (3, 2, 2))
    words = read(show.adaptation({"mas": values}, ["chosen: 3, {7}", "others"]))
    assert f"mas, chosen: 3, {{7}}, after task 2: {spread(values[:, 1, 0])} %, 3 runs" in words


def test_a_cell_reads_how_many_weights_are_in_it(read):
    words = read(show.agreement(np.array([0, 0, 1.0]), np.array([1.0, 1.0, 0]), ("mas", "{ewc}")))
    assert words == [
        "rank (%): 25 to 27.5 by mas, 75 to 77.5 by {ewc}; weights here: 2",
        "rank (%): 97.5 to 100 by mas, 0 to 2.5 by {ewc}; weights here: 1",
    ]


def test_a_bar_of_probabilities_reads_its_logit(read):
    words = read(show.temperature(np.zeros((1, 4, 4), np.uint8), np.arange(14) / 2, list("abcdefghijklmn"), 1.0, 13))
    p = np.exp(np.arange(14) / 2) / np.exp(np.arange(14) / 2).sum()
    assert f"n (right): {100 * p[13]:.1f} % at T = 1, logit 6.5" in words
    assert f"3 others: {100 * p[:3].sum():.2f} % at T = 1" in words


def test_a_bar_of_memory_reads_its_parts(read):
    picture = show.storage({"ewc": [{"network": 310_000, "Anchor": 620_000 * k} for k in (1, 2)]})
    assert read(picture) == [
        "ewc, task 2: 0.93 MB (network 0.31, importance and anchor 0.62)",
        "ewc, task 3: 1.55 MB (network 0.31, importance and anchor 1.24)",
    ]
    assert list(picture.layers) == ["network", "importance and anchor"]


def test_a_table_and_a_source_are_html_beside_markdown():
    shown = show.table([{"method": "<lwf>", "old (%)": 98.31}])._repr_html_()
    assert '<th scope="row" style="text-align:left">&lt;lwf&gt;</th>' in shown
    assert '<td style="text-align:right;white-space:nowrap">98.3</td>' in shown
    shown = show.source(metrics.forgetting)._repr_html_()
    assert "<code>cltutor/evaluation/metrics.py, line " in shown
    assert '<code><span class="k">def</span>' in shown  # a page gives code, not every pre, letters of one width
    assert ".cltutor-source [class^=k]{color:var(--jp-mirror-editor-keyword-color," in shown
