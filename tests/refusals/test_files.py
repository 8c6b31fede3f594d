"""Files, folders and pasted text that are wrong, damaged, foreign or hostile: refused at once, in one sentence."""

import functools
import inspect
import json
import os
import pickle
import tempfile
import typing
from pathlib import Path

import pytest
import safetensors.torch
import torch

import cltutor as cl
from cltutor.recipe import parser
from cltutor.runs import files
from cltutor.runs.store import Store
from cltutor.studies.claims import entries
from tests.refusals.judging import Attempt, attempts, judge

KEPT = tempfile.TemporaryDirectory()  # as long as the attempts
FOLDER = Path(KEPT.name)
FILE = FOLDER / "a file"
FILE.touch()
PIPE = FOLDER / "a pipe"
os.mkfifo(PIPE)
RECIPE = cl.methods.mas(epochs=1)


@functools.cache
def stream() -> cl.streams.Stream:
    images = torch.randint(0, 256, (16, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(16) % 4
    return cl.streams.tensors(images, labels, images, labels, tasks=2, order=None)


@functools.cache
def run() -> cl.Run:
    return cl.learn(stream(), RECIPE, device="cpu", progress=False, threads=1)


# Places.

NO_PLACE = {
    **{
        "None": None,
        "a number": 3,
        "a fraction": 1.5,
        "True": True,
        "bytes": b"runs",
        "list": [],
        "an object": object(),
    },
    **{
        "no text": "",
        "blanks": " ",
        "a null byte": "a\0b",
        "half a character": "\ud800",
        "a stranger's": "~nobody_so/x",
    },
    **{"without end": "x" * 100_000, "a class": Path, "a run": Store},
}
NOT_THERE = {"below a file": FILE / "x", "nothing": FOLDER / "nothing", "a long name": "x" * 300}
NO_FILE = {"a folder": FOLDER, "the root": "/", "here": ".", "a pipe": PIPE}
READERS = {
    "Run.load": lambda place: cl.Run.load(place),
    "files.read": lambda place: files.read(place),
    "files.facts_of": lambda place: files.facts_of(place),
    "claims.ledger": lambda place: cl.claims.ledger(place),
}
WRITERS = {
    "Run.save": lambda place: run().save(place),
    "files.write": lambda place: files.write(place, {}, {}),
    "Ledger.save": lambda place: cl.claims.ledger().save(place),
    "claims.write": lambda place: entries.write(place, "text"),
    "Comparison.to_csv": lambda place: cl.Comparison([run()]).to_csv(place),
}
STORES = {
    "Store": lambda place: Store(place),
    "Store.of": lambda place: Store.of(place),
    "learn": lambda place: cl.learn(stream(), RECIPE, store=place, progress=False),
    "train": lambda place: next(cl.train(stream(), RECIPE, store=place)),
    "claims.check": lambda place: next(cl.claims.check(entries.claims("lwf", 3)[:1], place)),
    "compare": lambda place: cl.compare(stream(), [RECIPE], (0,), store=place, progress=False),
    "search": lambda place: cl.search(
        [RECIPE], lambda _: stream(), [0.02], (0,), store=place, on="test", progress=False
    ),
}
NO_STORE = {"a file": FILE, "below a file": FILE / "x", "a device": "/dev/null", "a long name": FOLDER / ("x" * 300)}


def at_places():
    for name, act in {**READERS, **WRITERS, **STORES}.items():
        places = NO_PLACE | {**NOT_THERE, **NO_FILE, "a file": FILE} if name in READERS else {}
        places |= {**NO_FILE, "below a file": FILE / "x", "a long name": "x" * 300} if name in WRITERS else {}
        places |= NO_STORE if name in ("learn", "train", "compare", "search") else {}
        for label, place in places.items():
            if place is None and name in ("learn", "train", "compare", "search", "claims.ledger"):
                continue  # kept in memory; the ledger that comes with cltutor
            yield Attempt(f"{name}, {label}", functools.partial(act, place))
    for name in ("every", "patience"):
        for value in (None, "x", True, -1, float("nan"), float("inf"), 10**400, [1]):
            yield Attempt(f"Store({name}={value!r:.20})", functools.partial(Store, FOLDER, **{name: value}))
    for name in ("clock", "free_space"):
        yield Attempt(f"Store({name}=3)", functools.partial(Store, FOLDER, **{name: 3}))


@attempts(at_places())
def test_what_is_no_place_is_refused(attempt):
    judge(attempt)


def test_every_function_that_takes_a_path_is_tried():
    """A parameter that an ``os.PathLike`` may be given for."""
    classes = (cl.Run, cl.Comparison, Store, cl.claims.Ledger)
    named = {f"{kind.__name__}.{name}": one for kind in classes for name, one in inspect.getmembers(kind, callable)}
    rooms = {"files": files, "claims": cl.claims, "": cl}
    named |= {f"{room}.{n}".lstrip("."): getattr(r, n) for room, r in rooms.items() for n in dir(r) if n[0] != "_"}
    taking = {name.removesuffix(".__init__") for name, one in named.items() if takes_a_path(one)}
    helpers = {"files.refuse_irregular", "files.refuse_long_header", "Store.__class__"}
    assert taking - helpers <= {*READERS, *WRITERS, *STORES}


def takes_a_path(thing) -> bool:
    if not inspect.isfunction(thing) and not inspect.ismethod(thing):
        return False
    return any("PathLike" in str(hint) for name, hint in typing.get_type_hints(thing).items() if name != "return")


def test_the_home_folder_is_written_with_a_tilde():
    assert Store("~/runs").folder == Path.home() / "runs"
    with pytest.raises(ValueError, match=f"no run in {Path.home()}"):
        cl.Run.load("~/nothing here.safetensors")


# Damage that no program of ours makes.


def header(length: int, text: bytes = b"") -> bytes:
    return length.to_bytes(8, "little") + text


def described(**tensor) -> bytes:
    text = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **tensor}}).encode()
    return header(len(text), text) + bytes(4)


