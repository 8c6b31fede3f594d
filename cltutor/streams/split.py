"""Images with their labels, one or several each, and where the source has them the pixels of the object."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checked import checked
from ..describe import Several, Whole, counted, shown


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images with their labels.

    images: (N, C, H, W) uint8; labels: (N,) int64, the data set's own class index, not renumbered by arrival; masks:
    (N, H, W) bool, the pixels of the object, where the source has them (`scenes`), else None. marks: (N, K) bool, for
    images with several labels: which of the K classes of the data set each shows, one or more; `labels` are then the
    first of them. Raises ValueError when these do not fit together.
    """

    images: Tensor
    labels: Tensor
    masks: Tensor | None = None
    marks: Tensor | None = None

    def __post_init__(self) -> None:
        images, labels, masks = self.images, self.labels, self.masks
        for name, part in (("images", images), ("labels", labels), ("masks", masks), ("marks", self.marks)):
            if not isinstance(part, Tensor) and (part is not None or name not in ("masks", "marks")):
                raise ValueError(f"{name} must be a tensor, not {shown(part)}; torch.as_tensor makes one.")
        if images.ndim != 4 or images.dtype != torch.uint8:
            raise ValueError(f"images must be a uint8 tensor of shape (N, C, H, W), not {_kind(images)}.")
        if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
            raise ValueError(
                f"labels must be an int64 tensor with one label for each of the {len(images)} images, "
                f"not {_kind(labels)}."
            )
        if masks is not None and (masks.dtype != torch.bool or masks.shape != images[:, 0].shape):
            raise ValueError(
                f"masks must be a bool tensor of shape {tuple(images[:, 0].shape)}, one mask per image, "
                f"not {_kind(masks)}."
            )
        if self.marks is not None:
            check_marks(self.marks, len(images))
            if not torch.equal(labels, self.marks.int().argmax(dim=1)):
                raise ValueError("labels are the first class that marks has of each image: marks.int().argmax(dim=1).")

    @property
    def shown(self) -> Tensor:
        """Every label of every image, (M,) in no order: those of images with several labels, too."""
        return self.labels if self.marks is None else self.marks.nonzero()[:, 1]

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        several = "" if self.marks is None else f", each with one or more of {self.marks.shape[1]} labels"
        return f"<Split: {counted(len(self), 'image')} of {tuple(self.images.shape[1:])}{several}>"

    def take(self, rows: Tensor) -> "Split":
        """The images at `rows`: (N,) bool, or (n,) int64 indices; ValueError for others."""
        right = isinstance(rows, Tensor) and rows.dim() == 1
        if right and rows.dtype == torch.int64:
            right = not len(rows) or 0 <= int(rows.min()) <= int(rows.max()) < len(self)
        elif not right or rows.dtype != torch.bool or len(rows) != len(self):
            right = False
        if not right:
            raise ValueError(f"rows is a tensor of numbers from 0 to {len(self) - 1}, or of bool, not {shown(rows)}.")
        masks = None if self.masks is None else self.masks[rows]
        return Split(self.images[rows], self.labels[rows], masks, None if self.marks is None else self.marks[rows])

    @classmethod
    @checked(image_shape=Several(Whole(at_least=1), length=3))
    def empty(cls, image_shape: tuple[int, int, int]) -> "Split":
        """A split with no image, of images of shape (C, H, W)."""
        images = torch.empty((0, *image_shape), dtype=torch.uint8)
        return cls(images, torch.empty(0, dtype=torch.int64))


def of_marks(images: Tensor, marks: Tensor, masks: Tensor | None = None) -> Split:
    """Images with several labels each: marks (N, K), 0 or 1 for each of K classes; ValueError for a row of zeros."""
    marks = check_marks(marks, len(images)).bool()
    return Split(images, marks.int().argmax(dim=1), masks, marks)


def in_columns(marks: Tensor, classes: Sequence[int]) -> Tensor:
    """(N, K) marks of the data set's classes -> (N, C): those of ``classes``, in their order of arrival."""
    return marks[:, torch.tensor(classes)]


def check_marks(marks: Tensor, images: int) -> Tensor:
    """``marks`` (N, K), where each of so many images has one label or more; else ValueError."""
    right = isinstance(marks, Tensor) and marks.dim() == 2 and len(marks) == images and not marks.is_meta
    if not right or not bool(((marks == 0) | (marks == 1)).all()):
        raise ValueError(f"marks are 0 or 1 for each of {images} images and each class, not {shown(marks)}.")
    if bool((empty := ~marks.bool().any(dim=1)).any()):
        raise ValueError(f"image {int(empty.nonzero()[0])} has no label: each row of marks has one class or more.")
    return marks


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"
