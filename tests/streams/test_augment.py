"""Crops and mirrors, and EEIL's twelve kinds of image, against all choices laid out and formulas in numpy."""

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from cltutor.streams import CropFlip, PhotometricCropFlip


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _images(count: int, height: int = 5, width: int = 7, low: int = 0, high: int = 256) -> torch.Tensor:
    return torch.randint(low, high, (count, 3, height, width), dtype=torch.uint8, generator=_generator(9))


def _kinds(images: torch.Tensor, seed: int = 0, **values) -> np.ndarray:
    expanded = PhotometricCropFlip(**values, once=True).expand(images, _generator(seed))
    return expanded.reshape(12, *images.shape).numpy()


def test_every_result_is_one_crop_of_the_padded_image_and_all_crops_occur():
    images = _images(400, low=1)
    padded = functional.pad(images, [1] * 4)
    crops = [padded[..., top : top + 5, left : left + 7] for top, left in itertools.product(range(3), range(3))]
    choices = torch.stack([*crops, *(crop.flip(3) for crop in crops)])
    found = (choices == CropFlip(padding=1)(images, _generator(1))).flatten(2).all(2)  # (crops, images)
    assert bool((found.sum(0) == 1).all())
    assert bool(found.any(1).all())


@pytest.mark.parametrize("augment", [CropFlip(), PhotometricCropFlip(), PhotometricCropFlip(once=True).expand])
def test_the_generator_alone_determines_the_images_and_nothing_else_changes(augment):
    images, state = torch.randint(256, (16, 3, 8, 8), dtype=torch.uint8), torch.get_rng_state()
    before, generator = images.clone(), _generator()
    first, second = augment(images, generator), augment(images, generator)
    assert torch.equal(first, augment(images, _generator()))
    assert not torch.equal(first, second)
    assert first.dtype == torch.uint8
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_no_padding_and_no_flip_change_nothing_and_flip_alone_only_mirrors():
    images = torch.randint(256, (32, 3, 6, 6), dtype=torch.uint8)
    assert torch.equal(CropFlip(0, False)(images, _generator()), images)
    mirrored = CropFlip(0)(images, _generator())
    kept = (mirrored == images).flatten(1).all(1)
    assert 0 < int(kept.sum()) < 32
    assert torch.equal(mirrored[~kept], images[~kept].flip(3))


# EEIL


def test_the_first_kind_is_the_image_and_the_last_six_are_mirrors_of_the_first_six():
    images = _images(8)
    kinds = _kinds(images)
    assert kinds.dtype == np.uint8
    assert np.array_equal(kinds[0], images.numpy())  # row k * N + i is kind k of image i
    assert np.array_equal(kinds[6:], kinds[:6, :, :, :, ::-1])
    assert not np.array_equal(kinds[6:], kinds[:6])


def test_another_brightness_adds_one_number_to_an_image_of_minus_63_to_63_uniformly_and_is_clamped():
    images = _images(4000, 2, 3, low=63, high=193)
    images[:, :, 0, 0], images[:, :, 1, 1] = 0, 255
    changed = _kinds(images)[1]
    added = changed[:, 0, 0, 1].astype(int) - images[:, 0, 0, 1].numpy()
    expected = np.clip(images.numpy() + added[:, None, None, None], 0, 255)
    assert np.array_equal(changed, expected)
    assert (added.min(), added.max()) == (-63, 63)
    assert abs(added.mean()) < 2.5  # the standard error is 0.6
    assert abs(added.std() - 63 / np.sqrt(3)) < 1.5


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
    stretched = _kinds(images, contrast=(1.7, 1.7))[2]
    pixels = images.numpy().astype(float)
    mean = pixels.mean((2, 3), keepdims=True)
    by_hand = np.clip(np.rint((pixels - mean) * 1.7 + mean), 0, 255)
    assert np.abs(by_hand - stretched).max() <= 1  # a half may round either way
    assert (by_hand == stretched).mean() > 0.99
    assert (stretched.min(), stretched.max()) == (0, 255)


def test_crops_are_crops_of_the_first_three_kinds_at_places_of_their_own_that_all_occur():
    kinds = _kinds(_images(300, low=1), brightness=0.5, padding=1)
    padded = np.pad(kinds[:3], [(0, 0)] * 3 + [(1, 1)] * 2)
    places = list(itertools.product(range(3), range(3)))
    crops = np.stack([padded[..., r : r + 5, c : c + 7] for r, c in places])
    found = (crops == kinds[3:6]).all((3, 4, 5))  # (places, tones, images)
    assert (found.sum(0) == 1).all()
    assert found.any(2).all()
    drawn = found.argmax(0)
    assert not any(np.array_equal(drawn[a], drawn[b]) for a, b in ((0, 1), (0, 2), (1, 2)))


def test_images_of_a_batch_have_draws_of_their_own():
    images = _images(1).expand(50, 3, 5, 7)
    drawn = PhotometricCropFlip()(images, _generator()).numpy()
    for kind in (*_kinds(images, padding=4)[1:4], drawn):
        assert len({image.tobytes() for image in kind}) > 25


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


def test_a_batch_draws_each_of_the_twelve_kinds_as_often_and_as_far_as_the_expansion_contains_it():
    expanded = PhotometricCropFlip(padding=1, once=True).expand(_marked(4000), _generator(1)).numpy()
    sampled = PhotometricCropFlip(padding=1)(_marked(48000), _generator(2)).numpy()
    every, drawn = (np.bincount(_recognised(images), minlength=12) for images in (expanded, sampled))
    # One crop of nine is at the old place; a brightness of 0 or a contrast of 1 is drawn once in a hundred.
    expected = 4000 * np.array([10 / 9] * 3 + [8 / 9] * 3 + [10 / 9] * 3 + [8 / 9] * 3)
    assert np.abs(every - expected).max() < 200
    assert np.abs(drawn - every).max() < 250  # four standard errors
    for images in (expanded, sampled):
        ground, mark = images[:, 0, 1, 1].astype(int), images.max((1, 2, 3))
        assert (ground.min(), ground.max()) == (80 - 63, 80 + 63)
        assert min(mark - ground) in (20, 21)  # 0.2 times 100
        assert max(mark - ground) == 255 - 79  # 1.8 times 100, as far as white


def test_images_are_altered_once_or_in_every_batch_and_not_both():
    images = _images(16)
    assert torch.equal(PhotometricCropFlip(once=True)(images, _generator()), images)
    assert torch.equal(PhotometricCropFlip().expand(images, _generator()), images)


@pytest.mark.parametrize("images", [torch.zeros(2, 3, 4, 4), torch.zeros(3, 4, 4, dtype=torch.uint8)])
def test_images_that_are_not_a_batch_of_bytes_are_refused(images):
    for augment in (PhotometricCropFlip(), PhotometricCropFlip(once=True).expand):
        with pytest.raises(ValueError, match=r"\(N, C, H, W\) of bytes"):
            augment(images, _generator())


def test_the_smallest_factor_of_contrast_comes_first():
    with pytest.raises(ValueError, match="^contrast is a smallest and a largest factor"):
        PhotometricCropFlip(contrast=(1.8, 0.2))


@pytest.mark.parametrize("augment", [CropFlip(), PhotometricCropFlip()], ids=lambda augment: type(augment).__name__)
def test_no_image_is_changed_to_no_image_as_the_first_task_of_a_pretrained_network_may_have_none(augment):
    none = torch.zeros(0, 3, 8, 8, dtype=torch.uint8)
    assert augment(none, torch.Generator()).shape == none.shape
