"""Your own pictures: one sub-folder per class, in a folder or a zip file."""

import os
import warnings
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
import torch

from ..describe import Whole
from .division import Classes, Order, Tasks, arrange, call, divide
from .stream import Split, Stream, check_images, sample

_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")


def folder(
    path: str | Path,
    tasks: Tasks = 5,
    order: Order = 0,
    size: int = 32,
    classes: Classes = None,
    validation: float | int = 0,
) -> Stream:
    """Pictures of any size from `path/<class>/` or `path/train/<class>/` and `path/test/<class>/`.

    `path` may be a zip file of that layout. Pictures become RGB; the shorter side is resized to `size` pixels
    (bilinear, smoothed), the middle square is kept. Classes are numbered in the order of their names. Without train/
    and test/, one fifth of each class is the test split, always the same. Pictures that cannot be read are left out,
    with one warning that counts and names them. The other arguments, and the ValueError when they do not fit, as in
    `arrange`.
    """
    code = call(folder, locals())
    path = Path(path).expanduser()
    Whole(at_least=1).check("size", size)
    names, open_file = _listing(path)
    pictures = _pictures(path, names)
    class_names = sorted({name for _, name, _ in pictures})
    plan = arrange(class_names, tasks, order, classes, validation)
    chosen = {class_names[label] for task in plan for label in task}
    pictures = [picture for picture in pictures if picture[1] in chosen]
    parted = any(part for part, _, _ in pictures)
    labels = torch.tensor([class_names.index(name) for _, name, _ in pictures])
    tested = torch.tensor([part == "test" for part, _, _ in pictures])
    if parted:  # before the pictures are read, which may take minutes
        check_images(sum(plan, ()), labels[~tested], labels[tested], class_names)
    images, good = _read([file for _, _, file in pictures], open_file, size, path)
    everything, tested = Split(images[good], labels[good]), tested[good]
    if not parted:
        tested = sample(everything.labels, lambda n: max(1, round(0.2 * n)), seed=0)
    train, test = everything.take(~tested), everything.take(tested)
    return divide(train, test, class_names, plan, validation, name=path.stem, code=code)


def _listing(path: Path) -> tuple[list[str], Callable[[str], IO[bytes]]]:
    """Names of the files under `path`, with "/" between folders, and the function that opens one of them."""
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        return [file.relative_to(path).as_posix() for file in files], lambda name: (path / name).open("rb")
    if zipfile.is_zipfile(path):
        archive = zipfile.ZipFile(path)
        return archive.namelist(), archive.open
    raise ValueError(f"there is no folder or zip file {str(path)!r}.")


def _pictures(path: Path, names: list[str]) -> list[tuple[str, str, str]]:
    """(part, class, file) of every picture; part is "train", "test", or "" when not divided."""
    split = [
        (PurePosixPath(name).parts, name)
        for name in sorted(names)
        if name.lower().endswith(_SUFFIXES) and not name.startswith(("__MACOSX", "."))
    ]
    split = [(parts, name) for parts, name in split if len(parts) > 1]
    if not split:
        raise ValueError(
            f"{str(path)!r} has no pictures in sub-folders; put them in <class>/, or in train/<class>/ and "
            "test/<class>/."
        )
    tops = {parts[0] for parts, _ in split}
    if "train" not in tops:
        return [("", parts[0], name) for parts, name in split]
    if "test" not in tops:
        raise ValueError(
            f"{str(path)!r} has train/ but no test/ with pictures; add test/<class>/, or put the classes' folders at "
            "the top to have them divided for you."
        )
    return [(parts[0], parts[1], name) for parts, name in split if parts[0] in ("train", "test") and len(parts) > 2]


def _read(
    files: list[str], open_file: Callable[[str], IO[bytes]], size: int, path: Path
) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, 3, size, size) uint8 pictures, and (N,) bool, False where one cannot be read."""
    images = np.zeros((len(files), 3, size, size), dtype=np.uint8)

    def read(place: int) -> bool:
        try:
            with open_file(files[place]) as file:
                images[place] = _square(file, size)
        except Exception:  # decoders raise anything on a broken file; it is reported below
            return False
        return True

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        good = list(pool.map(read, range(len(files))))
    broken = [file for file, fine in zip(files, good, strict=True) if not fine]
    if broken:
        listed = ", ".join(broken[:5]) + (", ..." if len(broken) > 5 else "")
        warnings.warn(
            f"{len(broken)} of {len(files)} pictures in {str(path)!r} cannot be read and are left out: {listed}",
            stacklevel=3,
        )
    return torch.from_numpy(images), torch.tensor(good)


def _square(file: IO[bytes], size: int) -> np.ndarray:
    """(3, size, size) uint8: the picture upright, its shorter side resized, its middle kept."""
    from PIL import Image, ImageOps

    opened = Image.open(file)
    opened.draft("RGB", (size, size))  # JPEGs decode faster at a fraction of their size
    picture = ImageOps.exif_transpose(opened).convert("RGB")
    shorter = min(picture.size)
    if shorter != size:
        width, height = (max(size, round(side * size / shorter)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    left, top = ((side - size) // 2 for side in picture.size)
    return np.asarray(picture.crop((left, top, left + size, top + size))).transpose(2, 0, 1)
