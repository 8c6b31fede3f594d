"""BiC: the weighted loss, images held out, and two numbers that come to the minimum of eq. 5 on them."""

import pytest
import torch
from running import grown, learn
from scipy.optimize import minimize
from torch.nn import functional as F

import cltutor as cl
from cltutor.losses import Batch, Context, CrossEntropy, Distillation
from cltutor.methods import Corrected, NewShare, OldShare, ValidatedMemory
from cltutor.networks import SmallCNN
from cltutor.streams import PhotometricCropFlip
from cltutor.training.events import EpochDone

SMALL = SmallCNN((4, 4), (8,))


def test_the_newest_logits_are_scaled_and_shifted_and_old_ones_as_when_they_were_learned():
    network = grown(Corrected(SMALL), 2, 1, 2).eval()
    images = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8)
    plain = [network.heads[t](network.backbone(images)) for t in range(3)]
    numbers = [(1.0, 0.0), (2.0, -0.5), (0.25, 3.0)]
    with torch.no_grad():
        for correction, (alpha, beta) in zip(network.corrections, numbers, strict=True):
            correction.alpha.fill_(alpha)
            correction.beta.fill_(beta)
    expected = torch.cat([alpha * logits + beta for logits, (alpha, beta) in zip(plain, numbers, strict=True)], dim=1)
    torch.testing.assert_close(network(images).logits, expected)
    assert network.parameters_of("bias") == [network.corrections[2].alpha, network.corrections[2].beta]


@pytest.mark.parametrize(
    ("term", "plain", "share"), [(NewShare(), CrossEntropy(), 1 / 3), (OldShare(), Distillation(), 2 / 3)]
)
def test_the_two_losses_are_weighted_by_the_share_of_new_and_of_old_classes(term, plain, share):
    network, before = grown(cl.networks.MultiHead(SMALL), 4, 2), grown(cl.networks.MultiHead(SMALL), 4)
    with torch.no_grad():
        network.heads[0].weight += 0.3
    images = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8)
    columns, context = torch.tensor([0, 0, 0, 0, 1, 1]), Context(network, 1, "class")
    teachers = {"task": lambda batch: before(batch.images)}
    batch = Batch(context, images, torch.tensor([0, 4, 5, 4, 1]), torch.arange(5), [0, 1], columns, "class", teachers)
    torch.testing.assert_close(term(batch, {}), share * plain(batch, {}))


@pytest.mark.parametrize("method", [cl.methods.bic, cl.methods.wa])
def test_distillation_has_one_softmax_over_all_old_classes_at_temperature_two(method):
    """By hand, of two old tasks of two classes: a softmax for each, or another temperature, has another value."""
    network, before = grown(cl.networks.MultiHead(SMALL), 2, 2, 2), grown(cl.networks.MultiHead(SMALL), 2, 2)
    images = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8)
    teachers, columns = {"task": lambda batch: before(batch.images)}, torch.arange(3).repeat_interleave(2)
    labels = torch.tensor([0, 4, 5, 4, 1])
    batch = Batch(Context(network, 2, "class"), images, labels, torch.arange(5), [0, 2], columns, "class", teachers)
    now, then = network(images).logits.double(), before(images).logits.double()
    soft, own = torch.exp(then / 2), torch.exp(now[:, :4] / 2)
    soft, own = soft / soft.sum(dim=1, keepdim=True), own / own.sum(dim=1, keepdim=True)
    expected = 4 / 6 * -(soft * own.log()).sum(dim=1).mean() + 2 / 6 * F.cross_entropy(now, labels)
    value = sum(weight * term(batch, {}) for weight, term in method().loss.terms)
    torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-6)


