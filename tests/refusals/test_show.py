"""Wrong, odd and hostile input to every public function of `cltutor.show`: each argument, and what lies in it."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatch
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from cltutor import show
from tests.refusals.judging import Attempt, attempts, judge
from tests.refusals.values import HOSTILE, SOME, scalars
from tests.show.conftest import make_network, make_run, make_stream
from tests.show.test_contract import CASES

MAKE = SimpleNamespace(run=make_run, network=make_network, stream=make_stream)
VALID = {name: case(MAKE, "lwf") for name, case in CASES.items()} | {
    "Picture": (3.0, 2.0, "A line."),
    "source": (make_run,),
    "table": ([{"method": "lwf", "old (%)": 98.31}],),
}
INSIDE = {
    name: HOSTILE[name]
    for name in ("None", "text", "bytes", "True", "-1", "nan", "10**400", "list", "object", "array", "nested")
}
OF_ARRAYS: dict[str, Callable[[np.ndarray], Any]] = {
    "an axis more": lambda a: a[..., None],
    "an axis less": lambda a: a[0],
    "no rows": lambda a: a[:0],
    "a row less": lambda a: a[:-1],
    "as text": lambda a: a.astype(str),
    "as objects": lambda a: a.astype(object),
    "complex": lambda a: a.astype(complex),
    "as truth": lambda a: a.astype(bool),
    "below zero": lambda a: -1.0 - a,
    "too large": lambda a: a + 1e300,
    "infinite": lambda a: a + np.inf,
    "nan throughout": lambda a: a * np.nan,
}


def inside(valid: Any) -> Iterator[tuple[str, Any]]:
    """The value with something wrong in it, to any depth."""
    if isinstance(valid, np.ndarray | torch.Tensor):
        yield from ((label, change(np.asarray(valid))) for label, change in OF_ARRAYS.items())
    elif isinstance(valid, Mapping) and valid:
        (key, one), *others = valid.items()
        for label, value in [*INSIDE.items(), *inside(one)]:
            yield f"value {label}", {key: value, **dict(others)}
        for wrong in (None, 1.5, b"x"):
            yield f"key {wrong!r}", {wrong: one, **dict(others)}
    elif isinstance(valid, list | tuple) and valid:
        one, *others = valid
        for label, value in [*INSIDE.items(), *inside(one)]:
            yield f"first {label}", type(valid)([value, *others])


WORDS = "no text; text; a number as text"
LEGITIMATE = (  # why, in which functions and arguments, and what
    ("any words may be written", "*", "what note missing done measure alt", WORDS),
    ("any word may be a name", "[!t]* temperature", "names groups columns rows axes", "first text"),
    ("two words are two names", "agreement attention_maps selection temperature", "names rows axes", "texts"),
    ("no method is chosen", "ablation", "chosen", "no text"),
    ("True and False are its values", "*", "known_task", "True; False"),
    ("there may be none", "old_and_new damage reverse_transfer temperature", "known_task at references target", "None"),
    ("as many as fit", "tasks", "per_class", "None"),
    ("no reference is drawn", "reverse_transfer", "references", "dict"),
    ("nan stands for what is not there yet", "adaptation attention_*", "*", "value nan throughout"),
    ("nan stands for what is not there yet", "ablation", "accuracies", "value first nan"),
    ("nan stands for what is not there yet", "*transfer*", "known", "nan throughout"),
    ("a number of any size", "agreement selection filter_changes", "first second places changes", "too large"),
    ("a number of any size", "attention_* confusions last_layer selection", "*", "value too large"),
    ("a number of any size", "importance", "omegas", "value value too large"),
    ("earlier tasks, or none", "importance", "earlier", "list; no array"),
    ("a factor of any size", "rescaling", "now aligned", "0; 1.5; 1e-320; 1e308"),
    ("a number of any size", "selection", "places", "below zero"),
    ("a number of any size", "last_layer", "biases", "value below zero"),
    ("a number of any size", "temperature", "temperature", "1.5; 1e-320; 1e308; 2**63"),
    ("a number of any size", "temperature", "logits", "tensor; first -1"),
    ("a share from 0 to 1", "attention_maps damage", "opacity at", "0; 1e-320"),
    ("counted from 0", "knowledge temperature", "layer task target", "0"),
    ("channels, or none", "knowledge", "off", "list; tuple; one in a list; no array"),
    ("True and False are its values", "knowledge", "alone", "True; False"),
    ("images, or none", "selection", "images", "None"),
    ("images, or none", "selection", "by_hand", "list; tuple; one in a list; no array"),
    ("a number of any size", "selection", "distance", "0; 1.5; 1e-320; 1e308; 2**63"),
    ("tasks have names of their own", "knowledge_shares", "names", "list; tuple; no array"),
    ("an image, a seed or a task less", "exemplars knowledge_shares", "images shares", "a row less"),
    ("an output less", "masks", "owners", "value a row less"),
    ("an image, a seed or a task less", "attention_drift", "drifts", "value a row less"),
    ("an image, a seed or a task less", "convergence", "panels", "value value a row less"),
    ("inches", "Picture", "width height", "1.5"),
    ("a class has source code", "source", "thing", "a class"),
    ("a cell shows any value", "table", "rows", "; ".join(f"first value {label}" for label in INSIDE)),
)


def reason(name: str, parameter: str, label: str) -> str:
    """Why this is no mistake; nothing where it is one."""
    for why, functions, parameters, labels in LEGITIMATE:
        fits = any(fnmatch(name, each) for each in functions.split())
        if fits and any(fnmatch(parameter, each) for each in parameters.split()) and label in labels.split("; "):
            return why
    return ""


def drawn(function: Callable, given: dict[str, Any]) -> None:
    made = function(**given)
    made.png(20) if isinstance(made, show.Picture) else repr(made)


def tried() -> Iterator[Attempt]:
    for name, given in VALID.items():
        function = getattr(show, name)
        bound = inspect.signature(function).bind(*given)
        bound.apply_defaults()
        for parameter, valid in bound.arguments.items():
            for label, value in [*SOME.items(), *inside(valid)]:
                act = partial(drawn, function, bound.arguments | {parameter: value})
                yield Attempt(f"{name}({parameter}: {label})", act, reason(name, parameter, label))


def test_every_public_function_is_tried():
    assert sorted(VALID) == sorted(show.__all__)


@attempts(tried())
def test_wrong_input_is_refused_in_a_sentence(attempt):
    judge(attempt)


def numbers() -> Iterator[Attempt]:
    for name, given in VALID.items():
        function = getattr(show, name)
        bound = inspect.signature(function).bind(*given)
        bound.apply_defaults()
        for parameter, valid in bound.arguments.items():
            if type(valid) in (int, float):
                for kind, value in scalars(valid):
                    act = partial(function, **bound.arguments | {parameter: value})
                    yield Attempt(f"{name}({parameter}: {kind})", act, "a number, as numpy or torch has it")


@attempts(numbers())
def test_numbers_of_numpy_and_torch_are_numbers(attempt):
    judge(attempt)
