"""The layers with maps of positions: found in any arrangement of axes, and nothing else is taken for a map."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from cltutor.networks import MultiHead, Progressive, SmallCNN
from cltutor.networks.maps import last_block, layers, readable

IMAGE = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))


class Body(nn.Module):
    """A convolution, and what a function makes of its maps (N, 8, 6, 4)."""

    def __init__(self, function):
        super().__init__()
        self.convolution, self.function, self.seen = nn.Conv2d(3, 8, 3), function, nn.Identity()
        self.norm, self.linear = nn.LayerNorm(8), nn.Linear(8, 8)

    def forward(self, images: Tensor) -> Tensor:
        return self.seen(self.function(self, self.convolution(images))).flatten(1)[:, :5]


def shuffled(_: nn.Module, maps: Tensor) -> Tensor:
    return maps.view(1, 2, 4, 6, 4).transpose(1, 2).reshape(1, 8, 6, 4)


def windows(maps: Tensor) -> Tensor:
    return maps.reshape(1, 8, 3, 2, 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(1, 6, 4, 8)


def put_back(body: nn.Module, maps: Tensor) -> Tensor:
    parts = body.linear(windows(maps)) + 1
    return parts.view(1, 3, 2, 2, 2, 8).permute(0, 5, 1, 3, 2, 4).reshape(1, 8, 6, 4)


MAPS = {
    "as they are": lambda body, maps: maps,
    "channels last and back": lambda body, maps: body.norm(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2),
    "swapped twice": lambda body, maps: torch.swapaxes(torch.transpose(maps, 1, -1), 1, 3).relu_(),
    "channels shuffled": shuffled,
    "windows, put back": put_back,
    "scaled by channel": lambda body, maps: F.adaptive_avg_pool2d(maps, 1).sigmoid() * maps,
    "halves side by side": lambda body, maps: torch.cat([one + 1 for one in maps.chunk(2, dim=1)], dim=1),
    "every second": lambda body, maps: F.pad(maps[:, :, ::2, ::2], (0, 0, 0, 0, 0, 8)),
    "flat and back": lambda body, maps: (2 * maps.flatten(2)).unflatten(2, (6, 4)),
}
OTHERS = {
    "channels last": lambda body, maps: body.linear(body.norm(maps.permute(0, 2, 3, 1))),
    "windows": lambda body, maps: body.linear(windows(maps)),
    "rows and columns swapped": lambda body, maps: maps.transpose(2, 3),
    "positions mixed": lambda body, maps: maps @ maps.transpose(2, 3),
    "shifted": lambda body, maps: maps.roll(1, 2),
    "read as channels": lambda body, maps: maps.permute(0, 2, 3, 1).reshape(1, 8, 6, 4),
    "a batch of patches": lambda body, maps: maps.reshape(2, 4, 6, 4),
    "attention": lambda body, maps: F.scaled_dot_product_attention(maps, maps, maps),
}


@pytest.mark.parametrize("name", MAPS)
def test_maps_are_followed_through_what_moves_them(name):
    found = layers(Body(MAPS[name]), IMAGE[..., :8, :6])
    assert found == {"convolution": (6, 4), "seen": (3, 2) if name == "every second" else (6, 4)}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_map_is_no_layer_to_choose_and_no_earlier_one_takes_its_place(name):
    body = Body(OTHERS[name])
    assert layers(body, IMAGE[..., :8, :6]) == {"convolution": (6, 4)}
    with pytest.raises(ValueError, match=r"'seen' .* after 'convolution', returns no map of features \(N, K, h, w\)"):
        last_block(body, IMAGE[..., :8, :6])


def test_a_map_that_is_only_flattened_after_the_last_block_is_no_obstacle():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(2), nn.AdaptiveAvgPool1d(1), nn.Flatten())
    assert last_block(model, IMAGE) == "1"


def test_a_vision_transformer_has_its_patches_only_and_no_last_block():
    model = models.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=4)
    assert layers(model, IMAGE) == {"conv_proj": (4, 4)}
    with pytest.raises(ValueError, match=r"'encoder' .* attention needs a model with maps up to its end"):
        last_block(model, IMAGE)


def test_swin_has_its_last_map_where_channels_come_first_again():
    model = models.SwinTransformer([2, 2], 16, [1, 1], [2, 2], [4, 4], num_classes=4)
    assert last_block(model, IMAGE) == "permute"
    assert list(layers(model, IMAGE)) == ["features.0.0", "permute"]


def test_convnext_has_the_maps_outside_the_layers_that_put_channels_last():
    found = layers(models.convnext_tiny(num_classes=4), IMAGE)
    assert "features.1.0.block.0" in found
    assert not any(f"features.1.0.block.{place}" in found for place in (2, 3, 4))
    assert list(found)[-1] == "features.6.0"  # above it, blocks with channels last have a single position
    assert last_block(models.convnext_tiny(num_classes=4), IMAGE) == "features.6.0"


def test_a_network_that_shares_no_map_is_refused_with_that_reason():
    built = Progressive().build((3, 32, 32))
    built.grow(2)
    built.grow(2)
    with pytest.raises(ValueError, match="no shared layer with a map of positions"):
        last_block(built, IMAGE.to(torch.uint8))


def test_an_error_of_the_model_of_any_kind_ends_in_a_sentence():
    class Picky(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return {}["missing"]

    with pytest.raises(ValueError, match="This model does not take images of 3"):
        layers(Picky(), IMAGE)


def test_of_several_images_the_first_is_followed():
    body = Body(MAPS["as they are"])
    assert layers(body, IMAGE[..., :8, :6].repeat(4, 1, 1, 1)) == layers(body, IMAGE[..., :8, :6])


def test_following_an_image_leaves_no_trace_on_it_or_on_the_model():
    built = MultiHead(SmallCNN()).build((3, 32, 32))
    built.grow(2)
    image = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    layers(built, image)
    assert not hasattr(image, "places")
    assert not any(hasattr(tensor, "places") for tensor in (*built.parameters(), *built.buffers()))
    assert not any(module._forward_hooks for module in built.modules())


def test_a_reader_s_names_count_each_kind_of_layer_and_leave_what_has_no_kind():
    plain = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout())
    model = nn.Sequential(plain, nn.Conv2d(2, 2, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Linear(2, 2))
    names = ["0.0", "0.1", "0.2", "0.3", "0.4", "0", "1", "2", "3", "4"]
    words = ["conv 1", "norm 1", "ReLU 1", "pool 1", "0.4", "block 1", "conv 2", "ReLU 2", "pool 2", "hidden 1"]
    assert readable(model, names) == dict(zip(names, words, strict=True))
