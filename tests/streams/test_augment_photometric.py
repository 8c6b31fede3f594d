"""EEIL's twelve kinds of image, against loops over single images in numpy."""

import numpy as np
import pytest
import torch

from cltutor.recipe.parser import parse
from cltutor.recipe.recipe import Recipe, Schedule
from cltutor.streams import PhotometricCropFlip


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _images(count: int, height: int = 5, width: int = 7, low: int = 0, high: int = 256) -> torch.Tensor:
    return torch.randint(low, high, (count, 3, height, width), dtype=torch.uint8, generator=_generator(9))


def _kinds(images: torch.Tensor, seed: int = 0, **values) -> np.ndarray:
    expanded = PhotometricCropFlip(**values, once=True).expand(images, _generator(seed))
    return expanded.reshape(12, *images.shape).numpy()


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _crops(image: np.ndarray, padding: int) -> dict[tuple[int, int], np.ndarray]:
    _, height, width = image.shape
    padded = np.pad(image, [(0, 0), (padding, padding), (padding, padding)])
    places = range(2 * padding + 1)
    return {(r, c): padded[:, r : r + height, c : c + width] for r in places for c in places}


def test_the_first_kind_is_the_image_and_the_last_six_are_mirrors_of_the_first_six():
    images = _images(8)
    kinds = _kinds(images)
    assert kinds.dtype == np.uint8
    assert np.array_equal(kinds[0], images.numpy())  # row k * N + i is kind k of image i
    assert np.array_equal(kinds[6:], kinds[:6, :, :, :, ::-1])
    assert not np.array_equal(kinds[6:], kinds[:6])


def test_another_brightness_adds_one_number_to_an_image_of_minus_63_to_63_uniformly():
    images = _images(4000, 2, 2, low=63, high=193)
    added = _kinds(images)[1].astype(int) - images.numpy()
    assert np.array_equal(added, np.broadcast_to(added[:, :1, :1, :1], added.shape))
    added = added[:, 0, 0, 0]
    assert (added.min(), added.max()) == (-63, 63)
    assert abs(added.mean()) < 2.5  # the standard error is 0.6
    assert abs(added.std() - 63 / np.sqrt(3)) < 1.5


def test_brightness_stops_at_black_and_white_and_does_not_wrap_around():
    images = torch.tensor([0, 255], dtype=torch.uint8).reshape(1, 1, 1, 2).expand(200, 3, 1, 2)
    brighter = _kinds(images)[1].astype(int)
    dark, light = brighter[:, 0, 0, 0], brighter[:, 0, 0, 1]
    assert set(np.flatnonzero(dark)) & set(np.flatnonzero(light != 255)) == set()
    assert (dark.max(), light.min()) == (63, 192)


def test_another_contrast_stretches_each_channel_about_its_own_mean_by_a_factor_of_0_2_to_1_8():
    spread = torch.tensor([-40, 40], dtype=torch.int).reshape(1, 1, 1, 2)
    means = torch.tensor([80, 120, 170], dtype=torch.int).reshape(1, 3, 1, 1)
    images = (means + spread).to(torch.uint8).expand(4000, 3, 1, 2)
    stretched = _kinds(images)[2].astype(int) - means.numpy()
    assert np.abs(stretched[..., 1] + stretched[..., 0]).max() == 0  # the mean of each channel stays
    assert np.array_equal(stretched, np.broadcast_to(stretched[:, :1], stretched.shape))  # one factor for all of them
    factors = stretched[:, 0, 0, 1] / 40
    assert (factors.min(), factors.max()) == (0.2, 1.8)
    assert abs(factors.mean() - 1) < 0.04  # the standard error is 0.007
    assert abs(factors.std() - 1.6 / np.sqrt(12)) < 0.02


def test_contrast_equals_the_papers_formula_pixel_by_pixel_and_is_clamped():
    images = _images(20)
    kinds = _kinds(images, contrast=(1.7, 1.7))
    for image, stretched in zip(images.numpy(), kinds[2], strict=True):
        by_hand = np.empty_like(image)
        for channel, pixels in enumerate(image.astype(float)):
            by_hand[channel] = _rounded((pixels - pixels.mean()) * 1.7 + pixels.mean())
        assert np.abs(by_hand.astype(int) - stretched).max() <= 1  # a half may round either way
        assert (by_hand == stretched).mean() > 0.99
    assert kinds[2].min() == 0
    assert kinds[2].max() == 255


def test_crops_are_crops_of_the_first_three_kinds_at_places_of_their_own_that_all_occur():
    images = _images(300, low=1)
    kinds = _kinds(images, brightness=0.5, padding=1)
    places = [[], [], []]
    for tone in range(3):
        for altered, cropped in zip(kinds[tone], kinds[3 + tone], strict=True):
            (place,) = [place for place, crop in _crops(altered, 1).items() if np.array_equal(crop, cropped)]
            places[tone].append(place)
    assert all(len(set(found)) == 9 for found in places)
    assert places[0] != places[1] != places[2]


