"""Augmentation: random crops and mirrors of a batch of images, and EEIL's twelve images for one."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..checked import checked
from ..describe import Described, Kind, Real, flag, real, several, whole
from .mapped import at_once, file_of, in_file

IMAGES = Kind("a tensor of images (N, C, H, W)", lambda value: isinstance(value, Tensor) and value.dim() == 4)
BYTES = Kind(
    "a tensor of images (N, C, H, W) of bytes, torch.uint8",
    lambda value: IMAGES.accepts(value) and value.dtype == torch.uint8,
)
OF_CPU = Kind(
    "a torch.Generator of the CPU", lambda value: isinstance(value, torch.Generator) and value.device.type == "cpu"
)


class Augmentation:
    """How a schedule changes images (N, C, H, W) of bytes: every batch anew, or once the whole pool.

    ``once``: whether it only adds variants to the pool, and batches show them unchanged.
    """

    once: bool = False

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """The images of a batch, changed: the same shape, on the same device."""
        raise NotImplementedError

    @checked(images=IMAGES, generator=OF_CPU)
    def expand(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(copies * N, C, H, W): row k * N + i is variant k of image i, and variant 0 the image itself."""
        return images


@dataclass(frozen=True)  # with the dataclass's own repr, as stored runs are found by the code of their recipe
class CropFlip(Described, Augmentation):
    """A random crop of each zero-padded image, then a mirror of it (He et al. 2016, section 4.2).

    padding: pixels added on every side, 0 for no crop; flip: whether images are mirrored left to right with
    probability one half. The crop has the size of the image, so it is a shift of up to `padding` pixels.
    """

    padding: int = whole(4, at_least=0, at_most=1000)
    flip: bool = flag(True)

    @checked(images=IMAGES, generator=OF_CPU)
    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(N, C, H, W) -> the same shape, type and device; `generator` is a CPU one."""
        corners = torch.randint(2 * self.padding + 1, (2, len(images)), generator=generator)
        mirrored = torch.rand(len(images), generator=generator) < 0.5
        return crop_and_mirror(images, corners, mirrored & self.flip, self.padding)


def crop_and_mirror(images: Tensor, corners: Tensor, mirrored: Tensor, padding: int) -> Tensor:
    """The crop of each zero-padded image (N, C, H, W) at its corner, mirrored left to right where `mirrored` is True.

    corners: (2, N) first row and first column of each crop in the padded image; mirrored: (N,) bool.
    """
    count, channels, height, width = images.shape
    # One copy to the images' device carries all three draws.
    top, left, mirrored = torch.cat([corners, mirrored[None]]).to(images.device).unsqueeze(2)
    rows = torch.arange(height, device=images.device) + top  # (N, H) of the padded image
    columns = torch.arange(width, device=images.device)
    columns = torch.where(mirrored.bool(), columns.flip(0), columns) + left  # (N, W)
    padded = functional.pad(images, [padding] * 4)
    # One gather over flat pixels: the crop and the mirror read every pixel once.
    pixels = rows[:, :, None] * padded.shape[3] + columns[:, None, :]
    pixels = pixels.reshape(count, 1, height * width).expand(count, channels, height * width)
    return padded.flatten(2).gather(2, pixels).reshape(images.shape)


@dataclass(frozen=True, repr=False)
class PhotometricCropFlip(Described, Augmentation):
    """The twelve kinds of an image in EEIL's augmentation (sections 5 and 6), all at once or one at a time.

    Kinds 0 to 2: the image, the image with another brightness, and with another contrast; 3 to 5: a random crop of
    each of these; 6 to 11: the mirrors of kinds 0 to 5. With ``once``, the pool grows twelvefold, as in the paper;
    otherwise every batch samples one of the twelve for each image, so that an epoch keeps its length and many epochs
    see the same distribution.

    From the paper: brightness adds one number of [-63, 63]; contrast stretches an image about the mean of each of its
    channels by a factor of [0.2, 1.8]; each of the three crops has its own place; eleven new images.
    Decided here: random numbers are uniform, one for all channels of an image; an altered image's crop and mirror
    share them; values are rounded and clamped to 0 to 255, so that images stay bytes; a crop has the size of the
    image, which gets ``padding`` black pixels on every side after its colours were altered (He et al. 2016, section
    4.2: 4 of 32; None is an eighth of the shorter side); mirrors are left to right. The authors' program does the
    same, except that crops never reach the last row and column of places, and values are not rounded. ValueError for
    a range of contrasts from large to small.
    """

    brightness: float = real(63.0, at_least=0)
    contrast: tuple[float, float] = several((0.2, 1.8), Real(at_least=0), length=2)
    padding: int | None = whole(None, at_least=0, at_most=1000, or_none=True)
    once: bool = flag(False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.contrast[0] > self.contrast[1]:
            raise ValueError(f"contrast is a smallest and a largest factor, as (0.2, 1.8), not {self.contrast!r}.")

    @checked(images=BYTES, generator=OF_CPU)
    def expand(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(N, C, H, W) bytes -> (12 * N, C, H, W): row k * N + i is kind k of image i; without ``once`` the images.

        Those of images in a file are in another file beside it.
        """
        if not self.once:
            return images
        shift, factor = self._tones(len(images), generator)
        corners = torch.stack([self._corners(images, generator) for _ in range(3)])
        if file := file_of(images):  # filled with copies first: where a disk is full, only writing says so
            made = in_file([images] * 12, file.parent)
        else:
            made = images.new_empty(12 * len(images), *images.shape[1:])
        kinds, size = made.view(12, *images.shape), at_once(images) // 4 + 1  # floats take four times the bytes
        for start in range(0, len(images), size):
            rows = slice(start, start + size)
            self._fill(kinds[:, rows], images[rows], shift[rows], factor[rows], corners[..., rows])
        return made

    def _fill(self, kinds: Tensor, images: Tensor, shift: Tensor, factor: Tensor, corners: Tensor) -> None:
        """Write the twelve ``kinds`` (12, N, C, H, W) of images, whose crops are at ``corners`` (3, 2, N)."""
        kinds[0] = images
        kinds[1] = _altered(images, shift, torch.ones_like(factor))
        kinds[2] = _altered(images, torch.zeros_like(shift), factor)
        padding, straight = self._padding(images), torch.zeros(len(images), dtype=torch.bool)
        for tone in range(3):
            kinds[3 + tone] = crop_and_mirror(kinds[tone], corners[tone], straight, padding)
        for kind in range(6):
            kinds[6 + kind] = kinds[kind].flip(3)

    @checked(images=BYTES, generator=OF_CPU)
    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(N, C, H, W) bytes -> one of the twelve kinds for each, on the same device; ``generator`` is a CPU one."""
        if self.once:
            return images
        kinds = torch.randint(12, (len(images),), generator=generator)
        shift, factor = self._tones(len(images), generator)
        altered = _altered(images, torch.where(kinds % 3 == 1, shift, 0.0), torch.where(kinds % 3 == 2, factor, 1.0))
        padding = self._padding(images)
        # The crop at (padding, padding) is the image itself.
        corners = torch.where(kinds % 6 >= 3, self._corners(images, generator), padding)
        return crop_and_mirror(altered, corners, kinds >= 6, padding)

    def _tones(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The brightness (N,) that is added to, and the factor (N,) that stretches, each image."""
        (first, second), (low, high) = torch.rand((2, count), generator=generator), self.contrast
        return self.brightness * (2 * first - 1), low + (high - low) * second

    def _padding(self, images: Tensor) -> int:
        return min(images.shape[2:]) // 8 if self.padding is None else self.padding

    def _corners(self, images: Tensor, generator: torch.Generator) -> Tensor:
        return torch.randint(2 * self._padding(images) + 1, (2, len(images)), generator=generator)


def _altered(images: Tensor, shift: Tensor, factor: Tensor) -> Tensor:
    """(image - mean) * factor + mean + shift, with an image's own mean of each channel (EEIL, section 5)."""
    shift, factor = torch.stack([shift, factor]).to(images.device)[:, :, None, None, None]
    pixels = images.float()
    mean = pixels.mean((2, 3), keepdim=True)
    # In place: a whole pool may be altered at once. Rounding also returns the exact bytes where nothing is altered.
    return pixels.sub_(mean).mul_(factor).add_(mean + shift).round_().clamp_(0, 255).to(torch.uint8)
