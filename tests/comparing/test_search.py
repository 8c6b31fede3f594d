"""A search by the rules of a fair comparison: one rate for all, equal effort for weights, nothing that is reported."""

import math
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.comparing.search import held_out

search = partial(cl.search, epochs=1, device="cpu", progress=False)
TWO = ["finetune", "l2"]


def noise(order, validation=2):
    """Two tasks of two classes, in no time."""
    labels = torch.arange(4).repeat_interleave(8)
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (32, 1, 8, 8), dtype=torch.uint8, generator=draw)
    return cl.streams.tensors(images, labels, images[::2], labels[::2], tasks=2, order=order, validation=validation)


def near(**tops):
    """A score that falls with the distance of a run's rate from that of its method, by the factor between them."""
    return lambda run: 1 - abs(math.log10(run.recipe.schedule.learning_rate / tops[run.name])) / 10


def weight(run):
    """The weight of the second term: lam / 2."""
    return run.recipe.loss.terms[1][0] if len(run.recipe.loss.terms) > 1 else 0.5


def test_the_rate_is_one_for_all_that_with_the_highest_mean_over_them():
    found = search(TWO, noise, (0.001, 0.01, 0.1), (1, 2), score=near(finetune=0.01, l2=0.002))
    assert found.settings == {"finetune": {"learning_rate": 0.01}, "l2": {"learning_rate": 0.01}}
    assert [recipe.schedule.learning_rate for recipe in found.recipes] == [0.01, 0.01]
    together = {one.settings["learning_rate"]: one.mean for one in found.tried if one.recipe == "all together"}
    for rate, mean in together.items():
        own = [one.mean for one in found.tried if one.recipe in TWO and one.settings["learning_rate"] == rate]
        assert mean == pytest.approx(np.mean(own))
    assert found.edges == ()
    runs = cl.compare(noise, found.recipes, (0,), device="cpu", progress=False)
    assert list(runs.methods) == TWO


def test_weights_are_searched_at_that_rate_by_as_many_configurations_each():
    recipes = {"finetune": "finetune", "wide": cl.methods.l2, "narrow": partial(cl.methods.l2, batch_size=32)}
    grid = {"learning_rate": (0.01, 0.02, 0.03), "wide": {"lam": (2, 4)}, "narrow": {"lam": (0.1, 1)}}
    found = search(recipes, noise, grid, (1,), score=lambda run: 1 - abs(weight(run) - 0.5) / 20)
    assert {label: settings.get("lam") for label, settings in found.settings.items()} == {
        "finetune": None, "wide": 1.0, "narrow": 1.0,
    }  # fmt: skip
    assert {settings["learning_rate"] for settings in found.settings.values()} == {0.02}  # a tie: inside the grid
    tried = [
        [one.settings["lam"] for one in found.tried if one.recipe == label and "lam" in one.settings]
        for label in ("wide", "narrow")
    ]
    assert tried == [[2, 4, 1, 0.5], [0.1, 1, 10, 0.316]]
    assert [recipe.loss.terms[1][0] for recipe in found.recipes[1:]] == [0.5, 0.5]


def test_a_setting_is_searched_for_every_recipe_that_takes_it_and_has_not_fixed_it():
    recipes = {"finetune": "finetune", "l2": "l2", "fixed": partial(cl.methods.l2, lam=2.0)}
    found = search(recipes, noise, {"lam": (0.1, 1, 10)}, (1,), score=lambda run: -abs(weight(run) - 0.5))
    assert found.settings == {"finetune": {}, "l2": {"lam": 1}, "fixed": {}}
    assert {one.recipe for one in found.tried} == {"l2"}
    assert weight(type("Run", (), {"recipe": found.recipes[2]})) == 1.0


