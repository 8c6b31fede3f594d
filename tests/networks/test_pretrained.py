"""Torchvision's classifiers taken apart and put together again, against the originals."""

import functools
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.transforms import Normalize

from cltutor.networks import MultiHead, Torchvision, Widening
from cltutor.networks.backbone import Backbone, Normalise
from cltutor.networks.pretrained import check_size

CLASSES = 7


def pictures(size: int, channels: int = 3) -> torch.Tensor:
    return torch.randint(0, 256, (3, channels, size, size), dtype=torch.uint8)


def original_logits(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """What torchvision's own model says, with the normalisation that its weights were trained with."""
    prepare = Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    with torch.no_grad():
        return model.eval()(prepare(images.float() / 255))


def grown(description, image_shape, *classes: int, pretrained: bool = True):
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
    images = pictures(64)
    network = grown(MultiHead(Torchvision("alexnet", path)), (3, 64, 64), CLASSES)
    Path(path).unlink()  # large, and pytest keeps its last folders
    assert [[type(m).__name__ for m in layer] for layer in network.backbone.hidden] == [
        ["Linear", "ReLU", "Dropout"],
        ["Linear", "ReLU"],
    ]
    assert network.backbone.width == 4096
    assert all(p.dtype == torch.float32 for p in network.parameters())
    torch.testing.assert_close(network(images).head(0), original_logits(model, images))


TWO_LAYERS = functools.partial(MultiHead, task_specific_layers=2)
MOBILE = "mobilenet_v3_small"
KINDS = [(name, MultiHead) for name in ("squeezenet1_0", "resnet18", MOBILE, "efficientnet_b0")]
KINDS += [(MOBILE, TWO_LAYERS), (MOBILE, Widening)]


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_network_from_a_file_keeps_its_head_when_the_first_task_has_as_many_classes(name, kind, save):
    model, path = save(name)
    images = pictures(64)
    network = grown(kind(Torchvision(name, path)), (3, 64, 64), CLASSES, 3)
    output = network(images)
    torch.testing.assert_close(output.head(0), original_logits(model, images), atol=1e-5, rtol=1e-4)
    assert output.head(1).shape == (3, 3)
    if kind is TWO_LAYERS:
        assert output.features.shape == (3, 576)
        assert not torch.equal(network.heads[0][0][0].weight, network.heads[1][0][0].weight)


@pytest.mark.parametrize("name", ["squeezenet1_0", "mobilenet_v3_small"])
def test_a_first_task_of_another_number_of_classes_gets_a_new_head_on_the_same_features(name, save):
    description, images = MultiHead(Torchvision(name, save(name)[1])), pictures(64)
    kept, new = (grown(description, (3, 64, 64), classes) for classes in (CLASSES, CLASSES + 1))
    assert torch.equal(kept(images).features, new(images).features)
    assert sum(p.numel() for p in new.heads[0].parameters()) == (new.backbone.width + 1) * (CLASSES + 1)


@pytest.mark.parametrize("name", ["squeezenet1_0", "mobilenet_v3_small"])
def test_a_saved_run_can_be_rebuilt_without_the_file(name, save):
    _, path = save(name)
    trained = grown(MultiHead(Torchvision(name, path)), (3, 64, 64), CLASSES, 3)
    rebuilt = grown(MultiHead(Torchvision(name, "/gone.pth")), (3, 64, 64), CLASSES, 3, pretrained=False)
    rebuilt.load_state_dict(trained.state_dict())
    images = pictures(64)
    assert torch.equal(rebuilt(images).logits, trained(images).logits)


def test_feature_extraction_on_a_convolutional_classifier_reads_its_pooled_features(save):
    _, path = save("squeezenet1_0")
    network = grown(MultiHead(Torchvision("squeezenet1_0", path), hidden=16), (3, 64, 64), CLASSES, 3)
    output = network(pictures(64))
    _, first, relu, second = network.heads[1]
    torch.testing.assert_close(output.head(1), second(relu(first(output.features))))
    assert first.in_features == 512


def test_squeezenets_new_heads_have_logits_of_both_signs_only_where_they_are_not_rectified(save):
    _, path = save("squeezenet1_0")
    images = torch.randint(0, 256, (6, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for rectified in (True, False):
        network = grown(MultiHead(Torchvision("squeezenet1_0", path, rectified)), (3, 64, 64), CLASSES, 5)
        old, new = (network.eval()(images).head(task) for task in (0, 1))
        assert (old >= 0).all(), "the head of the file stays as it was trained"
        assert bool((new < 0).any()) != rectified


def test_a_grey_image_is_shown_to_all_three_channels_of_a_colour_network():
    network = grown(MultiHead(Torchvision("mobilenet_v3_small")), (1, 64, 64), 2)
    grey = pictures(64, channels=1)
    torch.testing.assert_close(network(grey).logits, network(grey.expand(-1, 3, -1, -1)).logits)


def test_pretrained_networks_keep_their_normalisation_and_random_ones_take_the_first_tasks(save):
    _, path = save("mobilenet_v3_small")
    images = pictures(64)
    for weights, mean in (
        (path, [0.485 * 255, 0.456 * 255, 0.406 * 255]),
        (None, images.float().mean((0, 2, 3)).tolist()),
    ):
        network = MultiHead(Torchvision("mobilenet_v3_small", weights)).build((3, 64, 64))
        network.normalise_like(images)
        assert network.backbone.normalise.mean.flatten().tolist() == pytest.approx(mean, rel=1e-4)


def test_an_unknown_network_is_refused_with_the_nearest_name():
    for wrong, right in (("resnet81", "resnet18"), ("AlexNet", "alexnet"), ("squeezenet", "squeezenet1_0")):
        with pytest.raises(ValueError, match=f"no classifier '{wrong}'; did you mean .*{right}"):
            Torchvision(wrong).build((3, 64, 64))


@pytest.mark.parametrize(("name", "size"), [("squeezenet1_0", 8), ("vit_b_16", 32)])  # one fails, the other asserts
def test_images_of_a_size_that_a_network_cannot_take_are_refused_in_one_sentence(name, size):
    words = rf"^Images of {size}x{size} pixels with 3 channel\(s\) do not fit {name}: [^.]*\.$"
    with pytest.raises(ValueError, match=words):
        Torchvision(name).build((3, size, size))


def test_a_size_that_a_network_asserts_is_refused_in_the_same_sentence():
    class Picky(nn.Module):
        def forward(self, images):
            torch._assert(images.shape[2] == 224, "Wrong image height!")

    backbone = Backbone(Normalise([0.0], [1.0]), Picky(), [], 4).train()
    with pytest.raises(ValueError, match="Images of 32x32 pixels"):
        check_size("vit_b_16", backbone, (3, 32, 32))
    assert backbone.training


MISSING, EMPTY, OTHER = (
    "^There is no weights file",
    "contains no (weights|state dict)",
    "are not those of torchvision.s resnet18",
)
CONTENTS = [
    *((content, EMPTY) for content in (b"", b"junk", b"\x80\x04junk", [1, 2], {}, {"epoch": 3}, nn.Linear(1, 1))),
    *(({"a": value}, OTHER) for value in (torch.zeros(3), torch.tensor(1))),
    (None, MISSING),
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
