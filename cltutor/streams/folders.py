"""Your own pictures: one sub-folder per class, in a folder or a zip file."""

import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..checked import checked
from ..describe import Whole
from ..warned import warn
from .division import DIVISION, Classes, Order, Plan, Tasks, arrange, call, shares
from .domains import parts_of, relabelled, same_classes
from .layout import Picture, layout, part_of
from .listing import PATH, Open, listed
from .mapped import in_file, made
from .pictures import TooLarge, square
from .report import Report
from .stream import Split, Stream, Task, check_memory, sample

_SPLITS = ("for training", "for validation", "for test")
_AT_ONCE = 1000  # pictures that are handed to the threads together, and written to a file
Decoded = tuple[str, str, list[str], bytes]  # a file, "" or why it cannot be read, what was converted, and its digest


@checked(**DIVISION, size=Whole(at_least=1), path=PATH)
def folder(
    path: str | Path,
    tasks: Tasks = 5,
    order: Order = 0,
    size: int = 32,
    classes: Classes = None,
    validation: float | int = 0,
    splits: bool | None = None,
    domains: bool = False,
    mapped: str | os.PathLike | None = None,
) -> Stream:
    """Pictures of any size from `path/<class>/`, or `path/train/<class>/` and `path/test/<class>/`.

    `path` may be a zip file of that layout. Pictures become RGB, upright, on white, of 8 bits; the shorter side is
    resized to `size` pixels (bilinear, smoothed), the middle square is kept. Classes are numbered in the order of their
    names. Without train/ and test/, one fifth of each class is the test split, always the same. A val/ beside train/ is
    the validation split, to which `validation` adds from train/, or the test split where there is no test/; names such
    as Training/ and valid/ will do. splits: True if such folders are splits, False if they are classes, None to see it
    from what lies in them. domains: whether the sub-folders are domains, `path/<domain>/<class>/`, each a task in the
    order of their names, with the same classes; `tasks` and `order` are left at their defaults then. mapped: a folder
    for the decoded images of a stream larger than memory, as in `mapped`; they go with the stream. Hidden files are
    left out; so are pictures that cannot be read, or not in 100 MB, with one warning that counts and names them.
    `report` says what was taken, guessed, converted and skipped.
    The other arguments, and the ValueError when they do not fit, as in `arrange`.
    """
    code = call(folder, locals())
    path = Path(path).expanduser()
    if domains:
        more = {"size": size, "classes": classes, "validation": validation, "splits": splits, "mapped": mapped}
        return _domains(path, tasks, order, code, **more)
    report = Report()
    with listed(path, report) as (names, open_file):
        pictures = layout(path, names, splits, report)
        class_names = sorted({picture.label for picture in pictures})
        plan = arrange(class_names, tasks, order, classes, validation)
        chosen = {class_names[label] for task in plan for label in task}
        pictures = [picture for picture in pictures if picture.label in chosen]
        parts = _read(pictures, class_names, plan, validation, size, open_file, path, report, mapped)
    found = [Task(index, labels, *parts[3 * index : 3 * index + 3]) for index, labels in enumerate(plan)]
    report.add("taken", _taken(parts, len(chosen)))
    return Stream(found, class_names, Path(os.path.abspath(path)).stem, code, report)


def _taken(parts: Sequence[Split], classes: int) -> str:
    """How many pictures the splits have, three of each task."""
    counts = ", ".join(f"{sum(map(len, parts[i::3])):,} {what}" for i, what in enumerate(_SPLITS))
    return f"{sum(map(len, parts)):,} pictures of {classes} classes, {counts}"


def _domains(path: Path, tasks: Tasks, order: Order, code: str, **settings: Any) -> Stream:
    """A folder of domains: each sub-folder read as a stream of one task."""
    folders = sorted(one for one in path.iterdir() if one.is_dir() and one.name[0] not in "._") if path.is_dir() else []
    if path.is_file():
        raise ValueError(f"domains are in a folder, and {str(path)!r} is a file: unpack it, and give the folder.")
    if len(folders) > 1 and all(part_of(one.name) for one in folders):
        raise ValueError(
            f"{str(path)!r} has splits where domains are expected: lay the pictures out as <domain>/train/<class>/ and "
            "<domain>/test/<class>/."
        )
    if len(folders) < 2:
        raise ValueError(f"domains are two folders or more in {str(path)!r}, each with a folder for every class.")
    if (tasks, order) != (5, 0):
        raise ValueError(
            "with domains=True every domain is a task, in the order of their names: leave out tasks and order."
        )
    found = [folder(one, tasks=1, order=None, **settings) for one in folders]
    names = sorted({name for stream in found for name in stream.class_names})
    parts = [[relabelled(part, stream.class_names, names) for part in parts_of(stream[0])] for stream in found]
    classes = [tuple(names.index(stream.class_names[label]) for label in stream.classes) for stream in found]
    domains = [Task(place, own, *split) for place, (own, split) in enumerate(zip(classes, parts, strict=True))]
    report = Report()
    for one, stream in zip(folders, found, strict=True):
        for note in stream.report:
            report.add(note.kind, f"{one.name}: {note.what}", *note.examples)
    return same_classes(domains, names, Path(os.path.abspath(path)).stem, code, report)


