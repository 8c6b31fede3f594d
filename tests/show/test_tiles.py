"""The forgetting wall."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from cltutor import show
from cltutor.streams import Split, Stream


@pytest.fixture
def shown(make):
    """A run that recorded its predictions on a stream of three tasks, and its wall."""
    run, stream = make.run("eeil", competes=True, record=5), make.stream((2, 2, 2))
    return run, stream, show.wall(run, stream, known_task=False)


def test_each_tile_tells_what_its_image_was_taken_for(shown, read):
    run, stream, picture = shown
    taken = run.curves.predicted_unknown[-1]
    words = [f"taken for {stream.class_names[column]}" for column in taken]
    read = [one for one in read(picture) if "image" in one]
    assert read[7] == f"eeil, class 1 (task 1), image 3: {words[7]}, after task 3"
    assert [one.split(": ")[1].split(", ")[0] for one in read] == words


def test_a_veil_covers_what_is_wrong_in_each_frame(shown):
    run, _, picture = shown
    tiles, taken = picture.spots[0].played, run.curves.predicted_unknown
    for frame, codes in enumerate(taken):
        assert (tiles.wrong(frame, none=True) == (codes == 255)).all()
        assert (tiles.wrong(frame, none=False) == ((codes != 255) & (codes != np.arange(6).repeat(5)))).all()


def test_a_frame_like_the_one_before_is_stored_once(make):
    run = make.run("eeil", record=5)
    run.curves.predicted_known[1] = run.curves.predicted_known[0]
    drawn = show.wall(run, make.stream((2, 2, 2))).drawing()["drawings"][0]
    frames = next(column for column in drawn["spots"][0]["columns"] if len(column) > 2)[2]
    assert frames[1] is None
    assert len(base64.b64decode(frames[0])) == 30


def test_curves_and_matrix_say_how_many_tiles_are_right(shown, read):
    run, _, picture = shown
    after = [place for place, (_, epoch) in enumerate(run.curves.predicted_at) if epoch < 0]
    right = (run.curves.predicted_unknown == np.arange(6).repeat(5)).reshape(-1, 3, 10).mean(2)
    words = read(picture)
    assert f"eeil, task 1, task 2, epoch 1: {100 * right[after[0] + 1, 0]:.1f} %" in words
    assert f"eeil, after task 3 (4, 5), on task 1 (0, 1): {100 * right[after[2], 0]:.1f} %" in words


def test_a_tile_its_curve_and_its_matrix_column_are_linked(shown):
    tiles, *curves, matrix = shown[2].spots
    assert tiles.link == [row // 2 for row in range(6) for _ in range(5)]
    assert [one.link[0] for one in curves] == [0, 1, 2]
    assert matrix.link == [0, 1, 2] * 3
    assert curves[1].at == list(range(5, 15)), "a task's curve begins with its first test"


@pytest.mark.parametrize(("tasks", "classes"), [(1, 1), (3, 2), (5, 20)])
def test_tiles_are_square_and_the_other_panels_fit_a_screen(make, tasks, classes):
    run = make.run("eeil", tasks=tasks, classes=classes, competes=True, record=5)
    picture = show.wall(run, make.stream((classes,) * tasks, names="a class with a long name {}"))
    _, _, width, height = picture.spots[0].place
    rows, columns = picture.spots[0].shape
    assert width / columns == pytest.approx(height / rows)
    assert max(axes.get_position().height * picture.get_figheight() for axes in picture.axes) <= 3.5


def test_a_task_of_one_class_has_no_accuracy_when_the_task_is_known(make, read, texts):
    run = make.run("eeil", tasks=2, classes=1, competes=True, record=5)
    stream = make.stream((1, 1))
    assert not any("on task" in words or "epoch 1: " in words for words in read(show.wall(run, stream)))
    assert any("on task 1" in words for words in read(show.wall(run, stream, known_task=False)))


def test_a_run_that_stopped_after_one_epoch_has_a_mark_for_each_value(make, artists):
    run = make.run("eeil", learned=1, epochs=1, record=5)
    run.curves.predicted_at = run.curves.predicted_at[:1]
    run.curves.predicted_known = run.curves.predicted_known[:1]
    curves, *_ = show.wall(run, make.stream((2, 2, 2))).axes
    seen = [line for line in curves.lines if np.isfinite(line.get_ydata()).any() and line.get_alpha() is None]
    assert [line.get_markevery() for line in seen] == [None]


def test_both_settings_share_one_image_of_the_tiles(make):
    run = make.run("eeil", competes=True, record=5)
    drawing = show.wall([run], make.stream((2, 2, 2), ((3, 32, 32),))).drawing()
    assert len(drawing["drawings"]) == 2
    assert len(drawing["images"]) == 1
    assert "cltutor-image-0;" in drawing["drawings"][1]["svg"]


def test_a_wall_of_many_photographs_stays_small(make):
    stream = make.stream((10,) * 10, ((3, 40, 32),))
    noise = torch.randint(0, 256, (50, 3, 40, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    tests = [Split(noise, task.test.labels) for task in stream]
    tasks = [replace(task, test=test) for task, test in zip(stream, tests, strict=True)]
    noisy = Stream(tasks, stream.class_names, "noise", "noise()")
    runs = [make.run(name, tasks=10, classes=10, competes=True, record=5, epochs=10) for name in ("eeil", "finetune")]
    assert len(json.dumps(show.wall(runs, noisy).drawing())) < 1_500_000


def test_seeds_of_a_method_have_a_wall_each(make, texts):
    runs = [make.run("lwf", seed=seed, record=5) for seed in (3, 4)]
    assert {"lwf, seed 3", "lwf, seed 4"} <= set(texts(show.wall(runs, make.stream((2, 2, 2)))))


def test_what_a_wall_needs_is_asked_for(make):
    stream = make.stream((2, 2, 2))
    with pytest.raises(ValueError, match='give learn the argument record="predictions"'):
        show.wall(make.run("lwf"), stream)
    stopped = make.run("lwf")
    stopped.record = "predictions"
    with pytest.raises(ValueError, match="lwf stopped before its first test: it has no predictions yet"):
        show.wall(stopped, stream)
    with pytest.raises(ValueError, match="greys is not the stream that lwf has learned"):
        show.wall(make.run("lwf", record=5), make.stream((2, 4)))