def test_the_two_numbers_minimise_the_cross_entropy_of_held_out_images_and_nothing_else_moves(three):
    """Of noise, so that no number of both is best at infinity; eq. 5 on the images that are held out, by a simplex."""
    settings = {"epochs": 90, "backbone": SMALL, "weight_decay": 0.0, "clip": 1e9}
    recipe, before = cl.methods.bic(memory=ValidatedMemory(60, share=0.4), **settings), {}
    for event in cl.train(three, recipe, device="cpu"):
        if isinstance(event, EpochDone) and event.phase == "train":
            before = {name: value.clone() for name, value in event.network.state_dict().items()}
    after, state = event.run.states[-1], event.run.part_states["memory"]
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved == {"corrections.2.alpha", "corrections.2.beta"}
    out, network = state["held"].bool(), event.run.model
    images, labels = state["images"][out], state["labels"][out]
    assert torch.bincount(labels).tolist() == [4] * 6
    network.load_state_dict(before)
    logits = network(images).logits.double()

    def loss(numbers):
        corrected = logits.clone()
        corrected[:, 4:] = numbers[0] * corrected[:, 4:] + numbers[1]
        return F.cross_entropy(corrected, labels).item()

    best = minimize(loss, [1.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10})
    ours = [after["corrections.2.alpha"].item(), after["corrections.2.beta"].item()]
    assert loss([1.0, 0.0]) - best.fun > 0.01
    assert loss(ours) - best.fun < 0.05 * (loss([1.0, 0.0]) - best.fun)


def test_images_that_are_held_out_are_never_trained_on(patterns):
    memory, state, seen = ValidatedMemory(30, share=0.4), {}, set()
    network = grown(cl.networks.MultiHead(SMALL))
    for task in patterns:
        network.grow(2)
        pool = memory.pool(patterns, task.index, torch.device("cpu"), state)
        seen |= {tuple(image.flatten().tolist()) for image in pool.images[pool.chosen]}
        context = Context(network, task.index, "class", task)
        out = memory.balanced(pool, context, state).chosen if state else torch.tensor([], dtype=torch.int64)
        assert not set(out.tolist()) & set(pool.chosen.tolist())
        memory.end_task(context, state)
        held, classes = state["images"][state["held"].bool()], sum(network.classes)
        assert len(held) == memory.held(8, classes) * classes
        assert not {tuple(image.flatten().tolist()) for image in held} & seen
        assert torch.bincount(state["labels"]).max() <= 30 // sum(network.classes)


def test_the_balanced_set_has_as_many_of_each_class_as_of_the_rarest():
    """0.4 of 20 images is 8, of 6 images 2."""
    labels = torch.tensor([0] * 20 + [1] * 6 + [2] * 20 + [3] * 6)
    images = torch.rand(52, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    stream = cl.streams.tensors(images, labels, images[::2], labels[::2], tasks=2, order=None)
    memory, state, network = ValidatedMemory(100, share=0.4), {}, grown(cl.networks.MultiHead(SMALL))
    for task in stream:
        network.grow(2)
        pool, context = memory.pool(stream, task.index, torch.device("cpu"), state), Context(network, 0, "class", task)
        if task.index == 0:
            memory.end_task(context, state)
    assert torch.bincount(state["labels"][state["held"].bool()]).tolist() == [8, 2]
    chosen = memory.balanced(pool, context, state)
    assert torch.bincount(chosen.labels[chosen.chosen]).tolist() == [2, 2, 2, 2]


def test_of_an_old_class_the_images_that_were_chosen_first_stay():
    memory, labels = ValidatedMemory(8, share=0.25), torch.zeros(8, dtype=torch.int64)
    old = {"labels": labels, "held": torch.tensor([0, 0, 0, 0, 0, 0, 1, 1], dtype=torch.uint8)}
    assert memory.stay(old, torch.tensor(0), 2).tolist() == [0, 1, 2, 6]  # four of each of two classes, one held out


def test_nor_are_their_variants(patterns):
    pool = ValidatedMemory(30).pool(patterns, 0, torch.device("cpu"), {})
    enlarged = pool.enlarged(PhotometricCropFlip(once=True), torch.Generator().manual_seed(0))
    assert len(enlarged) == 12 * len(pool)
    assert set((enlarged.chosen % len(pool.labels)).tolist()) == set(pool.chosen.tolist())


def test_without_old_classes_no_number_moves(patterns):
    run = learn(patterns, cl.methods.bic(capacity=30, epochs=3, backbone=SMALL))
    assert (run.states[0]["corrections.0.alpha"], run.states[0]["corrections.0.beta"]) == (1, 0)
    assert run.states[2]["corrections.1.beta"] == run.states[1]["corrections.1.beta"] != 0
