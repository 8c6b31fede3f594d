"""Wrong, odd and hostile input to every widget: the arguments of its call, and what is typed and pasted into it."""

import inspect
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import ipywidgets
import pytest
import torch

import cltutor as cl
from cltutor.widgets.inputs import Knob
from tests.refusals.judging import PATIENCE, Attempt, attempts, judge, one_sentence, raised_by_cltutor, within
from tests.refusals.values import SOME, scalars

NAMES = [name for name in cl.widgets.__all__ if name != "errors"]
PASTED = [name for name in NAMES if name != "Stage"]  # which are made and changed by a line of code
EPOCHS = {"epochs": 2}
SETTINGS = dict.fromkeys(("AttentionDrift", "ImportanceExplorer", "MethodToggle", "WhatNotToForget"), EPOCHS)
SETTINGS |= {
    "Balance": EPOCHS | {"capacity": 8},
    "ReverseTransfer": EPOCHS | {"methods": ("finetune", "l2")},
}


@cache
def shown(name: str) -> dict[str, Any]:
    """What a widget shows, by the names in its call."""
    if name == "Stage":
        return {"picture": cl.show.Picture(2, 1, "a sentence")}
    labels = torch.arange(4).repeat(12)
    images = torch.arange(48 * 64).reshape(48, 1, 8, 8).to(torch.uint8)
    stream = cl.streams.tensors(images[:32], labels[:32], images[32:], labels[32:], tasks=2, class_names=list("abcd"))
    if name not in ("HerdingExplorer", "FilterReconstruction", "Temperature", "LastLayer", "PackedMasks"):
        return {"stream": stream}
    recipe = {"FilterReconstruction": "dfcnn_small", "PackedMasks": "packnet", "LastLayer": "er"}.get(name, "finetune")
    run = cl.learn(stream, getattr(cl.methods, recipe)(epochs=1), progress=False)
    return {"teacher" if name == "Temperature" else "run": run, "stream": stream}


def still(make: Any) -> dict[str, str]:
    """In place of drawing."""
    return {"words": "a picture"}


def make(name: str, **changed: Any) -> ipywidgets.Widget:
    kind = getattr(cl.widgets, name)
    parameters = inspect.signature(kind).parameters
    quiet = {"draw": still, "behind": lambda work: None}
    given = {key: value for key, value in quiet.items() if key in parameters}
    return kind(**given | shown(name) | SETTINGS.get(name, {}) | changed)


def made(name: str, **changed: Any) -> None:
    make(name, **changed).close()


CALLED = ("draw", "train", "behind", "accuracies", "answer")
LEGITIMATE = (  # why, in which widgets and arguments, and what
    (
        "the widget chooses",
        "AttentionDrift HerdingExplorer ImportanceExplorer",
        "layer label step capacity task",
        "None",
    ),
    ("the widget chooses", "LastLayer PackedMasks", "task layer", "None"),
    ("a number in its range", "LastLayer", "factor", "0; 1.5; 1e-320"),
    ("a number in its range", "LastLayer", "shift", "0; 1.5; 1e-320; -1"),
    ("the widget chooses", "MethodToggle", "heads temperature lam epochs", "None"),
    ("the widget chooses", "MethodToggle ReverseTransfer", "method", "None"),
    ("nothing answers, or is shown yet", "Stage", "answer picture", "None"),
    ("no weight is chosen yet", "ImportanceExplorer", "weight", "no text"),
    ("no run is measured before", "ImportanceExplorer", "run", "None"),
    ("the widget chooses", "WhatNotToForget Playground", "classes lam epochs runs known_task recipe", "None"),
    ("all classes answer", "Temperature", "head", "None"),
    ("one of the labels, tasks and seeds", "AttentionDrift HerdingExplorer Temperature", "label pictures head", "0"),
    ("one of the labels, tasks and seeds", "*", "seed", "0"),
    ("there may be no run yet", "AttentionDrift MethodToggle Playground", "runs", "list; tuple; no array"),
    ("no class is chosen yet, which the page asks for", "WhatNotToForget", "classes", "list; tuple; no array"),
    ("channels, or none", "FilterReconstruction", "off", "list; tuple; one in a list; no array; to be read once"),
    ("images, or none", "HerdingExplorer", "own", "list; tuple; one in a list; no array; to be read once"),
    ("True and False are its values", "*", "augmentation fine_tuning summed known_task enlarged", "True; False"),
    ("a number in its range", "AttentionDrift ImportanceExplorer", "opacity share", "0; 1.5; 1e-320"),
    ("a number in its range", "FilterReconstruction", "patience", "0; 1.5; 1e-320"),
    ("a number in its range", "Temperature", "temperature", "1.5; 1e308; 2**63"),
    ("a number in its range", "WhatNotToForget", "lam", "0; 1.5; 1e-320; 1e308; 2**63"),
)


def reason(name: str, parameter: str, label: str) -> str:
    for why, names, parameters, labels in LEGITIMATE:
        if (names == "*" or name in names.split()) and parameter in parameters.split() and label in labels.split("; "):
            return why
    return ""


def parameters_of(name: str) -> list[str]:
    parameters = inspect.signature(getattr(cl.widgets, name)).parameters.values()
    return [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]


