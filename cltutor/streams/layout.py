"""Which split and which class a picture belongs to, from the folders in which it lies."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .listing import is_picture
from .report import Report, printable

_PARTS = {
    **dict.fromkeys(("train", "training"), "training"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


class Picture(NamedTuple):
    """part: "training", "validation" or "test", "" where there are no splits; label: the class; file: the name."""

    part: str
    label: str
    file: str


Files = list[tuple[list[str], str]]  # the folders and the name of each picture, and all of it as one name


def layout(path: Path, names: Iterable[str], splits: bool | None, report: Report) -> list[Picture]:
    """The pictures by split and class. names: sorted; splits: whether train/, val/ and test/ are splits, None to guess.

    Raises ValueError where there is no picture in a sub-folder, or two readings remain.
    """
    files = _files(names, report)
    if not files:
        skipped = "; ".join(str(note) for note in report.of("skipped"))
        raise ValueError(
            f"{str(path)!r} has no pictures in sub-folders{skipped and f' ({skipped})'}; put them in <class>/, or in "
            "train/<class>/ and test/<class>/."
        )
    while len({parts[0] for parts, _ in files}) == 1 and min(len(parts) for parts, _ in files) > 2:
        top = files[0][0][0]
        if part_of(top) and splits is not False:
            break
        report.add("guessed", f"the classes lie in {printable(top)}/")
        files = [(parts[1:], name) for parts, name in files]
    if roles := _roles(path, files, splits, report):
        return _in_splits(files, roles, report)
    if nested := [name for parts, name in files if len(parts) > 2]:
        report.add("guessed", "pictures deeper inside a class's folder are of that class", *nested)
    return [Picture("", _class(parts[0]), name) for parts, name in files]


def _files(names: Iterable[str], report: Report) -> Files:
    """Every picture that lies in a folder; the rest is reported."""
    files, folders, full = [], [], set()
    for name in names:
        parts = name.split("/")
        if name.endswith("/"):
            folders.append(name)
        elif not is_picture(name):
            report.add("skipped", "files whose names are not those of pictures", name)
        elif len(parts) == 1:
            report.add("skipped", "pictures outside the folders of classes", name)
        else:
            files.append((parts, name))
            full |= {"/".join(parts[:end]) + "/" for end in range(1, len(parts))}
    if empty := [name for name in folders if name not in full]:
        report.add("skipped", "folders without a picture", *empty)
    return files


def _roles(path: Path, files: Files, splits: bool | None, report: Report) -> dict[str, str]:
    """The split that each folder at the top is, none where they are classes.

    Raises ValueError where both readings remain, or `splits` does not fit.
    """
    tops: dict[str, list[str]] = {}  # of each picture in a top folder, the sub-folder, or ""
    for parts, _ in files:
        tops.setdefault(parts[0], []).append(parts[1] if len(parts) > 2 else "")
    deep = {top: set(tops[top]) - {""} for top in tops if 2 * tops[top].count("") < len(tops[top])}
    named = {top: part_of(top) for top in tops if (part_of(top) if top in deep else top.lower() in _PARTS)}
    others = {folder for top in tops if top not in named for folder in (top, *tops[top])} - {""}
    deep = {top: folders for top, folders in deep.items() if top in named}
    roles, shown = [named[top] for top in deep], _listed(named)
    fits = len(set(roles)) == len(roles) > 1 and "training" in roles
    if splits and not fits:
        raise ValueError(
            f"splits=True takes one folder train/ and one test/ or val/, each with one folder per class; {str(path)!r} "
            f"has {_listed(tops)}."
        )
    if splits is not None or not named:
        return named if splits else {}
    within = set().union(*deep.values())
    if fits and len(deep) == len(named) and (set.intersection(*deep.values()) or len(tops) == len(named)):
        return named
    if len(named) == 1 < len(tops) and not within & others:  # a class may have this name
        report.add("guessed", f"{shown} is a class, as it is not divided otherwise than the other folders")
        return {}
    if roles == ["training"]:
        way = (
            "to have its pictures divided for you" if len(tops) == 1 else "if all the folders beside it are classes too"
        )
        raise ValueError(
            f"{str(path)!r} has {_listed(deep)} but no test/ with pictures in folders of classes; add test/<class>/, "
            f"or use splits=False {way}."
        )
    raise ValueError(
        f"{str(path)!r} can be read in two ways: {shown} as splits with one folder per class inside (splits=True), or "
        f"{_listed(tops)} as the classes (splits=False); choose one with splits=, or give the folders other names."
    )


def _in_splits(files: Files, roles: dict[str, str], report: Report) -> list[Picture]:
    if "test" not in roles.values():
        val = next(top for top, role in roles.items() if role == "validation")
        roles[val] = "test"
        report.add("guessed", f"{val}/ is the test split, as there is no test/")
    report.add("taken", "; ".join(f"{top}/ is the {role} split" for top, role in sorted(roles.items())))
    found = []
    for parts, name in files:
        if parts[0] not in roles:
            report.add("skipped", "pictures in folders beside the splits", name)
        elif len(parts) == 2:
            report.add("skipped", "pictures outside the folders of classes", name)
        else:
            found.append(Picture(roles[parts[0]], _class(parts[1]), name))
    return found


def part_of(top: str) -> str:
    """The split that a folder is named after, as train/, Testing/, training_set/ or ValidSet/; else ""."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", top)
    parts = {_PARTS[word.lower()] for word in words if word.lower() in _PARTS}
    return parts.pop() if len(parts) == 1 else ""


def _class(name: str) -> str:
    """A folder's name as a class's: accents as every system but macOS writes them, no control characters."""
    return printable(unicodedata.normalize("NFC", name))


def _listed(tops: Iterable[str]) -> str:
    shown = [f"{printable(top)}/" for top in sorted(tops)]
    return ", ".join(shown[:5]) + (", ..." if len(shown) > 5 else "")
