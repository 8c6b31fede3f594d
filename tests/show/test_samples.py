from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cltutor import show


def stream(classes=(2, 2), shapes=((3, 16, 16), (3, 16, 16)), empty_first=False, names=None):
    """Tasks whose pictures are all of one grey: 10 times the label, plus the picture's number."""
    found, label = [], 0
    for index, (count, shape) in enumerate(zip(classes, shapes, strict=True)):
        own = list(range(label, label + count))
        labels = torch.tensor([k for k in own for _ in range(5)])
        grey = torch.tensor([(10 * k + i) % 256 for k in own for i in range(5)], dtype=torch.uint8)
        images = grey[:, None, None, None].expand(-1, *shape)
        full = SimpleSplit(images, labels)
        train = SimpleSplit(images[:0], labels[:0]) if empty_first and index == 0 else full
        found.append(SimpleNamespace(index=index, classes=tuple(own), train=train, test=full))
        label += count
    return SimpleStream(found, names or [f"class {k}" for k in range(label)])


class SimpleSplit:
    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels)


class SimpleStream(list):
    name = "greys"

    def __init__(self, tasks, names):
        super().__init__(tasks)
        self.class_names, self.classes = tuple(names), tuple(range(len(names)))


def greys(axes):
    """The greys of the pictures in a strip, from left to right."""
    row = axes.images[0].get_array()[0, :, 0]
    return [int(value) for i, value in enumerate(row) if i == 0 or value != row[i - 1]]


def test_each_class_shows_its_first_training_pictures_in_its_tasks_row():
    picture = show.tasks(stream(), per_class=2)
    assert [greys(axes)[:3:2] for axes in picture.axes] == [[0, 1], [10, 11], [20, 21], [30, 31]]
    places = [axes.get_position() for axes in picture.axes]
    assert places[0].y0 == places[1].y0 > places[2].y0 == places[3].y0
    assert places[0].x0 == places[2].x0 < places[1].x0 == places[3].x0


def test_the_class_names_and_tasks_are_told():
    picture = show.tasks(stream())
    words = {text.get_text() for text in picture.texts}
    assert {"task 1", "task 2", "class 0", "class 1", "class 2", "class 3"} <= words
    assert "task 1 has class 0, class 1; task 2 holds class 2, class 3" in picture.alt


def test_a_task_without_training_pictures_shows_its_test_pictures():
    assert greys(show.tasks(stream(empty_first=True)).axes[0])[0] == 0


def test_classes_that_do_not_fit_in_a_row_are_counted(readable):
    picture = show.tasks(stream(classes=(60, 2)), per_class=4)
    heights = [axes.get_position().y0 for axes in picture.axes]
    shown = heights.count(max(heights))
    assert 1 < shown < 60
    assert any(text.get_text() == f"+ {60 - shown}\nmore" for text in picture.texts)
    assert f"and {60 - shown} more" in picture.alt
    readable(picture)


@pytest.mark.parametrize("classes", [(1,), (10, 3), (5,) * 4])
@pytest.mark.parametrize("per_class", [1, 10])
def test_every_size_is_readable(readable, classes, per_class):
    names = [f"a quite long name {k}" for k in range(sum(classes))]
    shapes = [(1, 8, 8), (3, 40, 40)] * 5
    readable(show.tasks(stream(classes, shapes[: len(classes)], names=names), per_class))


def test_pictures_of_one_channel_are_grey():
    pixels = show.tasks(stream((1,), ((1, 8, 8),))).axes[0].images[0].get_array()
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


@pytest.mark.parametrize("per_class", [0, -1, 100])
def test_a_number_that_cannot_be_shown_is_refused(per_class):
    with pytest.raises(ValueError, match="per_class must lie between 1 and 26"):
        show.tasks(stream(), per_class)
