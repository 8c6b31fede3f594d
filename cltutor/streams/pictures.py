"""One picture file as a person sees it: upright, on white, in 8 bits, cut to a square; in 100 MB whatever its size."""

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any

import numpy as np

MEMORY = 100_000_000  # bytes that reading one picture may take
_ENDINGS = "avif bmp dib gif j2k jfif jp2 jpe jpeg jpg pbm pgm png pnm ppm tga tif tiff webp"
PICTURES = tuple(f".{ending}" for ending in _ENDINGS.split())
# Others, such as PostScript, start programs.
_FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
_BAND = 2**20  # pixels that are worked on at once
_LONGEST = 4  # times the shorter side: what lies outside is cut off before anything is resized
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # from EXIF's orientation to Pillow's Transpose
Picture = Any  # PIL.Image.Image, which is imported when a picture is read


class TooLarge(ValueError):
    """A picture that cannot be decoded in the memory that one picture may take."""


def square(file: IO[bytes], size: int) -> tuple[np.ndarray, list[str]]:
    """(3, size, size) uint8: the shorter side resized, the middle kept; and what was converted.

    Raises TooLarge, or whatever Pillow raises for a file that it cannot read.
    """
    from PIL import Image

    if (length := file.seek(0, os.SEEK_END)) > MEMORY:
        raise TooLarge
    try:
        opened = Image.open(file, formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise TooLarge from error
    whole = opened.size
    opened.draft("RGB", (size, size))  # JPEGs decode faster at a fraction of their size
    working = 16 * _BAND + 4 * min(opened.width * opened.height, max(_BAND, 4 * size**2))  # a band in four copies
    if _decoding(opened, whole, length) + working > MEMORY:
        raise TooLarge
    opened.load()
    turn, top = None, _top(opened)
    with suppress(Exception):  # damaged EXIF data do not make a picture unreadable
        turn = _TURNS.get(opened.getexif().get(0x0112, 1))
    picture, clear = _middle(opened, size, top)
    if turn is not None:
        picture = picture.transpose(turn)
    shorter = min(picture.size)
    if shorter != size:
        width, height = (max(size, round(side * size / shorter)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    left, upper = ((side - size) // 2 for side in picture.size)
    image = np.asarray(picture.crop((left, upper, left + size, upper + size))).transpose(2, 0, 1)
    done = {
        "grey of more than 8 bits, rescaled to 0 to 255": top is not None,
        "turned upright, as their EXIF data say": turn is not None,
        "transparent, put on white": clear,
        "in colours for print (CMYK), converted without a colour profile": opened.mode == "CMYK",
        "the first of several frames or pages": getattr(opened, "is_animated", False),
        "smaller than the images of the stream, enlarged": min(whole) < size,
    }
    return image, [what for what, true in done.items() if true]


def pixels(pictures: Sequence[Picture]) -> np.ndarray:
    """(N, C, H, W) uint8 of Pillow's pictures of one size: C is 1 where all are grey, else 3."""
    grey = all(picture.mode in ("1", "L") or _top(picture) for picture in pictures)
    converted = np.stack([np.asarray(_rgb(picture, _top(picture))[0]) for picture in pictures])
    return np.ascontiguousarray(converted.transpose(0, 3, 1, 2)[:, : 1 if grey else 3])


def _decoding(opened: Picture, whole: tuple[int, int], length: int) -> int:
    """The bytes that decoding takes at most. whole: the size before `draft`; length: the file's bytes."""
    decoder = opened.tile[0][0] if opened.tile else ""
    area = opened.width * opened.height
    need = area * {"1": 1, "L": 1, "P": 1}.get(opened.mode, 2 if opened.mode.startswith("I;16") else 4)
    need += sum(len(value) for value in opened.info.values() if isinstance(value, str | bytes))
    if decoder in ("raw", "zip", "gif", "tga_rle"):
        return need
    if opened.format == "TIFF":
        tags = opened.tag_v2
        strip = tags.get(322, opened.width) * tags.get(323, min(tags.get(278, opened.height), opened.height))
        return need + length + strip * max(4, sum(tags.get(258, (1,))) // 8)
    if decoder == "jpeg":
        if opened.info.get("progressive"):  # the coefficients are kept, in two bytes each
            parts = [across * down for _, across, down, *_ in opened.layer]
            need += 2 * sum(-(-whole[0] * whole[1] * part // max(parts)) for part in parts)
        return need + length
    return need + length + area * (13 if opened.format == "WEBP" else 16)  # copies, measured with Pillow 13


def _top(opened: Picture) -> float | None:
    """The level that is white in a picture of more than 8 bits; None for one of 8."""
    if opened.mode.startswith("I;16") or (opened.mode == "I" and getattr(opened, "format", None) in ("PNG", "PPM")):
        return 65535
    if opened.mode not in ("I", "F"):
        return None
    low, high = opened.getextrema()
    for top in (1, 255, 65535) if opened.mode == "F" else (255, 65535):
        if 0 <= low <= high <= top:
            return top
    raise ValueError("the range of its levels is unknown.")


def _middle(opened: Picture, size: int, top: float | None) -> tuple[Picture, bool]:
    """The picture in RGB, without what lies far outside the middle, and whether it was transparent."""
    from PIL import Image

    shorter = min(opened.size)
    wide, high = (min(side, _LONGEST * shorter) for side in opened.size)
    if wide * high <= _BAND:
        left, upper = (opened.width - wide) // 2, (opened.height - high) // 2
        return _rgb(opened.crop((left, upper, left + wide, upper + high)), top)
    # In bands, each reduced by a factor, so that no second whole picture is needed.
    factor = -(-shorter // max(1024, 2 * size))
    side, rows = -(-shorter // factor), factor * max(1, _BAND // (shorter * factor))
    result, clear = Image.new("RGB", (side, side)), False
    left, upper = (opened.width - shorter) // 2, (opened.height - shorter) // 2
    for row in range(0, shorter, rows):
        band = opened.crop((left, upper + row, left + shorter, upper + min(row + rows, shorter)))
        part, seen = _rgb(band, top)
        result.paste(part.reduce(factor), (0, row // factor))
        clear |= seen
    return result, clear


def _rgb(picture: Picture, top: float | None) -> tuple[Picture, bool]:
    """The picture in RGB, put on white; and whether anything of it was transparent."""
    from PIL import Image

    if top is not None:
        levels = np.asarray(picture, dtype=np.float32) * np.float32(255 / top)
        picture = Image.fromarray(np.rint(levels).astype(np.uint8))
    elif picture.has_transparency_data:
        picture = picture.convert("RGBA")
        if picture.getchannel("A").getextrema()[0] < 255:
            white = Image.new("RGBA", picture.size, "white")
            white.alpha_composite(picture)
            return white.convert("RGB"), True
    return picture.convert("RGB"), False