def _read(
    pictures: list[Picture],
    class_names: Sequence[str],
    plan: Plan,
    validation: float | int,
    size: int,
    open_file: Open,
    path: Path,
    report: Report,
    mapped: str | os.PathLike | None,
) -> list[Split]:
    """The splits of the tasks, three of each.

    A picture is decoded straight into its split, so that no second copy of the stream is needed, or some at a time
    into a file of the folder ``mapped``; where some cannot be read, the others are divided and read again.
    """
    numbers = {name: number for number, name in enumerate(class_names)}
    home = None if mapped is None else made(mapped)
    while True:
        labels = torch.tensor([numbers[picture.label] for picture in pictures]).long()
        groups = _groups(pictures, labels, class_names, plan, validation)
        if home is None:
            check_memory(len(pictures), (3, size, size))
        results: list[Decoded] = []
        decoded = _decoder(pictures, open_file, size, results)
        images = [
            decoded(rows) if home is None or not len(rows) else in_file(map(decoded, rows.split(_AT_ONCE)), home)
            for rows in groups
        ]
        results.sort()
        failed = {file: reason for file, reason, _, _ in results if reason}
        if not failed:
            break
        shown = ", ".join(list(failed)[:5]) + (", ..." if len(failed) > 5 else "")
        words = f"{len(failed)} of {len(pictures)} pictures in {str(path)!r} cannot be read and are left out: {shown}"
        warn(words)
        for file, reason in failed.items():
            report.add("skipped", reason, file)
        pictures = [picture for picture in pictures if picture.file not in failed]
    seen = set[bytes]()
    for file, _, converted, digest in results:
        for what in converted:
            report.add("converted", what, file)
        if digest in seen:
            report.add("taken", "copies of another picture", file)
        seen.add(digest)
    return [Split(own, labels[rows]) for own, rows in zip(images, groups, strict=True)]


def _groups(
    pictures: Sequence[Picture], labels: Tensor, class_names: Sequence[str], plan: Plan, validation: float | int
) -> list[Tensor]:
    """The rows of training, validation and test pictures of the first task, of the second and so on."""
    parts = [picture.part for picture in pictures]
    train, val, test = (
        torch.tensor([part == name for part in parts]).bool() for name in ("training", "validation", "test")
    )
    if not any(parts):
        test = sample(labels, lambda n: max(1, round(0.2 * n)), seed=0)
        train = ~test
    trained, tested = train.nonzero().flatten(), test.nonzero().flatten()
    found = []
    divided = shares(labels[train], labels[test], class_names, plan, validation)
    for classes, (mine, held, asked) in zip(plan, divided, strict=True):
        given = (val & torch.isin(labels, torch.tensor(classes))).nonzero().flatten()
        found += [trained[mine], torch.cat([trained[held], given]), tested[asked]]
    return found


def _decoder(
    pictures: Sequence[Picture], open_file: Open, size: int, results: list[Decoded]
) -> Callable[[Tensor], Tensor]:
    """What decodes the pictures of some rows (M,) into images (M, 3, size, size), and adds to ``results``."""

    def decoded(rows: Tensor) -> Tensor:
        images = np.empty((len(rows), 3, size, size), dtype=np.uint8)
        jobs = [(pictures[row].file, image) for row, image in zip(rows.tolist(), images, strict=True)]
        results.extend(_decode(jobs, open_file, size))
        return torch.from_numpy(images)

    return decoded


def _decode(jobs: Sequence[tuple[str, np.ndarray]], open_file: Open, size: int) -> list[Decoded]:
    """Fill the image of each (file, image)."""

    def one(job: tuple[str, np.ndarray]) -> Decoded:
        name, image = job
        try:
            with open_file(name) as file:
                image[:], converted = square(file, size)
                file.seek(0)
                return name, "", converted, hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]
        except TooLarge:
            return name, "pictures too large to be read in 100 MB; make them smaller", [], b""
        except Exception:  # decoders raise anything on a broken file
            return name, "pictures that cannot be read", [], b""

    affinity: Callable | None = getattr(os, "sched_getaffinity", None)
    threads = min(8, len(affinity(0)) if affinity else os.cpu_count() or 1)
    found: list[Decoded] = []
    # Pillow warns of odd metadata, and of large pictures, which are refused here.
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.simplefilter("ignore")
        for start in range(0, len(jobs), _AT_ONCE):
            found += pool.map(one, jobs[start : start + _AT_ONCE])
    return found
