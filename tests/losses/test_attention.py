"""LwM's attention distillation, eq. 4 to 6, against loops by hand; what it moves and what it leaves alone."""

import copy
from dataclasses import dataclass

import pytest
import torch
from running import assert_same, grown, learn, left_after
from torch import nn
from torch.autograd.function import once_differentiable
from torchvision import models

import cltutor as cl
from cltutor.attention import grad_cam, last_block, look
from cltutor.describe import Described
from cltutor.losses import AttentionDistillation, Batch, Context, attention_distillation
from cltutor.memory import Pool
from cltutor.networks import Backbone, MultiHead, ResNet32, SmallCNN, TaskCNN, Torchvision
from cltutor.networks.backbone import Normalise
from cltutor.runs.store import Store
from cltutor.training.events import EpochDone, Stepped
from cltutor.training.teachers import make_teacher

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


LARGER = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
FAMILIES = ("squeezenet1_1", "densenet121", "mobilenet_v3_small")


@dataclass(frozen=True, repr=False)
class Normed(Described):
    """A small network with batch norm and dropout, for images of 8x8 pixels."""

    def build(self, image_shape, pretrained=True):
        layers = nn.Conv2d(image_shape[0], 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout()
        normalise = Normalise([0.0] * image_shape[0], [1.0] * image_shape[0])
        return Backbone(normalise, nn.Sequential(*layers, nn.Linear(144, 6), nn.Sigmoid()), [], 6)


def identical(backbone, images: torch.Tensor) -> Batch:
    """A student in training mode that has just grown, its teacher, and a batch of all ``images``."""
    student = grown(MultiHead(backbone), 3, image_shape=tuple(images.shape[1:]))
    for module in student.modules():  # logits of SqueezeNet pass a ReLU, and untrained there is nothing above zero
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.constant_(module.bias, 0.1)
    before = copy.deepcopy(student)
    student.grow(2)
    layer, zeros = last_block(student, images[:1]), torch.zeros(len(images), dtype=torch.int64)
    teacher = make_teacher([AttentionDistillation()], before, Pool(images, zeros, zeros), layer, False)
    student.train_only(("shared", "old", "new"))
    columns, places = torch.tensor([0, 0, 0, 1, 1]), torch.arange(len(images))
    return Batch(
        Context(student, 1, "class", watched=layer), images, None, places, [1], columns, "class", {"task": teacher}
    )


@pytest.mark.parametrize("maps", ["grad_cam", "activation"])
@pytest.mark.parametrize("backbone", [SmallCNN(), ResNet32(), TaskCNN(), *map(Torchvision, FAMILIES)], ids=repr)
def test_with_identical_weights_it_is_zero_for_every_backbone(backbone, maps):
    """M_t begins as M_(t-1), so the penalty begins at zero (section 1)."""
    images = LARGER if isinstance(backbone, Torchvision) else LARGER[:, :, :16, :16]
    batch, term = identical(backbone, images), AttentionDistillation(maps=maps)
    assert batch.as_tested.maps.abs().max() > 0
    assert term(batch, {}).item() == pytest.approx(0, abs=1e-4)
    batch = identical(backbone, images)
    _ = batch.student.logits  # other terms read it first
    assert term(batch, {}).item() == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("backbone", [Normed(), TaskCNN((4, 4), (6,))], ids=repr)
def test_its_gradient_is_that_of_evaluation_mode(backbone):
    """Beside a pass in training mode, which moves the running statistics, against finite differences."""
    batch = identical(backbone, LARGER[:, :, :8, :8])
    student, term = batch.context.network.double(), AttentionDistillation("l2")
    teacher = copy.deepcopy(batch._teachers["task"].network).double()
    batch._teachers = {"task": lambda own: look(teacher, own.images, batch.context.watched)}
    for parameter in student.parameters():
        nn.init.normal_(parameter, std=0.2)
    twin = copy.deepcopy(student).eval()
    term(batch, {}).backward()
    _ = batch.logits(batch.images)  # replayed images move them once more
    top = twin(batch.images).head(0).argmax(1)

    def loss() -> float:
        now, before = (grad_cam(one, batch.images, top, batch.context.watched) for one in (twin, teacher))
        return attention_distillation(now, before, "l2").item()

    own = dict(student.named_parameters())
    for name, parameter in twin.named_parameters():
        if name.startswith("heads.1"):
            continue
        flat, k = parameter.data.view(-1), parameter.numel() // 2
        values = []
        for move in (1e-6, -2e-6):
            flat[k] += move
            values.append(loss())
        flat[k] += 1e-6
        found = 0.0 if own[name].grad is None else own[name].grad.view(-1)[k].item()
        assert found == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-3, abs=1e-7), name


