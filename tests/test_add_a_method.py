"""The page "Add a method of your own": its code runs as printed, and what it says of it is true.

That the methods resume bit for bit is tested with all others, in tests/training/test_task.py.
"""

import subprocess
import sys
import textwrap

import example
import pytest
import torch

import cltutor as cl

DarkReplay = example.der.DarkReplay


def test_the_file_has_at_most_sixty_lines():
    assert len(example.FILE.splitlines()) <= 60


def test_the_page_runs_as_a_script_and_its_table_says_that_der_trains_on_old_data(tmp_path):
    used = textwrap.indent(f"{example.USE}{example.COMPARE}print(cl.learn(stream, 'aligned', epochs=1).name)\n", "    ")
    script = tmp_path / "mine.py"
    script.write_text(f"{example.FILE}\n\n{example.ALIGNING}\n\nif __name__ == '__main__':\n{used}", encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert done.stdout.startswith("Recipe(name='der', loss=CrossEntropy() + DarkReplay()")
    assert ["der", "yes", "no", "yes", "–", "yes"] in lines, done.stdout
    assert lines[-1] == ["aligned"]


def step(heads="class", **settings):
    """The value of the term on four images, a memory of two images whose class 2 came later, and the batch."""
    torch.manual_seed(0)
    network = cl.networks.MultiHead().build((1, 8, 8)).eval()
    for classes in (2, 1):
        network.grow(classes)
    images = torch.randint(0, 256, (6, 1, 8, 8), dtype=torch.uint8)
    stored = torch.tensor([[1.0, -2.0, float("nan")], [0.5, 3.0, float("nan")]])
    state = {"images": images[4:], "logits": stored, "labels": torch.tensor([1, 0]), "seen": torch.tensor(2)}
    context = cl.losses.Context(network, 1)
    task_of = torch.tensor([0, 0, 1])
    batch = cl.losses.Batch(context, images[:4], torch.full((4,), 2), torch.arange(4), [1], task_of, heads, {}, (1, 2))
    return DarkReplay(**settings)(batch, state), network, state, batch


def test_the_distance_of_logits_leaves_out_classes_that_came_later():
    value, network, state, batch = step(alpha=2.0, beta=0.0)
    places = torch.randint(2, (4,), generator=batch.generator("logits"))
    now = network(state["images"][places]).logits
    by_hand = sum((z[:2] - s[:2]).pow(2).sum() for z, s in zip(now, state["logits"][places], strict=True)) / 4
    torch.testing.assert_close(value, 2.0 * by_hand)


@pytest.mark.parametrize(("heads", "competing"), [("class", 3), ("task", 2)])
def test_the_replayed_labels_compete_as_the_regime_says(heads, competing):
    value, network, state, batch = step(heads, alpha=0.0, beta=0.5)
    places = torch.randint(2, (4,), generator=batch.generator("labels"))
    logits = network(state["images"][places]).logits[:, :competing]
    by_hand = -logits.log_softmax(1)[range(4), state["labels"][places]].mean()
    torch.testing.assert_close(value, 0.5 * by_hand)


def test_the_reservoir_has_every_image_of_the_stream_with_the_same_probability():
    counts, term, batch = torch.zeros(20), DarkReplay(capacity=5), step()[-1]
    for seed in range(400):
        state = {}
        for start in range(0, 20, 4):
            batch.labels, batch.key = torch.arange(start, start + 4), (seed, start)
            term.after_update(batch, state)
        assert int(state["seen"]) == 20
        counts[state["labels"]] += 1
    assert counts.sum() == 400 * 5
    assert ((counts - 100).abs() < 5 * (100 * 0.75) ** 0.5).all(), counts


def test_weight_aligning_scales_the_new_head_to_the_mean_length_of_the_old_ones_and_training_goes_on_from_it():
    torch.manual_seed(0)
    network = cl.networks.MultiHead().build((1, 8, 8))
    for classes in (2, 3):
        network.grow(classes)
    before = network.heads[1].weight.detach().clone()
    aligned = example.der.Aligning().tested(network, {})
    assert aligned is network
    lengths = [head.weight.norm(dim=1).mean().item() for head in network.heads]
    assert lengths[1] == pytest.approx(lengths[0])
    torch.testing.assert_close(network.heads[1].weight, before * lengths[0] / before.norm(dim=1).mean())
