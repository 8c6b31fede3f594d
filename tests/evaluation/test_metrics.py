"""Each metric against loops that follow its formula, and against small examples done by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cltutor.evaluation import metrics

NAN = math.nan
# Task 0 is learned at 0.8, rises to 0.9, ends at 0.5; task 1 is learned at 0.7, ends at 0.6.
HAND = [[0.8, NAN, NAN], [0.9, 0.7, NAN], [0.5, 0.6, 1.0]]
NAMES = ["average_accuracy", "average_incremental_accuracy", "forgetting", "drop", "backward_transfer", "summary"]
NAMES += ["new_task_accuracy", "old_task_accuracy"]
OF_A_MATRIX = [*(getattr(metrics, name) for name in NAMES), lambda a: metrics.intransigence(a, np.ones(len(a)))]
OF_CURVES = [metrics.peak_accuracy, metrics.retention, metrics.epochs_to_peak]
OF_CURVES += [lambda curves, learning: metrics.epochs_to_peak(curves, learning, share=0.7)]


@st.composite
def matrices(draw, smallest=2):
    tasks = draw(st.integers(smallest, 7))
    share = st.floats(0, 1)
    return np.array([[draw(share) if j <= i else NAN for j in range(tasks)] for i in range(tasks)])


@st.composite
def curves_of_tasks(draw):
    learning = draw(st.lists(st.integers(0, 3), min_size=1, max_size=12).map(sorted))
    right = st.integers(0, 40)  # of 40 test images, so that ties happen
    curves = [[draw(right) / 40 if t <= now else NAN for t in range(4)] for now in learning]
    return np.array(curves), np.array(learning)


def test_the_hand_example_gives_the_numbers_done_by_hand():
    assert metrics.summary(HAND) == pytest.approx(
        {
            "average_accuracy": (0.5 + 0.6 + 1.0) / 3,
            "average_incremental_accuracy": (0.8 + 0.7) / 2,
            "forgetting": (0.4 + 0.1) / 2,
            "drop": (0.3 + 0.1) / 2,
            "backward_transfer": (-0.3 - 0.1) / 2,
        }
    )
    assert metrics.new_task_accuracy(HAND) == pytest.approx((0.7 + 1.0) / 2)
    assert metrics.old_task_accuracy(HAND) == pytest.approx((0.5 + 0.6) / 2)
    assert metrics.forgetting([[0.5, NAN], [0.9, 0.9]]) == pytest.approx(-0.4), "the best before the last task"


@given(matrices())
def test_the_old_task_metrics_equal_loops(a):
    last = len(a) - 1
    fall, fall_from_best = 0.0, 0.0
    for j in range(last):
        best = max(a[row, j] for row in range(j, last))
        fall += a[j, j] - a[last, j]
        fall_from_best += best - a[last, j]
    assert metrics.drop(a) == pytest.approx(fall / last)
    assert metrics.backward_transfer(a) == pytest.approx(-fall / last)
    assert metrics.forgetting(a) == pytest.approx(fall_from_best / last)


@given(matrices(), st.data())
def test_average_incremental_accuracy_equals_loops_over_the_steps_after_the_first(a, data):
    sizes = data.draw(st.lists(st.integers(1, 50), min_size=len(a), max_size=len(a)))
    total = 0.0
    for i in range(1, len(a)):
        total += sum(sizes[j] * a[i, j] for j in range(i + 1)) / sum(sizes[: i + 1])
    assert metrics.average_incremental_accuracy(a, sizes) == pytest.approx(total / (len(a) - 1))


@given(matrices(smallest=1), matrices(smallest=1))
def test_intransigence_is_the_mean_gap_to_joint_on_the_newest_task(a, joint):
    k = min(len(a), len(joint))
    a, joint = a[:k, :k], joint[:k, :k]
    gap = sum(joint[i, i] - a[i, i] for i in range(k)) / k
    assert metrics.intransigence(a, joint) == pytest.approx(gap)
    assert metrics.intransigence(a, np.diag(joint)) == pytest.approx(gap)


def test_a_single_task_leaves_nothing_to_forget():
    summary = metrics.summary([[0.9]])
    assert summary.pop("average_accuracy") == pytest.approx(0.9)
    assert all(map(math.isnan, summary.values()))
    assert math.isnan(metrics.new_task_accuracy([[0.9]]))
    assert math.isnan(metrics.old_task_accuracy([[0.9]]))
    assert metrics.intransigence([[0.9]], [1.0]) == pytest.approx(0.1)


@given(matrices(), st.data())
def test_a_run_stopped_early_counts_as_the_tasks_it_learned(a, data):
    learned = data.draw(st.integers(1, len(a)))
    stopped = a.copy()
    stopped[learned:] = NAN
    sizes = list(range(1, len(a) + 1))
    assert metrics.summary(stopped, sizes) == pytest.approx(
        metrics.summary(a[:learned, :learned], sizes[:learned]), nan_ok=True
    )


@given(matrices(), st.data())
def test_tasks_without_an_accuracy_are_left_out_of_every_mean(a, data):
    without = sorted(data.draw(st.sets(st.integers(0, len(a) - 1), min_size=1)))
    rest, last = [j for j in range(len(a)) if j not in without], len(a) - 1
    a[:, without] = NAN
    old = [j for j in rest if j < last]
    sums = {
        "average_accuracy": [a[last, j] for j in rest],
        "new_task_accuracy": [a[j, j] for j in rest if j > 0],
        "old_task_accuracy": [a[last, j] for j in old],
        "drop": [a[j, j] - a[last, j] for j in old],
        "forgetting": [max(a[i, j] for i in range(j, last)) - a[last, j] for j in old],
    }
    for name, values in sums.items():
        expected = sum(values) / len(values) if values else NAN
        assert getattr(metrics, name)(a) == pytest.approx(expected, nan_ok=True)
    steps = [[(j + 1, a[i, j]) for j in rest if j <= i] for i in range(1, len(a))]
    means = [sum(n * value for n, value in step) / sum(n for n, _ in step) for step in steps if step]
    found = metrics.average_incremental_accuracy(a, range(1, len(a) + 1))
    assert found == pytest.approx(sum(means) / len(means) if means else NAN, nan_ok=True)
    gap = [1 - a[j, j] for j in rest]
    found = metrics.intransigence(a, np.ones(len(a)))
    assert found == pytest.approx(sum(gap) / len(gap) if gap else NAN, nan_ok=True)


@given(st.integers(1, 9), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_top_accuracy_equals_a_count_of_larger_logits(k, columns, seed):
    rng = np.random.default_rng(seed)
    logits = rng.permuted(np.tile(np.arange(columns), (20, 1)), axis=1).astype(float)
    labels = rng.integers(columns, size=20)
    right = 0
    for row, label in zip(logits, labels, strict=True):
        right += sum(value > row[label] for value in row) < k
    assert metrics.top_accuracy(logits, labels, k) == pytest.approx(right / 20)


def test_top_accuracy_gives_a_dead_network_chance_and_not_everything():
    labels = [0, 1, 2, 3]
    assert metrics.top_accuracy(np.zeros((4, 4)), labels, k=1) == 0.25
    assert metrics.top_accuracy([[0.0, NAN], [0.0, NAN]], [1, 1], k=1) == 0.0


@given(curves_of_tasks())
def test_curve_metrics_equal_loops(example):
    curves, learning = example
    for t in range(curves.shape[1]):
        own = [row[t] for row, now in zip(curves, learning, strict=True) if now == t]
        peak = max(own) if own else NAN
        kept, count, sooner = NAN, NAN, NAN
        if own and t != learning[-1] and peak > 0:
            kept = curves[-1, t] / peak
        for epoch, value in reversed(list(enumerate(own, start=1))):
            count = epoch if value >= 0.98 * peak else count
            sooner = epoch if value >= 0.7 * peak else sooner
        found = [metric(curves, learning)[t] for metric in OF_CURVES]
        assert found == pytest.approx([peak, kept, count, sooner], nan_ok=True)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("count", [2, 3, 4, 5, 10, 31, 1000])
def test_the_interval_is_scipys_t_interval(level, count):
    values = np.random.default_rng(count).normal(3, 2, count)
    mean, half = metrics.mean_interval(values, level)
    low, high = stats.t.interval(level, count - 1, values.mean(), stats.sem(values))
    assert (mean - half, mean + half) == pytest.approx((low, high), rel=1e-9)


def test_a_paired_interval_is_free_of_what_the_pairs_share():
    shared = np.array([0.1, 0.5, 0.9])
    mean, half = metrics.paired_difference(shared + 0.05, shared)
    assert mean == pytest.approx(0.05)
    assert half == pytest.approx(0, abs=1e-12)
    assert metrics.mean_interval(shared)[1] > 0.5
    assert metrics.mean_interval([0.5]) == pytest.approx((0.5, NAN), nan_ok=True)