def calls() -> Iterator[Attempt]:
    for name in NAMES:
        for parameter in [*parameters_of(name), "nothing"]:
            for label, value in SOME.items():
                if parameter in CALLED and callable(value):
                    continue  # a function of the caller's own is called as it is
                words = f"{name}({parameter}: {label})"
                yield Attempt(words, partial(made, name, **{parameter: value}), reason(name, parameter, label))


@pytest.fixture(scope="module", autouse=True)
def learned():
    """Runs are learned before an attempt is timed."""
    for name in NAMES:
        shown(name)


@attempts(calls())
def test_wrong_arguments_are_refused_in_a_sentence(attempt):
    judge(attempt)


LINES = (
    "",
    " ",
    "3",
    "None",
    "stream",
    "import os",
    "1 +",
    "(" * 5000,
    "9" * 5000,
    "\0",
    "\ud800",
    "é" * 10**5,
    "lambda: 0",
)
LINES += ("__import__('os').system('true')", "cl.widgets.Nothing(stream)", "cl.methods.nothing()", "[[]]" * 1000)
LITERALS = ("None", "'text'", "-1", "1e308", "9**9**9", "'a' * 10**9", "[]", "stream")


@pytest.fixture(scope="module")
def tools():
    made = {name: make(name) for name in PASTED}
    yield made
    for tool in made.values():
        tool.close()


def pasted() -> Iterator[tuple[str, str, str]]:
    """A widget, a line to paste into it, and the setting that the line should then show if it is accepted."""
    for name in PASTED:
        yield from ((name, line, "") for line in LINES)
        for parameter in [*parameters_of(name), "nothing"]:
            if parameter not in ("self", *CALLED, "run", "stream", "teacher"):
                first = ", ".join(key for key in ("run", "teacher", "stream") if key in parameters_of(name)[:2])
                yield from ((name, f"{name}({first}, {parameter}={one})", f"{parameter}={one}") for one in LITERALS)


@pytest.mark.parametrize(("name", "line", "setting"), list(pasted()), ids=lambda value: value[:40])
def test_a_pasted_line_is_refused_in_a_sentence_or_shown(tools, name, line, setting):
    tool = tools[name]
    before, said = tool.code, len(tool.errors)
    with within(PATIENCE):
        tool.line.value = line
    assert tool.line.value == tool.code
    if len(tool.errors) > said:
        assert tool.code == before
        error = tool.errors[-1]
        assert raised_by_cltutor(error.__cause__ or error), error.__cause__
        assert one_sentence(str(error)), error
    else:
        name, _, value = setting.partition("=")
        value = {"[]": "()", "b'x'": 'b"x"', "1e308": "1e+308", "''": '""'}.get(value, value)  # as a line has it
        default = inspect.signature(type(tool)).parameters[name].default
        assert f"{name}={value}" in tool.code or value == repr(default)
    tool.line.value = before


@pytest.mark.parametrize("name", PASTED)
@pytest.mark.parametrize("number", [-1.0, 0.0, 0.5, 1e308, 1e-320, float("nan"), float("inf"), 2.0**63])
def test_a_typed_number_is_refused_in_a_sentence_or_right(tools, name, number):
    tool = tools[name]
    for knob in [part for part in descendants(tool) if isinstance(part, Knob) and not part.disabled]:
        typed = type(knob.text.value)(number) if number == number and abs(number) < 2**63 else number
        before, said = knob.value, len(tool.errors)
        if isinstance(knob.text, ipywidgets.IntText) and not isinstance(typed, int):
            continue  # the page sends whole numbers
        knob.text.value = typed
        if len(tool.errors) > said:
            assert raised_by_cltutor(tool.errors[-1])
            assert one_sentence(str(tool.errors[-1]))
            assert knob.value == before
        else:
            assert knob.value == pytest.approx(typed, abs=1e-6)
        knob.value = before


@pytest.mark.parametrize(
    "words", ["0", "999", "a", "1-", "7-1", "1-4-7", "-1", "1" * 5000, "1-999999999", "1.5", "²", "\0"]
)
def test_typed_channels_are_refused_in_a_sentence(tools, words):
    tool = tools["FilterReconstruction"]
    said = len(tool.errors)
    tool.off.text.value = words
    assert len(tool.errors) == said + 1
    assert raised_by_cltutor(tool.errors[-1])
    assert one_sentence(str(tool.errors[-1]))
    assert tool.off.value == ()


def descendants(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from descendants(child)


def numbers() -> Iterator[Attempt]:
    for name, parameter, value in (
        *(("AttentionDrift", "seed", 1), ("AttentionDrift", "label", 0), ("AttentionDrift", "opacity", 30.0)),
        *(("Balance", "capacity", 8), ("Balance", "epochs", 2), ("FilterReconstruction", "layer", 1)),
        *(("HerdingExplorer", "step", 2), ("ImportanceExplorer", "share", 20.0), ("MethodToggle", "epochs", 2)),
        *(("Playground", "seed", 1), ("ReverseTransfer", "epochs", 2), ("Temperature", "picture", 1)),
        *(("Temperature", "temperature", 3.0), ("WhatNotToForget", "lam", 0.5)),
        *(("LastLayer", "factor", 0.5), ("Reservoir", "capacity", 8), ("Reservoir", "seed", 3)),
    ):
        for kind, number in scalars(value):
            words = f"{name}({parameter}: {kind})"
            yield Attempt(words, partial(made, name, **{parameter: number}), "a number, as numpy or torch has it")


@attempts(numbers())
def test_numbers_of_numpy_and_torch_are_numbers(attempt):
    judge(attempt)