def test_of_a_recipe_the_fields_of_its_schedule_are_searched():
    own = cl.methods.lwf(temperature=3.0)
    found = search(
        [own],
        noise,
        {"lwf": {"weight_decay": (0, 0.01, 0.1)}},
        (1,),
        score=lambda run: -run.recipe.schedule.weight_decay,
    )
    assert found.settings == {"lwf": {"weight_decay": 0}}
    assert found.edges == ()  # nothing lies below zero
    assert found.recipes[0].loss == own.loss


def test_a_best_at_the_edge_is_warned_of_in_a_sentence_and_a_grid_grows_as_far_as_it_may():
    words = r"The best learning_rate, 0.02, lies at the edge of what was tried \(0.01 to 0.02\): give a wider grid."
    steep = near(finetune=1e6)
    with pytest.warns(UserWarning, match=words):
        found = search(["finetune"], noise, (0.01, 0.02), (1,), score=steep, widen=0)
    assert len(found.edges) == 1
    assert found.edges[0] in repr(found)
    with pytest.warns(UserWarning, match="The best lam of l2, 2, lies"):
        search(["l2"], noise, {"lam": (1, 2)}, (1,), score=weight, widen=0)
    found = search(["finetune"], noise, (0.01, 0.02), (1,), score=near(finetune=0.05))
    assert [one.settings["learning_rate"] for one in found.tried if one.recipe == "finetune"] == [
        0.01,
        0.02,
        0.04,
        0.08,
    ]
    assert found.settings["finetune"] == {"learning_rate": 0.04}


class Elsewhere(Executor):
    """Runs at once what is sent, as bytes, as to another process."""

    def submit(self, function, /, *values):
        future = Future()
        future.set_result(function(*values))
        return future


@pytest.mark.filterwarnings("ignore:The best learning_rate, 0.01, lies at the edge")
def test_an_executor_finds_the_same_and_a_store_goes_on_where_a_search_was_stopped(tmp_path):
    def stop(run):
        if run.name == "l2":
            raise KeyboardInterrupt
        return 0.5

    with pytest.raises(KeyboardInterrupt):
        search(TWO, noise, (0.01, 0.02), (1, 2), store=tmp_path, score=stop)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.safetensors")}
    assert len(before) >= 2
    found = search(TWO, noise, (0.01, 0.02), (1, 2), store=tmp_path, widen=0)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())
    with ThreadPoolExecutor(2) as threads:
        for executor in (threads, Elsewhere()):
            assert search(TWO, noise, (0.01, 0.02), (1, 2), executor, widen=0).tried == found.tried
    own = cl.learn(noise(2), cl.methods.l2(epochs=1, learning_rate=0.02), 2, device="cpu", progress=False, threads=1)
    seen = cl.learn(held_out(noise(2)), own.recipe, 2, device="cpu", progress=False, threads=1)
    (scored,) = (one.scores[1] for one in found.tried if one.recipe == "l2" and one.settings["learning_rate"] == 0.02)
    assert scored == pytest.approx(seen.metrics()["average_accuracy"])


@pytest.mark.filterwarnings("ignore:The best learning_rate, 0.01, lies at the edge")
def test_a_run_that_diverges_scores_zero_and_is_counted_in_the_table():
    found = search(["finetune"], noise, (0.01, 1e38), (1, 2), widen=0)
    (lost,) = (one for one in found.tried if one.recipe == "finetune" and one.diverged)
    assert (lost.settings, lost.scores, lost.diverged) == ({"learning_rate": 1e38}, (0, 0), 2)
    assert found.table().head[-1] == "diverged"
    assert found.table().rows[-1][-1] == "2"


