"""Everything that makes or divides a stream: refused in a sentence before any image is trained on, or right."""

import inspect
import itertools
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cltutor import streams
from cltutor.streams import Augmentation, CropFlip, PhotometricCropFlip, Report, Split, Stream, Task
from tests.refusals.judging import Attempt, attempts, judge
from tests.refusals.values import HOSTILE

X = np.arange(20 * 4 * 4, dtype=np.uint8).reshape(20, 1, 4, 4)
Y = np.arange(20) % 10
BYTES = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
SEEDED = torch.Generator().manual_seed(0)


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """Ten classes of three pictures as a folder, as torchvision's EuroSAT, and broken files and folders beside them."""
    path = tmp_path_factory.mktemp("data")
    for folder in ("ten", "eurosat/2750"):
        for label, i in itertools.product("abcdefghij", range(3)):
            (path / folder / label).mkdir(parents=True, exist_ok=True)
            Image.new("L", (4, 4), 10 * i).save(path / folder / label / f"{i}.png")
    (path / "empty").mkdir()
    (path / "no zip.zip").write_bytes(b"PK\3\4 and no more")
    with zipfile.ZipFile(path / "empty.zip", "w"):
        pass
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLTUTOR_DATA", str(path))
        patch.chdir(path)  # so that attempts, which are named before this folder is made, give relative paths
        for name in ("http_proxy", "https_proxy"):
            patch.setenv(name, "http://127.0.0.1:9")  # refuses every connection
        yield path


