"""A picture as SVG and as a page: text stays text, colours are variables of the page, touch.js knows the spots."""

import base64
import contextlib
import html
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import RendererSVG
from PIL import Image

from .runs import NotMeasured
from .style import DARK, NAMES

if TYPE_CHECKING:
    from .picture import Picture

SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "cltutor",  # the same picture, the same bytes
    "path.simplify": False,
    "image.composite_image": False,  # each image may belong to a layer or a frame
}
OWN = "cltutor-0-"  # before every name inside an SVG; touch.js puts a number of the page in its place
FONT = "DejaVu Sans,Verdana,Geneva,sans-serif"  # Verdana, of Windows and Macs, is as wide as matplotlib's DejaVu
ROOT = f'style="font-family:{FONT};stroke-linejoin:round;stroke-linecap:butt"'
SCRIPT = Path(__file__).with_name("touch.js")
FEW = (1, 128), (0.75, 128), (0.5, 128), (0.5, 32)  # size and colours of the image that a page without scripts shows
MOST_BYTES = 100_000  # of that image
OUT_OF_SIGHT = "jp-Mermaid"  # a class that the pages of nbconvert, and no others, hide until their script has drawn
PNG = re.compile(r'(<image [^>]*href=")(data:image/png;base64,)\s*([A-Za-z0-9+/=]+)')  # no name has a "<" of its own
MANY = 1000  # pixels of an image from which WebP takes less time and room than PNG
LARGE = 150_000  # characters of all images of a drawing above which they lose what no eye would miss
EXACT = {"lossless": True, "quality": 0, "method": 0}  # quality: the effort
LOSSY = {"quality": 70, "method": 0}


class Renderer(RendererSVG):
    """Keeps images of many pixels apart: to write them as PNG would take longer than all else in a picture."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.images: list[np.ndarray] = []

    def draw_image(self, gc: GraphicsContextBase, x: float, y: float, im: np.ndarray, transform: Any = None) -> None:
        self.images.append(im)
        super().draw_image(gc, x, y, np.zeros_like(im) if _many(im) else im, transform)


def svg(picture: "Picture") -> str:
    """The picture as SVG, without a ground of its own, for a page of any colour."""
    file, ground, dpi = io.StringIO(), picture.patch.get_visible(), picture.dpi
    picture.patch.set_visible(False)
    picture.dpi = 72  # the unit of an SVG
    for artist in picture.earlier:
        artist.set_visible(True)
    try:
        with matplotlib.rc_context(SETTINGS):
            size = picture.get_size_inches()
            renderer = Renderer(*(72 * size), file, image_dpi=dpi, metadata={"Date": None})
            mixed = MixedModeRenderer(picture, *size, dpi, renderer)  # a colour bar is drawn as an image
            picture.draw(mixed)
            mixed.finalize()
    finally:
        picture.dpi = dpi
        picture.patch.set_visible(ground)
        for artist in picture.earlier:
            artist.set_visible(False)
    return _slim(_with_images(file.getvalue(), renderer.images))


def _with_images(text: str, images: list[np.ndarray]) -> str:
    """What matplotlib wrote, with those of many pixels put in; all of them are compressed where they are large."""
    written = [kind + png for _, kind, png in PNG.findall(text)]
    written = [_webp(im, EXACT) if _many(im) else png for im, png in zip(images, written, strict=True)]
    if sum(map(len, written)) > LARGE:
        written = [min(_webp(im, LOSSY), exact, key=len) for im, exact in zip(images, written, strict=True)]
    data = iter(written)
    return PNG.sub(lambda found: found[1] + next(data), text)


def _many(image: np.ndarray) -> bool:
    return image.shape[0] * image.shape[1] > MANY


def _slim(text: str) -> str:
    """What matplotlib wrote, without what a page does not need, and with names and colours that a page can change."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>|<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r'(?<= d=")[^"]*', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0].replace("\n", "")), text)
    text = re.sub(r'((?: x| y)="-?\d+\.\d\d)\d+', r"\1", text)
    text = re.sub(r"font-family: [^;\"]*; ?| transform=\"rotate\(-0 [^\"]*\"", "", text)
    used = set(re.findall(r"#([\w-]+)[\")]", text))
    text = re.sub(r' id="([^"]*)"', lambda found: _name(found[1], used), text)
    text = re.sub(r'(href="#|url\(#)', rf"\1{OWN}", text)
    # Colours of the palette become variables of the page; others, such as those of a heat map, stay as they are.
    variables = {color: f"var(--cltutor-{NAMES.get(color, color[1:])}, {color})" for color in DARK}
    text = re.sub(rf"((?:fill|stroke): )({'|'.join(DARK)})", lambda found: found[1] + variables[found[2]], text)
    text = _tinted(text)
    text = re.sub(r">\s+<", "><", text)
    return text.replace("<svg ", f"<svg {ROOT} ", 1).strip()


def _tinted(text: str) -> str:
    """The SVG, where a filter gives an image with a tint (`Pixels`) its colour, so that a dark page changes it."""
    for color in dict.fromkeys(re.findall(r' data-tint="(#\w+)"', text)):
        name = color[1:]
        flood = f'<feFlood style="flood-color:var(--cltutor-{name}, {color})"/>'
        made = f'{flood}<feComposite in2="SourceAlpha" operator="in"/>'
        area = 'x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB"'
        text = text.replace(f' data-tint="{color}"', f' filter="url(#{OWN}tint-{name})"')
        text = re.sub(r"(<svg[^>]*>)", rf'\1<filter id="{OWN}tint-{name}" {area}>{made}</filter>', text, count=1)
    return text


def _name(gid: str, used: set[str]) -> str:
    """A name that is used, or the tags of `Touchable` as attributes that touch.js looks for."""
    if gid.startswith("tag;"):
        pairs = (tag.partition("=") for tag in gid.split(";")[1:])
        return "".join(f' data-{kind}="{value}"' for kind, _, value in pairs)
    return f' id="{OWN}{gid}"' if gid in used else ""


def _webp(image: np.ndarray, how: dict[str, Any]) -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="webp", **how)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def drawing(picture: "Picture") -> dict[str, Any]:
    """All that touch.js needs: the SVG, spots, layers and frames of the picture and of the one in its place."""
    made = [picture]
    with contextlib.suppress(NotMeasured):  # there is no picture of the other setting
        made += [picture.make_other()] if picture.make_other else []
    drawings = []
    for one in made:
        text, size = svg(one), {"width": round(100 * one.get_figwidth()), "height": round(100 * one.get_figheight())}
        head = {"setting": one.setting, "alt": one.alt, "svg": text, "colors": _dark(text)}
        drawings.append(head | size | one.described())
    found = Counter(image for one in drawings for image in re.findall(r"data:image/[^\"]{400,}", one["svg"]))
    images = [image for image, times in found.items() if times > 1]  # each is kept once
    for one in drawings:
        for number, image in enumerate(images):
            one["svg"] = one["svg"].replace(image, f"cltutor-image-{number};")
    return {"drawings": drawings, "images": images}


