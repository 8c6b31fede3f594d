"""A figure that displays itself once, describes itself in words and does not use pyplot.

Sizes and positions are in inches from the lower left corner: matplotlib's constrained layout takes two to three times
as long as the drawing itself.
"""

import io
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any
from unicodedata import east_asian_width

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import BboxImage
from matplotlib.patches import Polygon
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Bbox, TransformedBbox
from numpy.typing import ArrayLike

from ..checked import checked
from ..describe import Real
from .drawing import drawing, page, svg
from .spots import Touchable
from .style import FAINT, FRAME, INK

DPI = 100
Inches = Annotated[float, Real(at_least=0.1, at_most=400)]  # at most 2**16 pixels, which is what can be drawn
FONT = 10  # points: the smallest text in any picture
TITLE = 12
LEGEND = {"loc": "upper left", "fontsize": FONT, "labelcolor": INK, "frameon": False, "borderaxespad": 0}
LEGEND |= {"borderpad": 0, "labelspacing": 0.3, "handlelength": 2.4, "columnspacing": 1.4}


class Picture(Touchable, Figure):
    """A matplotlib figure made without pyplot, with one sentence of alternative text in `.alt`.

    In a page it responds: its spots are read, its layers switched and its frames played (docs/pictures.md).
    """

    @checked
    def __init__(self, width: Inches, height: Inches, alt: str = "") -> None:
        super().__init__(figsize=(width, height), dpi=DPI, facecolor="white")
        FigureCanvasAgg(self)
        self.alt = alt
        self.spots, self.layers, self.curtains, self.earlier = [], {}, [], []

    def panel(
        self, left: float, bottom: float, width: float, height: float, x: str = "", y: str = "", frame: bool = True,
        title: str = "",
    ) -> Axes:  # fmt: skip
        """Axes at a place given in inches, with quiet borders and readable ticks.

        x, y: names of the axes; frame: False for images and heat maps, which need neither borders nor tick marks;
        title: a line above them.
        """
        w, h = self.get_size_inches()
        axes = self.add_axes((left / w, bottom / h, width / w, height / h))
        axes.set_facecolor("none")  # the ground is that of the page
        for side, spine in axes.spines.items():
            spine.set_visible(frame and side in ("left", "bottom"))
            spine.set_color(FRAME)
        axes.tick_params(labelsize=FONT, colors=INK, color=FRAME, length=3 if frame else 0)
        axes.set_xlabel(plain(x), fontsize=FONT, color=INK)
        axes.set_ylabel(plain(y), fontsize=FONT, color=INK)
        axes.set_title(plain(title), fontsize=FONT, loc="left", pad=5, color=INK)
        return axes

    def curve(
        self, axes: Axes, x: np.ndarray, y: np.ndarray, words: str, /, layer: str, style: Mapping[str, Any],
        band: tuple[np.ndarray, np.ndarray] | None = None, **fields: Any,
    ) -> list[Artist]:  # fmt: skip
        """A line through points x (N,), y (N,) that are read in ``words``, with a band (2, N) from low to high,
        switched as one layer.

        axes: or a `Panel`; style: as matplotlib's lines take it; fields: as in `points`. Returns what it drew.
        """
        drawn = axes.plot(x, y, **{"linewidth": 1.8, "markersize": 5.5, "label": layer} | style)
        if band is not None and (several := np.isfinite(band).all(axis=0)).any():
            low, high = np.array(band)[:, several]
            corners = np.column_stack([np.append(x[several], x[several][::-1]), np.append(low, high[::-1])])
            look = {"color": style["color"], "alpha": 0.15, "linewidth": 0, "zorder": 0.5}
            # Not `fill_between`: seven times as slow, and ten panels are redrawn with every epoch of a live curve.
            drawn.append(axes.add_artist(Polygon(corners, label=drawn[0].get_label(), **look)))
        self.layer(layer, *drawn)
        self.points(axes, x, y, words, layer, **fields)
        return drawn

    def color_bar(self, drawn: ScalarMappable, left: float, bottom: float, width: float, height: float) -> Colorbar:
        """The colour bar of a heat map at a place given in inches, along the longer side."""
        axes = self.panel(left, bottom, width, height)
        bar = self.colorbar(drawn, cax=axes, orientation="horizontal" if width > height else "vertical")
        bar.outline.set_visible(False)
        bar.minorticks_off()  # each costs as much time as a labelled one
        axes.tick_params(labelsize=FONT, colors=INK, length=3)
        return bar

    def pixels(
        self, data: np.ndarray, left: float, bottom: float, width: float, height: float, label: str = "", tint: str = ""
    ) -> "Pixels":
        """An image, data (H, W), (H, W, 3) or (H, W, 4), at a place given in inches, without the cost of axes; one of a
        single colour, its ``tint``, follows the page as lines do."""
        place = TransformedBbox(Bbox.from_bounds(left, bottom, width, height), self.dpi_scale_trans)
        image = self.add_artist(Pixels(place, data=data, interpolation="nearest", origin="upper", label=label))
        self._tag("tint", tint.lower(), [image] if tint else [])
        return image

    def put(self, artist: Artist) -> Artist:
        """An artist whose unit is an inch, on the picture."""
        artist.set_transform(self.dpi_scale_trans)
        return self.add_artist(artist)

    def write(self, x: float, y: float, words: str, size: float = FONT, **options) -> Text:
        """Text with its upper left corner at a place given in inches, unless the options say otherwise."""
        w, h = self.get_size_inches()
        look = {"color": INK, "va": "top", "ha": "left", "linespacing": 1.15} | options
        return self.text(x / w, y / h, plain(words), fontsize=size, **look)

    @checked
    def png(self, dpi: Annotated[float, Real(at_least=10, at_most=1000)] = DPI) -> bytes:
        """The picture as PNG."""
        file = io.BytesIO()
        # Compression beyond level 1 costs more time than it saves bytes on flat colours.
        self.savefig(file, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
        return file.getvalue()

    def svg(self) -> str:
        """The picture as SVG, sharp at any size; its text stays text."""
        return svg(self)

    def drawing(self) -> dict[str, Any]:
        """All that a page needs to show the picture and to respond, as plain data."""
        return drawing(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return page(self)


class Pixels(BboxImage):
    """An image that an SVG holds pixel by pixel, to be enlarged by the page."""

    def draw(self, renderer: RendererBase) -> None:
        if not renderer.option_scale_image():
            super().draw(renderer)
            return
        data = self.to_rgba(self.get_array(), bytes=True)[::-1]
        context, box = renderer.new_gc(), self.get_window_extent(renderer)
        context.set_gid(self.get_gid())
        renderer.draw_image(context, box.x0, box.y0, data, Affine2D().scale(box.width, box.height))


class Labels(Artist):
    """Words beside places (N, 2) in the units of some axes, as one artist: a `Text` for each would take far longer."""

    def __init__(self, axes: Axes, places: np.ndarray, words: Sequence[str]) -> None:
        super().__init__()
        self.places, self.words, self.font = np.asarray(places, dtype=float), list(words), FontProperties(size=FONT)
        self.set_transform(axes.transData)
        self.set_clip_on(False)

    def draw(self, renderer: RendererBase) -> None:
        if not self.get_visible():
            return
        height, down = renderer.get_canvas_width_height()[1], renderer.points_to_pixels(0.36 * FONT)
        context = renderer.new_gc()
        context.set_foreground(INK)
        renderer.open_group("labels", self.get_gid())
        for (x, y), words in zip(self.get_transform().transform(self.places), self.words, strict=True):
            renderer.draw_text(context, x, height - y + down, words, self.font, 0)
        renderer.close_group("labels")
        context.restore()


def headed(
    width: float, body: float, title: str, notes: Sequence[str] = (), legend: Mapping[str, Artist] | None = None,
    columns: int = 0,
) -> Picture:  # fmt: skip
    """A picture with a title, notes and a legend above ``body`` free inches.

    Titles and notes are broken into lines that fit the width. legend: label -> what is drawn beside it; columns: of the
    legend; 0: one per label if all fit in a row, else as many as the widest label allows.
    """
    heading, labels = wrapped(title, width - 0.3, TITLE), list(legend or {})
    lines = [line for note in notes for line in wrapped(note, width - 0.3)]
    widths = [widest([label]) + 0.7 for label in labels]
    columns = columns or max(1, len(labels) if sum(widths) <= width - 0.2 else int((width - 0.2) / max(widths)))
    down = 0.2 + 0.22 * len(heading) + 0.18 * len(lines)
    height = body + down + 0.22 * math.ceil(len(labels) / columns)
    picture = Picture(width, height)
    picture.write(0.12, height - 0.1, "\n".join(heading), TITLE)
    picture.write(0.12, height - 0.14 - 0.22 * len(heading), "\n".join(lines))
    if legend:
        words, place = [plain(label) for label in labels], (0.12 / width, 1 - down / height)
        picture.legend(list(legend.values()), words, ncols=columns, bbox_to_anchor=place, **LEGEND)
    return picture


def chart(
    width: float, height: float, title: str, notes: Sequence[str] = (), legend: Mapping[str, Artist] | None = None,
    x: str = "", y: str = "", left: float = 0.85, right: float = 0.2, frame: bool = True,
) -> tuple[Picture, Axes]:  # fmt: skip
    """A picture of one pair of axes of ``height`` inches, with a faint grid if they have a frame, and these axes.

    x, y: their names; left, right: inches beside them; frame as in `Picture.panel`, the rest as in `headed`.
    """
    picture = headed(width, height + 0.75, title, notes, legend)
    axes = picture.panel(left, 0.62, width - left - right, height, x, y, frame)
    return picture, grid(axes) if frame else axes


def grid(axes: Axes) -> Axes:
    """The axes with faint horizontal lines behind what is drawn."""
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes


def name_rows(axes: Axes, labels: Sequence[str]) -> None:
    """A label for each row, from the top down."""
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), [plain(label) for label in labels])
    axes.tick_params(axis="y", length=0)


