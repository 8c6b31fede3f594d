"""Streams larger than memory: images in files of uint8, of which only what is looked at is read."""

import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, BinaryIO

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

    A file holds the images of a split, one after the other. Training, testing, teachers, importances and memories of
    old images read them in batches or chunks. The pool of several tasks, or of exemplars with new images, and the
    augmented images of an epoch, or of a task where variants are made once (EEIL's twelve images for one), are further
    files, which are written chunk by chunk and go with what has been learned from them. What is in ``folder`` from an
    earlier call with the same stream is used, anything else is written anew. ValueError where nothing can be written.
    """
    place, tasks = made(folder), []
    try:
        for task in stream:
            files = (place / f"{task.index}-{kind}.bin" for kind in range(3))
            train, validation, test = map(on_disk, parts_of(task), files)
            tasks.append(replace(task, train=train, validation=validation, test=test))
    except OSError as error:
        raise ValueError(f"{str(place)!r} takes no images: {error.strerror}.") from error
    return Stream(tasks, stream.class_names, stream.name, stream.code, stream.report, stream.returning)


def made(folder: str | os.PathLike) -> Path:
    """The folder, made where it is missing; ValueError where it cannot be."""
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{str(place)!r} takes no images: {error.strerror}.") from error
    return place


def on_disk(split: Split, path: Path) -> Split:
    """The split with its images in a file; masks stay where they are."""
    if not len(split):
        return split
    images = split.images.contiguous()
    if not path.exists() or path.stat().st_size != images.numel() or not torch.equal(opened(path, images), images):
        temporary = path.with_suffix(".part")
        with open(temporary, "wb") as file:
            append(file, images)
        os.replace(temporary, path)
    return replace(split, images=opened(path, images))


def append(file: BinaryIO, images: Tensor) -> None:
    """Write images to the end of a file, some at a time."""
    for chunk in images.split(at_once(images)):
        file.write(chunk.contiguous().numpy().tobytes())


def opened(path: Path, like: Tensor) -> Tensor:
    """The images in a file, of the shape of others. Shared, as only then the storage knows its file; nothing writes."""
    return torch.from_file(str(path), shared=True, size=like.numel(), dtype=torch.uint8).view(like.shape)


def file_of(images: Tensor) -> Path | None:
    """The file that images are in, which need no memory of their own; None for images in memory."""
    name = images.untyped_storage().filename
    return None if name is None else Path(name)


def joined(images: Sequence[Tensor]) -> Tensor:
    """Images (N, C, H, W) in a row: in memory, or where any of them are in a file in another beside it."""
    if len(images) == 1:
        return images[0]
    homes = [file.parent for one in images if (file := file_of(one))]
    return in_file(images, homes[0]) if homes else torch.cat(list(images))


def taken(images: Tensor, rows: Tensor) -> Tensor:
    """The images at ``rows`` (M,), in memory, or in a file if they come from one."""
    file = file_of(images)
    return images[rows] if file is None else in_file((images[own] for own in rows.split(at_once(images))), file.parent)


def at_once(images: Tensor) -> int:
    """How many images are read, written or augmented at a time."""
    return max(1, CHUNK // max(1, images[:1].numel()))


def in_file(images: Iterable[Tensor], folder: Path) -> Tensor:
    """The same in a file of ``folder``, written one after the other, that goes with them; ValueError if it is full."""
    count, shape, name = 0, torch.Size(), ""
    try:
        descriptor, name = tempfile.mkstemp(".pool", dir=folder)
        with open(descriptor, "wb") as file:
            for one in images:
                append(file, one)
                count, shape = count + len(one), one.shape[1:]
        found = opened(Path(name), torch.empty((), dtype=torch.uint8).expand(count, *shape))
    except OSError as error:
        raise ValueError(f"{str(folder)!r} takes no images: {error.strerror}.") from error
    finally:
        with suppress(OSError):  # the mapping stays; Windows removes no file that is open
            os.unlink(name)
    return found


def is_mapped(images: Tensor) -> bool:
    """Whether images are in a file, and need no memory of their own."""
    return file_of(images) is not None
