"""Every picture can be read at its smallest and largest sizes, with long names and many methods."""

from itertools import product

import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor import show

DRAWN = np.random.default_rng(0)
FIVE = ["finetune", "lwf", "joint", "feature_extraction", "expansion_lwf"]
DFCNN = ["dfcnn", "dfcnn_small", "single_task", "single_task_large", "hard_sharing", "progressive", "expandable"]
WORDS = "class " + 30 * "long name "
AXES = ("first principal component (60 % of variance)", "second principal component (20 % of variance)")
GROUPS = ("chosen: 3, 7", "others of task 1: 1, 2", "later tasks")


def seeds(make, names, count=2, **options):
    return [make.run(name, seed, **options) for name in names for seed in range(count)]


def over_tasks(make):
    for tasks, (count, known_task) in product((1, 2, 5, 6, 7, 10), ((1, True), (5, False))):
        yield show.accuracy_over_time(seeds(make, FIVE[:count], tasks=tasks, loss=0.12), known_task)
        yield show.accuracy_matrix(make.run("feature_extraction", tasks=tasks), known_task)


def bars(make):
    for count, (known_task, loss) in product((1, 5), ((True, -0.05), (True, 0.0), (False, 0.2))):
        yield show.forgetting(seeds(make, FIVE[:count], loss=loss), known_task)
    yield show.storage(
        {f"method_{i}": [{"network": 310_000, "Anchor": 620_000, "merge": 10**6}] * 9 for i in range(10)}
    )
    yield show.storage({"finetune": [{"network": 900}]})


def results(make):
    both = seeds(make, FIVE, 3) + seeds(make, ["finetune", "eeil", "icarl"], 3, competes=True)
    for known_task in (True, False):
        yield show.gallery(both, known_task)
        yield show.gallery(make.run("tensor_factorization"), known_task)
        yield show.gallery(seeds(make, ["lwm_attention_only"], competes=True), known_task)
        yield show.old_and_new(both, known_task)
        yield show.accuracy_by_share({share: seeds(make, FIVE) for share in (1.0, 0.3, 0.1, 0.03)}, known_task)
    yield show.old_and_new(make.run("lwf"))
    yield show.old_and_new([make.run(name, loss=0.02 * i) for i, name in enumerate(cl.methods.names()[:20])])


def groups_and_damage(make):
    accuracies = {name: DRAWN.uniform(0.3, 1, (4, 3)) for name in ("finetune", "mas", "mas, adapted")}
    yield show.adaptation(accuracies, GROUPS, "press Train to see MAS adapted to this choice")
    yield show.adaptation({"mas": accuracies["mas"][:, :2]}, GROUPS[:2])
    for tasks in (1, 2, 3, 5, 8):
        values = {which: DRAWN.uniform(0.2, 1, (4, tasks)) for which in ("least", "random", "most")}
        yield show.damage((0, 0.1, 0.3, 0.9), values, "mas after task 5", "given noise", 0.35)


def losses(make):
    for tasks, steps in ((1, 1), (2, 5), (5, 200), (10, 2000), (20, 9)):
        yield show.loss_parts(make.run("lwf", tasks=tasks, steps=steps))
    for scale in (1e-6, 1e4):
        one = make.run("lwf")
        one.curves.loss = {name: scale * values for name, values in one.curves.loss.items()}
        yield show.loss_parts(one)


def parameters(make):
    for tasks in (1, 2, 10, 20):
        counts = {name: (np.arange(1, tasks + 1) * 100_000 * (k + 1)).tolist() for k, name in enumerate(DFCNN)}
        yield show.growth(counts)
        yield show.accuracy_over_parameters({name: (a[-1], np.linspace(0.3, 0.5, tasks)) for name, a in counts.items()})


def importances(make):
    shapes = (32, 1, 3, 3), (32, 3, 3, 3), (32, 32, 3, 3), (128, 256), (4, 600), (600, 4), (7,)
    for shape, count in product(shapes, (1, 4)):
        omegas = {name: {"layer": torch.rand(shape)} for name in ("mas", "mas_local", "ewc", "si")[:count]}
        yield show.importance(omegas, "layer", what="after task 2")
    one = DRAWN.random((40, 50)) ** 3
    for scale in ("rank", "log"):
        yield show.agreement(one, 1e-4 * one * DRAWN.random((40, 50)), ("mas", "ewc"), scale, "hidden.weight")


def balances(make):
    for classes in ([1], [3], [2] * 5, [4, 2, 2], [10] * 10, [5] * 20):
        count = sum(classes)
        names = [f"a class with a long name {label}" for label in range(count)]
        counts = DRAWN.integers(0, 30, (count, count)) + 100 * np.eye(count, dtype=int)
        yield show.confusions({"before fine-tuning": counts, "after fine-tuning": counts}, classes, names, "eeil")
        values = {"before": np.linspace(0.5, 1, count), "after": np.linspace(0, 1, count)}
        yield show.last_layer(values, values, classes, names, "eeil")
        yield show.ablation({"eeil": np.linspace(1, 0.2, len(classes))}, classes, "eeil")


