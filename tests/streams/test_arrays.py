import numpy as np
import pytest
import torch

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