def test_the_table_has_all_that_was_tried_with_mean_interval_and_paired_difference_and_is_html_in_a_notebook():
    values = {(0.01, 1): 0.5, (0.01, 2): 0.7, (0.02, 1): 0.6, (0.02, 2): 0.9, (0.03, 1): 0.5, (0.03, 2): 0.5}
    found = search(
        ["finetune"],
        noise,
        (0.01, 0.02, 0.03),
        (1, 2),
        score=lambda run: values[run.recipe.schedule.learning_rate, run.seed],
    )
    (mean, half), (gap, spread) = (
        cl.metrics.mean_interval([0.5, 0.7]),
        cl.metrics.paired_difference([0.5, 0.7], [0.6, 0.9]),
    )
    row = f"finetune 0.01 {100 * mean:.1f} ± {100 * half:.1f} {100 * gap:+.1f} ± {100 * spread:.1f} 2"
    assert row in [" ".join(line.split()) for line in repr(found).splitlines()]
    assert len(found.table().rows) == 6
    page = found._repr_html_()
    assert page.count('<th scope="row"') == 6
    assert "chosen</td>" in page
    assert "score on validation images; class orders 1, 2" in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipes": []}, "recipes is a list of 1 or more in which each is a Recipe or the name of a method"),
        ({"recipes": ["lfw"]}, "There is no method 'lfw'; did you mean"),
        ({"recipes": ["lwf", cl.methods.lwf()]}, "lwf is given twice: give recipes as a dict"),
        ({"recipes": {"own": lambda **settings: settings}}, "returns a Recipe, not"),
        ({"recipes": ["lwf", "lwf_mc"]}, "differ in heads="),
        ({"recipes": {"a": cl.methods.l2, "b": cl.methods.lwf(batch_size=8)}}, "Unequal budgets"),
        ({"stream": noise(1)}, "stream is a function of a class order"),
        ({"stream": lambda order: order}, "a function from a seed to one, which gave 1"),
        ({"stream": partial(noise, validation=0)}, "Task 0 has no validation images, and a search sees no test image"),
        ({"grid": ()}, "grid is a list of 1 or more"),
        ({"grid": (0.01, -1)}, "grid is a list of 1 or more"),
        ({"grid": (0.0, 0.1)}, "learning_rate is a finite number above 0"),
        ({"grid": {"lambda": (1, 2)}}, "grid has values of 'lambda', a setting that no recipe takes"),
        ({"grid": {"mas": {"lam": (1, 2)}}}, "grid has values for 'mas', and the recipes are finetune, l2"),
        ({"grid": {"finetune": {"lam": (1, 2)}}}, "finetune has no setting 'lam' that can be searched"),
        ({"grid": {"learning_rate": (0.1,), "l2": {"learning_rate": (0.1,)}}}, "for all together and for l2 alone"),
        ({"grid": {"l2": {"lam": (1, 2)}, "finetune": {"clip": (1,)}}}, "finetune has 1 configurations"),
        ({"orders": (1, 1)}, "orders has one twice"),
        ({"score": "forgetting"}, "score is one of average_accuracy"),
        ({"score": lambda run: "good"}, "the score of a run is a finite number, not 'good'"),
        ({"on": "train"}, "on is one of validation, test"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_refused_in_a_sentence(changes, message):
    with pytest.raises(ValueError, match=message):
        search(**{"recipes": TWO, "stream": noise, "grid": (0.01, 0.02), "orders": (1,), **changes})


def test_a_stream_of_classes_that_are_not_reported_may_be_scored_on_its_test_images():
    found = search(["finetune"], partial(noise, validation=0), (0.01,), (1,), on="test", widen=0)
    assert "on test images" in found.about


def test_a_stream_is_made_with_the_threads_of_its_run_as_a_forked_worker_may_have_no_others():
    def counted(order):
        if order == 2:  # the first is made in this process, too
            raise ValueError(f"{torch.get_num_threads()} threads")
        return noise(order)

    with pytest.raises(ValueError, match="3 threads"):
        search(["finetune"], counted, (0.02,), (1, 2), Elsewhere(), threads=3)


def test_where_classes_return_they_do_so_in_the_stream_of_a_search_too():
    stream = cl.streams.domains(cl.streams.digits(tasks=5, validation=0.2), "permutations", tasks=2)
    found = held_out(stream)
    assert found.arrivals == stream.arrivals
    assert all(torch.equal(one.test.images, task.validation.images) for one, task in zip(found, stream, strict=True))