def attention(make):
    images = DRAWN.integers(0, 256, (2, 3, 16, 16), dtype=np.uint8)
    rows = ["hourglass, test image 19", "hourglass, test image 20"]
    for steps in (1, 3, 6):
        names = [f"M{step}" for step in range(steps)]
        maps = {name: DRAWN.random((2, steps, 4, 4)) for name in ("finetune", "lwf_mc", "lwm")}
        yield show.attention_maps(images, maps, rows, names, what="layer backbone.trunk.8")
        yield show.attention_maps(images, {"lwm": maps["lwm"]}, rows, names)
        drifts = {name: values.sum((2, 3)) for name, values in maps.items()}
        yield show.attention_drift(drifts, names, "layer backbone.trunk.8, mean over 200 base-class test images")


def exemplars(make):
    for count, chosen, scale in ((1, 1, 0.1), (3, 3, 10.0), (30, 12, 1.0)):
        distances = {name: DRAWN.random(chosen) for name in ("herding", "closest", "random", "histogram")}
        places = scale * DRAWN.normal(size=(count, 2))
        yield show.selection(places, np.arange(chosen), distances, "closest", chosen, AXES, WORDS)
    images = DRAWN.integers(0, 256, (70, 3, 8, 8), dtype=np.uint8)
    yield show.exemplars(images, 17, WORDS)
    yield show.evictions(images, {2 * task: max(1, 70 // task) for task in range(1, 51)}, f"K = 140, {WORDS}")


def knowledge(make):
    for sizes in ((1, 1, 1), (4, 3, 2), (36, 64, 64), (120, 3, 3)):
        yield show.knowledge(make.network(*sizes), 0, 0, [0], "a run with a name that is very, very long" * 3)
    for tasks, channels in ((1, 1), (2, 9), (10, 36), (20, 64)):
        shares = DRAWN.dirichlet(np.ones(channels), tasks)
        yield show.knowledge_shares(shares)
        yield show.knowledge_shares(shares, [f"a task with a long name {t}" for t in range(tasks)], "layer 2")


def transfers(make):
    for tasks, epochs in ((1, 1), (2, 3), (5, 100), (10, 20), (20, 4)):
        learning = np.repeat(np.arange(tasks), epochs)
        known = np.where(learning[:, None] < np.arange(tasks), np.nan, DRAWN.uniform(0.5, 1, (tasks * epochs, tasks)))
        yield show.reverse_transfer(known, learning, "dfcnn", {"single_task": 0.8})
        yield show.transfer_table(known, learning, "dfcnn")
    for tasks, layers in ((2, 1), (10, 4), (20, 6)):
        later = np.triu(np.ones((tasks, tasks)))[..., None] > 0
        yield show.filter_changes(np.where(later, DRAWN.uniform(0, 1, (tasks, tasks, layers)), np.nan))


def images(make):
    for classes, per_class in product(((1,), (10, 3), (5,) * 4, (60, 2)), (1, 4, 10)):
        yield show.tasks(make.stream(classes, ((1, 8, 8), (3, 40, 40)), names="a quite long name {}"), per_class)
    for count, shape in ((1, (1, 8, 8)), (2, (3, 32, 48)), (12, (3, 90, 40)), (100, (3, 40, 90))):
        names = [f"a class with the long name {i}" for i in range(count)]
        yield show.temperature(np.zeros(shape, dtype=np.uint8), np.arange(count), names, 4.0, target=0)


def walls(make):
    """Of one class, of many tasks, of names that do not fit, of more classes than have room for their names."""
    for tasks, classes, learned in ((1, 1, 1), (3, 4, 1), (10, 2, 10), (20, 1, 20), (5, 20, 5)):
        run = make.run("eeil", tasks=tasks, classes=classes, competes=True, record=5, learned=learned)
        for names in ("class {}", "Donaudampfschifffahrtsgesellschaft {}", "MWMW MWMW MWMW {}"):
            yield show.wall(run, make.stream((classes,) * tasks, names=names), known_task=False)


def later(make):
    for tasks, size in ((1, 1), (2, 7), (9, 60)):
        images = DRAWN.integers(0, 256, (10 * tasks, 3, 8, 12), dtype=np.uint8)
        order, names = np.repeat(np.arange(tasks), 10), [WORDS] * 10 * tasks
        held = [np.arange(min(seen, size)) for seen in (5, 10 * tasks)]
        yield show.reservoir(images, names, order, held, [5, 10 * tasks], WORDS)
        own = {
            f"a layer {number} with a long name": DRAWN.integers(-1, tasks, (3, 4)) for number in range(size % 9 + 1)
        }
        own["last"] = np.full((40, 600), tasks - 1)
        yield show.masks(own, "last", WORDS)
    lines = {group: DRAWN.random(41) for group in ("old classes", "new classes", "all classes")}
    yield show.rescaling(np.arange(41) / 20, lines, 10.0, 2.345, WORDS, WORDS)
    yield show.rescaling([0, 1], {"old": [0, 1]}, 0.0, 0.0)


FAMILIES = [over_tasks, bars, results, groups_and_damage, losses, parameters, importances, balances, attention]
FAMILIES += [exemplars, knowledge, transfers, images, walls, later]


@pytest.mark.parametrize("family", FAMILIES)
def test_pictures_of_every_size_are_readable(family, make, readable):
    for picture in family(make):
        readable(picture)
