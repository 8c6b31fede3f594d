"""A headless job needs only torch and numpy: everything else is imported where it is used."""

import importlib
import subprocess
import sys
from importlib import metadata

import pytest

import cltutor as cl

HEAVY = [
    "captum",
    "dask",
    "distributed",
    "ipywidgets",
    "jupyterlab",
    "matplotlib",
    "sklearn",
    "torchvision",
    "scipy",
    "cloudpickle",
]
BLOCKED = f"import sys; sys.modules.update(dict.fromkeys({HEAVY}))\n"
LEARN = """
import torch
import cltutor as cl

images = torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8)
labels = torch.arange(40) % 4
stream = cl.streams.tensors(images, labels, images, labels, tasks=2)
run = cl.learn(stream, "lwf", epochs=1, progress=False)
assert run.complete
runs = cl.compare(stream, ["finetune", "mas"], (0, 1), device="cpu", epochs=1, progress=False)
assert runs.table().markdown() and runs._repr_html_() and len(runs.data()) == 4
print(run.accuracy().shape)
"""


def fresh(code: str) -> str:
    """What a new interpreter prints that runs `code`."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_imports_nothing_heavy():
    code = f"import sys, cltutor; print(sorted(set({HEAVY}) & set(sys.modules)))"
    assert fresh(code) == "[]"


def test_learning_and_comparing_import_nothing_heavy():
    code = f"{LEARN}\nimport sys; print(sorted(set({HEAVY}) & set(sys.modules)))"
    assert fresh(code).splitlines()[-1] == "[]"


def test_learning_and_comparing_need_only_torch_and_numpy():
    assert fresh(BLOCKED + LEARN) == "(2, 2)"


MODULES = [
    *(
        "attention",
        "claims",
        "comparison",
        "events",
        "exercises",
        "gallery",
        "importance",
        "losses",
        "memory",
        "merging",
        "methods",
    ),
    *("metrics", "networks", "noise", "predicting", "probing", "schedules", "show", "storage", "streams", "widgets"),
]
NAMES = ["Comparison", "Phase", "Recipe", "Run", "Schedule", "compare", "learn", "train", "register", "search", "guess"]


def test_public_modules_and_names_are_found_wherever_they_live():
    assert sorted([*MODULES, *NAMES]) == cl.__all__
    for name in MODULES:
        module = importlib.import_module(f"cltutor.{name}")
        assert module is getattr(cl, name)
        assert module.__spec__.name == module.__name__
    assert {"learn", "metrics"} <= set(dir(cl))
    with pytest.raises(AttributeError, match="module 'cltutor' has no attribute 'nothing'"):
        _ = cl.nothing
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("cltutor.nothing")


def test_the_version_is_the_installed_one():
    assert cl.__version__ == metadata.version("cltutor")
