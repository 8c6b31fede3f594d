"""Functions declare what they take: by annotations, by rules, and by the axes of tensors."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pytest
import torch
from torch import Tensor

from cltutor.checked import checked, shaped
from cltutor.describe import Real, Whole


@checked(share=Real(above=0, at_most=1))
def take(count: int, names: Sequence[str] = (), share: float = 0.5, most: Annotated[int | None, Whole(1)] = None):
    return count, names, share, most


@shaped({"scale": Real(above=0)}, left="N, C", right="R?, C", bias="C or None", labels="N whole")
def mixed(left: Tensor, right: Tensor, bias: Tensor | None, labels: Tensor, scale: float = 1.0):
    return scale * left.sum()


LEFT, RIGHT, LABELS = torch.ones(4, 3), torch.ones(2, 3), torch.zeros(4, dtype=torch.int64)


def test_scalars_of_numpy_and_torch_become_python_numbers_and_generators_tuples():
    assert take(np.int8(3), (name for name in "ab"), torch.tensor(0.25)) == (3, ("a", "b"), 0.25, None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("3",), "count is a whole number, not '3'"),
        ((3, "ab"), "names is a list in which each is text, not 'ab'"),
        ((3, (), 0.0), "share is a number above 0 to 1, not 0.0"),
        ((3, (), 0.5, 0), "most is a whole number from 1 up, not 0"),
    ],
)
def test_an_argument_outside_its_rule_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        take(*given)


@pytest.mark.parametrize("right", [RIGHT, RIGHT[0]])
@pytest.mark.parametrize("bias", [None, torch.ones(3)])
def test_an_optional_axis_or_tensor_may_be_left_out(right, bias):
    assert mixed(LEFT, right, bias, LABELS) == 12


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            (LEFT[0], RIGHT, None, LABELS),
            r"left is a tensor \(N, C\) of floating-point numbers, not Tensor of shape \(3,\)",
        ),
        (
            (LEFT, RIGHT[:, :2], None, LABELS),
            r"left \(N, C\) and right \(R\?, C\) agree in their axes, not \(4, 3\) and \(2, 2\)",
        ),
        ((LEFT, RIGHT, torch.ones(2), LABELS), r"left \(N, C\) and bias \(C\) agree"),
        ((LEFT, None, None, LABELS), r"right is a tensor \(R\?, C\) of floating-point numbers, not None"),
        ((LEFT, RIGHT, None, LABELS.float()), r"labels is a tensor \(N\) of whole numbers"),
        ((LEFT, RIGHT, None, LABELS[:3]), r"left \(N, C\) and labels \(N\) agree"),
        ((LEFT, RIGHT, None, LABELS, -1), "scale is a finite number above 0, not -1"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        mixed(*given)
