import numpy as np
import torch
from sklearn.datasets import load_digits

from cltutor.streams import digits


def _all(stream, split):
    parts = [getattr(task, split) for task in stream]
    images, labels = (torch.cat([getattr(p, a) for p in parts]) for a in ("images", "labels"))
    return sorted(zip(labels.tolist(), images.flatten(1).tolist(), strict=True))


def test_the_digits_are_scikit_learns_with_16_levels_spread_to_255():
    pixels, labels = load_digits(return_X_y=True)
    scaled = np.rint(pixels * 255 / 16).astype(int)
    expected = sorted(zip(labels.tolist(), scaled.tolist(), strict=True))
    stream = digits()
    assert sorted(_all(stream, "train") + _all(stream, "test")) == expected
    assert stream.image_shape == (1, 8, 8)


def test_the_test_split_is_a_fifth_of_each_class_whatever_the_order():
    one, other = digits(order=0), digits(tasks=2, order=7)
    assert _all(one, "test") == _all(other, "test")
    assert one.classes != other.classes
    tested = torch.cat([task.test.labels for task in one])
    assert torch.bincount(tested).tolist() == [round(0.2 * n) for n in np.bincount(load_digits().target)]