DEEP = "[" * 100_000 + "]" * 100_000
BYTES = {
    **{
        "empty": b"",
        "seven bytes": b"1234567",
        "zeros": bytes(100),
        "text": b"a run" * 50,
        "a pickle": pickle.dumps(3),
    },
    **{f"a header of {n}": header(n, b"{}") for n in (3, 10**6, 10**9, 2**63, 2**64 - 1)},
    **{"a nested header": header(2 * len(DEEP), DEEP.encode()), "an open header": header(10**5, b"{" * 10**5)},
    **{"no JSON": header(4, b"nope"), "a list": header(2, b"[]"), "half a character": header(4, b'"\xff"}')},
    "a huge shape": described(shape=[10**9, 10**9]),
    "a negative shape": described(shape=[-1]),
    "bytes beyond the end": described(data_offsets=[0, 10**12]),
    "an unknown type": described(dtype="F3"),
}
FACTS = {
    **{text[:20]: text for text in ("[]", "1", "null", '"format"', "{}", "no json", "NaN", '{"format": null}')},
    **{"nested": f'{{"format": {DEEP}}}', "a long number": f'{{"format": {"9" * 100_000}}}'},
    **{f"format {form}": json.dumps({"format": form}) for form in (files.FORMAT + 1, 10**9, "new", [3], -1, 3.5)},
    "our format, no checksum": json.dumps({"format": files.FORMAT}),
}


def file_with(content: bytes | str) -> Path:
    path = FOLDER / f"{len(os.listdir(FOLDER))}.safetensors"
    if isinstance(content, str):
        safetensors.torch.save_file({}, path, {"cltutor": content})
    else:
        path.write_bytes(content)
    return path


def pipe(place: Path) -> Path:
    os.mkfifo(place)
    return place


def damaged():
    kinds = {label: functools.partial(file_with, content) for label, content in {**BYTES, **FACTS}.items()}
    for i, (label, made) in enumerate((kinds | {"a pipe": None}).items()):
        for name, act in READERS.items():
            if not (name == "files.facts_of" and label == "our format, no checksum"):  # it reads no tensors
                place = made or functools.partial(pipe, FOLDER / f"pipe{i}{name}")
                yield Attempt(f"{name}, {label}", lambda act=act, place=place: act(place()))


@attempts(damaged())
def test_what_is_no_file_of_ours_is_refused(attempt):
    judge(attempt)


