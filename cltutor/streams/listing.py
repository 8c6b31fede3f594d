"""The files of a folder or a zip file: what a person sees there, with "/" between folders and at their end."""

import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ..describe import Kind, Location
from .pictures import PICTURES
from .report import Report

_SYSTEM = {"__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "thumbs.db", "desktop.ini"}
Open = Callable[[str], IO[bytes]]
PATH = Kind("the path of a folder or file", Location().accepts)


@contextmanager
def listed(path: Path, report: Report) -> Iterator[tuple[list[str], Open]]:
    """The sorted names in a folder or zip file, and the function that opens one; hidden ones are left out.

    Raises ValueError for what is neither, or is encrypted.
    """
    if os.path.isdir(path):
        names = _seen(((name, path / name) for name in _walk(path, report)), report)
        yield sorted(names), lambda name: names[name].open("rb")
        return
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # a damaged file raises anything
        if not os.path.exists(path):
            raise ValueError(f"there is no folder or zip file {str(path)!r}.") from error
        raise ValueError(
            f"{str(path)!r} is no folder or zip file, or a damaged one; unpack other archives, such as tar, and give "
            "the folder."
        ) from error
    with archive:
        entries = _seen(((entry.filename, entry) for entry in archive.infolist()), report)
        locked = [name for name, entry in entries.items() if entry.flag_bits & 1 and is_picture(name)]
        if locked:
            raise ValueError(
                f"{len(locked)} pictures in {str(path)!r}, such as {locked[0]!r}, are encrypted; unpack the zip file "
                "with its password and give the folder."
            )
        yield sorted(entries), lambda name: archive.open(entries[name])


def is_picture(name: str) -> bool:
    return name.lower().endswith(PICTURES)


def is_hidden(part: str) -> bool:
    """Whether a file or folder of this name is hidden, or of the system."""
    return part.startswith(".") or part.lower() in _SYSTEM


def _seen(entries: Iterable[tuple[str, Any]], report: Report) -> dict[str, Any]:
    """Entries by name, without hidden ones; of several of one name the last, as when they are unpacked."""
    found, hidden, backslash = {}, set(), False
    for written, entry in entries:
        backslash |= "\\" in written
        parts = [part for part in written.replace("\\", "/").split("/") if part not in ("", ".")]
        end = next((i for i, part in enumerate(parts) if is_hidden(part)), None)
        if end is not None:
            hidden.add("/".join(parts[: end + 1]))
        elif parts:
            found["/".join(parts) + "/" * written.endswith(("/", "\\"))] = entry
    if hidden:
        report.add("skipped", "hidden files and folders, and those of the system", *sorted(hidden))
    if backslash:
        report.add("guessed", "backslashes in names stand between folders, as Windows writes them")
    return found


def _walk(root: Path, report: Report) -> Iterator[str]:
    """Every file, and every folder with "/" at its end; links to folders are followed, but not back or twice."""
    waiting: list[tuple[str, tuple[tuple[int, int], ...], bool]] = [("", (), False)]
    while waiting:
        folder, above, linked = waiting.pop()
        try:
            about, entries = os.stat(root / folder), list(os.scandir(root / folder))
        except OSError:
            report.add("skipped", "folders that cannot be opened", folder)
            continue
        here = about.st_dev, about.st_ino
        if here in above:
            report.add("skipped", "links to a folder above them", folder)
            continue
        yield folder or "./"
        for entry in entries:
            name, link = folder + entry.name, entry.is_symlink()
            if os.path.isfile(entry.path) or is_hidden(entry.name):
                yield name
            elif not os.path.isdir(entry.path):
                report.add("skipped", "broken links, and what is neither file nor folder", name)
            elif link and linked:
                report.add("skipped", "links inside linked folders", name)
            else:
                waiting.append((name + "/", (*above, here), link or linked))