SOURCES: dict[str, dict[str, Any]] = {
    "digits": {},
    "scenes": {"size": 8, "per_class": (1, 1)},
    "facts": {"size": 8, "per_class": (1, 1)},
    "folder": {"path": "ten", "size": 4},
    "tensors": {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y},
    "torchvision": {"name": "EuroSAT", "root": "."},
}
SPLIT = Split(torch.from_numpy(X), torch.from_numpy(Y))
NONE = Split.empty((1, 4, 4))
WHOLE = Stream([Task(0, tuple(range(10)), SPLIT, NONE, SPLIT)], list("abcdefghij"), "own", "own()")
TASK = {"index": 0, "classes": tuple(range(10)), "train": SPLIT, "validation": NONE, "test": SPLIT}
OTHERS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Split": (Split, {"images": SPLIT.images, "labels": SPLIT.labels}),
    "domains": (streams.domains, {"base": WHOLE, "change": "permutations", "tasks": 2}),
    "sequence": (streams.sequence, {"streams": [WHOLE, WHOLE]}),
    "returning": (streams.returning, {"base": WHOLE, "tasks": [0], "outputs": "same"}),
    "several": (streams.several, {"tasks": 1, "size": 8, "per_task": (20, 20)}),
    "mapped": (streams.mapped, {"stream": WHOLE, "folder": "mapped here"}),
    "blurred": (streams.blurred, {"base": WHOLE, "share": 0.5}),
    "Split.take": (SPLIT.take, {"rows": torch.arange(3)}),
    "Split.empty": (Split.empty, {"image_shape": (1, 4, 4)}),
    "Task": (Task, TASK),
    "Stream": (Stream, {"tasks": list(WHOLE), "class_names": WHOLE.class_names, "name": "own", "code": "own()"}),
    "Stream.positions": (WHOLE.positions, {"labels": torch.arange(3)}),
    "Stream.fewer": (WHOLE.fewer, {"share": 0.5}),
    "Report.add": (Report().add, {"kind": "taken", "what": "a picture"}),
    "Report.of": (Report().of, {"kind": "taken"}),
    "CropFlip.__call__": (CropFlip(), {"images": BYTES, "generator": SEEDED}),
    "PhotometricCropFlip.__call__": (PhotometricCropFlip(), {"images": BYTES, "generator": SEEDED}),
    "CropFlip.expand": (CropFlip().expand, {"images": BYTES, "generator": SEEDED}),
    "PhotometricCropFlip.expand": (PhotometricCropFlip(once=True).expand, {"images": BYTES, "generator": SEEDED}),
}
NAMES = list("abcdefghij")
IMAGES = {
    "bytes of other types": X.astype(np.int64),
    "above one": X / 20.0,
    "below zero": X / 255.0 - 0.1,
    "complex": X * 1j,
    "truth": X > 3,
    "a vector each": X.reshape(20, -1),
    "no pixels": X[:, :, :0],
    "fewer": X[:3],
    "channels last": np.zeros((20, 32, 32, 3), np.uint8),
    "pictures of two sizes": [Image.new("L", (4, 4)), Image.new("L", (5, 4))] * 10,
    "ragged": [X[0], X[0, :, :2]] * 10,
    "texts": X.astype(str),
    "halves in objects": X.astype(object) + 0.5,
    "generated": (x for x in X),
    "in a set": {1},
    "on no device": torch.empty(20, 1, 4, 4, device="meta"),
}
LABELS = {
    "negative": Y - 1,
    "halves": Y + 0.5,
    "nan": Y * np.nan,
    "infinite": np.where(Y == 1, np.inf, Y),
    "fewer": Y[:5],
    "a column": Y[:, None],
    "one class less": np.where(Y == 9, 0, Y),
    "2**62": np.where(Y == 9, 2**62, Y),
    "2**80": [2**80 if y == 9 else int(y) for y in Y],
    "text and numbers": ["a", 1] * 10,
    "text": [NAMES[y] for y in Y],
    "bytes and text": ["a", b"a"] * 10,
    "text of two lines": ["a\nb" if y == 9 else NAMES[y] for y in Y],
    "no text": ["" if y == 9 else NAMES[y] for y in Y],
    "very long text": ["a" * 10**6 if y == 9 else NAMES[y] for y in Y],
    "dates": np.datetime64("2020-01-01") + np.arange(20),
    "one-hot": torch.eye(20),
    "objects": [object()] * 20,
    "generated": (y for y in Y),
    "on no device": torch.empty(20, device="meta"),
}
CLASS_NAMES = {
    "bytes": b"abcdefghij",
    "one text": "abcdefghij",
    "twice": ["a", *NAMES[:-1]],
    "number and text": [1, "1", *NAMES[2:]],
    "halves": [i + 0.5 for i in range(10)],
    "tensors": torch.eye(10),
    "two lines": ["a\nb", *NAMES[1:]],
    "control characters": ["a\0b", *NAMES[1:]],
    "surrogates": ["\udcff", *NAMES[1:]],
    "blank": [" ", *NAMES[1:]],
    "very long": ["a" * 10**6, *NAMES[1:]],
    "too few": NAMES[:-1],
    "too many": [*NAMES, "k"],
    "a set": set(NAMES),
    "a dict": dict.fromkeys(NAMES, 1),
    "truth": [True, False, *NAMES[2:]],
}
DIVISION = {
    "tasks": {"3": 3, "[0, 10]": [0, 10], "halves": [5.0, 5.0], "set": {5}, "dict": {5: 5}, "nested": [[5], [5]]}
    | {"huge": [10**400], "endless": itertools.count(1)},
    "order": {"set": {0, 1}, "short": [0], "twice": [0] * 10, "halves": [0.0] * 10, "endless": itertools.count(20)}
    | {"dict": {0: 1}, "unknown": ["zebra"] * 10, "long": ["z" * 10**5], "huge": [10**400]},
    "classes": {"twice": [0, 0], "99": [99], "-1": [-1], "unknown": ["zebra"], "mixed": {0, "zebra"}}
    | {"dict": {0: 1}, "generated": (name for name in "ab"), "None in it": [None], "long": ["z" * 10**5]},
    "validation": {"1.0": 1.0, "10**9": 10**9, "a fraction as text": "0.5"},
}
DRAWN = {
    "size": {"7": 7, "10**9": 10**9, "in a list": [8]},
    "per_class": {"(0, 1)": (0, 1), "three": (1, 2, 3), "halves": (1.5, 1), "True": (True, 1), "huge": (10**12, 1)}
    | {"set": {1, 2}, "10**400": (10**400, 1), "of test": (1, 0)},
    "seed": {"in a list": [0]},
}
PATHS = {
    "a file": "ten/a/0.png",
    "not there": "nowhere/at/all",
    "empty": "empty",
    "no zip": "no zip.zip",
    "an empty zip": "empty.zip",
    "a zero": "a\0b",
    "blank": " ",
    "a home unknown": "~nobody-of-this-name/x",
    "long": "a" * 5000,
    "one class's pictures": "ten/a",
}
MORE: dict[str, dict[str, Any]] = {
    **{f"tensors.{name}": IMAGES for name in ("x_train", "x_test")},
    **{f"tensors.{name}": LABELS for name in ("y_train", "y_test")},
    "tensors.class_names": CLASS_NAMES,
    "Stream.class_names": CLASS_NAMES,
    "folder.path": PATHS,
    "folder.size": {"10**9": 10**9},
    "torchvision.name": {"another case": "mnist", "long": "MNIST" * 10_000, "no classes": "CocoDetection"},
    "torchvision.per_class": {**DRAWN["per_class"], "text": "2", "dict": {1: 2}, "array of three": np.array([1, 2, 3])},
    **{f"{source}.{name}": more for source in SOURCES for name, more in DIVISION.items()},
    **{f"{source}.{name}": more for source in ("scenes", "facts") for name, more in DRAWN.items()},
    "Split.images": {"floats": torch.zeros(20, 1, 4, 4), "grey": torch.zeros(20, 4, 4, dtype=torch.uint8)},
    "Split.labels": {"int32": SPLIT.labels.int(), "fewer": SPLIT.labels[:3]},
    "Split.masks": {"floats": torch.zeros(20, 4, 4)},
    "Split.marks": {"floats": torch.rand(20, 10), "a row of zeros": torch.zeros(20, 10), "one class": SPLIT.labels > 0},
    "Split.take.rows": {"too many": torch.arange(30), "floats": torch.zeros(3), "too long": torch.ones(30) > 0},
    "Stream.positions.labels": {"unknown": torch.tensor([11]), "negative": torch.tensor([-1]), "a list": [0]},
    "Task.classes": {"text": ("a",), "floats": (0.0, 1.0)},
    "Stream.tasks": {"one task": WHOLE[0], "texts": ["a"]},
}

