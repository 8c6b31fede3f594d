"""What every network and every backbone must satisfy: one suite, run on cltutor's own and on registered ones."""

import copy
import functools
import gc
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from cltutor.importance import mas
from cltutor.methods import Packed
from cltutor.networks import (
    DFCNN,
    ROLES,
    Architecture,
    BackboneArchitecture,
    Expandable,
    FactEmbedding,
    MultiHead,
    Network,
    Output,
    Progressive,
    ResNet32,
    SingleTask,
    SmallCNN,
    TaskCNN,
    TensorFactorization,
    Torchvision,
    evaluating,
)
from cltutor.recipe.parser import descriptions, parse

SHAPES = {"8x8 grey": (1, 8, 8), "32x32 colour": (3, 32, 32)}
TASKS = (2, 3, 2)
FACTS = [f"circle above {thing}" for thing in ("star", "cross", "square", "disc", "heart", "bolt", "fish")]
TINY = SmallCNN(channels=(3,), hidden=(6, 5))


class UsersNetwork(Network):
    """A linear head per task on all pixels."""

    def __init__(self, pixels: int):
        super().__init__()
        self.heads, self.classes, self.pixels = nn.ModuleList(), [], pixels

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        self.heads.append(nn.Linear(self.pixels, classes))
        self.classes.append(classes)

    def parts(self) -> dict[str, list[nn.Module]]:
        return {"shared": [], "old": list(self.heads[:-1]), "new": list(self.heads[-1:])}

    def forward(self, images: Tensor) -> Output:
        flat = images.flatten(1) / 255
        return Output(flat, lambda task: self.heads[task](flat), len(self.heads))


@dataclass(frozen=True, repr=False)
class Users(Architecture):
    """A network that is defined outside cltutor."""

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> UsersNetwork:
        return UsersNetwork(torch.Size(image_shape).numel())


@dataclass(frozen=True)
class UsersBackbone:
    """A backbone that is defined outside cltutor, of no class of cltutor's."""

    def build(self, image_shape, pretrained=True):
        backbone = SmallCNN(channels=(2,), hidden=(4,)).build(image_shape, pretrained)
        backbone.hidden[0].append(nn.Dropout(0.5))
        return backbone


def known(base: type) -> list[type]:
    """The classes of networks and backbones that code may call, those registered by users included."""
    buildable = [kind for kind in descriptions().values() if issubclass(kind, BackboneArchitecture)]
    return [kind for kind in buildable if issubclass(kind, Architecture) == (base is Architecture)]


ARGUMENTS = {Torchvision: ("squeezenet1_1",)}
PARTS = {"knowledge": ((2, 2), (2, 3)), "deconvolution": ((3, 4), (3, 5))}
SEPARATE = (SingleTask, DFCNN, Progressive, Expandable, TensorFactorization, Packed)
NETWORKS = [
    *(kind(*ARGUMENTS.get(kind, ())) for kind in known(Architecture) if kind is not Architecture),
    *(MultiHead(backbone) for backbone in (ResNet32(), Torchvision("squeezenet1_1"), UsersBackbone())),
    *(MultiHead(TINY, 3), MultiHead(TINY, hidden=9)),
    *(DFCNN(TaskCNN((3, 4), (5,)), **PARTS, activation="relu", bias=False), TensorFactorization(TINY, "tensor_train")),
    Expandable(TINY, expansion=2),
    Users(),
]
BACKBONES = [*(kind(*ARGUMENTS.get(kind, ())) for kind in known(BackboneArchitecture)), TINY, UsersBackbone()]


def cases(described: list) -> pytest.MarkDecorator:
    """Each description with images of both shapes; torchvision's networks need larger ones than 8x8."""
    pairs = [(one, words) for one in described for words in SHAPES if "Torchvision" not in repr(one) or "32" in words]
    params = [pytest.param(one, SHAPES[words], id=f"{one!r} {words}") for one, words in pairs]
    return pytest.mark.parametrize(("description", "shape"), params)


