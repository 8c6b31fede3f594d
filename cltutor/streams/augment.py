"""Augmentation: small random shifts and mirrors of a batch of images."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..describe import Described, flag, whole


class Augmentation:
    """How a schedule changes images (N, C, H, W) of bytes: every batch anew, or once the whole pool.

    ``once``: whether it only adds variants to the pool, and batches show them unchanged.
    """

    once: bool = False

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """The images of a batch, changed: the same shape, on the same device."""
        raise NotImplementedError

    def expand(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(copies * N, C, H, W): row k * N + i is variant k of image i, and variant 0 the image itself."""
        return images


@dataclass(frozen=True)  # with the dataclass's own repr, as stored runs are found by the code of their recipe
class CropFlip(Described, Augmentation):
    """A random crop of each zero-padded image, then a mirror of it (He et al. 2016, section 4.2).

    padding: pixels added on every side, 0 for no crop; flip: whether images are mirrored left to right with
    probability one half. The crop has the size of the image, so it is a shift of up to `padding` pixels.
    """

    padding: int = whole(4, at_least=0)
    flip: bool = flag(True)

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
    pixels = pixels.reshape(count, 1, -1).expand(count, channels, -1)
    return padded.flatten(2).gather(2, pixels).reshape(images.shape)
