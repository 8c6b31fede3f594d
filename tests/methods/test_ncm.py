"""Nearest class mean: the linear head against distances, frozen features, and nothing that is forgotten."""

import pytest
import torch
from running import learn
from safetensors.torch import load_file

import cltutor as cl
from cltutor.methods.ncm import mean_classifier
from cltutor.networks import ShapesCNN, SmallCNN
from cltutor.networks.shapes_cnn import WEIGHTS
from cltutor.streams.shapes import SHAPES

SMALL = SmallCNN((4, 4), (8,))


def test_the_logits_rank_classes_as_the_distance_to_their_means_does():
    features, means = torch.randn(50, 6, dtype=torch.float64), torch.randn(4, 6, dtype=torch.float64)
    weight, bias = mean_classifier(means)
    logits = features @ weight.T + bias
    distances = torch.stack([(features - mean).square().sum(dim=1) for mean in means], dim=1)
    assert torch.equal(logits.argsort(dim=1, descending=True), distances.argsort(dim=1))
    torch.testing.assert_close(logits - logits[:, :1], (distances[:, :1] - distances) / 2)


def test_a_run_answers_by_the_nearest_mean_of_all_training_images_and_forgets_nothing(patterns):
    run = learn(patterns, cl.methods.ncm(epochs=1, backbone=SMALL))
    network = run.model
    seen = torch.cat([task.train.images for task in patterns])
    columns = torch.cat([patterns.positions(task.train.labels) for task in patterns])
    features = network.backbone(seen).double()
    means = torch.stack([features[columns == c].mean(dim=0) for c in range(6)])
    tests = torch.cat([task.test.images for task in patterns])
    expected = torch.cdist(network.backbone(tests).double(), means).argmin(dim=1)
    assert torch.equal(network(tests).logits.argmax(dim=1), expected)
    for task in (1, 2):
        assert torch.equal(run.states[task]["heads.0.weight"], run.states[0]["heads.0.weight"])
    assert all(
        torch.equal(run.states[0][name], value) for name, value in run.states[2].items() if name.startswith("backbone")
    )


def test_where_classes_return_the_mean_is_over_all_their_images():
    stream = cl.streams.returning(cl.streams.digits(tasks=5).fewer(0.2), (1, 2, 1), "same")
    run = cl.learn(stream, cl.methods.ncm(epochs=1, backbone=SMALL), device="cpu", progress=False)
    own = torch.cat([stream[place].train.images for place in (0, 2)])
    columns = torch.cat([stream.positions(stream[place].train.labels) for place in (0, 2)])
    features = run.model.backbone(own)
    torch.testing.assert_close(
        run.model.heads[0].weight, torch.stack([features[columns == c].mean(dim=0) for c in range(2)])
    )


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 16), (3, 40, 24)])
def test_the_backbone_takes_grey_and_rgb_images_of_any_size_and_reads_its_weights(shape):
    backbone = ShapesCNN().build(shape)
    images = torch.randint(0, 256, (2, *shape), dtype=torch.uint8)
    assert backbone(images).shape == (2, 384)
    for name, value in load_file(WEIGHTS).items():
        assert torch.equal(backbone.trunk.state_dict()[name], value.float())
    other = ShapesCNN().build(shape, pretrained=False)
    assert not torch.equal(other.trunk[1].weight, backbone.trunk[1].weight)


def test_a_grey_image_is_one_whose_three_channels_are_the_same():
    grey = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8)
    backbone = ShapesCNN().build((1, 8, 8)).eval()
    torch.testing.assert_close(backbone(grey), backbone(grey.expand(-1, 3, -1, -1)))


def test_other_channels_are_refused_and_the_file_is_small():
    with pytest.raises(ValueError, match="ShapesCNN takes grey or RGB images, of 1 or 3 channels, not 4"):
        ShapesCNN().build((4, 8, 8))
    assert WEIGHTS.stat().st_size < 300_000
    assert sum(p.numel() for p in ShapesCNN().build((3, 32, 32)).parameters()) == 52_656


def test_no_shape_that_the_backbone_has_learned_is_one_of_a_stream():
    """The outlines that the script draws differ from every shape of ``streams.scenes``, turned and mirrored."""
    import numpy as np

    from benchmarks.shapes_cnn import outline
    from cltutor.streams.shapes import distances

    known = [distances(shape) < 0 for shape in SHAPES]
    for label in range(64):
        table = distances(outline(np.random.default_rng([2026, label]))) < 0
        for turned in (torch.rot90(one, k) for one in (table, table.flip(1)) for k in range(4)):
            for shape in known:
                overlap = (turned & shape).sum() / (turned | shape).sum()
                assert overlap < 0.95
