"""A headless job needs only torch and numpy: everything else is imported where it is used."""

import subprocess
import sys

HEAVY = [
    "captum",
    "ipywidgets",
    "jupyterlab",
    "matplotlib",
    "sklearn",
    "torchvision",
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


def test_learning_imports_nothing_heavy():
    code = f"{LEARN}\nimport sys; print(sorted(set({HEAVY}) & set(sys.modules)))"
    assert fresh(code).splitlines()[-1] == "[]"


def test_learning_needs_only_torch_and_numpy():
    assert fresh(BLOCKED + LEARN) == "(2, 2)"


def test_the_version_is_the_installed_one():
    code = "from importlib import metadata; import cltutor; print(cltutor.__version__)\n"
    assert fresh(code + "print(metadata.version('cltutor'))").split() == ["0.1.0", "0.1.0"]
