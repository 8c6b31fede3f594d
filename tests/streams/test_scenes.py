import colorsys
import itertools

import numpy as np
import pytest
import torch
from torchvision.transforms.functional import InterpolationMode, rotate

from cltutor.streams import scenes
from cltutor.streams import shapes as outlines
from cltutor.streams.scenes import TURN

PLANE = torch.meshgrid(*[torch.linspace(-outlines.REACH, outlines.REACH, 129)] * 2, indexing="xy")


@pytest.fixture(scope="module")
def stream():
    return scenes(order=None, per_class=(40, 5))


def _train(stream):
    splits = [task.train for task in stream]
    return [torch.cat([getattr(s, a) for s in splits]) for a in ("images", "labels", "masks")]


def test_the_object_stays_and_the_ground_changes_when_its_class_moves_to_another_task(stream):
    moved = scenes(order=list(range(19, -1, -1)), per_class=(40, 5))
    first, last = stream[0].train, moved[-1].train
    (mine,), (theirs,) = ((split.labels == 0).nonzero(as_tuple=True) for split in (first, last))
    masks = first.masks[mine]
    assert torch.equal(masks, last.masks[theirs])
    a, b = first.images[mine].float(), last.images[theirs].float()
    change = (a - b).abs().mean(1)
    # The pixels of the edge mix object and ground; the middle of the object does not.
    outside = torch.nn.functional.pad((~masks)[:, None].float(), [2] * 4, value=1)
    inside = torch.nn.functional.max_pool2d(outside, 5, 1)[:, 0] == 0
    assert bool(inside.flatten(1).any(1).all())
    assert float(change[inside].max()) == 0
    assert float(change[~masks].mean()) > 15


def test_the_mask_is_the_object(stream):
    images, _, masks = _train(stream)
    saturation = images.float().amax(1) - images.float().amin(1)
    for picture, mask in zip(saturation, masks, strict=True):
        assert float(picture[mask].mean()) > 1.5 * float(picture[~mask].mean())
    areas = masks.flatten(1).float().mean(1)
    assert 0.03 < float(areas.min()) < float(areas.max()) < 0.7
    assert not bool(masks[:, 0, 0].any())


@pytest.mark.parametrize("shape", outlines.SHAPES)
def test_the_distances_of_a_shape_measure_lengths_and_fit_the_unit_circle(shape):
    table = outlines.distances(shape)
    step = 2 * outlines.REACH / (len(table) - 1)
    assert max(float(table.diff(dim=side).abs().max()) for side in (0, 1)) <= step * 1.001
    assert float(torch.hypot(*PLANE)[table < 0].max()) <= 1.001
    assert 0.05 < float((table < 0).float().mean()) < 0.45


def test_the_distances_of_the_disc_and_the_square_are_the_known_ones():
    x, y = PLANE
    assert float((outlines.distances("disc") - (torch.hypot(x, y) - 1)).abs().max()) < 0.01
    far_x, far_y = x.abs() - 0.5**0.5, y.abs() - 0.5**0.5
    outside = torch.hypot(far_x.clamp(min=0), far_y.clamp(min=0))
    square = outside + torch.maximum(far_x, far_y).clamp(max=0)
    assert float((outlines.distances("square") - square).abs().max()) < 1e-5


def _turned(shape: str, degrees: float) -> torch.Tensor:
    table = outlines.distances(shape)[None]
    return rotate(table, degrees, InterpolationMode.BILINEAR, fill=[1.0])[0] < 0


def test_no_turn_or_mirror_makes_a_shape_into_another_one():
    most = round(2 * np.degrees(TURN))  # how far apart two objects of one class may be turned
    still = {shape: outlines.distances(shape) < 0 for shape in outlines.SHAPES}
    for shape, degrees in itertools.product(outlines.SHAPES, range(-most, most + 1, 10)):
        turned = _turned(shape, degrees)
        for other, mask in still.items():
            for mine in (turned, turned.flip(1)):
                overlap = (mine & mask).sum() / (mine | mask).sum()
                assert other == shape or float(overlap) < 0.87, (shape, other, degrees)


def test_the_colour_of_the_object_gives_away_neither_class_nor_task(stream):
    images, labels, masks = _train(stream)
    colours = [(image[:, mask].float().mean(1) / 255).tolist() for image, mask in zip(images, masks, strict=True)]
    hues = np.exp(2j * np.pi * np.array([colorsys.rgb_to_hsv(*colour)[0] for colour in colours]))
    # Points on the unit circle: of n random ones the mean has a length of about sqrt(1 / n); 2.7 times is 1 in 1,500.
    for group, count in [*(((label,), 40) for label in range(20)), *((task.classes, 160) for task in stream)]:
        assert abs(hues[np.isin(labels, group)].mean()) < 2.7 / np.sqrt(count)


def test_the_ground_alone_tells_the_tasks_apart(stream):
    def mean_grounds(split):
        ground = (~split.masks)[:, None]
        return (split.images * ground).sum((2, 3)) / ground.sum((2, 3))

    centres = torch.stack([mean_grounds(task.train).mean(0) for task in stream])
    for index, task in enumerate(stream):
        nearest = torch.cdist(mean_grounds(task.test), centres).argmin(1)
        assert float((nearest == index).float().mean()) > 0.8


def test_the_edge_between_object_and_ground_is_smooth():
    split = scenes(tasks=[1], classes=["disc"], per_class=(20, 1), size=64)[0].train
    steps = 0
    for image, mask in zip(split.images.float(), split.masks, strict=True):
        crossing = mask[:, 1:] != mask[:, :-1]
        near = (image[:, :, 1:] - image[:, :, :-1]).abs().amax(0)[crossing]
        far = (image[:, mask].mean(1) - image[:, ~mask].mean(1)).abs().max()
        steps += float(near.mean() / far)
    assert steps / 20 < 0.9
