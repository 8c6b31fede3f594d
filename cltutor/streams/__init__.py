"""What arrives: sources that make a `Stream` of `Task`s, and the augmentation of their images."""

from .arrays import tensors
from .augment import Augmentation, CropFlip, PhotometricCropFlip
from .digits import digits
from .domains import domains
from .facts import facts
from .folders import folder
from .mapped import mapped
from .report import Report
from .scenes import scenes
from .sequences import blurred, returning, sequence
from .several import several
from .stream import Split, Stream, Task
from .vision import torchvision

__all__ = [
    "Augmentation",
    "CropFlip",
    "PhotometricCropFlip",
    "Report",
    "Split",
    "Stream",
    "Task",
    "blurred",
    "digits",
    "domains",
    "facts",
    "folder",
    "mapped",
    "returning",
    "scenes",
    "sequence",
    "several",
    "tensors",
    "torchvision",
]
