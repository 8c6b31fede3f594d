"""The handwritten digits in scikit-learn: real data without a download."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from ..checked import checked
from .division import DIVISION, Classes, Order, Tasks, arrange, call, divide
from .stream import Split, Stream, sample


@checked(**DIVISION)
def digits(tasks: Tasks = 5, order: Order = 0, classes: Classes = None, validation: float | int = 0) -> Stream:
    """1,797 handwritten digits of 8x8 grey pixels (Alpaydin and Kaynak 1998, in scikit-learn).

    The 17 grey levels become uint8 as round(v * 255 / 16). One fifth of each class is the test split, the same images
    whatever `tasks` and `order`. Arguments, and the ValueError when they do not fit, as in `arrange`.
    """
    code = call(digits, locals())
    class_names = tuple(str(label) for label in range(10))
    plan = arrange(class_names, tasks, order, classes, validation)
    # The file with 64 grey levels, 0 to 16, and a label per row: scikit-learn's own loader takes a second to import.
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("The digits come with scikit-learn: pip install scikit-learn.")
    rows = np.loadtxt(Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz", np.int64, delimiter=",")
    images = np.rint(rows[:, :-1] * 255 / 16).astype(np.uint8).reshape(-1, 1, 8, 8)
    everything = Split(torch.from_numpy(images), torch.from_numpy(rows[:, -1]).long())
    tested = sample(everything.labels, lambda n: round(0.2 * n), seed=0)
    train, test = everything.take(~tested), everything.take(tested)
    return divide(train, test, class_names, plan, validation, name="digits", code=code)
