"""The handwritten digits that scikit-learn carries: real data without a download."""

import numpy as np
import torch

from .division import Classes, Order, Tasks, arrange, call, divide
from .stream import Split, Stream, sample


def digits(tasks: Tasks = 5, order: Order = 0, classes: Classes = None, validation: float | int = 0) -> Stream:
    """1,797 handwritten digits of 8x8 grey pixels (Alpaydin and Kaynak 1998, in scikit-learn).

    The 17 grey levels become uint8 as round(v * 255 / 16). One fifth of each class is the test
    split, the same images whatever `tasks` and `order`. Arguments, and the ValueError when they do
    not fit, as in `arrange`.
    """
    code = call(digits, locals())
    class_names = tuple(str(label) for label in range(10))
    plan = arrange(class_names, tasks, order, classes, validation)
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.rint(pixels * 255 / 16).astype(np.uint8).reshape(-1, 1, 8, 8)
    everything = Split(torch.from_numpy(images), torch.from_numpy(labels).long())
    tested = sample(everything.labels, lambda n: round(0.2 * n), seed=0)
    train, test = everything.take(~tested), everything.take(tested)
    return divide(train, test, class_names, plan, validation, name="digits", code=code)
