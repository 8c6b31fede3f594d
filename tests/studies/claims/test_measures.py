"""What is measured on a record, beside the same numbers computed in another way."""

import numpy as np
import pytest
from claiming import record

import cltutor as cl
from cltutor.studies.claims import measures
from cltutor.studies.claims.measures import STATISTICS
from cltutor.studies.claims.records import Job, record_of


def of(name, one):
    return STATISTICS[name].of(one)


SIZES = [20, 40, 10]
KNOWN = [[18], [12, 36], [10, 30, 9]]
UNKNOWN = [[18], [8, 34], [4, 20, 8]]
TASK = record("four tasks", KNOWN, sizes=SIZES)
ACROSS = record("4 a step", KNOWN, UNKNOWN, sizes=SIZES)


def test_old_new_first_and_last_are_parts_of_the_accuracy_matrix():
    assert of("old", TASK) == pytest.approx((50 + 75) / 2)
    assert of("new", TASK) == pytest.approx((90 + 90) / 2)
    assert of("first", TASK) == pytest.approx(50)
    assert of("last", TASK) == pytest.approx(90)
    assert of("drop", TASK) == pytest.approx((40 + 15) / 2)
    assert of("first drop", TASK) == pytest.approx(40)
    assert of("backward", TASK) == -of("drop", TASK)


def test_accuracy_over_all_tasks_weighs_images_alike_and_the_regime_is_that_of_the_training():
    assert of("whole", TASK) == pytest.approx(100 * (10 + 30 + 9) / 70)
    assert of("whole", ACROSS) == pytest.approx(100 * (4 + 20 + 8) / 70)
    assert of("known", ACROSS) == pytest.approx(100 * (10 + 30 + 9) / 70)
    assert of("second", ACROSS) == pytest.approx(100 * (8 + 34) / 60)
    assert of("incremental", ACROSS) == pytest.approx((100 * 42 / 60 + 100 * 32 / 70) / 2)


def test_gains_less_losses_are_zero_for_random_changes():
    assert of("net gains", record("four tasks", [[10], [12, 30], [8, 35, 9]], sizes=SIZES)) == 0
    assert of("net gains", record("four tasks", [[10], [12, 30], [11, 35, 9]], sizes=SIZES)) == 100
    assert of("net gains", TASK) == -100
    generator = np.random.default_rng(0)
    churn = []
    for _ in range(4000):
        diagonal = generator.integers(5, 15, 9)
        end = diagonal + generator.integers(-2, 3, 9)
        known = [[0] * n + [int(diagonal[n])] for n in range(9)] + [[*map(int, end), 10]]
        churn.append(of("net gains", record("eight tasks", known, sizes=[20] * 10)))
    assert abs(np.mean(churn)) < 3 * np.std(churn) / 4000**0.5, "a count of gains alone would lie at 40 %"


CURVES = [[2, 10, 20, 19], [4, 40, 39, 38], [1, 2, 9, 10]]


def test_peak_convergence_and_what_is_kept_come_from_the_curves():
    one = record("few images", KNOWN, sizes=SIZES, curves=CURVES)
    assert of("peak", one) == pytest.approx(100)
    assert of("kept", one) == pytest.approx((50 + 75) / 2)
    assert of("kept of first", one) == pytest.approx(50)
    assert of("epochs", one) == pytest.approx((3 + 2 + 4) / 3)
    assert of("twice the epochs", one) == 2 * of("epochs", one)
    assert measures.latest_peak(one) == pytest.approx((3 / 4 + 2 / 4 + 4 / 4) / 3)


def test_the_statistics_of_curves_are_those_of_the_metrics(patterns):
    run = cl.learn(patterns, cl.methods.finetune(epochs=4), 1, device="cpu", progress=False)
    one = record_of(Job("few images", run.recipe, 0), run, 1, {})
    known, learning = run.curves.known, run.curves.epoch_task
    assert of("epochs", one) == pytest.approx(cl.metrics.epochs_to_peak(known, learning).mean())
    assert of("kept", one) == pytest.approx(100 * np.nanmean(cl.metrics.retention(known, learning)))
    assert of("drop", one) == pytest.approx(100 * cl.metrics.drop(run.accuracy()))


def test_mas_stores_as_much_for_every_task_and_ewc_a_fisher_and_an_anchor_more_for_each():
    network = cl.methods.get("ewc").network.build((3, 12, 12))
    for _ in range(5):
        network.grow(4)
    shared = sum(parameter.numel() for parameter in network.parameters_of("shared"))
    assert measures.growth("mas") == measures.growth("lwf") == 0
    assert measures.growth("ewc") == pytest.approx(3 * 2 * 4 * shared / 1e6)
    assert measures.megabytes("mas") > measures.megabytes("lwf")


def test_parameters_are_those_of_ten_tasks_of_cifar_100():
    assert measures.total("single_task") == pytest.approx(10 * 328_426 / 1e6)
    assert measures.tenth("dfcnn") == measures.second("dfcnn") > 0
    assert measures.tenth("progressive") > measures.second("progressive")


def test_only_shares_of_right_answers_and_epochs_have_a_bound_at_which_nothing_is_decided():
    assert STATISTICS["old"].at_floor(0.5)
    assert STATISTICS["old"].at_top(99.5)
    assert not STATISTICS["old"].at_top(99.4)
    assert STATISTICS["epochs"].at_floor(1.0)
    assert not STATISTICS["epochs"].at_floor(1.1)
    assert {name for name, one in STATISTICS.items() if one.absolute} >= {"old", "new", "peak", "incremental", "epochs"}
    assert not STATISTICS["net gains"].absolute
