"""A store finds a run only where everything that ``learn`` reads is the same."""

from dataclasses import replace

import pytest
from running import learn

import cltutor as cl
from cltutor.runs.store import Store


def files(folder):
    return {path.name for path in folder.glob("*.safetensors")}


def renamed(stream):
    names = [f"{name}, renamed" for name in stream.class_names]
    return cl.streams.Stream(list(stream), names, stream.name, stream.code)


QUICK = cl.methods.finetune(epochs=1)
OTHER = {
    "class names": lambda stream, store: learn(renamed(stream), QUICK, store=store),
    "images": lambda stream, store: learn(stream.fewer(0.5), QUICK, store=store),
    "recipe": lambda stream, store: learn(stream, replace(QUICK, name="other"), store=store),
    "seed": lambda stream, store: learn(stream, QUICK, seed=1, store=store),
    "epochs": lambda stream, store: learn(stream, QUICK, epochs=2, store=store),
    "threads": lambda stream, store: learn(stream, QUICK, threads=3, store=store),
    "test_every": lambda stream, store: learn(stream, QUICK, test_every=2, store=store),
    "test_old_every": lambda stream, store: learn(stream, QUICK, test_old_every=2, store=store),
    "version": lambda stream, store: learn(stream, QUICK, store=Store(store, version="0.0.1")),
}


@pytest.mark.parametrize("change", OTHER)
def test_whatever_learn_reads_is_in_the_key(tiny, tmp_path, change):
    learn(tiny, QUICK, store=tmp_path)
    before = files(tmp_path)
    learn(tiny, QUICK, store=tmp_path)
    assert files(tmp_path) == before
    OTHER[change](tiny, tmp_path)
    assert len(files(tmp_path)) == 2


def test_a_run_of_another_number_of_threads_says_so_when_it_is_loaded(tiny, tmp_path):
    run = learn(tiny, QUICK, store=tmp_path, threads=1, test_every=2)
    (path,) = tmp_path.glob("*.safetensors")
    found = cl.Run.load(path)
    assert (run.threads, run.tested) == (found.threads, found.tested) == (1, (2, 1))
