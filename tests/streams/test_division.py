import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import cltutor as cl
from cltutor.streams.division import arrange

NAMES = ["ant", "bee", "cat", "dog", "eel", "fox"]


@st.composite
def _problems(draw):
    """Class-labelled images, each with a pixel pair of its own, and settings that fit them."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    classes = sum(sizes)
    order = draw(st.one_of(st.none(), st.integers(0, 99), st.permutations(range(classes))))
    counts = draw(st.lists(st.integers(2, 9), min_size=classes, max_size=classes))
    validation = draw(st.one_of(st.integers(0, min(counts) - 1), st.floats(0, 0.99)))
    labels = draw(st.permutations([label for label, n in enumerate(counts) for _ in range(n)]))
    return sizes, order, validation, torch.tensor(labels)


@settings(max_examples=80, deadline=None)
@given(_problems())
def test_no_image_is_lost_or_in_two_places_and_every_label_is_kept(problem):
    sizes, order, validation, labels = problem
    images = torch.arange(len(labels), dtype=torch.uint8).reshape(-1, 1, 1)
    stream = cl.streams.tensors(images, labels, images, labels, tasks=sizes, order=order, validation=validation)
    assert [len(task.classes) for task in stream] == sizes
    assert sorted(stream.classes) == list(range(sum(sizes)))
    trained, tested = [], []
    for task in stream:
        for split, seen in ((task.train, trained), (task.validation, trained), (task.test, tested)):
            rows = split.images.flatten().long()
            assert torch.equal(split.labels, labels[rows])
            assert set(split.labels.tolist()) <= set(task.classes)
            seen += rows.tolist()
        assert set(task.train.labels.tolist()) == set(task.classes)
    assert sorted(trained) == sorted(tested) == list(range(len(labels)))


@settings(max_examples=30, deadline=None)
@given(_problems())
def test_validation_images_do_not_depend_on_tasks_or_order(problem):
    _, order, validation, labels = problem
    images = torch.arange(len(labels), dtype=torch.uint8).reshape(-1, 1, 1)
    arrays = images, labels, images, labels
    one = cl.streams.tensors(*arrays, tasks=1, order=order, validation=validation)
    each = cl.streams.tensors(*arrays, tasks=len(labels.unique()), order=None, validation=validation)
    apart = torch.cat([task.validation.images for task in each]).flatten()
    assert sorted(one[0].validation.images.flatten().tolist()) == sorted(apart.tolist())


def test_validation_is_a_number_or_a_fraction_of_each_class_and_leaves_a_training_image_of_it():
    counts = torch.bincount(torch.cat([task.train.labels for task in cl.streams.digits()])).tolist()
    for validation, right in ((7, [7] * 10), (0.5, [round(0.5 * n) for n in counts])):
        stream = cl.streams.digits(validation=validation)
        labels = torch.cat([task.validation.labels for task in stream])
        assert torch.bincount(labels).tolist() == right
    with pytest.raises(ValueError, match="validation=500 leaves no training image of class '4'"):
        cl.streams.digits(validation=500)


def test_order_is_a_seed_or_natural_or_a_list():
    assert arrange(NAMES, 3, None) == ((0, 1), (2, 3), (4, 5))
    expected = np.random.default_rng(3).permutation(6)
    assert np.concatenate(arrange(NAMES, 2, 3)).tolist() == expected.tolist()
    assert arrange(NAMES, [1, 5], ["fox", 0, "bee", 3, 2, 4]) == ((5,), (0, 1, 3, 2, 4))
    assert arrange(NAMES, 2, np.array([5, 4, 3, 2, 1, 0])) == ((5, 4, 3), (2, 1, 0))


def test_classes_pick_a_subset_that_keeps_its_labels():
    assert arrange(NAMES, 1, None, ["fox", "bee", 2]) == ((1, 2, 5),)
    assert arrange(NAMES, [1, 1], ["fox", 1], [1, 5]) == ((5,), (1,))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tasks": 4}, "6 classes cannot be divided into 4 equal tasks; tasks may be 1, 2, 3 or 6"),
        ({"tasks": 0}, "tasks may be 1, 2, 3 or 6"),
        ({"tasks": 7}, "tasks may be 1, 2, 3 or 6"),
        ({"tasks": [2, 2]}, r"is 4 classes in all, but there are 6"),
        ({"tasks": [0, 6]}, r"1 or more"),
        ({"order": [0, 1, 2]}, "no permutation of the classes: 'dog' is missing"),
        ({"order": [0, 1, 2, 3, 4, 4]}, "'eel' twice"),
        ({"order": [0, 1, 2, 3, 4, 6]}, "label 6, but labels run from 0 to 5"),
        ({"order": range(6), "classes": [0, 1]}, "not among those chosen with classes="),
        ({"order": -1}, "order is a whole number from 0 up"),
        ({"classes": ["cta", "dog"]}, "no class 'cta'; did you mean 'cat'"),
        ({"classes": [0, -1]}, "label -1"),
        ({"classes": []}, "classes= is empty"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_in_one_sentence(settings, words):
    with pytest.raises(ValueError, match=words) as caught:
        arrange(NAMES, **{"tasks": 2, "order": 0, **settings})
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith((".", "?"))
