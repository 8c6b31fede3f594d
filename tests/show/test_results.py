"""Figures of a run's final numbers: matrix, bars, gallery, old and new tasks, parameters and memory."""

import numpy as np
import pytest

from cltutor import show
from cltutor.evaluation import metrics
from cltutor.show.costs import short
from cltutor.show.results import point
from cltutor.show.runs import methods
from cltutor.show.style import HATCH

NAMES = ["finetune", "lwf", "joint", "feature_extraction", "expansion_lwf"]
LONG = ["golden retriever", "sports car", "umbrella", "acoustic guitar", "teapot", "lighthouse"]
COUNTS = {"dfcnn": [800_000, 1_600_000, 2_400_000], "single_task": [328_426, 656_852, 985_278]}
NEEDS = {
    "finetune": [{"network": 310_000}, {"network": 312_000}, {"network": 314_000}],
    "lwf": [{"network": 310_000, "teacher": 2_000 * k} for k in (1, 2, 3)],
    "ewc": [{"network": 310_000, "Anchor": 620_000 * k} for k in (1, 2, 3)],
    "joint": [{"network": 310_000, "images": 20_000 * k} for k in (1, 2, 3)],
}


@pytest.fixture
def both(run):
    """Runs of both regimes, mixed, three seeds each; one name is in both."""
    across = [run(name, seed, loss=0.2, competes=True) for name in ("finetune", "eeil") for seed in range(3)]
    return across[:2] + [run(name, seed) for name in ("finetune", "lwf", "mas") for seed in range(3)] + across[2:]


def cells(picture):
    found = picture.axes[0].texts
    return {(round(t.get_position()[1]), round(t.get_position()[0])): float(t.get_text()) for t in found}


def labels(ticks):
    return [label.get_text() for label in ticks]


def test_the_patterns_of_logits_that_never_competed_are_hatched_and_explained(run, texts):
    per_task, across = run("lwf"), run("joint", competes=True)
    pictures = {
        show.accuracy_matrix: lambda axes: [p.get_hatch() for p in axes.patches if p.get_hatch()],
        show.forgetting: lambda axes: [bar.get_hatch() for bar in axes.patches],
        show.gallery: lambda axes: [axes.patch.get_hatch()],
    }
    for draw, hatches in pictures.items():
        for one, known_task in ((per_task, True), (per_task, False), (across, False)):
            picture, hatched = draw(one, known_task), one is per_task and not known_task
            assert (HATCH in hatches(picture.axes[0])) == hatched
            assert ("never learned to compete" in picture.alt) == hatched
            assert any("hatched: trained per task" in text for text in texts(picture)) == hatched


def test_the_alt_text_has_the_numbers(run):
    one, other = run("lwf", tasks=2), run("eeil", tasks=2, competes=True)
    one.known[:] = [[0.9, np.nan], [0.6, 1.0]]
    other.known[:] = [[0.9, np.nan], [0.3, 0.5]]
    words = "after task 1 (0, 1), on task 1 (0, 1): 90.0 %; after task 2 (2, 3), on task 1 (0, 1): 60.0 %."
    assert show.accuracy_matrix(one).alt.endswith(f"average accuracy 80 % after 2 tasks: {words}")
    assert (
        "lwf, average accuracy at the end: 80.0 %, 1 run; lwf, forgetting: 30.0 points, 1 run."
        in show.forgetting(one).alt
    )
    assert show.gallery([other, one]).alt.endswith(
        ": lwf, trained per task: 80.0 %, 1 run; eeil, trained across tasks: 40.0 %, 1 run."
    )
    one.curves.known[-1] = [0.25, 0.75]
    assert "lwf ends with 25 % on task 1 and 50 % on average" in show.accuracy_over_time(one).alt


