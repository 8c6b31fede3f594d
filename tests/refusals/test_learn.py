"""What `learn`, `train`, `compare` and `search` are given: refused before any time is spent, or one clear meaning."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from refusals.judging import Attempt, attempts, judge
from running import assert_same, learn

import cltutor as cl
from cltutor.losses import CrossEntropy, Distillation
from cltutor.memory import ExemplarMemory
from cltutor.networks import MultiHead, ResNet32, Torchvision
from cltutor.recipe.recipe import Phase, Recipe, Schedule
from cltutor.runs.store import Store

LABELS = torch.arange(4).repeat_interleave(3)
IMAGES = torch.randint(0, 256, (12, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
STREAM = cl.streams.tensors(IMAGES, LABELS, IMAGES, LABELS, tasks=2, order=None)


def without_images():
    bare = replace(STREAM[1], train=cl.streams.Split.empty((1, 8, 8)))
    return cl.streams.Stream([STREAM[0], bare], STREAM.class_names, "bare", "bare()")


FINETUNE = cl.methods.finetune(epochs=1)
ODD = {
    **{"None": None, "empty text": "", "text": "lwff", "bytes": b"lwf", "True": True, "False": False},
    **{"-1": -1, "0": 0, "1.5": 1.5, "nan": float("nan"), "inf": float("inf"), "10**400": 10**400, "2**63": 2**63},
    **{"list": [], "list of lists": [[1]], "dict": {}, "tuple": (1, 2), "object": object(), "class": dict},
    **{"function": len, "array": np.arange(3), "tensor": torch.rand(2), "complex": 1j, "the type": Recipe},
}
# What each argument takes of these, and why that is no mistake.
RUNS = {
    "epochs": {"None": "the recipe's own epochs"},
    "store": {"None": "nothing is saved", "text": "a folder of that name", "bytes": ""},
    "progress": {"True": "a progress bar", "False": "none"},
    "threads": {"None": "the machine's cores"},
    "seed": {"0": "a seed", "10**400": ""},
    "device": {},
    "test_every": {},
    "test_old_every": {},
    "callback": {"None": "nothing is called"},
}
NUMBERS = {"seed": 3, "epochs": 1, "test_every": 1, "test_old_every": 1, "threads": 1}


def learned(**settings):
    return cl.learn(**{"stream": STREAM, "recipe": FINETUNE, "progress": False, "device": "cpu", **settings})


def compared(**settings):
    return cl.compare(
        **{"stream": STREAM, "methods": ["finetune"], "seeds": [0], "epochs": 1, "progress": False, **settings}
    )


def searched(**settings):
    usual = {"recipes": ["finetune"], "stream": lambda order: STREAM, "grid": [0.02], "orders": [0], "epochs": 1}
    return cl.search(**{**usual, "on": "test", "widen": 0, "progress": False, **settings})


def single():
    """Each argument of learn and train with each odd value."""
    for name, taken in {"stream": {}, "recipe": {}, **RUNS}.items():
        for words, value in ODD.items():
            reason = taken.get(words, "")
            if name == "store" and reason or name == "callback" and callable(value):
                continue  # writes a file: below; is called, and may fail
            yield Attempt(f"learn {name}={words}", lambda name=name, value=value: learned(**{name: value}), reason)
            if not reason and name not in ("progress", "callback"):
                act = lambda name=name, value=value: cl.train(  # noqa: E731
                    **{"stream": STREAM, "recipe": FINETUNE, name: value}
                )
                yield Attempt(f"train {name}={words}", act)


COMPARED = {
    "stream": {},
    "methods": {},
    "seeds": {"tuple": "two seeds", "array": "three seeds"},
    "executor": {"None": "one after another"},
    "device": {},
    "epochs": {"None": "the methods' own"},
    "equal_budget": {"True": "the budgets are compared", "False": "they are not"},
    "progress": {"True": "a progress bar", "False": "none"},
    "threads": {"None": "the machine's cores"},
    "callback": {"None": "nothing is called"},
}


SEARCHED = {
    **{name: COMPARED[name] for name in ("stream", "executor", "device", "epochs", "progress", "threads")},
    "recipes": {},
    "grid": {"tuple": "two rates", "tensor": "two rates"},
    "orders": COMPARED["seeds"],
    "score": {},
    "on": {},
    "widen": {"0": "no further value"},
}


def several(what, function, given):
    for name, taken in given.items():
        for words, value in ODD.items():
            if name in ("score", "callback") and callable(value):
                continue  # is called, and may fail
            act = lambda name=name, value=value: function(**{name: value})  # noqa: E731
            yield Attempt(f"{what} {name}={words}", act, taken.get(words, ""))


def devices():
    for device in (
        "gpu",
        "CPU",
        "Cuda",
        "cuda:99",
        "mps",
        "xpu",
        "tpu",
        "",
        "cpu:x",
        "meta",
        "auto ",
        "cuda:-1",
        "hip",
    ):
        yield Attempt(f"learn device={device!r}", lambda device=device: learned(device=device))
        yield Attempt(f"compare device={device!r}", lambda device=device: compared(device=device))
    yield Attempt("learn device=torch.device('meta')", lambda: learned(device=torch.device("meta")))
    yield Attempt(
        "learn device=torch.device('cpu')", lambda: learned(device=torch.device("cpu")), "a device of torch's"
    )


def together():
    """Recipes and streams that do not fit each other."""
    beyond = Schedule(epochs=1, later=(Phase("code", code=1.0),))
    recipes = {
        "no term acts in the first task": Recipe("own", loss=Distillation()),
        "a network for larger images": replace(FINETUNE, network=MultiHead(Torchvision("alexnet"))),
        "a network of another number of layers": replace(
            FINETUNE, network=MultiHead(ResNet32(), task_specific_layers=3)
        ),
        "patience without validation": cl.methods.finetune(epochs=1, patience=2),
        "an infinite weight": ("mas", {"lam": float("inf")}),
        "a phase of a role that is not there": ("own", {"schedule": beyond}),
    }
    for words, recipe in recipes.items():
        if isinstance(recipe, tuple) and recipe[0] == "own":
            act = lambda: learned(recipe=Recipe("own", loss=CrossEntropy(), schedule=beyond))  # noqa: E731
        elif isinstance(recipe, tuple):
            act = lambda recipe=recipe: learned(recipe=cl.methods.named(recipe[0])(**recipe[1]))  # noqa: E731
        else:
            act = lambda recipe=recipe: learned(recipe=recipe, epochs=1)  # noqa: E731
        yield Attempt(words, act)
    yield Attempt("a later task without images", lambda: learned(stream=without_images()))
    small = replace(cl.methods.eeil(epochs=2), memory=ExemplarMemory(capacity=1))
    yield Attempt("a memory smaller than the number of classes", lambda: learned(recipe=small))
    yield Attempt("a method twice", lambda: compared(methods=["lwf", "lwf"]))
    yield Attempt("a seed twice", lambda: compared(seeds=[1, 1]))
    yield Attempt("unequal budgets", lambda: compared(methods=["lwf", cl.methods.mas(epochs=3)], epochs=None))
    yield Attempt("a method that is not there", lambda: compared(methods=["lwf", "lwff"]))
    yield Attempt("a function that makes no stream", lambda: compared(stream=lambda seed: [seed]))


@attempts(
    [
        *single(),
        *several("compare", compared, COMPARED),
        *several("search", searched, SEARCHED),
        *devices(),
        *together(),
    ]
)
def test_an_argument_of_training_is_refused_or_has_one_meaning(attempt):
    judge(attempt)


@pytest.mark.parametrize("make", [np.int64, np.int8, torch.tensor, np.asarray], ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_of_numpys_or_torchs_is_the_number_that_it_holds(name, make, tmp_path):
    store = Store(tmp_path)
    plain = learn(STREAM, FINETUNE, store=store, **{name: NUMBERS[name]})
    again = learn(STREAM, FINETUNE, store=store, **{name: make(NUMBERS[name])})
    assert_same(plain, again)
    assert len(list(tmp_path.glob("*.safetensors"))) == 1


def test_a_store_below_the_home_folder_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    learn(STREAM, FINETUNE, store="~/runs")
    assert len(list((tmp_path / "runs").glob("*.safetensors"))) == 1


def test_a_recipe_with_a_rate_of_torchs_is_saved_and_loaded(tmp_path):
    recipe = cl.methods.finetune(epochs=1, learning_rate=torch.tensor(0.01))
    learn(STREAM, recipe).save(tmp_path / "run.safetensors")
    assert cl.Run.load(tmp_path / "run.safetensors").recipe == cl.methods.finetune(
        epochs=1, learning_rate=float(torch.tensor(0.01))
    )