def pictures(shape: tuple[int, ...], count: int = 4, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def built(description, shape: tuple[int, int, int], seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return description.build(shape)


@functools.cache
def prototype(description, shape: tuple[int, int, int], seed: int, tasks: tuple[int, ...]) -> Network:
    network = built(description, shape, seed)
    network.normalise_like(pictures(shape))
    for task, classes in enumerate(tasks):
        network.grow(classes, FACTS[sum(TASKS[:task]) :][:classes])
    return network


def grown(description, shape: tuple[int, int, int], seed: int = 0, tasks: tuple[int, ...] = TASKS) -> Network:
    return copy.deepcopy(prototype(description, shape, seed, tasks))


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def moved(module: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}


def owned(network: Network, roles: Sequence[str]) -> set[str]:
    """The names of the parameters and buffers of the modules in these roles."""
    modules = [module for role in roles for module in network.parts().get(role, ())]
    inside = {id(value) for module in modules for value in (*module.parameters(), *module.buffers())}
    return {name for name, value in network.state_dict(keep_vars=True).items() if id(value) in inside}


def subsets(network: Network) -> Iterator[list[str]]:
    """No role, each role that has parameters, and all of them."""
    present = [role for role in network.parts() if network.parameters_of(role)]
    yield from ([], *([role] for role in present), present)


every_network = cases(NETWORKS)
every_network_with_heads = cases([one for one in NETWORKS if not isinstance(one, FactEmbedding)])
every_separate_network = cases([one for one in NETWORKS if isinstance(one, SEPARATE)])
every_backbone = cases(BACKBONES)


@every_network
def test_a_network_has_a_head_per_task_and_all_logits_in_the_order_of_the_tasks(description, shape):
    network = grown(description, shape).eval()
    output = network(pictures(shape))
    assert network.classes == list(TASKS)
    assert [output.head(task).shape for task in range(3)] == [(4, classes) for classes in TASKS]
    assert torch.equal(output.logits, torch.cat([output.head(0), output.head(1), output.head(2)], dim=1))
    assert torch.equal(output.over([2, 0]), torch.cat([output.head(2), output.head(0)], dim=1))
    assert output.head(1) is output.head(1)
    assert output.features.shape[0] == 4
    assert output.features.dim() == 2


@every_network
def test_every_parameter_has_one_role_that_the_description_declares(description, shape):
    network = grown(description, shape, tasks=())
    for classes, first in zip(TASKS, (0, 2, 5), strict=True):
        network.grow(classes, FACTS[first:][:classes])
        assert set(network.parts()) <= set(description.roles)
        assert set(ROLES) <= set(description.roles)
        ids = [id(parameter) for role in network.parts() for parameter in network.parameters_of(role)]
        assert len(ids) == len(set(ids))
        without = {name for name, parameter in network.named_parameters() if id(parameter) not in ids}
        assert {name.split(".")[0] for name in without} <= {
            "autoencoders",
            "corrections",
        }  # of old tasks, which never learn again


@every_network
def test_growing_keeps_what_old_tasks_answer(description, shape):
    network = grown(description, shape, tasks=TASKS[:1]).eval()
    for task in (1, 2):
        before, weights = network(pictures(shape)).logits, dict(network.named_parameters())
        values = {name: parameter.detach().clone() for name, parameter in weights.items()}
        network.grow(TASKS[task], FACTS[sum(TASKS[:task]) :][: TASKS[task]])
        weights = dict(network.named_parameters())
        assert all(torch.equal(weights[name], value) for name, value in values.items())
        after = network.eval()(pictures(shape)).logits
        torch.testing.assert_close(after[:, : before.shape[1]], before, atol=1e-5, rtol=1e-4)


@every_network_with_heads
def test_only_facts_are_read_from_the_names_of_classes(description, shape):
    network, other = grown(description, shape), built(description, shape)
    other.normalise_like(pictures(shape))
    for classes in TASKS:
        other.grow(classes)
    assert not moved(other, state(network))


@every_network
def test_evaluation_changes_no_parameter_buffer_mode_or_random_state(description, shape):
    network = grown(description, shape)
    network.train_only(["new"])
    before, modes, random = state(network), [m.training for m in network.modules()], torch.get_rng_state()
    with evaluating(network):
        first, second = (network(pictures(shape)).logits for _ in range(2))
    assert torch.equal(first, second)
    assert not moved(network, before)
    assert [module.training for module in network.modules()] == modes
    assert torch.equal(torch.get_rng_state(), random)


@every_network
def test_a_batch_gives_what_its_images_give_one_by_one(description, shape):
    network, images = grown(description, shape).eval(), pictures(shape)
    one_by_one = torch.cat([network(image[None]).logits for image in images])
    torch.testing.assert_close(network(images).logits, one_by_one, atol=1e-4, rtol=1e-4)


@every_network
def test_the_importance_of_its_weights_is_what_autograd_says_of_one_image_after_the_other(description, shape):
    network, images = grown(description, shape, tasks=TASKS[:2]).eval(), pictures(shape, 3)
    parameters = {name: one for name, one in network.named_parameters() if one.numel()}
    expected = {name: torch.zeros_like(one) for name, one in parameters.items()}
    for image in images:
        size = network.response(network(image[None])).square().sum()
        gradients = torch.autograd.grad(size, list(parameters.values()), allow_unused=True)
        for name, gradient in zip(parameters, gradients, strict=True):
            expected[name] += 0 if gradient is None else gradient.abs() / len(images)
    measured = mas(network, images)
    for name, value in expected.items():
        torch.testing.assert_close(measured[name], value, atol=1e-4 * float(value.max()) + 1e-7, rtol=1e-3, msg=name)


@every_network
def test_only_the_roles_that_learn_have_gradients_and_change(description, shape):
    network = grown(description, shape)
    for roles in subsets(network):
        network.zero_grad()
        network.train_only(roles)
        parameters = {name: one for name, one in network.named_parameters() if one.numel()}
        learning = {name for name, parameter in parameters.items() if parameter.requires_grad}
        assert learning == parameters.keys() & owned(network, roles)
        before = state(network)
        # Momentum and a strong weight decay: everything that could leak into frozen weights.
        optimizer = torch.optim.SGD(parameters.values(), lr=0.01, momentum=0.9, weight_decay=0.1)
        logits = network(pictures(shape)).logits
        if logits.requires_grad:
            logits.square().mean().backward()
        reached = {name for name, parameter in parameters.items() if parameter.grad is not None}
        assert reached == learning & owned(network, (*ROLES, "bias"))  # no logit depends on other roles
        optimizer.step()
        assert moved(network, before) <= owned(network, roles)
        assert bool(moved(network, before)) == bool(reached)


@every_network_with_heads
def test_training_what_is_new_leaves_the_answers_of_old_tasks(description, shape):
    network = grown(description, shape, tasks=TASKS[:2])
    before = network.eval()(pictures(shape)).head(0)
    network.train_only(["new"])
    optimizer = torch.optim.SGD(network.parameters_of("new"), lr=0.1)
    network(pictures(shape)).head(1).square().mean().backward()
    optimizer.step()
    assert torch.equal(network.eval()(pictures(shape)).head(0), before)


@every_network
def test_a_network_states_whether_its_training_steps_draw_random_numbers(description, shape):
    network = grown(description, shape)
    for roles in (list(network.parts()), ["new"], []):
        network.train_only(roles)
        before = torch.get_rng_state()
        output, again = network(pictures(shape)), network(pictures(shape))
        if "old" not in roles:
            assert torch.equal(output.head(0), again.head(0)), "a frozen head drops nothing out"
        assert output.logits.shape == (4, 7)
        if roles != ["new"]:
            drawn = not torch.equal(before, torch.get_rng_state())
            assert drawn == (network.draws_random_numbers and bool(roles))


@every_network
def test_a_state_loads_into_a_network_that_was_built_and_grown_alike(description, shape):
    network, other = grown(description, shape).eval(), grown(description, shape, seed=1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    other.load_state_dict(network.state_dict())
    assert not moved(other, state(network))
    assert torch.equal(other.eval()(pictures(shape)).logits, network(pictures(shape)).logits)


@every_network
def test_what_a_batch_was_answered_is_freed_with_the_output(description, shape):
    network = grown(description, shape)
    gc.disable()
    try:
        output = network(pictures(shape))
        seen = [weakref.ref(output.head(2)), weakref.ref(output.logits)]
        del output
        assert [one() for one in seen] == [None, None], "a cycle would keep every batch of a run"
    finally:
        gc.enable()


@every_separate_network
def test_a_network_that_computes_tasks_separately_refuses_images_of_another_shape(description, shape):
    network = grown(description, shape)
    assert network.separate
    channels, height, width = shape
    for wrong in ((4, channels, height + 1, width), (4, channels + 1, height, width)):
        with pytest.raises(ValueError, match=rf"built for images of {channels}x{height}x{width} \(channels, .*not "):
            network(torch.zeros(wrong, dtype=torch.uint8))


@pytest.mark.parametrize("description", [one for one in NETWORKS if "Users" not in repr(one)], ids=repr)
def test_a_network_is_read_back_from_its_code(description):
    heads = next(heads for heads in ("task", "class") if not description.refuses(heads))
    recipe = parse(f"Recipe(name='r', loss=CrossEntropy(), network={description!r}, heads={heads!r})")
    assert recipe.network == description


@pytest.mark.parametrize("wrong", [SmallCNN, MultiHead(), "SmallCNN()", None], ids=repr)
def test_a_backbone_is_the_description_of_one(wrong):
    with pytest.raises(ValueError, match=r"^backbone is a backbone, such as SmallCNN\(\), not "):
        MultiHead(backbone=wrong)


# Backbones


@every_backbone
def test_a_backbone_maps_images_to_features_that_its_output_layer_reads(description, shape):
    backbone = built(description, shape).eval()
    features = backbone(pictures(shape))
    assert backbone.flatten(features).shape == (4, backbone.width)
    assert backbone.make_output(backbone.width, 3).eval()(features).shape == (4, 3)


@every_backbone
def test_every_network_can_have_it_or_refuses_it_in_one_sentence(description, shape):
    for kind in known(Architecture):
        if "backbone" not in getattr(kind, "__dataclass_fields__", ()):
            continue
        try:
            network = kind(backbone=description).build(shape)
        except ValueError as refusal:
            words = str(refusal)
            assert "\n" not in words
        else:
            network.grow(2, FACTS[:2])
            assert network(pictures(shape)).logits.shape == (4, 2)


OUTSIDE_PIXELS = [
    (lambda x: x.float() / 255, "go from .*convert those from 0 to 1"),
    (lambda x: x.double() / 255, "go from"),
    (lambda x: x > 127, "these torch.bool go from 0 to 1"),
    (lambda x: (x.float() - 120) / 60, "go from"),
    (lambda x: x[0], r"a batch \(N, C, H, W\), not .*images\[None\] is a batch of one"),
    (lambda x: x.numpy(), "a tensor .*, not ndarray"),
    (lambda x: torch.cat([x, x], dim=1), "built for images of 3.*not 6"),
]


@pytest.mark.parametrize("description", [one for one in NETWORKS if "Users" not in repr(one)], ids=repr)
def test_images_in_another_unit_or_shape_are_refused_and_floats_from_0_to_255_are_pixels(description):
    shape = SHAPES["32x32 colour"]
    network = grown(description, shape).eval()
    pixels = torch.randint(0, 256, (3, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for changed, words in OUTSIDE_PIXELS:
        with pytest.raises(ValueError, match=words):
            network(changed(pixels))
    for same in (pixels, 0 * pixels):
        torch.testing.assert_close(network(same.float()).logits, network(same).logits)
    with pytest.raises(ValueError, match="go from"):
        network.normalise_like(pixels / 255)
    for task in (-1, 3):
        with pytest.raises(ValueError, match=f"there is no task {task}"):
            network(pixels).head(task)