SEEN = "the data set's own order, all classes, all images or no such images"
FRACTION = "a small fraction, for which one image of a class of two or more is held out"
RIGHT: dict[str, dict[str, str]] = {
    "order": {"None": SEEN, "0": "a seed"},
    "classes": {"None": SEEN, "set": "one class", "one in a list": "one class"},
    "validation": {"0": SEEN, "1e-320": FRACTION},
    "seed": {"0": "a seed"},
    "splits": {"None": SEEN, "True": "", "False": "these are classes"},
    "class_names": {"None": "the labels are names"},
    "share": {"1e-320": "one image of each class, at least"},
}


ANY = "any text will do"
TEXTS = dict.fromkeys(("text", "a number as text"), ANY)
RIGHT_THERE = {
    **{f"{source}.classes": {**RIGHT["classes"], "texts": "two classes"} for source in ("folder", "torchvision")},
    "torchvision.per_class": {"None": SEEN, "also huge": "at most so many"},
    "torchvision.root": {"None": "the usual place"},
    "facts.tasks": {"also 3": "20 facts in each"},
    "Split.masks": {"None": SEEN},
    "Split.marks": {"None": SEEN},
    "Task.index": {"0": "the first task"},
    "Task.classes": {"one in a list": "a list will do"},
    "Task.validation": {},
    "Stream.class_names": {"also too many": "a name may have no label"},
    "Stream.name": TEXTS,
    "Stream.code": {**TEXTS, "no text": ANY},
    "Stream.report": {"None": SEEN},
    "Stream.returning": dict.fromkeys(("True", "False"), "classes may return, or not"),
    "folder.domains": {"False": "sub-folders are classes"},
    "folder.mapped": {"None": "in memory", **dict.fromkeys(("text", "a number as text"), "a folder that is made")},
    "mapped.folder": dict.fromkeys(("text", "a number as text"), "a folder that is made"),
    "sequence.size": {"None": "the largest side"},
    "Report.add.what": {**TEXTS, "no text": ANY},
    "Report.add.names": {**TEXTS, "no text": ANY},
}


def settings() -> Iterator[tuple[str, Callable[..., Any], dict[str, Any], inspect.Signature]]:
    for name, given in SOURCES.items():
        yield name, getattr(streams, name), given, inspect.signature(getattr(streams, name))
    for name, (function, given) in OTHERS.items():
        yield name, function, given, inspect.signature(function)


def cases() -> Iterator[Attempt]:
    for what, function, given, signature in settings():
        usual = {"tasks": 1} if "tasks" in signature.parameters and what in SOURCES else {}
        for name, one in signature.parameters.items():
            more = MORE.get(f"{what}.{name}", {}) if one.kind is not one.VAR_POSITIONAL else {}
            for label, value in {**HOSTILE, **{f"also {label}": value for label, value in more.items()}}.items():
                call = partial(function, **{**usual, **given, name: value})
                if one.kind is one.VAR_POSITIONAL:
                    call = partial(function, *given.values(), value)
                reason = RIGHT_THERE.get(f"{what}.{name}", RIGHT.get(name, {})).get(label, "")
                yield Attempt(f"{what}.{name}-{label}", call, reason)


def test_every_public_function_and_class_of_streams_is_tried():
    functions = {name for name in streams.__all__ if inspect.isfunction(getattr(streams, name))}
    assert functions == set(SOURCES) | {"domains", "sequence", "returning", "blurred", "several", "mapped"}
    kinds = (Split, Task, Stream, Report, CropFlip, PhotometricCropFlip)
    assert {kind.__name__ for kind in (*kinds, Augmentation)} == set(streams.__all__) - functions
    for kind in kinds:
        for name, one in inspect.getmembers(kind, lambda one: inspect.isfunction(one) or inspect.ismethod(one)):
            own = not name.startswith("_") and one.__module__.startswith("cltutor")
            if own and inspect.signature(one).parameters.keys() - {"self"}:
                assert f"{kind.__name__}.{name}" in OTHERS


@attempts(cases())
def test_an_argument_is_refused_in_a_sentence_or_right(attempt):
    judge(attempt)
