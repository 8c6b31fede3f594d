"""The DF-CNN authors' program against its equations in NumPy, from pixels to the weights after some updates."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from running import learn

import cltutor as cl
from cltutor.networks import DFCNN, TaskCNN, parameters
from cltutor.seeds import seeded

RIVALS = ("dfcnn", "single_task", "hard_sharing", "progressive")
TINY = TaskCNN((2, 3), (4,), dropout=0.0, initialisation="truncated_normal", normalise="image")
SIZES = {"knowledge": ((2, 2), (2, 2)), "deconvolution": ((3, 2), (3, 3))}
RATE, DECAY, EPOCHS = 0.05, 0.5, 2


def stream():
    """Two tasks of two classes with six images each; an epoch is one batch of all."""
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (12, 1, 4, 4), dtype=torch.uint8, generator=draw)
    labels = torch.arange(4).repeat_interleave(3)
    return cl.streams.tensors(images, labels, images, labels, tasks=2)


def rebuilt(knowledge, filters, bias, mixing):
    """W (3, 3, c_in, c_out): a deconvolution at stride 2, whose 5x5 positions are cut to 3x3, and a contraction."""
    whole = np.zeros((5, 5, filters.shape[3]))
    for i in range(2):
        for j in range(2):
            whole[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += np.einsum("m,abmk->abk", knowledge[i, j], filters)
    return np.einsum("abk,kio->abio", whole[1:4, 1:4] + bias, mixing)


def convolved(maps, filters, bias):
    """maps (N, h, w, c_in) under 3x3 filters, padded with zeros, and a ReLU."""
    (_, height, width, _), padded = maps.shape, np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = [padded[:, a : a + height, b : b + width] @ filters[a, b] for a in range(3) for b in range(3)]
    return np.maximum(sum(taps) + bias, 0)


def loss(weights, images, labels):
    """The sum over images of the cross-entropy of a task with these weights."""
    pixels = images / 255
    deviation = np.maximum(pixels.std((2, 3), keepdims=True), 1 / 4)  # at least 1 / sqrt(16 pixels)
    maps = ((pixels - pixels.mean((2, 3), keepdims=True)) / deviation).transpose(0, 2, 3, 1)
    for i in range(2):
        filters = rebuilt(*(weights[f"{part}{i}"] for part in ("knowledge", "filters", "basis_bias", "mixing")))
        maps = convolved(maps, filters, weights[f"bias{i}"])
    count, channels = len(maps), maps.shape[3]
    pooled = maps.reshape(count, 2, 2, 2, 2, channels).max((2, 4))
    features = pooled.transpose(0, 3, 1, 2).reshape(count, -1)
    hidden = np.maximum(features @ weights["hidden"].T + weights["hidden_bias"], 0)
    logits = hidden @ weights["head"].T + weights["head_bias"]
    logits = logits - logits.max(1, keepdims=True)
    return (np.log(np.exp(logits).sum(1)) - logits[np.arange(count), labels]).sum()


def gradient(weights, name, images, labels, step=1e-6):
    found = np.zeros_like(weights[name])
    for place in np.ndindex(found.shape):
        values = []
        for sign in (1, -1):
            moved = weights[name].copy()
            moved[place] += sign * step
            values.append(loss({**weights, name: moved}, images, labels))
        found[place] = (values[0] - values[1]) / (2 * step)
    return found


def weights_of(state, task):
    """The arrays of a task by the names that ``loss`` reads."""
    own, convolutions = f"tasks.{task}", (0, 2)
    names = {f"knowledge{i}": f"backbone.trunk.{place}.knowledge" for i, place in enumerate(convolutions)}
    for i in range(2):
        parts = ("filters", "mixing", "basis_bias", "bias")
        names |= {f"{part}{i}": f"{own}.transfers.{i}.{part}" for part in parts}
    names |= {"hidden": f"{own}.hidden.0.0.weight", "hidden_bias": f"{own}.hidden.0.0.bias"}
    names |= {"head": f"{own}.head.weight", "head_bias": f"{own}.head.bias"}
    return {name: state[key].double().numpy() for name, key in names.items()}


def test_a_run_of_two_tasks_has_the_weights_of_the_equations_in_numpy():
    """Images one by one, filters rebuilt by eq. 1 and 2, a summed loss, TensorFlow's RMSProp with new accumulators for
    each task, and a rate that an epoch counter through both lowers."""
    tasks, recipe = stream(), cl.methods.dfcnn_authors(learning_rate=RATE, rate_decay=DECAY)
    run = learn(tasks, replace(recipe, network=replace(recipe.network, backbone=TINY, **SIZES)), epochs=EPOCHS, seed=3)
    with seeded(("network", 3)):
        network = run.recipe.network.build(tasks.image_shape)
    knowledge: dict[str, np.ndarray] = {}
    for task in (0, 1):
        with seeded(("head", 3, task)):
            network.grow(2)
        weights = {**weights_of(network.state_dict(), task), **knowledge}
        images, labels = tasks[task].train.images.numpy().astype(float), tasks[task].train.labels.tolist()
        labels = [tasks[task].classes.index(label) for label in labels]
        squares = {name: np.ones_like(value) for name, value in weights.items()}
        for epoch in range(EPOCHS):
            rate = RATE / (1 + DECAY * (EPOCHS * task + epoch))
            slopes = {name: gradient(weights, name, images, labels) for name in weights}
            for name, slope in slopes.items():
                squares[name] = 0.9 * squares[name] + 0.1 * slope**2
                weights[name] = weights[name] - rate * slope / np.sqrt(squares[name] + 1e-10)
        knowledge = {name: value for name, value in weights.items() if name.startswith("knowledge")}
        with torch.no_grad():
            for i in range(2):
                network.knowledge_base(i).copy_(torch.from_numpy(knowledge[f"knowledge{i}"]))
        found = weights_of(run.states[task], task)
        for name, value in weights.items():
            np.testing.assert_allclose(found[name], value, atol=2e-5, err_msg=f"{name} after task {task}")


@pytest.mark.parametrize("name", RIVALS)
def test_all_are_trained_alike_by_the_authors_settings(name):
    recipe, schedule = cl.methods.named(f"{name}_authors")(), cl.methods.named(f"{name}_authors")().schedule
    assert repr(recipe.loss) == "CrossEntropy(reduction='sum')"
    assert (schedule.optimiser, schedule.momentum, schedule.weight_decay) == ("rmsprop_tf1", 0, 0)
    assert (schedule.epochs, schedule.batch_size, schedule.learning_rate) == (2000, 10, 1e-4)
    assert [schedule.learning_rate / schedule.slowness(n) for n in (0, 4000)] == [1e-4, 5e-5]
    office = cl.methods.named(f"{name}_authors")("office_home").schedule
    assert (office.epochs, office.batch_size, office.learning_rate) == (1000, 16, 5e-6)
    assert office.learning_rate / office.slowness(1000) == 2.5e-6


@pytest.mark.parametrize("name", RIVALS)
def test_layers_that_are_not_rebuilt_are_drawn_from_a_truncated_normal_in_every_task(name):
    torch.manual_seed(0)
    network = cl.methods.named(f"{name}_authors")(backbone=cl.methods.single_task_authors().network.backbone).network
    built = network.build((3, 32, 32))
    built.grow(10), built.grow(10)
    plain = [m for m in built.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(plain) >= 4
    for layer in plain:
        assert 0.04 < layer.weight.abs().max() <= 0.1
        assert layer.weight.std().item() == pytest.approx(0.044, rel=0.25)  # 0.05, cut off at two deviations
        assert layer.bias is None or (layer.bias == 0.2).all()


@pytest.mark.parametrize(
    ("name", "published"), [("single_task", 26.8e6), ("dfcnn", 201.8e6)], ids=["single_task", "dfcnn"]
)
def test_on_office_home_ten_tasks_have_the_papers_number_of_parameters(name, published):
    """Section 4.2. One task is counted, and the knowledge base, which all ten share, by hand."""
    network = cl.methods.named(f"{name}_authors")("office_home").network
    shared = 6 * 6 * 24 + 3 * 3 * 64 + 2 * 2 * 2 * 64 if isinstance(network, DFCNN) else 0
    (one,) = parameters(network, (3, 128, 128), [13])
    assert shared + 10 * (one - shared) == pytest.approx(published, rel=0.0025)