def _dark(text: str) -> str:
    """The style sheet by which the colours of an SVG follow a dark page: JupyterLab, VS Code, a site, or the reader."""
    found = {(name, color) for color, name in NAMES.items()} | set(re.findall(r"--cltutor-(\w+), (#\w+)", text))
    rules = ";".join(f"--cltutor-{name}:{DARK[color]}" for name, color in sorted(found))
    return (
        f':is([data-jp-theme-light="false"],[data-theme="dark"],.vscode-dark) .{OWN}{{{rules}}}'
        "@media (prefers-color-scheme:dark){html:not([data-theme]) "
        f"body:not([data-jp-theme-light],.vscode-light) .{OWN}{{{rules}}}}}"
    )


def small_png(picture: "Picture") -> bytes:
    """The picture as PNG of few colours: for a reader that drops scripts."""
    full = Image.open(io.BytesIO(picture.png())).convert("RGB")
    for share, colors in FEW:  # photographs and heat maps of noise take much room
        small, size = io.BytesIO(), (round(share * full.width), round(share * full.height))
        few = (full if share == 1 else full.resize(size)).quantize(colors, dither=Image.Dither.NONE)
        few.save(small, format="png", optimize=True)
        if small.tell() < MOST_BYTES:
            break
    return small.getvalue()


def page(picture: "Picture") -> dict[str, Any]:
    """The picture for a notebook, by kind of content.

    Every picture carries the module: a page that lost its first picture still works. The first that runs serves all.

    nbconvert with ``sanitize_html`` keeps neither images nor scripts, and writes their source out as text. It hides
    what is in ``OUT_OF_SIGHT``, so that its reader finds the words; everywhere else the style sheet shows the image.
    """
    image = base64.b64encode(small_png(picture)).decode("ascii")
    alt, width = html.escape(picture.alt, quote=True), round(100 * picture.get_figwidth())
    data = json.dumps(drawing(picture), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # What would end the script that holds it, or keep it from ending.
    data = re.sub("(?i)<(?=!--|script)", r"\\u003c", data.replace("</", r"<\/"))
    shown = (
        f'<div class="cltutor-picture"><div class="{OUT_OF_SIGHT}"><img alt="{alt}" width="{width}" '
        f'style="max-width:100%;height:auto" src="data:image/png;base64,{image}">'
        f'<script type="application/json">{data}</script></div><div aria-hidden="true">{alt}</div></div>'
        f'<div class="{OUT_OF_SIGHT}"><style>{style()}</style><script type="module">{script()}</script></div>'
    )
    return {"text/html": shown, "image/png": image, "text/plain": picture.alt}


def script() -> str:
    """touch.js without comments and indents, as it stands in a page."""
    return re.sub(r"(?m)^\s*(//.*)?\n|^\s+", "", SCRIPT.read_text(encoding="utf-8"))


def style() -> str:
    """How what touch.js makes looks."""
    return SCRIPT.with_suffix(".css").read_text(encoding="utf-8")
