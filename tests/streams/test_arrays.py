import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.streams import tensors

X = np.arange(8 * 3 * 4 * 4, dtype=np.uint8).reshape(8, 3, 4, 4)
Y = np.array([0, 1, 2, 3] * 2)


def test_uint8_images_and_labels_stay_as_they_are_and_the_code_names_the_arrays():
    stream = tensors(X, Y, X, Y, tasks=2, order=None, class_names=list("abcd"))
    assert torch.equal(stream[1].train.images, torch.from_numpy(X[[2, 3, 6, 7]]))
    assert stream[1].train.labels.tolist() == [2, 3, 2, 3]
    arguments = "x_train, y_train, x_test, y_test, tasks=2, order=None, class_names=class_names"
    assert stream.code == f"streams.tensors({arguments})"
    assert tensors(X, Y, X, Y, tasks=2).class_names == ("0", "1", "2", "3")


def test_float_images_are_rounded_to_uint8_and_grey_ones_get_a_channel():
    grey = torch.linspace(0, 1, 8 * 4).reshape(8, 2, 2)
    images = tensors(grey, Y, grey.double(), Y, tasks=1, order=None)[0].train.images
    assert images.shape == (8, 1, 2, 2)
    assert torch.equal(images[:, 0], (grey * 255).round().to(torch.uint8))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"x_train": X / 200}, r"x_train has values outside \[0, 1\] or NaN"),
        ({"x_test": X / 255 - 0.1}, r"x_test has values outside \[0, 1\] or NaN"),
        ({"x_test": np.where(X == 99, np.nan, X / 255)}, r"x_test has values outside \[0, 1\] or NaN"),
        ({"x_train": X.astype(np.int64)}, "x_train must be uint8, or float"),
        ({"x_train": X.reshape(8, -1)}, r"x_train must have the shape \(N, C, H, W\)"),
        ({"x_train": np.zeros((8, 32, 32, 3), np.uint8)}, "channels last"),
        ({"x_train": X[:, :, :2]}, "they must be the same"),
        ({"y_train": Y[:4]}, "y_train has 4 labels for 8 images"),
        ({"y_train": Y + 0.5}, "y_train must be whole numbers"),
        ({"y_train": Y[:, None]}, "y_train must be whole numbers"),
        ({"y_train": Y - 1}, "y_train has the label -1; labels must run from 0 to"),
        ({"y_test": Y + 1, "class_names": list("abcd")}, "y_test has the label 4; .* 0 to 3"),
        ({"y_test": np.array([0, 1, 2, 2] * 2)}, "class '3' has no test image"),
        ({"y_train": np.array([0, 1, 2, 2] * 2)}, "class '3' has no training image"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_sentence(changed, words):
    arrays = {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y}
    with pytest.raises(ValueError, match=words):
        tensors(**(arrays | changed), tasks=1)


DRAW = np.random.default_rng(4)
PIXELS, SHOWN = DRAW.integers(0, 256, (40, 1, 8, 8), dtype=np.uint8), DRAW.random((40, 6)) < 0.4
SHOWN[np.arange(40), np.arange(40) % 6] = True


@pytest.mark.parametrize("kind", [np.asarray, np.uint8, np.float64, torch.tensor, np.ndarray.tolist])
def test_a_matrix_of_labels_makes_tasks_of_several_labels_in_which_each_image_has_those_of_the_task(kind):
    labels = kind(SHOWN)
    stream = tensors(PIXELS, labels, PIXELS[:20], labels[:20], tasks=[2, 3, 1], order=[4, 0, 1, 2, 5, 3])
    assert stream.multilabel
    assert [task.classes for task in stream] == [(4, 0), (1, 2, 5), (3,)]
    for task in stream:
        own = list(task.classes)
        rows = [row for row in range(40) if any(SHOWN[row, label] for label in own)]
        assert torch.equal(task.train.images, torch.from_numpy(PIXELS[rows]))
        assert (task.train.marks.numpy()[:, own] == SHOWN[np.ix_(rows, own)]).all()
        assert task.train.marks.sum() == SHOWN[np.ix_(rows, own)].sum()
    several = sum(sum(SHOWN[row, list(task.classes)].any() for task in stream) > 1 for row in range(40))
    assert f"{several} training images show classes of several tasks" in str(stream.report)
    two = tensors(PIXELS, labels, PIXELS[:20], labels[:20], tasks=[2, 3], classes=[4, 0, 1, 2, 5])
    run = cl.learn(two, cl.methods.for_several_labels(cl.methods.lwf(epochs=1)), device="cpu", progress=False)
    assert np.isfinite(run.mean_average_precision()[1]).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y_train": np.where(np.arange(40)[:, None] == 7, 0, SHOWN)}, r"^image 7 has no label"),
        ({"y_train": 2 * SHOWN.astype(int)}, "^marks are 0 or 1 for each of 40 images"),
        ({"y_train": [[0, 1]] * 39 + [[1]]}, "^marks are 0 or 1 for each of 40 images"),
        ({"y_train": [["a", "b"]] * 40}, "^marks are 0 or 1 for each of 40 images"),
        ({"y_train": SHOWN[:30]}, "^marks are 0 or 1 for each of 40 images and each class"),
        ({"y_test": SHOWN[:20, :5]}, "have a column for each of 6 classes, not 6 and 5"),
        ({"y_test": np.arange(20) % 6}, "^marks are 0 or 1 for each of 20 images"),
        ({"class_names": list("abc")}, "have a column for each of 3 classes, not 6 and 6"),
        ({"validation": 0.2}, "^validation= takes images by their label, and these have several: leave it out"),
        ({"tasks": 4}, "6 classes cannot be divided into 4 equal tasks"),
        ({"x_test": PIXELS[:20, :, :4]}, "they must be the same"),
        ({"y_train": SHOWN & (np.arange(6) > 0) | (np.arange(6) == 5)}, "class '0' has no training image"),
    ],
)
def test_a_matrix_that_fits_nothing_is_refused_in_one_sentence(change, words):
    given = {"x_train": PIXELS, "y_train": SHOWN, "x_test": PIXELS[:20], "y_test": SHOWN[:20], "tasks": 2} | change
    with pytest.raises(ValueError, match=words) as caught:
        tensors(**given)
    assert "\n" not in str(caught.value)
