"""Pictures of every format, depth and mode: the pixels are those that a person sees, or the file is reported."""

import ctypes
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cltutor.streams import folder
from tests.streams.awkward import bomb, bytes_of, picture, ramp

SIDE = 24
GREY = ramp(SIDE, SIDE)
LEVELS = np.rint(255 * GREY).astype(np.uint8)
COLOUR = np.stack([LEVELS, LEVELS[::-1], LEVELS.T], axis=2)  # (H, W, 3)
ALPHA = np.tile(np.array([0, 128, 255], dtype=np.uint8).repeat(SIDE // 3), (SIDE, 1))
ON_WHITE = 255 - (255.0 - COLOUR) * ALPHA[..., None] / 255


def shown(tmp_path, content, name="a.png", size=SIDE):
    """What `folder` makes of one file: (H, W, 3), and the report as text."""
    (tmp_path / "in" / "cat").mkdir(parents=True)
    (tmp_path / "in" / "cat" / name).write_bytes(content)
    picture(tmp_path / "in" / "cat" / "b.png", size=(SIDE, SIDE))
    picture(tmp_path / "in" / "cat" / "c.png", (99, 99, 99), size=(SIDE, SIDE))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream = folder(tmp_path / "in", tasks=1, size=size)
    images = np.concatenate([stream[0].train.images, stream[0].test.images])
    others = [(100, 100, 100), (99, 99, 99), (100, 0, 0)]
    (mine,) = [i for i in images if not any((i == np.array(o, dtype=np.uint8)[:, None, None]).all() for o in others)]
    return mine.transpose(1, 2, 0), str(stream.report)


def close(seen, right, most=3.0):
    right = right if right.ndim == 3 else right[..., None]
    return np.abs(seen.astype(float) - right).mean() < most and np.abs(seen.astype(float) - right).max() < 4 * most


def deep(levels, dtype=np.uint16):
    return Image.fromarray(np.rint(levels).astype(dtype))


def pnm(head, levels, dtype):
    return head.encode() + np.rint(levels).astype(dtype).tobytes()


def sixteen(array):
    """A PNG of 16 bits per channel, which Pillow reads and does not write."""
    import struct
    import zlib

    high, wide, channels = array.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    colour = {2: 4, 3: 2, 4: 6}[channels]

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", wide, high, 16, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def with_alpha():
    return Image.fromarray(np.dstack([COLOUR, ALPHA]))


def palette(transparent):
    image = Image.fromarray(LEVELS // 32 * 32).convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    right = np.asarray(image.convert("RGB")).astype(float)
    if transparent:
        index = np.asarray(image)[-1, -1]
        right[np.asarray(image) == index] = 255
        return image, {"transparency": int(index)}, right
    return image, {}, right


def grey_alpha():
    return Image.merge("LA", [Image.fromarray(LEVELS), Image.fromarray(ALPHA)])


def key(image, colour):
    """PNG whose one colour is transparent."""
    return bytes_of(image, "PNG", transparency=colour)


GREY_ON_WHITE = 255 - (255.0 - LEVELS) * ALPHA / 255
SPOT = COLOUR.copy()
SPOT[:6, :6] = (7, 8, 9)
SPOT_SEEN = SPOT.copy()
SPOT_SEEN[:6, :6] = 255
CMYK = Image.fromarray(COLOUR).convert("CMYK")
FLAT, FLAT_OPTIONS, FLAT_SEEN = palette(False)
CLEAR, CLEAR_OPTIONS, CLEAR_SEEN = palette(True)
DEEP, WHITE, FRAMES = "grey of more than 8 bits", "transparent, put on white", "the first of several frames"
PICTURES = {
    "16-bit grey PNG": (bytes_of(deep(65535 * GREY), "PNG"), "a.png", LEVELS, DEEP),
    "16-bit grey TIFF": (bytes_of(deep(65535 * GREY), "TIFF"), "a.tif", LEVELS, DEEP),
    "16-bit TIFF, packed": (bytes_of(deep(65535 * GREY), "TIFF", compression="tiff_lzw"), "a.TIFF", LEVELS, DEEP),
    "16-bit TIFF, big-endian": (bytes_of(deep(65535 * GREY, ">u2"), "TIFF"), "a.tif", LEVELS, DEEP),
    "16-bit PGM": (pnm(f"P5 {SIDE} {SIDE} 65535\n", 65535 * GREY, ">u2"), "a.pgm", LEVELS, DEEP),
    "10-bit PPM": (pnm(f"P5 {SIDE} {SIDE} 1023\n", 1023 * GREY, ">u2"), "a.ppm", LEVELS, DEEP),
    "16-bit colour PPM": (pnm(f"P6 {SIDE} {SIDE} 65535\n", COLOUR * 257.0, ">u2"), "a.ppm", COLOUR, ""),
    "16-bit colour PNG": (sixteen(COLOUR * 257.0), "a.png", COLOUR, ""),
    "16-bit colour PNG with alpha": (
        sixteen(np.dstack([COLOUR, ALPHA]) * 257.0),
        "a.png",
        ON_WHITE,
        WHITE,
    ),
    "16-bit grey PNG with alpha": (
        sixteen(np.dstack([LEVELS, ALPHA]) * 257.0),
        "a.png",
        GREY_ON_WHITE,
        WHITE,
    ),
    "32-bit TIFF of 16 bits": (bytes_of(deep(65535 * GREY, np.int32), "TIFF"), "a.tif", LEVELS, DEEP),
    "32-bit TIFF of 8 bits": (bytes_of(deep(255 * GREY, np.int32), "TIFF"), "a.tif", LEVELS, DEEP),
    "float TIFF in [0, 1]": (bytes_of(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "a.tif", LEVELS, DEEP),
    "float TIFF to 255": (bytes_of(Image.fromarray(255 * GREY.astype(np.float32)), "TIFF"), "a.tif", LEVELS, DEEP),
    "grey": (bytes_of(Image.fromarray(LEVELS), "PNG"), "a.png", LEVELS, ""),
    "two levels": (bytes_of(Image.fromarray(LEVELS > 99), "PNG"), "a.png", 255 * (LEVELS > 99), ""),
    "drawing on transparent ground": (bytes_of(with_alpha(), "PNG"), "a.png", ON_WHITE, WHITE),
    "transparent WebP": (bytes_of(with_alpha(), "WEBP", lossless=True, exact=True), "a.webp", ON_WHITE, WHITE),
    "transparent TIFF": (bytes_of(with_alpha(), "TIFF"), "a.tif", ON_WHITE, WHITE),
    "transparent TGA": (bytes_of(with_alpha(), "TGA"), "a.tga", ON_WHITE, WHITE),
    "grey with alpha": (bytes_of(grey_alpha(), "PNG"), "a.png", GREY_ON_WHITE, WHITE),
    "transparent colour": (key(Image.fromarray(SPOT), (7, 8, 9)), "a.png", SPOT_SEEN, WHITE),
    "transparent grey": (
        key(Image.fromarray(np.where(LEVELS < 50, 50, LEVELS).astype(np.uint8)), 50),
        "a.png",
        np.where(LEVELS <= 50, 255, LEVELS),
        WHITE,
    ),
    "palette": (bytes_of(FLAT, "PNG"), "a.png", FLAT_SEEN, ""),
    "palette with a transparent colour": (bytes_of(CLEAR, "PNG", **CLEAR_OPTIONS), "a.png", CLEAR_SEEN, WHITE),
    "palette with transparencies": (
        bytes_of(FLAT, "PNG", transparency=bytes([128] * 8)),
        "a.png",
        (FLAT_SEEN + 255) / 2,
        WHITE,
    ),
    "GIF": (bytes_of(FLAT, "GIF"), "a.gif", FLAT_SEEN, ""),
    "transparent GIF": (bytes_of(CLEAR, "GIF", **CLEAR_OPTIONS), "a.gif", CLEAR_SEEN, WHITE),
    "animated GIF": (
        bytes_of(FLAT, "GIF", save_all=True, append_images=[Image.new("P", (SIDE, SIDE), 3)] * 3),
        "a.gif",
        FLAT_SEEN,
        FRAMES,
    ),
    "animated WebP": (
        bytes_of(
            Image.fromarray(COLOUR),
            "WEBP",
            lossless=True,
            save_all=True,
            append_images=[Image.new("RGB", (SIDE, SIDE))],
        ),
        "a.webp",
        COLOUR,
        FRAMES,
    ),
    "TIFF of two pages": (
        bytes_of(Image.fromarray(COLOUR), "TIFF", save_all=True, append_images=[Image.new("RGB", (5, 5))]),
        "a.tif",
        COLOUR,
        FRAMES,
    ),
    "CMYK TIFF": (bytes_of(CMYK, "TIFF"), "a.tif", COLOUR, "CMYK"),
    "CMYK JPEG": (bytes_of(CMYK, "JPEG", quality=100, subsampling=0), "a.jpg", COLOUR, "CMYK"),
    "BMP": (bytes_of(Image.fromarray(COLOUR), "BMP"), "a.bmp", COLOUR, ""),
    "progressive JPEG": (
        bytes_of(Image.fromarray(COLOUR), "JPEG", quality=100, subsampling=0, progressive=True),
        "a.jpeg",
        COLOUR,
        "",
    ),
    "PNG named as JPEG": (bytes_of(Image.fromarray(COLOUR), "PNG"), "a.JPG", COLOUR, ""),
    "JPEG 2000": (bytes_of(Image.fromarray(COLOUR), "JPEG2000"), "a.jp2", COLOUR, ""),
    "a GIF named as JPEG": (bytes_of(FLAT, "GIF"), "a.jpg", FLAT_SEEN, ""),
    "a WebP named as PNG": (bytes_of(Image.fromarray(COLOUR), "WEBP", lossless=True), "a.png", COLOUR, ""),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_read_as_a_person_sees_it(tmp_path, name):
    content, file, right, words = PICTURES[name]
    seen, report = shown(tmp_path, content, file)
    assert close(seen, np.broadcast_to(right if right.ndim == 3 else right[..., None], (SIDE, SIDE, 3)))
    converted = [line for line in report.splitlines() if line.startswith("converted")]
    assert [words in line for line in converted] == [True] * bool(words)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pictures_stand_upright_as_their_exif_data_say(tmp_path, orientation, kind):
    back = [None, None, 0, 3, 1, 5, 2, 6, 4][orientation]  # the stored picture is the upright one turned back
    upright = Image.fromarray(COLOUR)
    stored = upright if back is None else upright.transpose(back)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    seen, report = shown(tmp_path, bytes_of(stored, kind, exif=exif, **options))
    assert close(seen, COLOUR)
    assert kind == "TIFF" or ("turned upright" in report) == (orientation > 1)


def test_damaged_exif_data_do_not_make_a_picture_unreadable(tmp_path):
    content = bytes_of(
        Image.fromarray(COLOUR), "JPEG", quality=100, subsampling=0, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"
    )
    assert close(shown(tmp_path, content)[0], COLOUR)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        bytes_of(Image.fromarray(COLOUR), "PNG")[:200],
        bytes_of(Image.fromarray(COLOUR), "JPEG")[:300],
        bytes_of(Image.fromarray(np.full((9, 9), np.nan, dtype=np.float32)), "TIFF"),
        bytes_of(Image.fromarray(np.full((9, 9), -5.0, dtype=np.float32)), "TIFF"),
        bytes_of(Image.fromarray(np.full((9, 9), 2**30, dtype=np.int32)), "TIFF"),
    ],
)
def test_what_cannot_be_read_is_left_out_counted_and_reported(tmp_path, content):
    for i in range(3):
        picture(tmp_path / "cat" / f"{i}.png", 100 + i)
    (tmp_path / "cat" / "1a.png").write_bytes(content)
    with pytest.warns(UserWarning, match=r"^1 of 4 pictures in .* cannot be read and are left out: cat/1a.png$"):
        stream = folder(tmp_path, tasks=1, size=4)
    assert len(stream[0].train) + len(stream[0].test) == 3
    assert "skipped    pictures that cannot be read (1): cat/1a.png" in str(stream.report)


def test_a_picture_that_states_a_huge_size_is_refused_before_it_is_decoded(tmp_path):
    for i, (wide, high) in enumerate([(2**31 - 1, 2**31 - 1), (20_000, 20_000), (9000, 9000)]):
        (tmp_path / "cat").mkdir(exist_ok=True)
        (tmp_path / "cat" / f"{i}.png").write_bytes(bomb(wide, high))
        picture(tmp_path / "cat" / f"good {i}.png")
    with pytest.warns(UserWarning, match="3 of 6 pictures"):
        report = str(folder(tmp_path, tasks=1).report)
    assert "pictures too large to be read in 100 MB; make them smaller (3): cat/0.png" in report


@pytest.mark.parametrize("way", ["wide", "high"])
def test_the_middle_of_a_very_long_picture_is_kept(tmp_path, way):
    levels = np.zeros((20, 2000, 3), dtype=np.uint8)
    levels[:, 990:1010] = 200
    image = Image.fromarray(levels if way == "wide" else levels.transpose(1, 0, 2))
    seen, _ = shown(tmp_path, bytes_of(image, "PNG"), size=20)
    assert (seen == 200).all()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "I;16", "LA"])
def test_a_large_picture_read_in_bands_is_the_one_that_is_read_at_once(tmp_path, mode):
    wide, high = 1700, 1400
    smooth = np.add.outer(np.arange(high), np.arange(wide)) * (255 / (wide + high))
    grey = Image.fromarray(smooth.astype(np.uint8))
    alpha = Image.fromarray((255 - smooth / 2).astype(np.uint8))
    image = {
        "I;16": lambda: Image.fromarray((smooth * 257).astype(np.uint16)),
        "RGBA": lambda: Image.merge("RGBA", [grey, grey, grey, alpha]),
        "LA": lambda: Image.merge("LA", [grey, alpha]),
    }.get(mode, lambda: grey.convert(mode))()
    seen, _ = shown(tmp_path, bytes_of(image, "PNG"), size=28)
    right = smooth
    if mode in ("RGBA", "LA"):
        right = 255 - (255 - smooth) * (255 - smooth / 2) / 255
    middle = right[:, 150:1550]
    right = middle.reshape(28, 50, 28, 50).mean((1, 3))[..., None]
    assert np.abs(seen.astype(float) - right).max() < 3


def megabytes(path, size=224):
    """The peak of memory of this process while the folder is read, above that before, and the stream."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = memory("VmRSS")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stream = folder(path, tasks=1, size=size)
    return memory("VmHWM") - before, stream


def memory(name):
    """Megabytes of this process, from Linux."""
    return int(re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1000


@pytest.mark.parametrize(
    ("make", "suffix", "skipped"),
    [
        (lambda: bytes_of(Image.new("RGB", (1, 20_000)), "PNG"), "png", False),
        (lambda: bytes_of(Image.new("L", (13_000, 13_000)), "PNG"), "png", True),
        (lambda: bytes_of(Image.new("L", (8000, 8000)), "PNG"), "png", False),
        (lambda: bytes_of(Image.new("RGBA", (4700, 4000)), "PNG", compress_level=1), "png", False),
        (lambda: bytes_of(Image.new("RGB", (4000, 3000)), "JPEG", progressive=True, subsampling=0), "jpg", False),
        (lambda: bytes_of(Image.new("RGB", (2000, 2200)), "WEBP", method=0, quality=1), "webp", False),
        (lambda: bytes_of(Image.new("CMYK", (4000, 4000)), "TIFF", compression="tiff_lzw"), "tif", False),
    ],
    ids=["1 x 20,000", "169 megapixels", "64 megapixels", "transparent", "progressive", "WebP", "TIFF"],
)
def test_reading_any_picture_takes_less_than_100_mb(tmp_path, make, suffix, skipped):
    for i in range(2):
        picture(tmp_path / "cat" / f"{i}.png", 100 + i)
    megabytes(tmp_path)
    (tmp_path / "cat" / f"large.{suffix}").write_bytes(make())
    peak, stream = megabytes(tmp_path)
    assert peak < 105, "and what the allocator keeps"
    assert bool(stream.report.of("skipped")) == skipped


def test_reading_needs_no_second_copy_of_the_stream(tmp_path):
    """600 pictures of 224 pixels are 90 MB; two copies would be 180."""
    content = bytes_of(Image.fromarray(COLOUR), "PNG")
    for i in range(600):
        (tmp_path / f"class{i % 4}").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"class{i % 4}" / f"{i}.png").write_bytes(content)
    peak, stream = megabytes(tmp_path)
    assert 85 < peak < 130
    assert len(stream[0].train) == 480
