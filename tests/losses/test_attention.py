"""LwM's attention distillation, eq. 4 to 6, against loops by hand; what it moves and what it leaves alone."""

import pytest
import torch
from running import grown
from torch import nn

from cltutor.attention import look
from cltutor.losses import AttentionDistillation, Batch, Context
from cltutor.networks import MultiHead, SmallCNN

LAYER = "backbone.trunk.1"
IMAGES = torch.randint(0, 256, (4, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def pair():
    """A student of two tasks and a teacher of one, with other weights."""
    architecture = MultiHead(SmallCNN(channels=(8,), hidden=(12,)))
    student, teacher = grown(architecture, 3, 2), grown(architecture, 3)
    for network in (student, teacher):
        network.normalise_like(IMAGES)
        nn.init.normal_(network.backbone.trunk[0].weight)
        nn.init.normal_(network.heads[0].weight)  # so that images differ in their top class
    return student.double(), teacher.double().eval().requires_grad_(False)


@pytest.fixture
def batch(pair) -> Batch:
    student, teacher = pair
    context = Context(student, 1, "class", watched=LAYER)
    columns = torch.tensor([0, 0, 0, 1, 1])
    teachers = {"task": lambda own: look(teacher, own.images, LAYER)}
    return Batch(context, IMAGES, torch.tensor([3, 4, 3, 4]), torch.arange(4), [1], columns, "class", teachers)


def grad_cam_by_hand(network, image: torch.Tensor, target: int) -> torch.Tensor:
    maps = network.backbone.trunk[:2](network.backbone.normalise(image.unsqueeze(0))).detach().requires_grad_()
    flat = network.backbone.trunk[2:](maps)
    for layer in network.backbone.hidden:
        flat = layer(flat)
    score = network.heads[0](flat)[0, target]
    (gradient,) = torch.autograd.grad(score, maps)
    found = torch.zeros(maps.shape[2:], dtype=maps.dtype)
    for k in range(maps.shape[1]):
        found += gradient[0, k].mean() * maps[0, k].detach()
    return found.clamp(min=0).flatten()


def unit(vector: torch.Tensor) -> torch.Tensor:
    """Of length one; the all-zero map that a ReLU can leave stays as it is."""
    return vector / vector.norm() if vector.any() else vector


@pytest.mark.parametrize("distance", ["l1", "l2"])
def test_it_is_the_distance_of_normalised_maps_for_the_base_class_the_student_scores_highest(pair, batch, distance):
    student, teacher = pair
    expected = 0.0
    for image in IMAGES:
        top = int(student(image.unsqueeze(0)).head(0).argmax())
        now, before = (grad_cam_by_hand(network, image, top) for network in (student, teacher))
        gap = unit(now) - unit(before)
        expected += (gap.abs().sum() if distance == "l1" else gap.square().sum()).item() / 4
    assert AttentionDistillation(distance)(batch, {}).item() == pytest.approx(expected, rel=1e-5)
    assert expected > 0.01


def test_the_class_is_a_base_class_chosen_by_the_student_and_not_by_the_teacher(pair, batch):
    student, teacher = pair
    tops = student(IMAGES).head(0).argmax(1)
    assert (tops != teacher(IMAGES).head(0).argmax(1)).any()
    value = AttentionDistillation()(batch, {})
    value.backward()
    assert student.heads[1].weight.grad is None
    assert student.heads[0].weight.grad.abs().sum() > 0
    assert student.backbone.trunk[0].weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_class_free_attention_is_the_mean_of_squared_activations(pair, batch):
    assert look(pair[0], IMAGES, None).maps is None
    maps = [look(network, IMAGES, LAYER).maps.square().mean(1).flatten(1) for network in pair]
    first, second = (m / m.norm(dim=1, keepdim=True) for m in maps)
    expected = (first - second).abs().sum(1).mean().item()
    assert AttentionDistillation(maps="activation")(batch, {}).item() == pytest.approx(expected)
    assert expected > 0.01
