"""Teachers: recorded outputs equal those that the old network computes live, and build no graph of their own."""

from dataclasses import replace

import pytest
import torch
from running import grown, learn
from torch import nn

import cltutor as cl
from cltutor.attention import cam, last_block
from cltutor.losses.terms import Batch
from cltutor.memory import Pool
from cltutor.networks import MultiHead, Network, ResNet32, SmallCNN, Torchvision
from cltutor.training.task import watched_layer
from cltutor.training.teachers import Live, Recorded, RecordedAnew, RecordedMaps, Teacher, make_teacher

IMAGES = torch.randint(0, 256, (7, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
POOL = Pool(IMAGES, torch.zeros(7, dtype=torch.int64), torch.ones(7, dtype=torch.int64))
BACKBONES = [SmallCNN(), ResNet32(), Torchvision("squeezenet1_1")]


def network(backbone) -> Network:
    built = grown(MultiHead(backbone), 3, 2, image_shape=(3, 32, 32))
    for module in built.heads.modules():
        if isinstance(module, nn.Conv2d):  # above SqueezeNet's output is a ReLU, which untrained leaves nothing
            nn.init.ones_(module.bias)
    return built.eval().requires_grad_(False)


def taught(recipe: cl.Recipe, old: Network) -> Teacher:
    terms = [term for _, _, active in recipe.plan(2) for _, term in active.values()]
    return make_teacher(terms, old, POOL, watched_layer(old, POOL, terms), recipe.schedule.changes_images)


def batch(places: list[int], **teachers: Teacher) -> Batch:
    own = torch.tensor(places)
    return Batch(None, IMAGES[own], None, own, [2], None, "class", teachers)


@pytest.mark.parametrize("backbone", BACKBONES, ids=repr)
def test_recorded_maps_answer_as_the_old_network_does_and_give_the_same_grad_cam(backbone):
    old = network(backbone)
    recorded = taught(cl.methods.lwm(backbone=backbone), old)
    live = Live(old, last_block(old, IMAGES[:1]))
    assert isinstance(recorded, RecordedMaps)
    ours, theirs = recorded(batch([5, 0, 3])), live(batch([5, 0, 3]))
    torch.testing.assert_close(ours.maps, theirs.maps, rtol=1e-4, atol=1e-5)
    for task in (0, 1):
        torch.testing.assert_close(ours.head(task), theirs.head(task), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.features, theirs.features, rtol=1e-4, atol=1e-5)
    found, expected = (torch.stack([cam(o.head(0)[:, c], o.maps) for c in range(3)]) for o in (ours, theirs))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert found.max() > 0


RESNET = Torchvision("resnet18")  # no plain sequence of layers: maps inside it are computed live


@pytest.mark.parametrize(
    ("recipe", "kind"),
    [
        (cl.methods.lwf_mc(), Recorded),
        (cl.methods.lwf_mc(augmentation=cl.streams.CropFlip()), RecordedAnew),
        (cl.methods.lwm(augmentation=cl.streams.CropFlip()), RecordedAnew),
        (cl.methods.lwm(backbone=RESNET), Live),
    ],
)
def test_answers_are_recorded_once_and_with_augmentation_anew_for_every_epoch(recipe, kind):
    assert isinstance(taught(recipe, network(recipe.network.backbone)), kind)


@pytest.mark.parametrize("method", [cl.methods.lwf_mc, cl.methods.lwm, cl.methods.ebll])
@pytest.mark.parametrize("drawn", [None, torch.tensor([6, 1, 3])])
def test_outputs_are_recorded_anew_for_the_images_last_shown(method, drawn):
    augmentation = cl.streams.CropFlip()
    old = network(SmallCNN())
    teacher = taught(method(augmentation=augmentation), old)
    for epoch in (1, 2):
        crops = torch.Generator().manual_seed(epoch)
        images = replace(POOL, chosen=drawn).shown(augmentation, crops)
        teacher.record_epoch(images, drawn)
        own = torch.tensor([3, 1])
        shown = Batch(None, images[own], None, own, [2], None, "class", {})
        ours, theirs = teacher(shown), Live(old, last_block(old, IMAGES[:1]))(shown)
        torch.testing.assert_close(ours.logits, theirs.logits, rtol=1e-4, atol=1e-5)
        if method is cl.methods.ebll:
            torch.testing.assert_close(ours.features, theirs.features, rtol=1e-4, atol=1e-5)
        if method is cl.methods.lwm:
            torch.testing.assert_close(ours.maps, theirs.maps, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("augmentation", [None, cl.streams.CropFlip()])
def test_a_teacher_runs_once_per_batch_for_all_terms_and_builds_no_graph_for_its_parameters(augmentation):
    old = network(SmallCNN())
    teacher = taught(cl.methods.lwm(augmentation=augmentation), old)
    teacher.record_epoch(IMAGES, None)
    read = batch([1, 2], task=teacher)
    first = read.teacher("task")
    assert first is read.teacher("task")
    assert first.maps.is_leaf, "a graph reaches below the maps"
    first.head(0).sum().backward()
    assert all(p.grad is None and not p.requires_grad for p in old.parameters())


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        (cl.methods.lwf, {}),
        (cl.methods.lwf, {"heads": "class", "joined": True, "temperature": 3.0}),
        (cl.methods.lwf, {"heads": "class", "joined": True, "loss": "l1"}),
        (cl.methods.lwm, {"maps": "grad_cam"}),
        (cl.methods.lwm, {"maps": "activation"}),
        (cl.methods.ebll, {}),
    ],
)
def test_recorded_and_recomputed_outputs_give_the_same_weights(tiny, method, settings):
    still = cl.streams.CropFlip(padding=0, flip=False)
    pair = [learn(tiny, method(epochs=5, augmentation=one, **settings)) for one in (None, still)]
    for name, value in pair[0].states[-1].items():
        torch.testing.assert_close(value, pair[1].states[-1][name], rtol=1e-3, atol=1e-5)