def test_it_moves_the_running_statistics_no_further_than_the_other_terms_do():
    batch, alone = (identical(ResNet32(), LARGER[:, :, :16, :16]) for _ in range(2))
    _ = AttentionDistillation()(batch, {}), batch.student.logits, alone.student.logits
    for name, value in batch.context.network.named_buffers():
        assert torch.equal(value, alone.context.network.get_buffer(name)), name
        assert "tracked" not in name or value == 1


def test_a_network_without_modes_takes_one_pass_and_one_with_them_two():
    for backbone, count in ((SmallCNN(), 1), (ResNet32(), 2)):
        batch, passes = identical(backbone, LARGER[:, :, :16, :16]), []
        batch.context.network.register_forward_hook(lambda *_, passes=passes: passes.append(1))
        _ = AttentionDistillation()(batch, {}), batch.student.logits, AttentionDistillation("l2")(batch, {})
        assert len(passes) == count


@pytest.mark.parametrize("backbone", [Normed(), TaskCNN((4, 4), (8,))], ids=repr)
def test_in_training_it_begins_at_zero_and_a_resumed_run_has_the_same_numbers(tiny, backbone, tmp_path):
    recipe = cl.methods.lwm(backbone=backbone, epochs=2, batch_size=16)
    steps = [e for e in cl.train(tiny, recipe, device="cpu") if isinstance(e, Stepped) and e.task == 1]
    values = [step.losses["AttentionDistillation"].item() for step in steps]
    assert values[0] == pytest.approx(0, abs=1e-4)
    assert max(values) > 1e-3
    store = Store(tmp_path)
    left_after(EpochDone, tiny, recipe, store, task=1, epoch=0)
    assert_same(learn(tiny, recipe), learn(tiny, recipe, store=store))


@dataclass(frozen=True, repr=False)
class Tokens(Described):
    """A small vision transformer."""

    def build(self, image_shape, pretrained=True):
        trunk = models.VisionTransformer(image_shape[1], 4, 1, 2, 16, 16, num_classes=8)
        return Backbone(Normalise([0.0] * 3, [1.0] * 3), nn.Sequential(Coloured(), trunk), [], 8)


class Coloured(nn.Module):
    def forward(self, images):
        return images.expand(-1, 3, -1, -1)


class Once(torch.autograd.Function):
    @staticmethod
    def forward(context, values):
        return 2 * values

    @staticmethod
    @once_differentiable
    def backward(context, gradient):
        return 2 * gradient


class Doubled(nn.Module):
    def forward(self, features):
        return Once.apply(features)


@dataclass(frozen=True, repr=False)
class OnlyOnce(Described):
    """A network that cannot be differentiated twice."""

    def build(self, image_shape, pretrained=True):
        layers = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 8), nn.Sigmoid(), Doubled(), nn.Sigmoid()
        return Backbone(Normalise([0.0], [1.0]), nn.Sequential(*layers), [], 8)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (MultiHead(Tokens()), "'backbone.trunk.1.encoder' of this model, after 'backbone.trunk.1.conv_proj'"),
        (MultiHead(OnlyOnce()), "whose Grad-CAM has no gradient: .*once_differentiable"),
        (cl.networks.Copies(SmallCNN((4,), (8,))), "'copies.1.backbone.trunk.1' is new in this task"),
        (cl.networks.Progressive(), "no shared layer with a map of positions"),
    ],
    ids=repr,
)
def test_a_network_whose_attention_cannot_be_kept_is_refused_before_the_first_task(tiny, network, words):
    recipe = cl.Recipe("attention", loss=cl.losses.CrossEntropy() + AttentionDistillation(), network=network)
    random, events = torch.get_rng_state(), cl.train(tiny, recipe, device="cpu")
    with pytest.raises(ValueError, match=words):
        next(events)
    assert torch.equal(torch.get_rng_state(), random)


def test_maps_of_different_shapes_have_no_distance():
    with pytest.raises(ValueError, match=r"agree in their axes, not \(1, 2, 2\) and \(4, 2, 2\)"):
        attention_distillation(torch.ones(1, 2, 2), torch.ones(4, 2, 2))