def tens(percents: ArrayLike) -> tuple[int, int]:
    """The ends of an axis in tens, with some room around percentages; nan is left out."""
    return max(0, 10 * math.floor((np.nanmin(percents) - 2) / 10)), 10 * math.ceil((np.nanmax(percents) + 2) / 10)


def titled(words: str, what: str) -> str:
    """A title with the caller's words, if there are any."""
    return f"{words}, {what}" if what else words


def plain(words: str) -> str:
    """Text in which a dollar sign is a dollar sign and not the start of a formula."""
    return words.replace("$", r"\$")


def room(characters: float, size: float = FONT) -> float:
    """The width in inches of a line of so many characters, rather too wide than too narrow."""
    return characters * 0.62 * size / 72


def widest(labels: Iterable[str]) -> float:
    """The width in inches of the widest label, with half as much again for each wide letter."""
    return max(room(_letters(label)) + room(sum(letter in "mw" for letter in label)) / 2 for label in labels)


def _letters(words: str) -> float:
    """How many letters of usual width take the room of these words: Chinese letters and emoji are as wide as high."""
    return sum(1.65 if east_asian_width(letter) in "WF" else 1.5 if letter in "MW@%" else 1 for letter in words)


def wrapped(words: str, inches: float, size: float = FONT) -> list[str]:
    """Words broken into lines that fit a width; a word longer than that gets a line of its own."""
    fits = max(1, math.floor(inches / room(1, size)))
    return textwrap.wrap(words, fits, break_long_words=False, break_on_hyphens=False)


def shortened(words: str, inches: float, size: float = FONT) -> str:
    """Words cut to a width, with an ellipsis where something was cut off."""
    fits = max(1, math.floor(inches / room(1, size)))
    if _letters(words) <= fits:
        return words
    kept = max(count for count in range(len(words)) if _letters(words[:count]) <= fits - 1)
    return words[:kept].rstrip(" ,") + "…"
