"""Pictures and folders as people have them, for the tests of `streams.folder`."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image


def picture(path: Path, colour=100, size=(12, 9), mode="RGB", **options) -> Path:
    """A picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)
    return path


def pictures(folder: Path, count: int = 2, colour: int = 100) -> None:
    """Some pictures of a class, each of its own grey."""
    for i in range(count):
        picture(folder / f"{i}.png", (colour + i,) * 3)


def ramp(high: int = 24, wide: int = 24) -> np.ndarray:
    """(H, W) float in [0, 1]: grey that rises from left to right, darker below."""
    return np.linspace(0, 1, wide)[None] * np.linspace(1, 0.2, high)[:, None]


def zipped(folder: Path, file: Path, separator: str = "/") -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for one in sorted(folder.rglob("*")):
            if one.is_file():
                entry = zipfile.ZipInfo("x")
                entry.filename = str(one.relative_to(folder)).replace("/", separator)  # as written by Windows
                archive.writestr(entry, one.read_bytes())
    return file


def locked(file: Path) -> Path:
    """The zip file with the mark of encryption on its last entry."""
    content = bytearray(file.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    content[content.rindex(b"PK\x03\x04") + 6] |= 1
    file.write_bytes(content)
    return file


def bytes_of(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def bomb(wide: int, high: int) -> bytes:
    """A PNG file of a size that its header states, and of no pixels."""
    header = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)

    def chunk(name: bytes, content: bytes) -> bytes:
        import zlib

        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
