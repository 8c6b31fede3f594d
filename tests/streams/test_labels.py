"""Labels, class names and numbers as people write them: each is a right stream, or one sentence before any training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cltutor import streams
from cltutor.streams import Task, tensors

X = np.arange(12 * 4 * 4, dtype=np.uint8).reshape(12, 1, 4, 4)
Y = np.array([0, 1, 2, 3] * 3)
NAMES = ("ant", "bee", "cat", "dog")
TEXT = [NAMES[y] for y in Y]


def kind_of(value):
    """A name of a test that is the same in every process, unlike the repr of an object or a set."""
    return value if isinstance(value, str) else type(value).__name__


def made(x=X, y=Y, tasks=2, order=None, **settings):
    return tensors(x, y, x, y, tasks=tasks, order=order, **settings)


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (Y.tolist(), "0123"),
        (tuple(Y.tolist()), "0123"),
        (torch.tensor(Y), "0123"),
        (torch.tensor(Y, dtype=torch.uint8), "0123"),
        (torch.tensor(Y, dtype=torch.int16), "0123"),
        (Y.astype(np.uint64), "0123"),
        (Y.astype(">i4"), "0123"),
        (Y.astype(object), "0123"),
        (list(torch.tensor(Y)), "0123"),
        (list(Y), "0123"),
        (Y / 1.0, "0123"),
        (torch.tensor(Y).bfloat16(), "0123"),
        (torch.tensor(Y / 1.0, requires_grad=True), "0123"),
        (Y[::-1][::-1], "0123"),
        (Y + 1, "1234"),
        (torch.tensor(Y) + 1, "1234"),
        (Y * 10, ("0", "10", "20", "30")),
        (Y + 2**62, [str(2**62 + i) for i in range(4)]),
        ([int(y) + 2**80 for y in Y], [str(2**80 + i) for i in range(4)]),
        (TEXT, NAMES),
        (np.array(TEXT), NAMES),
        (np.array(TEXT, dtype=object), NAMES),
        (np.array(TEXT, dtype="S"), NAMES),
        ([name.encode() for name in TEXT], NAMES),
    ],
    ids=kind_of,
)
def test_labels_that_are_clearly_meant_are_taken(y, names):
    stream = made(y=y)
    assert stream.class_names == tuple(names)
    assert stream.fingerprint == made().fingerprint, "the same images in the same tasks, numbered 0 to 3"
    assert bool(stream.report) == (tuple(names) != ("0", "1", "2", "3") or getattr(y, "dtype", int) in FLOATS)


FLOATS = (np.dtype(float), torch.bfloat16, torch.float64)


def test_true_and_false_are_two_classes():
    stream = made(y=Y % 2 == 1)
    assert stream.class_names == ("False", "True")
    assert stream.fingerprint == made(y=Y % 2).fingerprint


def test_numbers_in_order_and_classes_are_those_of_the_labels():
    stream = made(y=Y * 10, order=[30, 0, 20, 10])
    assert [stream.class_names[label] for label in stream.classes] == ["30", "0", "20", "10"]
    assert stream.code == ("streams.tensors(x_train, y_train, x_test, y_test, tasks=2, order=[30, 0, 20, 10])")
    assert made(y=Y * 10, order=["30", 0, "20", 10]).fingerprint == stream.fingerprint
    with pytest.raises(ValueError, match="order= has the label 3, which no image has"):
        made(y=Y * 10, order=[3, 0, 20, 10])
    kept = made(y=Y * 10, classes=[0, 30])
    assert kept.classes == (0, 30), "with classes= the numbers stay as they are"
    assert made(y=TEXT, order=["dog", 0, 1, 2]).classes == (3, 0, 1, 2)
    assert "numbered anew, in their order (4): 0, 10, 20, ..." in str(made(y=Y * 10).report)


def test_names_belong_to_the_labels_in_their_order():
    for y in (Y, Y + 1, Y * 10, TEXT):
        stream = made(y=y, class_names=NAMES)
        assert stream.class_names == NAMES
        assert stream.fingerprint == made().fingerprint
    backwards = made(y=TEXT, class_names=NAMES[::-1])
    assert backwards[0].train.labels.tolist() == [1, 0] * 3
    for given in (np.array(NAMES), list(NAMES), [name.encode() for name in NAMES], dict.fromkeys(NAMES).keys()):
        assert made(class_names=given).class_names == NAMES
    for given in (range(4), np.arange(4), torch.arange(4), [np.int64(0), torch.tensor(1), 2, "3"]):
        stream = made(class_names=given)
        assert stream.class_names == ("0", "1", "2", "3")
        assert all(type(name) is str for name in stream.class_names)


def refused(attempt, words):
    with pytest.raises((ValueError, TypeError), match=words) as caught:
        attempt()
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith((".", "?"))
    inside = caught.traceback[-1].path
    assert Path(streams.__file__).parents[1] in Path(inside).parents, "cltutor refuses it itself"


def test_text_and_names_that_do_not_fit_name_the_label():
    refused(lambda: made(y=TEXT, class_names=("ant", "bee", "cat", "eel")), "y_train has the label 'dog'")
    refused(lambda: tensors(X, TEXT, X, Y), "y_train and y_test have text in one and numbers in the other")
    refused(lambda: made(y=Y + 2**62, classes=[0]), r"y_train has the label 46\d+; labels must run from 0 to 99999")


GREY = [Image.fromarray(one[0]) for one in X]
PICTURES = [Image.merge("RGB", [one] * 3) for one in GREY]


@pytest.mark.parametrize(
    "x",
    [
        GREY,
        tuple(GREY),
        X[:, 0],
        list(X),
        list(torch.from_numpy(X)),
        X[:, :, ::-1][:, :, ::-1],
        torch.from_numpy(X),
        np.array([*X, None], dtype=object)[:-1],
        X / np.float32(255),
        torch.from_numpy(X / 255.0).requires_grad_(),
        torch.from_numpy(X).to_sparse(),
    ],
    ids=kind_of,
)
def test_images_in_any_common_form_are_the_same(x):
    assert made(x=x).fingerprint == made().fingerprint


def test_pictures_of_pillow_become_grey_or_coloured_images():
    assert made(x=PICTURES).fingerprint == made(x=X.repeat(3, axis=1)).fingerprint
    clear = [Image.new("RGBA", (4, 4), (0, 0, 0, 0))] * 12
    assert int(made(x=clear)[0].train.images.min()) == 255
    deep = [Image.fromarray(np.full((4, 4), 65535, dtype=np.uint16))] * 12
    assert made(x=deep)[0].train.images.shape == (6, 1, 4, 4)
    assert int(made(x=deep)[0].train.images.min()) == 255


NUMBERS = {
    "python": lambda number: number,
    "numpy": lambda number: np.array([number])[0],
    "numpy, small": lambda number: (np.int8 if isinstance(number, int) else np.float32)(number),
    "numpy, no axis": np.array,
    "torch": torch.tensor,
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_of_numpy_and_torch_are_numbers(kind, tmp_path):
    number = NUMBERS[kind]
    plain = streams.digits(tasks=2, order=3, validation=0.25)
    stream = streams.digits(tasks=number(2), order=number(3), validation=number(0.25))
    assert (stream.code, stream.fingerprint) == (plain.code, plain.fingerprint)
    plain = streams.digits([4, 6], order=list(range(9, -1, -1)), validation=2)
    stream = streams.digits([number(4), number(6)], [number(i) for i in range(9, -1, -1)], validation=number(2))
    assert (stream.code, stream.fingerprint) == (plain.code, plain.fingerprint)
    plain = streams.scenes(2, classes=[1, 5], size=8, per_class=(3, 2), seed=4).fewer(0.5, seed=1)
    chosen = [number(1), number(5)]
    stream = streams.scenes(2, classes=chosen, size=number(8), per_class=(number(3), number(2)), seed=number(4))
    stream = stream.fewer(number(0.5), seed=number(1))
    assert (stream.code, stream.fingerprint) == (plain.code, plain.fingerprint)
    for name in ("a", "b"):
        for i in range(3):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.new("L", (9, 9), 40 * i).save(tmp_path / name / f"{i}.png")
    plain = streams.folder(tmp_path, tasks=1, size=5)
    stream = streams.folder(tmp_path, tasks=number(1), size=number(5), order=number(0), validation=number(0))
    assert (stream.code, stream.fingerprint) == (plain.code, plain.fingerprint)
    assert eval(stream.code, {"streams": streams}).fingerprint == plain.fingerprint


def test_a_task_made_by_hand_takes_numbers_of_numpy_and_torch():
    task = made()[0]
    numbers = Task(np.int64(0), [np.int64(0), torch.tensor(1)], task.train, task.validation, task.test)
    assert (numbers.index, numbers.classes) == (0, (0, 1))
