"""The store: the same run is found again, another is not, a damaged one is told and computed again."""

import pytest
import torch

import cltutor as cl
from cltutor.store import Store


def learn(stream, recipe, tmp_path, **settings):
    return cl.learn(stream, recipe, device="cpu", progress=False, store=str(tmp_path), **settings)


def test_each_stream_recipe_and_seed_has_a_file_of_its_own(tiny, tmp_path):
    store = Store(tmp_path)
    quick = cl.methods.finetune(epochs=1)
    runs = [
        learn(tiny, quick, tmp_path),
        learn(tiny, quick, tmp_path, seed=1),
        learn(tiny, cl.methods.finetune(epochs=1, learning_rate=0.01), tmp_path),
        learn(cl.streams.digits(tasks=2, classes=(0, 1)), quick, tmp_path),
    ]
    assert len({store.path(run) for run in runs}) == len(list(tmp_path.iterdir())) == 4
    assert store.path(learn(tiny, quick, tmp_path)) == store.path(runs[0])


def test_a_damaged_file_is_told_set_aside_and_computed_again(tiny, tmp_path):
    first = learn(tiny, "finetune", tmp_path, epochs=1)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.warns(UserWarning, match="damaged.*set aside.*computed again"):
        again = learn(tiny, "finetune", tmp_path, epochs=1)
    assert {file.suffix for file in tmp_path.iterdir()} == {".safetensors", ".damaged"}
    assert torch.equal(again.states[-1]["heads.0.weight"], first.states[-1]["heads.0.weight"])
