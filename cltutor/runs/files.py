"""Files of tensors and plain facts: written atomically, with a checksum, read without executing anything."""

import errno
import hashlib
import json
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ..checked import checked
from ..warned import warn

FORMAT = 3
HEADER = 20_000_000  # bytes of names, shapes and facts that are read at most: a file without end costs no memory


class OtherVersion(ValueError):
    """The file is whole, and another version of cltutor wrote it."""


class NotWritten(ValueError):
    """The disk refused a file; what was there before is intact. ``reason`` is the system's own words."""

    def __init__(self, message: str, reason: str = ""):
        super().__init__(message)
        self.reason = reason


@checked
def write(path: str | os.PathLike, tensors: Mapping[str, Tensor], facts: dict) -> None:
    """Write ``tensors`` (on the CPU) and ``facts`` (anything that JSON can represent) to ``path``, a safetensors file.

    The write is atomic: ``path`` is replaced once the whole file is on disk.

    Raises:
        NotWritten: the disk refuses.
    """
    # Copied, as safetensors refuses tensors that share memory.
    own = {name: value.clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    text = json.dumps({"format": FORMAT, **facts})
    data = safetensors.torch.save(own, {"cltutor": text, "checksum": checksum(own, text)})
    write_bytes(Path(path), data)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file in full or not at all; NotWritten where the disk refuses, or where a device or pipe would go."""
    draft = path.parent / f".{path.name}.{os.getpid()}-{threading.get_ident()}"
    try:
        if path.exists() and not path.is_file():  # a rename would replace a device
            raise OSError(errno.EEXIST, "it is there, and no file")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(draft, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise NotWritten(f"{path} cannot be written ({reason}): make room, or name another place.", reason) from error


def drafts(path: Path) -> Iterator[Path]:
    """Unfinished files of other processes for ``path``: they write at this moment, or were killed while writing."""
    found = path.parent.glob(f".{path.name}.*-*")
    return (draft for draft in found if not draft.suffix.startswith(f".{os.getpid()}-") and not draft.is_dir())


@checked
def read(path: str | os.PathLike) -> tuple[dict[str, Tensor], dict]:
    """The tensors and the facts in ``path``.

    Raises:
        OtherVersion: it is of another format.
        ValueError: it is damaged, not from cltutor, or cannot be read.
    """
    facts, text, expected, tensors = _read(path, with_tensors=True)
    facts.pop("format")
    if expected != checksum(tensors, text):
        raise ValueError(f"{path} is damaged: remove it and train again.")
    return tensors, facts


@checked
def facts_of(path: str | os.PathLike) -> dict:
    """The facts without the tensors, which is fast; ValueError as in ``read``, except for damage to the tensors."""
    return _read(path, with_tensors=False)[0]


def _read(path: str | os.PathLike, with_tensors: bool) -> tuple[dict, str, str, dict[str, Tensor]]:
    try:
        refuse_irregular(path)
        refuse_long_header(path)
        with safetensors.safe_open(path, "pt") as file:
            known, names = file.metadata() or {}, file.keys() if with_tensors else ()
            # Cloned: a tensor at an unaligned address in the mapped file changes the last bits of a matrix product.
            tensors = {name: file.get_tensor(name).clone() for name in names}
        facts = json.loads(known["cltutor"])
        if not isinstance(facts, dict) or "format" not in facts:
            raise KeyError("format")
        if facts["format"] != FORMAT:
            raise OtherVersion(f"{path} was written by another version of cltutor: remove it and train again.")
        return facts, known["cltutor"], known.get("checksum", ""), tensors
    except PermissionError:
        raise ValueError(f"This user has no permission to read {path}.") from None
    except OtherVersion:
        raise
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise ValueError(f"{path} cannot be read ({error.strerror or error}).") from error
        raise ValueError(f"There is no run in {path}: the file does not exist.") from None
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged or not a cltutor run: remove it and train again.") from error


def refuse_irregular(path: str | os.PathLike) -> None:
    """ValueError for what is no file: a pipe is read for ever."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError("not a file")


def refuse_long_header(path: str | os.PathLike) -> None:
    """ValueError for a longer header than any run has."""
    with open(path, "rb") as file:
        if int.from_bytes(file.read(8), "little") > HEADER:
            raise ValueError("its header is too long")


def checksum(tensors: Mapping[str, Tensor], text: str) -> str:
    """A sha256 over everything in a file: the tensors with their names, types and shapes, and the ``text``."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        value = tensors[name].contiguous()
        digest.update(repr((name, value.dtype, tuple(value.shape))).encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def discard(path: Path) -> None:
    """Remove a file that is of no more use; where it is somebody else's, or gone, nothing is lost."""
    with suppress(OSError):
        path.unlink()


def set_aside(path: Path, error: ValueError) -> None:
    """Rename a file that cannot be used, so that nothing in it is lost, and say so in one warning."""
    kind = "other-version" if isinstance(error, OtherVersion) else "damaged"
    names = (path.with_name(f"{path.name}.{kind}{number or ''}") for number in count())
    aside = next(name for name in names if not name.exists())
    try:
        os.replace(path, aside)
        done = f"It was set aside as {aside.name} and is computed again"
    except OSError as refused:  # somebody else's file in a shared folder
        done = f"It cannot be set aside ({refused.strerror}), and is computed again"
    reason = str(error).removesuffix(": remove it and train again.").removesuffix(".")
    warn(f"{reason}. {done}.")