@pytest.mark.parametrize("learned", [0, 1, 2, 4])
@pytest.mark.parametrize("known_task", [True, False])
def test_each_cell_learned_so_far_has_its_accuracy_in_percent_and_the_rest_is_blank(run, readable, known_task, learned):
    one = run(tasks=4, learned=learned, competes=True)
    matrix = one.accuracy(known_task)
    picture = show.accuracy_matrix(one, known_task)
    readable(picture)
    expected = {(i, j): 100 * matrix[i, j] for i in range(learned) for j in range(i + 1)}
    assert cells(picture) == pytest.approx(expected, abs=0.05)
    rows = picture.axes[0].images
    assert len(rows) == learned
    for image, row in zip(rows, matrix, strict=False):
        assert image.get_array().filled(np.nan)[0] == pytest.approx(row, nan_ok=True)
        assert image.get_clim() == (0, 1)


def test_rows_are_after_a_task_and_columns_on_a_task_with_the_names_of_their_classes_if_they_fit(run, readable):
    axes = show.accuracy_matrix(run(tasks=3)).axes[0]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("after learning task", "accuracy on task")
    assert labels(axes.get_yticklabels()) == ["1: 0, 1", "2: 2, 3", "3: 4, 5"]
    assert labels(axes.get_xticklabels()) == ["1\n0, 1", "2\n2, 3", "3\n4, 5"]
    picture = show.accuracy_matrix(run(tasks=1, classes=6, names=LONG))
    assert labels(picture.axes[0].get_xticklabels()) == ["1"]
    readable(picture)


@pytest.mark.parametrize("known_task", [True, False])
def test_the_bars_are_the_mean_metrics_of_each_methods_runs_in_the_order_given(run, known_task):
    runs = [run(name, seed, loss=0.1 + i / 10) for i, name in enumerate(NAMES) for seed in (0, 1)]
    kept, lost = show.forgetting(runs, known_task).axes
    for axes, metric in [(kept, metrics.average_accuracy), (lost, metrics.forgetting)]:
        values = 100 * np.reshape([metric(one.known if known_task else one.unknown) for one in runs], (5, 2))
        assert [bar.get_width() for bar in axes.patches] == pytest.approx(values.mean(axis=1))
        spread = values[0].std(ddof=1)
        assert axes.texts[0].get_text() == f"{values[0].mean():.1f} ± {spread:.1f}"
    assert labels(kept.get_yticklabels()) == [name + "*" * (not known_task) for name in NAMES]
    assert kept.yaxis_inverted()
    assert "±" not in show.forgetting(runs[0]).axes[1].texts[0].get_text()


@pytest.mark.parametrize("known_task", [True, False])
def test_each_regime_has_its_panel_of_means_and_intervals_in_the_order_given(both, texts, known_task):
    per_task, across = show.gallery(both, known_task).axes
    mark = "" if known_task else "*"
    assert labels(per_task.get_yticklabels()) == [f"finetune{mark}", f"lwf{mark}", f"mas{mark}"]
    assert labels(across.get_yticklabels()) == ["finetune across tasks", "eeil"]
    assert per_task.yaxis_inverted()
    assert per_task.get_xlim() == across.get_xlim()
    ends = [(run.known if known_task else run.unknown)[-1].mean() for run in both if run.name == "eeil"]
    mean, half = metrics.mean_interval(ends)
    (dot,) = [line for line in across.lines if line.get_label() == "eeil"]
    assert dot.get_xdata() == pytest.approx([100 * mean])
    spans = [line.get_xdata() for line in across.lines if line.get_linewidth() == 5]
    np.testing.assert_allclose(spans[1], [100 * (mean - half), min(100, 100 * (mean + half))])
    alone = show.gallery(both[0], known_task)
    assert not any(line.get_linewidth() == 5 for line in alone.axes[0].lines), "one run has no interval"
    assert not any("interval" in text for text in texts(alone))


@pytest.mark.parametrize(("known_task", "guess"), [(True, 50), (False, 100 / 6)])
def test_the_dotted_line_is_chance_where_it_is_in_view(run, texts, known_task, guess):
    for last, drawn in [(0.1, True), (0.9, False)]:
        one = run("finetune", competes=True)
        one.known[-1] = one.unknown[-1] = last
        picture = show.gallery(one, known_task)
        lines = picture.axes[0].lines
        assert [line.get_xdata()[0] for line in lines if line.get_linestyle() == ":"] == [pytest.approx(guess)] * drawn
        assert any("dotted: chance" in text for text in texts(picture)) == drawn


