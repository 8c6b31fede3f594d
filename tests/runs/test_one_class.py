"""Tasks of one class: no accuracy with the task known anywhere, and a word about terms that are constant."""

import math
import warnings

import numpy as np
import pytest
import torch
from running import learn

import cltutor as cl
from cltutor.losses import CrossEntropy, Distillation
from cltutor.runs.one_class import DASH, NOTE, remarks
from cltutor.widgets.collecting import outcome


def stream(tasks):
    labels = torch.arange(sum(tasks)).repeat_interleave(6)
    images = torch.randint(0, 256, (len(labels), 1, 8, 8), dtype=torch.uint8)
    return cl.streams.tensors(images, labels, images, labels, tasks=tasks, order=None)


@pytest.fixture(scope="module", params=[(1, 1, 1), (2, 1, 2), (1, 2, 2)], ids=str)
def run(request):
    with warnings.catch_warnings(action="ignore"):
        return learn(stream(list(request.param)), cl.methods.lwf(epochs=2, heads="class"))


def single(run):
    return [len(task) == 1 for task in run.tasks]


def test_a_task_of_one_class_has_no_accuracy_with_the_task_known_and_one_with_it_unknown(run, tmp_path):
    for matrix in (run.accuracy(), run.curves.known, run.accuracy(top=5)):
        assert np.isnan(matrix[-1]).tolist() == single(run)
    assert np.isfinite(run.accuracy(known_task=False)[-1]).all()
    rest = [value for value, alone in zip(run.accuracy()[-1], single(run), strict=True) if not alone]
    expected = sum(rest) / len(rest) if rest else math.nan
    assert run.metrics()["average_accuracy"] == pytest.approx(expected, nan_ok=True)
    run.accuracies = {name: np.nan_to_num(matrix, nan=1.0) for name, matrix in run.accuracies.items()}
    run.curves.known = np.nan_to_num(run.curves.known, nan=1.0)  # as earlier versions recorded it
    run.save(tmp_path / "run")
    back = cl.Run.load(tmp_path / "run")
    assert np.isnan(back.accuracy()[-1]).tolist() == np.isnan(back.curves.known[-1]).tolist() == single(run)
    run.accuracies, run.curves = back.accuracies, back.curves


def words_of(picture) -> str:
    return " ".join(text.get_text() for text in picture.findobj(lambda artist: hasattr(artist, "get_text"))).replace(
        "\n", " "
    )


def test_every_picture_of_it_is_drawn_with_a_dash_and_a_note_and_no_hundred(run):
    for draw in (cl.show.accuracy_matrix, cl.show.accuracy_over_time, cl.show.forgetting, cl.show.gallery):
        picture = draw(run)
        words = words_of(picture)
        assert "in which every answer is right" in words
        assert "nan" not in picture.alt + words
        if all(single(run)):
            assert DASH in picture.alt
            assert "100" not in picture.alt
        assert NOTE not in words_of(draw(run, known_task=False))
        picture.png()
    cl.show.reverse_transfer(run.curves.known, run.curves.epoch_task).png()
    if all(single(run)):
        with pytest.raises(ValueError, match="a task of one class"):
            cl.show.old_and_new(run, known_task=True)
    assert "nan" not in outcome([run], finished=True)


def test_a_comparison_shows_a_dash_and_says_why():
    with pytest.warns(UserWarning, match="one class"):
        compared = cl.compare(stream([1, 1, 1]), ["finetune", "lwf"], seeds=[0, 1], epochs=1, progress=False)
    table = compared.table()
    assert all(math.isnan(value[0]) for row in table for value in row.accuracies.values())
    assert all(math.isnan(row.difference[0]) for row in table)
    assert "tasks 1, 2, 3 have one class" in repr(table)
    assert "Distillation is constant in tasks 2, 3" in table.markdown()


@pytest.mark.parametrize(
    ("terms", "classes", "constant"),
    [
        (Distillation(), (1, 1, 1), {"Distillation": "tasks 2, 3"}),
        (Distillation(), (2, 1, 1), {}),
        (Distillation(), (1, 2, 1), {"Distillation": "task 2"}),
        (Distillation(kind="l1"), (1, 1), {"Distillation": "task 2"}),
        (Distillation(kind="sigmoid"), (1, 1, 1), {}),
        (Distillation(joined=True), (1, 1, 1), {"Distillation": "task 2"}),
        (cl.losses.TemporaryDistillation(), (1, 2, 1), {"TemporaryDistillation": "task 3"}),
        (Distillation(), (2, 2), {}),
    ],
)
def test_a_term_is_called_constant_exactly_where_it_is_zero_at_every_step(terms, classes, constant):
    recipe = cl.Recipe("mine", CrossEntropy() + terms, heads="class", schedule=cl.Schedule(epochs=1))
    found = remarks(recipe, classes)
    why = "a softmax over one class cannot change"
    assert found == [f"mine: {name} is constant in {where}: {why}." for name, where in constant.items()]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        curves = learn(stream(list(classes)), recipe).curves
    assert [str(one.message) for one in warned if "constant" in str(one.message)] == found
    name = type(terms).__name__
    still = [t for t in range(len(classes)) if (curves.loss[name][curves.step_task == t] == 0).all()]
    named = constant.get(name, "task ").removeprefix("tasks ").removeprefix("task ")
    assert still == [int(t) - 1 for t in named.split(", ") if t]


def test_a_head_per_task_over_one_class_is_warned_of_before_training_and_two_classes_are_not():
    events = cl.train(stream([1, 2]), "finetune", epochs=1, device="cpu")
    with pytest.warns(UserWarning, match="finetune: task 1 has one class: every answer is right"):
        next(events)
    with warnings.catch_warnings(action="error"):
        next(cl.train(stream([2, 2]), "lwf", epochs=1, device="cpu"))
