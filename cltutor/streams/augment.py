"""Augmentation: small random shifts and mirrors of a batch of images."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class CropFlip:
    """A random crop of each zero-padded image, then a mirror of every second one (He et al. 2016, section 4.2).

    padding: pixels added on every side, 0 for no crop; flip: whether images are mirrored left to right with
    probability one half. The crop has the size of the image, so that it is a shift of up to `padding` pixels.
    """

    padding: int = 4
    flip: bool = True

    def __post_init__(self) -> None:
        if self.padding < 0:
            raise ValueError(f"padding must be 0 or more pixels, not {self.padding}.")

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """(N, C, H, W) -> the same shape, type and device; draws from `generator`, which lives on the CPU."""
        count, _, height, width = images.shape
        shifts = torch.randint(2 * self.padding + 1, (2, count), generator=generator)
        mirrored = torch.rand(count, generator=generator) < 0.5
        if self.padding:
            down, right = shifts.to(images.device)
            padded = functional.pad(images, [self.padding] * 4)
            crops = padded.unfold(2, height, 1).unfold(
                3, width, 1
            )  # (N, C, 2p+1, 2p+1, H, W), a view
            images = crops[torch.arange(count, device=images.device), :, down, right]
        if self.flip:
            mirrored = mirrored.to(images.device)[:, None, None, None]
            images = torch.where(mirrored, images.flip(3), images)
        return images
