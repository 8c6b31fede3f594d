"""Every figure of `cl.show` as large as lessons and widgets draw it: what is measured, and what screenshots show.

Runs are those of the gallery; other numbers are drawn at random, alike in size to those of a lesson.
"""

import numpy as np
import torch

import cltutor as cl
from cltutor.networks import DFCNN, TaskCNN
from cltutor.widgets.reservoir_filling import arriving, moments, reservoir

METHODS = ("finetune", "lwf", "mas", "ewc", "eeil", "joint")
TASKS, SEEDS, EPOCHS = 5, 3, 10


def pictures() -> dict[str, cl.show.Picture]:
    """name -> a picture of every figure function."""
    draw = np.random.default_rng(0)
    return _of_runs() | _of_curves(draw) | _of_weights(draw) | _of_images(draw) | _of_classes(draw)


def _of_runs() -> dict[str, cl.show.Picture]:
    recorded, stream = cl.gallery.runs("digits"), cl.gallery.stream("digits")
    some = [run for run in recorded if run.name in METHODS and run.competes and run.seed < SEEDS]
    across = {run.name: run for run in some if run.seed == 0}
    anchors = {"finetune": [0] * 4, "mas": [620_000] * 4, "ewc": [620_000 * task for task in range(1, TASKS)]}
    stored = {name: [{"network": 315_000, "Anchor": size} for size in sizes] for name, sizes in anchors.items()}
    learned = cl.learn(stream, cl.methods.lwf(epochs=4, batch_size=16), threads=1, progress=False)
    return {
        "accuracy_over_time": cl.show.accuracy_over_time(some),
        "accuracy_matrix": cl.show.accuracy_matrix(across["finetune"], known_task=False),
        "loss_parts": cl.show.loss_parts(learned),
        "forgetting": cl.show.forgetting(some),
        "gallery": cl.show.gallery(recorded),
        "old_and_new": cl.show.old_and_new(some),
        "accuracy_by_share": cl.show.accuracy_by_share(dict.fromkeys((1.0, 0.5, 0.2, 0.1), some)),
        "storage": cl.show.storage(stored),
        "wall": cl.show.wall([across[name] for name in ("finetune", "eeil", "joint")], stream, known_task=False),
        "tasks": cl.show.tasks(cl.gallery.stream("scenes")),
    }


def _of_curves(draw: np.random.Generator) -> dict[str, cl.show.Picture]:
    """Curves over epochs and tasks: they rise while a task is learned, and later fall."""
    epoch_task = np.arange(TASKS).repeat(EPOCHS)
    since = np.arange(TASKS * EPOCHS)[:, None] - EPOCHS * np.arange(TASKS)
    known = 0.95 - 0.5 * np.exp(-(since + 1) / 3) - 0.005 * since + draw.normal(0, 0.01, since.shape)
    known = np.where(since < 0, np.nan, np.clip(known, 0, 1))
    rising = {name: np.sort(draw.uniform(0.3, 1, (SEEDS, 30))) for name in ("dfcnn", "single_task", "hard_sharing")}
    falling = -np.sort(-draw.uniform(0.4, 1, (len(METHODS), TASKS)))
    counts = {"dfcnn": 60_000, "single_task": 400_000, "progressive": 700_000, "hard_sharing": 20_000}
    names = [f"M{task}" for task in range(TASKS)]
    points = {name: (count * TASKS, draw.uniform(0.5, 0.9, SEEDS)) for name, count in counts.items()}
    moved = np.where(np.triu(np.ones((TASKS, TASKS)), 1) > 0, draw.uniform(0, 0.6, (4, TASKS, TASKS)), 0)
    moved[:, *np.tril_indices(TASKS, -1)] = np.nan
    groups = ("chosen: 3, 7", "others of task 1", "later tasks")
    return {
        "convergence": cl.show.convergence({f"task {task}": rising for task in (1, 3, 5)}),
        "accuracy_over_parameters": cl.show.accuracy_over_parameters(points),
        "growth": cl.show.growth({name: count * np.arange(1, 11) for name, count in counts.items()}),
        "adaptation": cl.show.adaptation({"mas": draw.random((SEEDS, TASKS, 3)), "ewc": known[::10, :3]}, groups),
        "attention_drift": cl.show.attention_drift(
            {name: draw.random((40, TASKS)).cumsum(axis=1) for name in ("finetune", "lwf_mc", "lwm")}, names
        ),
        "ablation": cl.show.ablation(dict(zip(METHODS, falling, strict=True)), [2] * TASKS, "eeil"),
        "reverse_transfer": cl.show.reverse_transfer(known, epoch_task, "dfcnn", {"single_task": 0.9}),
        "transfer_table": cl.show.transfer_table(known, epoch_task, "dfcnn"),
        "filter_changes": cl.show.filter_changes(np.moveaxis(moved, 0, 2), "dfcnn"),
    }


