"""Streams larger than memory: images in files of uint8, of which only what is looked at is read."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor

from ..checked import checked
from ..describe import Location
from .domains import parts_of
from .split import Split
from .stream import Stream

CHUNK = 2**26  # bytes that are written at a time


@checked
def mapped(stream: Stream, folder: Annotated[str | os.PathLike, Location()]) -> Stream:
    """The same stream with its images in files of ``folder``, mapped into memory: the operating system reads a batch
    when it is asked for, and forgets it when memory is short.

    A file holds the images of a split, one after the other. Training, testing, teachers, importances and the choice of
    exemplars read them in batches or chunks; a memory of old images and augmentation make a copy of a task in memory.
    What is in ``folder`` from an earlier call with the same stream is used, anything else is written anew. ValueError
    where nothing can be written.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        tasks = []
        for task in stream:
            files = (place / f"{task.index}-{kind}.bin" for kind in range(3))
            train, validation, test = map(on_disk, parts_of(task), files)
            tasks.append(replace(task, train=train, validation=validation, test=test))
    except OSError as error:
        raise ValueError(f"{str(place)!r} takes no images: {error.strerror}.") from error
    return Stream(tasks, stream.class_names, stream.name, stream.code, stream.report, stream.returning)


def on_disk(split: Split, path: Path) -> Split:
    """The split with its images in a file; masks stay where they are."""
    if not len(split):
        return split
    images = split.images.contiguous()
    if not path.exists() or path.stat().st_size != images.numel() or not torch.equal(opened(path, images), images):
        temporary = path.with_suffix(".part")
        with open(temporary, "wb") as file:
            for chunk in images.split(max(1, CHUNK // images[0].numel())):
                file.write(chunk.numpy().tobytes())
        os.replace(temporary, path)
    return replace(split, images=opened(path, images))


def opened(path: Path, like: Tensor) -> Tensor:
    """The images in a file, of the shape of others. Shared, as only then the storage knows its file; nothing writes."""
    return torch.from_file(str(path), shared=True, size=like.numel(), dtype=torch.uint8).view(like.shape)


def is_mapped(images: Tensor) -> bool:
    """Whether images are in a file, and need no memory of their own."""
    return images.untyped_storage().filename is not None
