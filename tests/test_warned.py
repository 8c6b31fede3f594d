"""Warnings name the line that called cltutor, whatever lies between."""

from functools import partial

import pytest
from PIL import Image

import cltutor as cl

STIFF = cl.methods.ewc(epochs=1, lam=1e6)


def learned(stream, folder):
    cl.learn(stream, STIFF, device="cpu")


def stepped(stream, folder):
    for _ in cl.train(stream, STIFF, device="cpu"):
        pass


def compared(stream, folder):
    cl.compare(stream, [STIFF], device="cpu", progress=False)


def searched(stream, folder):
    cl.search(["finetune"], partial(cl.streams.digits, 5), (0.001, 0.002), (1,), widen=0, epochs=1, on="test")


def of_one_class(stream, folder):
    cl.learn(cl.streams.digits(tasks=2, classes=(0, 1)), cl.methods.finetune(epochs=1), device="cpu")


def damaged(stream, folder):
    cl.learn(stream, cl.methods.finetune(epochs=1), device="cpu", store=folder)
    next(folder.rglob("*.safetensors")).write_bytes(b"no run")
    cl.learn(stream, cl.methods.finetune(epochs=1), device="cpu", store=folder)


def unreadable(stream, folder):
    for name in ("cat", "dog"):
        for number in range(4):
            path = folder / name / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (8, 8)).save(path)
    (folder / "cat" / "torn.png").write_bytes(b"no picture")
    cl.streams.folder(folder, size=8, tasks=2)


CALLS = {
    learned: "steps overshoot",
    stepped: "steps overshoot",
    compared: "steps overshoot",
    searched: "lies",
    of_one_class: "every answer is right",
    damaged: "set aside",
    unreadable: "cannot be read",
}


@pytest.mark.parametrize(("call", "words"), CALLS.items())
def test_a_warning_points_at_the_line_outside_cltutor(call, words, tiny, tmp_path):
    with pytest.warns(UserWarning, match=words) as caught:
        call(tiny, tmp_path)
    assert {one.filename for one in caught} == {__file__}
    own = range(call.__code__.co_firstlineno, call.__code__.co_firstlineno + 20)
    assert all(one.lineno in own for one in caught)