def _of_weights(draw: np.random.Generator) -> dict[str, cl.show.Picture]:
    methods = ("mas", "mas_local", "ewc", "si")
    over_tasks = [{name: {"layer": torch.tensor(draw.lognormal(0, 2, (128, 256)))} for name in methods} for _ in "123"]
    *earlier, omegas = over_tasks
    shares = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
    damaged = {
        which: -np.sort(-draw.random((SEEDS, len(shares), TASKS)), axis=1) for which in ("least", "random", "most")
    }
    torch.manual_seed(0)
    network = DFCNN(TaskCNN((32, 64)), ((2, 24), (2, 36)), ((3, 32), (3, 64)), bias=False).build((3, 16, 16))
    for _ in range(TASKS):
        network.grow(2)
    network.requires_grad_(False)
    sizes = {"conv 1": (32, 9), "conv 2": (64, 288), "hidden 1": (128, 256), "hidden 2": (128, 128)}
    owners = {name: draw.integers(-1, TASKS, size) for name, size in sizes.items()}
    return {
        "masks": cl.show.masks(owners, "conv 2", "packnet"),
        "importance": cl.show.importance(omegas, "layer", what="after task 3", earlier=earlier),
        "agreement": cl.show.agreement(*(omegas[name]["layer"] for name in methods[:2]), methods[:2]),
        "damage": cl.show.damage(shares, damaged, "mas", at=0.3),
        "knowledge": cl.show.knowledge(network, 1, 2, (1, 5)),
        "knowledge_shares": cl.show.knowledge_shares(draw.dirichlet(np.ones(24), TASKS)),
    }


def _of_images(draw: np.random.Generator) -> dict[str, cl.show.Picture]:
    images = cl.gallery.stream("scenes")[0].train.images.numpy()
    maps = {name: np.maximum(0, draw.normal(size=(4, TASKS, 8, 8))) for name in ("finetune", "lwf_mc", "lwm")}
    rows, columns = [f"star, test image {place}" for place in range(1, 5)], [f"M{task}" for task in range(TASKS)]
    places, order = draw.normal(size=(150, 2)), draw.permutation(150)[:60]
    kinds = ("herding", "closest", "random", "histogram")
    distances = {name: 2 / np.arange(1, 61) + draw.uniform(0, 0.1, 60) for name in kinds}
    kept = {classes: 120 // classes for classes in (2, 4, 6, 8, 10)}
    digits, labels, arrived = arriving(cl.gallery.stream("digits"))
    seen = moments(len(digits), 60)
    held = reservoir(seen, 60, seed=0)
    return {
        "reservoir": cl.show.reservoir(digits.numpy(), [f"a {label}" for label in labels], arrived, held, seen),
        "attention_maps": cl.show.attention_maps(images[:4], maps, rows, columns),
        "temperature": cl.show.temperature(images[0], draw.normal(0, 3, 10), [f"class {k}" for k in range(10)]),
        "selection": cl.show.selection(places, order, distances, "herding", 20, ("first axis", "second axis")),
        "exemplars": cl.show.exemplars(images[:60], 20),
        "evictions": cl.show.evictions(images[:60], kept),
    }


def _of_classes(draw: np.random.Generator) -> dict[str, cl.show.Picture]:
    classes, names = [10] * 4, [f"class {label}" for label in range(40)]
    chances = {"before": 3 * np.eye(40) + np.r_[np.zeros(30), np.full(10, 0.3)], "after": 3 * np.eye(40) + 0.05}
    counts = {moment: draw.multinomial(50, p / p.sum(1, keepdims=True)) for moment, p in chances.items()}
    factors = np.arange(41) / 20
    lines = {group: np.sort(draw.random(41)) for group in ("old classes", "new classes", "all classes")}
    biases, norms = ({moment: draw.normal(1, 0.3, 40) for moment in counts} for _ in range(2))
    return {
        "rescaling": cl.show.rescaling(factors, lines, 1.0, 0.7, "eeil, after task 4"),
        "confusions": cl.show.confusions(counts, classes, names, "eeil"),
        "last_layer": cl.show.last_layer(biases, {k: np.abs(v) for k, v in norms.items()}, classes, names, "eeil"),
    }
