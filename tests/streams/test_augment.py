import pytest
import torch
from torch.nn import functional

from cltutor.streams import CropFlip, PhotometricCropFlip


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_every_result_is_one_crop_of_the_padded_image_and_all_crops_occur():
    images = torch.randint(1, 256, (400, 3, 5, 7), dtype=torch.uint8, generator=_generator())
    results = CropFlip(padding=1)(images, _generator(1))
    found = set()
    for image, result in zip(images, results, strict=True):
        padded = functional.pad(image, [1] * 4)
        crops = {
            (top, left, flip): crop.flip(2) if flip else crop
            for top in range(3)
            for left in range(3)
            for flip in (False, True)
            for crop in [padded[:, top : top + 5, left : left + 7]]
        }
        (place,) = [place for place, crop in crops.items() if torch.equal(crop, result)]
        found.add(place)
    assert len(found) == 18


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
