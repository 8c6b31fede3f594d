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
    found = remarks(recipe, [task.classes for task in stream(list(classes))])
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


def digits_of(*tasks):
    """Digits in tasks of these classes, where some return."""
    base = {label: task for task in cl.streams.digits(tasks=10).fewer(0.1) for label in task.classes}

    def part(name, task):
        own = [getattr(base[label], name) for label in task]
        return cl.streams.Split(torch.cat([one.images for one in own]), torch.cat([one.labels for one in own]))

    splits = [[part(name, task) for name in ("train", "validation", "test")] for task in tasks]
    made = [cl.streams.Task(place, tasks[place], *own) for place, own in enumerate(splits)]
    return cl.streams.Stream(made, [str(label) for label in range(10)], "mine", "mine()", returning=True)


ONE_A_TASK = cl.streams.tensors(*(torch.randint(0, 256, (60, 1, 8, 8), dtype=torch.uint8), torch.arange(60) % 3) * 2, 3)


@pytest.mark.parametrize(
    ("given", "alone"),
    [
        (cl.streams.blurred(ONE_A_TASK, 0.3), [True, True, True]),
        (cl.streams.returning(ONE_A_TASK, (0, 1, 0), "same"), [True, True, True]),
        (digits_of((0,), (1,), (0, 1)), [True, True, True]),
        (digits_of((0,), (1, 2), (0, 1)), [True, False, False]),
    ],
)
@pytest.mark.parametrize("heads", ["task", "class"])
def test_a_class_that_returns_to_a_head_of_its_own_gives_no_accuracy_with_the_task_known(given, alone, heads):
    """Whatever else is among the classes of its task: only its own head answers for it."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        run = learn(given, cl.methods.finetune(epochs=1, heads=heads))
    assert np.isnan(run.accuracy()[-1]).tolist() == np.isnan(run.curves.known[-1]).tolist() == alone
    places = ", ".join(str(task + 1) for task, single in enumerate(alone) if single)
    assert any(f"task{'s' * (sum(alone) > 1)} {places} ha" in str(one.message) for one in warned) == (heads == "task")
    if heads == "class":
        assert np.isfinite(run.accuracy(known_task=False)[-1]).all()


def test_in_a_blurred_stream_the_test_images_alone_decide():
    """Task 2 brings one class, and late images of two others, which are in no test of it."""
    run = learn(
        cl.streams.blurred(cl.streams.digits([2, 1], classes=range(3)).fewer(0.2), 0.3), cl.methods.finetune(epochs=1)
    )
    assert np.isnan(run.accuracy()).tolist() == [[False, True], [False, True]]


@pytest.mark.parametrize("heads", ["task", "class"])
def test_a_stream_of_one_class_has_no_accuracy_at_all(heads):
    base = cl.streams.digits(tasks=1, classes=[3]).fewer(0.2)
    with pytest.warns(UserWarning, match="finetune: the stream has one class: every answer is right"):
        run = learn(cl.streams.domains(base, "rotations", 2), cl.methods.finetune(epochs=1, heads=heads))
    assert np.isnan(run.accuracy()).all()
    assert np.isnan(run.accuracy(known_task=False)).all()


def test_nor_has_a_task_of_one_class_whose_images_could_have_several():
    several = cl.streams.several([1, 2], classes=range(3), size=8, per_task=(6, 4))
    with pytest.warns(UserWarning, match="task 1 has one class"):
        run = learn(several, cl.methods.for_several_labels(cl.methods.finetune(epochs=1)))
    for matrix in (run.accuracy(), run.mean_average_precision()):
        assert np.isnan(matrix).tolist() == [[True, True], [True, False]]


def test_a_head_per_task_over_one_class_is_warned_of_before_training_and_two_classes_are_not():
    events = cl.train(stream([1, 2]), "finetune", epochs=1, device="cpu")
    with pytest.warns(UserWarning, match="finetune: task 1 has one class: every answer is right"):
        next(events)
    with warnings.catch_warnings(action="error"):
        next(cl.train(stream([2, 2]), "lwf", epochs=1, device="cpu"))