def test_images_of_a_batch_have_draws_of_their_own():
    images = _images(1).expand(50, 3, 5, 7)
    kinds = _kinds(images, padding=4)
    assert len({image.tobytes() for image in kinds[1]}) > 25
    assert len({image.tobytes() for image in kinds[2]}) > 25
    assert len({image.tobytes() for image in kinds[3]}) > 25
    drawn = PhotometricCropFlip()(images, _generator()).numpy()
    assert len({image.tobytes() for image in drawn}) > 25


def _marked(count: int) -> torch.Tensor:
    """Images of 80 with a mark of 180 and one of 130 to its right: tone, place and mirror can be read off them."""
    images = torch.full((count, 1, 9, 9), 80, dtype=torch.uint8)
    images[:, :, 4, 4], images[:, :, 4, 5] = 180, 130
    return images


def _recognised(drawn: np.ndarray) -> np.ndarray:
    """The kind (N,) of each marked image, cropped with a padding of 1: a crop at the old place passes for none."""
    drawn = drawn[:, 0].astype(int)
    ground, mark = drawn[:, 1, 1], drawn.max((1, 2))
    tone = np.where(mark - ground != 100, 2, ground != 80)
    rows, columns = np.divmod(drawn.reshape(len(drawn), -1).argmax(1), 9)
    mirrored = drawn[np.arange(len(drawn)), rows, columns + 1] == ground
    return tone + 3 * (drawn == 0).any((1, 2)) + 6 * mirrored


def test_the_stream_draws_each_of_the_twelve_kinds_as_often_as_the_expansion_holds_it():
    augmentation, once = PhotometricCropFlip(padding=1), PhotometricCropFlip(padding=1, once=True)
    every = np.bincount(_recognised(once.expand(_marked(4000), _generator(1)).numpy()), minlength=12)
    drawn = np.bincount(_recognised(augmentation(_marked(48000), _generator(2)).numpy()), minlength=12)
    # One crop of nine is at the old place; a brightness of 0 or a contrast of 1 is drawn once in a hundred.
    expected = 4000 * np.array([10 / 9] * 3 + [8 / 9] * 3 + [10 / 9] * 3 + [8 / 9] * 3)
    assert np.abs(every - expected).max() < 200
    assert np.abs(drawn - every).max() < 250  # four standard errors


def test_the_streams_draws_of_brightness_contrast_and_place_reach_the_papers_range():
    images = torch.full((6000, 1, 9, 9), 100, dtype=torch.uint8)
    images[:, :, 4, 4] = 200  # one bright pixel shows the contrast and the place
    drawn = PhotometricCropFlip(padding=4)(images, _generator()).numpy().astype(int)[:, 0]
    corner_kept = (drawn == 0).sum((1, 2)) == 0
    added = drawn[corner_kept].min((1, 2)) - 100
    assert (added.min(), added.max()) == (-63, 63)
    places = {np.unravel_index(image.argmax(), image.shape) for image in drawn}
    assert len(places) == 81
    heights = [image.max() - image[image > 0].min() for image in drawn if (image > 0).sum() > 1]
    assert 18 <= min(heights) <= 22
    assert max(heights) > 150


def test_images_are_altered_once_or_in_every_batch_and_not_both():
    images = _images(16)
    assert torch.equal(PhotometricCropFlip(once=True)(images, _generator()), images)
    assert torch.equal(PhotometricCropFlip().expand(images, _generator()), images)


def test_it_is_read_back_from_its_code():
    for augmentation in (PhotometricCropFlip(), PhotometricCropFlip(10, (0.5, 1.5), 2)):
        recipe = parse(f"Recipe(name='r', loss=CrossEntropy(), schedule=Schedule(augmentation={augmentation!r}))")
        assert isinstance(recipe, Recipe)
        assert recipe.schedule == Schedule(augmentation=augmentation)
    assert repr(PhotometricCropFlip()) == "PhotometricCropFlip()"


@pytest.mark.parametrize("images", [torch.zeros(2, 3, 4, 4), torch.zeros(3, 4, 4, dtype=torch.uint8)])
def test_images_that_are_not_a_batch_of_bytes_are_refused(images):
    for augment in (PhotometricCropFlip(), PhotometricCropFlip(once=True).expand):
        with pytest.raises(ValueError, match=r"\(N, C, H, W\) of bytes"):
            augment(images, _generator())


def test_the_smallest_factor_of_contrast_comes_first():
    with pytest.raises(ValueError, match="^contrast is a smallest and a largest factor"):
        PhotometricCropFlip(contrast=(1.8, 0.2))
