"""Parts defined in a script or a notebook: compared on every executor, shown in tables, saved and loaded."""

import subprocess
import sys

import pytest

import cltutor as cl
from cltutor.recipe.parser import UnknownPart

# A class in a ``__main__``, with and without a file: the second is what worker processes see of a notebook.
CODE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import torch
import cltutor as cl

@cl.register
@dataclass(frozen=True, repr=False)
class Own(cl.losses.Term):
    scale: float = 0.5
    keeps_images: ClassVar[bool] = True

    def __call__(self, batch, state):
        return scaled(batch.student.logits, self.scale)

def scaled(logits, scale):
    return scale * logits.square().mean()

def noise(seed):
    images = torch.randint(0, 256, (24, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    labels = torch.arange(24) % 4
    return cl.streams.tensors(images, labels, images, labels, tasks=2, order=seed)

def compare(executor=None):
    schedule = cl.methods.finetune(epochs=1).schedule
    recipe = cl.Recipe("own", cl.losses.CrossEntropy() + Own(scale=0.25), schedule=schedule)
    runs = cl.compare(lambda seed: noise(seed), [recipe, "lwf"], (0, 1), executor, "cpu", epochs=1, progress=False)
    assert runs[0].recipe == recipe and type(runs[0].recipe.loss.terms[1][1]) is Own
    return runs

def dask():
    from distributed import Client, LocalCluster
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        return compare(client.get_executor())

def weights(runs):
    return [value for run in runs for state in run.states for value in state.values()]

if __name__ == "__main__":
    torch.set_num_threads(1)
    path, *places = sys.argv[1:]
    alone = compare()
    for place in places:
        if place == "dask":
            runs = dask()
        else:
            with ThreadPoolExecutor(2) if place == "threads" else cl.comparison.processes(int(place)) as executor:
                runs = compare(executor)
        assert all(map(torch.equal, weights(alone), weights(runs))), place
    alone[0].save(path)
    assert cl.Run.load(path).recipe == alone[0].recipe
    print(alone.table())
"""


@pytest.mark.parametrize("where", [["2", "threads", "dask"], ["1"]], ids=["script", "without a file"])
def test_a_part_of_a_main_module_is_compared_everywhere_with_the_same_numbers(tmp_path, where):
    if "dask" in where:
        pytest.importorskip("distributed")
        (tmp_path / "mine.py").write_text(CODE)
        start = [str(tmp_path / "mine.py")]
    else:
        start = ["-c", CODE]
    path = tmp_path / "run.safetensors"
    done = subprocess.run([sys.executable, *start, path, *where], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = {line.split()[0]: line.split()[1] for line in done.stdout.split("old data?")[1].splitlines()[1:] if line}
    assert facts == {"own": "yes", "lwf": "no"}
    with pytest.raises(
        UnknownPart, match=r"run\.safetensors has the part Own, which is not known here: run"
    ) as unknown:
        cl.Run.load(path)
    assert unknown.value.name == "Own"
