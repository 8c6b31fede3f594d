"""Torchvision's classifiers taken apart and put together again, against the originals."""

import functools
import os
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.transforms import Normalize

from cltutor.attention import grad_cam, last_block
from cltutor.networks import MultiHead, ResNet34, Torchvision, Widening
from cltutor.runs.identity import file_digest

CLASSES = 7
IMAGES = torch.randint(0, 256, (6, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def original_logits(model: nn.Module) -> torch.Tensor:
    """What torchvision's own model says, with the normalisation that its weights were trained with."""
    prepare = Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    with torch.no_grad():
        return model.eval()(prepare(IMAGES.float() / 255))


def grown(description, *classes: int, image_shape=(3, 64, 64), pretrained: bool = True):
    network = description.build(image_shape, pretrained)
    for count in classes:
        network.grow(count)
    return network.eval().requires_grad_(False)


def saved(name: str, folder: Path, half: bool = False) -> tuple[nn.Module, str]:
    """A torchvision model with random weights for ``CLASSES`` classes, and the file that holds them."""
    torch.manual_seed(0)
    model = models.get_model(name, weights=None, num_classes=CLASSES)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics as after training, not 0 and 1
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    state = model.state_dict()
    if half:
        state = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
        model.load_state_dict(state)  # the original, too, with the rounded weights
    torch.save(state, path := folder / f"{name}.pth")
    return model, str(path)


@pytest.fixture(scope="module")
def save(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    return functools.cache(lambda name: saved(name, folder))


def test_alexnet_from_half_precision_weights_is_a_trunk_and_two_hidden_layers_and_answers_as_before(tmp_path):
    model, path = saved("alexnet", tmp_path, half=True)
    network = grown(MultiHead(Torchvision("alexnet", path)), CLASSES)
    Path(path).unlink()  # large, and pytest keeps its last folders
    assert [[type(m).__name__ for m in layer] for layer in network.backbone.hidden] == [
        ["Linear", "ReLU", "Dropout"],
        ["Linear", "ReLU"],
    ]
    assert network.backbone.width == 4096
    assert all(p.dtype == torch.float32 for p in network.parameters())
    torch.testing.assert_close(network(IMAGES).head(0), original_logits(model))


TWO_LAYERS = functools.partial(MultiHead, task_specific_layers=2)
MOBILE = "mobilenet_v3_small"
KINDS = [(name, MultiHead) for name in ("squeezenet1_0", "resnet18", MOBILE, "efficientnet_b0")]
KINDS += [(MOBILE, TWO_LAYERS), (MOBILE, Widening)]


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_network_from_a_file_keeps_its_head_when_the_first_task_has_as_many_classes(name, kind, save):
    model, path = save(name)
    network = grown(kind(Torchvision(name, path)), CLASSES, 3)
    output = network(IMAGES)
    torch.testing.assert_close(output.head(0), original_logits(model), atol=1e-5, rtol=1e-4)
    assert output.head(1).shape == (6, 3)
    if kind is TWO_LAYERS:
        assert output.features.shape == (6, 576)
        assert not torch.equal(network.heads[0][0][0].weight, network.heads[1][0][0].weight)


@pytest.mark.parametrize(("name", "kind"), [("squeezenet1_0", MultiHead), (MOBILE, MultiHead), (MOBILE, Widening)])
def test_a_first_task_of_another_number_of_classes_gets_a_new_head_on_the_same_features(name, kind, save):
    description = kind(Torchvision(name, save(name)[1]))
    kept, new = (grown(description, classes) for classes in (CLASSES, CLASSES + 1))
    assert torch.equal(kept(IMAGES).features, new(IMAGES).features)
    assert sum(p.numel() for p in new.heads[0].parameters()) == (new.backbone.width + 1) * (CLASSES + 1)


@pytest.mark.parametrize("name", ["squeezenet1_0", "mobilenet_v3_small"])
def test_a_saved_run_can_be_rebuilt_without_the_file(name, save):
    _, path = save(name)
    trained = grown(MultiHead(Torchvision(name, path)), CLASSES, 3)
    rebuilt = grown(MultiHead(Torchvision(name, "/gone.pth")), CLASSES, 3, pretrained=False)
    rebuilt.load_state_dict(trained.state_dict())
    assert torch.equal(rebuilt(IMAGES).logits, trained(IMAGES).logits)


def test_feature_extraction_on_a_convolutional_classifier_reads_its_pooled_features(save):
    _, path = save("squeezenet1_0")
    network = grown(MultiHead(Torchvision("squeezenet1_0", path), hidden=16), CLASSES, 3)
    output = network(IMAGES)
    _, first, relu, second = network.heads[1]
    torch.testing.assert_close(output.head(1), second(relu(first(output.features))))
    assert first.in_features == 512


@pytest.mark.parametrize("rectified", [True, False])
def test_squeezenets_new_heads_have_logits_of_both_signs_only_where_they_are_not_rectified(rectified, save):
    network = grown(MultiHead(Torchvision("squeezenet1_0", save("squeezenet1_0")[1], rectified)), CLASSES, 5)
    old, new = (network(IMAGES).head(task) for task in (0, 1))
    assert (old >= 0).all(), "the head of the file stays as it was trained"
    assert bool((new < 0).any()) != rectified


def test_a_grey_image_is_shown_to_all_three_channels_of_a_colour_network():
    network = grown(MultiHead(Torchvision("mobilenet_v3_small")), 2, image_shape=(1, 64, 64))
    grey = IMAGES[:, :1]
    torch.testing.assert_close(network(grey).logits, network(grey.expand(-1, 3, -1, -1)).logits)


def test_pretrained_networks_keep_their_normalisation_and_random_ones_take_the_first_tasks(save):
    _, path = save("mobilenet_v3_small")
    own, first = torch.tensor([0.485, 0.456, 0.406]) * 255, IMAGES.float().mean((0, 2, 3))
    for weights, mean in ((path, own), (None, first)):
        network = MultiHead(Torchvision("mobilenet_v3_small", weights)).build((3, 64, 64))
        network.normalise_like(IMAGES)
        torch.testing.assert_close(network.backbone.normalise.mean.flatten(), mean, rtol=1e-4, atol=0)


def test_an_unknown_network_is_refused_with_the_nearest_name():
    for wrong, right in (("resnet81", "resnet18"), ("AlexNet", "alexnet"), ("squeezenet", "squeezenet1_0")):
        with pytest.raises(ValueError, match=f"no classifier '{wrong}'; did you mean .*{right}"):
            Torchvision(wrong).build((3, 64, 64))


@pytest.mark.parametrize(("name", "size"), [("squeezenet1_0", 8), ("vit_b_16", 32)])  # one fails, the other asserts
def test_images_of_a_size_that_a_network_cannot_take_are_refused_in_one_sentence(name, size):
    words = rf"^Images of {size}x{size} pixels do not pass through this network: .*\.$"
    with pytest.raises(ValueError, match=words):
        Torchvision(name).build((3, size, size))(torch.zeros(2, 3, size, size, dtype=torch.uint8))


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_not_waited_for_and_has_no_digest(kind, tmp_path):
    path = {"pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "folder": tmp_path}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    assert file_digest(str(path)) == ""
    with pytest.raises(ValueError, match="^There is no weights file"):
        Torchvision("resnet18", str(path)).build((3, 64, 64))


EMPTY, OTHER = "contains no (weights|state dict)", "are not those of torchvision.s resnet18"
CONTENTS = [
    *((content, EMPTY) for content in (b"", b"junk", b"\x80\x04junk", [1, 2], {}, {"epoch": 3}, nn.Linear(1, 1))),
    *(({"a": value}, OTHER) for value in (torch.zeros(3), torch.tensor(1))),
    (None, "^There is no weights file"),
]


@pytest.mark.parametrize(("content", "words"), CONTENTS)
def test_a_file_without_weights_of_the_network_is_refused_in_one_sentence(content, words, tmp_path):
    path = tmp_path / "w.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(ValueError, match=words) as caught:
        Torchvision("resnet18", str(path)).build((3, 64, 64))
    assert "w.pth" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_resnet_34_of_small_images_has_4x4_positions_in_its_last_block_where_torchvisions_has_one():
    images = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    ours, theirs = (
        grown(MultiHead(backbone), 5, image_shape=(3, 32, 32)).eval()
        for backbone in (ResNet34(), Torchvision("resnet34"))
    )
    assert last_block(ours, images[:1]) == "backbone.trunk.layer4"
    assert last_block(theirs, images[:1]) == "backbone.trunk.layer3"  # the last with more than one position
    assert grad_cam(ours, images, 0).shape == (2, 4, 4)
    fewer = sum(p.numel() for p in theirs.parameters()) - sum(p.numel() for p in ours.parameters())
    assert fewer == 64 * 3 * (7 * 7 - 3 * 3)