# Whole files with a right checksum, whose facts or tensors no run has.

HOSTILE = {
    **{
        "None": None,
        "no text": "",
        "text": "x",
        "True": True,
        "-1": -1,
        "10**9": 10**9,
        "1.5": 1.5,
        "nan": float("nan"),
    },
    **{"list": [], "dict": {}, "nested": [[]], "None in a list": [None], "texts": ["a", "b"], "long": [0] * 1000},
    **{"numbers": [1, 2, 3], "a dict of text": {"train": "x", "test": "y"}, "a text in a list": [["a"]]},
}
ANYTHING = "a text, which is only shown or compared"
LEGITIMATE = {
    **{(name, label): ANYTHING for name in ("device", "stream_code", "fingerprint") for label in ("no text", "text")},
    **{(name, label): "a number that was counted" for name in ("seed", "updates") for label in ("-1", "10**9")},
    **{("threads", label): "threads of that run" for label in ("None", "-1", "10**9")},
    **{("memory", label): "nothing was measured" for label in ("dict",)},
    ("image_shape", "numbers"): "the shape of small images",
}


@functools.cache
def saved() -> tuple[dict, dict]:
    run().save(FOLDER / "run.safetensors")
    return files.read(FOLDER / "run.safetensors")


def load(tensors: dict, facts: dict) -> cl.Run:
    path = FOLDER / "changed.safetensors"
    files.write(path, tensors, facts)
    return cl.Run.load(path)


def with_fact(name: str, value) -> cl.Run:
    tensors, facts = saved()
    return load(tensors, {**facts, name: value})


def without(name: str) -> cl.Run:
    tensors, facts = saved()
    return load(tensors, {key: value for key, value in facts.items() if key != name})


def with_tensor(name: str, change) -> object:
    tensors, facts = saved()
    name = next(key for key in tensors if key.startswith(name))
    changed = {key: value for key, value in tensors.items() if key != name}
    made = change(tensors[name])
    return load(changed if made is None else {**changed, name: made}, facts).model.state_dict()


CHANGES = {
    "missing": lambda value: None,
    "empty": lambda value: value.flatten()[:0],
    "longer": lambda value: torch.cat([value.flatten(), value.flatten()]),
    "another axis": lambda value: value[None],
    "complex": lambda value: value.to(torch.complex64),
}
NAMES = [
    "accuracy/known_top1",
    "curve/known",
    "curve/unknown",
    "curve/step_task",
    "curve/epoch_task",
    "loss/CrossEntropy",
]


def impossible():
    facts = ("seed", "device", "stream_code", "class_names", "tasks", "test_sizes", "image_shape", "fingerprint")
    for name in (*facts, "seconds", "updates", "recipe", "learned", "memory", "terms", "threads", "tested"):
        if name not in ("threads", "tested"):  # which older files do not have
            yield Attempt(f"{name} missing", functools.partial(without, name))
        for label, value in HOSTILE.items():
            yield Attempt(
                f"{name} {label}", functools.partial(with_fact, name, value), LEGITIMATE.get((name, label), "")
            )
    for name in [*NAMES, "state/1/"]:
        for label, change in CHANGES.items():
            yield Attempt(f"{name} {label}", functools.partial(with_tensor, name, change))


@attempts(impossible())
def test_what_no_run_can_have_written_is_refused(attempt):
    judge(attempt)


def test_a_run_of_a_newer_version_is_recognised_and_never_called_damaged():
    newer = {"version": "99.0", "recipe": "Recipe(name='x', speed=3)", "learned": None}
    tensors, facts = saved()
    for name in ("recipe", "learned"):
        with pytest.raises(files.OtherVersion, match=r"cannot be read: cltutor '99.0' wrote it, and this is") as error:
            load(tensors, {**facts, "version": "99.0", name: newer[name]})
        assert "damaged" not in str(error.value)
    assert with_fact("version", "99.0").complete, "what can be read is read"
    with pytest.raises(parser.UnknownPart, match=r"has the part NewTerm, .* \(cltutor '99.0' wrote it, and this is"):
        load(tensors, {**facts, "version": "99.0", "recipe": "Recipe(name='x', loss=NewTerm())"})