def test_a_point_is_the_mean_on_old_and_on_new_tasks_with_its_interval(run):
    runs = [run("lwf", seed=s) for s in range(3)]
    means, widths = point(methods(runs)[0], True)
    old = [100 * r.known[2, :2].mean() for r in runs]
    new = [100 * np.mean([r.known[1, 1], r.known[2, 2]]) for r in runs]
    assert means == pytest.approx([np.mean(old), np.mean(new)])
    assert widths == pytest.approx([metrics.mean_interval(old)[1], metrics.mean_interval(new)[1]])


def test_regimes_of_old_and_new_tasks_have_separate_panels_tested_as_they_were_trained(both):
    picture = show.old_and_new(both)
    assert len(picture.axes) == 2
    per_task = picture.alt.index("finetune, trained per task, task known at test: ")
    assert per_task < picture.alt.index("finetune across tasks, trained across tasks, task unknown at test: ")
    assert max(max(*axes.get_xticks(), *axes.get_yticks()) for axes in picture.axes) <= 100
    unknown = show.old_and_new(both, known_task=False)
    assert len(unknown.axes) == 1
    assert "lwf" not in unknown.alt


def test_growth_has_a_line_per_method_over_the_tasks_learned(readable, legend):
    picture = show.growth({**COUNTS, "expandable": [328_426]})
    lines = {line.get_label(): line for line in picture.axes[0].lines}
    for name, counts in COUNTS.items():
        np.testing.assert_allclose(lines[name].get_xydata(), list(enumerate(counts, 1)))
    assert legend(picture) == ["dfcnn (2.4 M)", "single_task (985 k)", "expandable (328 k)"]
    assert ": dfcnn, 1 task: 800,000 parameters; dfcnn, 3 tasks: 2,400,000 parameters; single_task" in picture.alt
    readable(picture)


def test_a_number_of_parameters_has_three_digits():
    counts = {7: "7", 999: "999", 328_426: "328 k", 999_700: "1 M", 7_963_252: "7.96 M", 201_800_000: "202 M"}
    assert {count: short(count) for count in counts} == counts


def test_accuracy_is_a_mean_with_its_t_interval_over_the_parameters():
    points = {"dfcnn": (7_963_252, [0.50, 0.54, 0.58]), "hard_sharing": (2_700_000, 0.4)}
    picture = show.accuracy_over_parameters(points, "peak accuracy", "CIFAR-100")
    (axes,) = picture.axes
    marks = {container.get_label(): container for container in axes.containers}
    line, _, (bars,) = marks["dfcnn"].lines
    np.testing.assert_allclose(line.get_xydata(), [[7_963_252, 54]])
    _, half = metrics.mean_interval([50, 54, 58])
    low, high = bars.get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((54 - half, 54 + half))
    assert not marks["hard_sharing"].lines[2]  # one seed has no interval
    assert axes.get_ylim()[0] < min(low, 40) < high < axes.get_ylim()[1]
    assert axes.get_xscale() == "log"
    assert (
        f"dfcnn, peak accuracy: 54.0 ± {half:.1f} % (95 % interval), 3 seeds, 7,963,252 parameters; hard_sharing"
        in picture.alt
    )


def test_the_bars_of_a_task_end_at_the_sum_of_what_is_stored():
    picture = show.storage(NEEDS)
    (axes,) = picture.axes
    ends = {}
    for bar in axes.patches:
        place = round(bar.get_y() + bar.get_height() / 2, 3)
        ends[place] = max(ends.get(place, 0), bar.get_x() + bar.get_width())
    expected = [sum(task.values()) / 1e6 for tasks in NEEDS.values() for task in tasks]
    assert [ends[place] for place in sorted(ends)] == pytest.approx(expected)
    assert labels(axes.get_yticklabels()) == list(NEEDS)
    assert "ewc, task 2: 0.93 MB (" in picture.alt
    for size, unit in ((900, "bytes"), (310_000, "kB"), (3_000_000_000, "GB")):
        axes = show.storage({"finetune": [{"network": size}]}).axes[0]
        assert axes.get_xlabel() == f"stored when a task begins ({unit})"
