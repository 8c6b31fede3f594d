"""A figure that shows itself once, says in words what is on it, and keeps pyplot out.

Sizes and places are in inches from the lower left corner: a fixed layout needs no solver, which
would cost more than the drawing.
"""

import base64
import html
import io
import math
import textwrap

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

DPI = 100
PAGE_DPI = 150  # of a picture in a page: sharp on a projector too
FONT = 10  # points: the smallest text on any picture
TITLE = 12
INK = "#222222"
FAINT = "#bbbbbb"


class Picture(Figure):
    """A matplotlib figure made without pyplot, with one sentence of alternative text in `.alt`."""

    def __init__(self, width: float, height: float, alt: str = "") -> None:
        super().__init__(figsize=(width, height), dpi=DPI, facecolor="white")
        FigureCanvasAgg(self)
        self.alt = alt

    def panel(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Axes at a place given in inches, with quiet borders and readable ticks."""
        w, h = self.get_size_inches()
        axes = self.add_axes((left / w, bottom / h, width / w, height / h))
        axes.set_facecolor("white")
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color("#888888")
        axes.tick_params(labelsize=FONT, colors=INK, color="#888888", length=3)
        return axes

    def write(self, x: float, y: float, words: str, size: float = FONT, **options) -> Text:
        """Text with its upper left corner at a place given in inches, unless options say else."""
        w, h = self.get_size_inches()
        look = {"color": INK, "va": "top", "ha": "left", "linespacing": 1.15} | options
        return self.text(x / w, y / h, plain(words), fontsize=size, **look)

    def key(self, handles: list, labels: list[str], down: float, columns: int) -> None:
        """A legend without a frame at the left, so many inches down from the upper edge."""
        w, h = self.get_size_inches()
        self.legend(
            handles,
            [plain(label) for label in labels],
            loc="upper left",
            bbox_to_anchor=(0.12 / w, 1 - down / h),
            ncols=columns,
            fontsize=FONT,
            labelcolor=INK,
            frameon=False,
            borderaxespad=0,
            borderpad=0,
            labelspacing=0.3,
            handlelength=2.4,
            columnspacing=1.4,
        )

    def png(self, dpi: float = DPI) -> bytes:
        """The picture as PNG."""
        file = io.BytesIO()
        # Compression beyond level 1 costs more time than it saves bytes on flat colours.
        self.savefig(file, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
        return file.getvalue()

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.png(PAGE_DPI)).decode("ascii")
        return (
            f'<img alt="{html.escape(self.alt, quote=True)}" '
            f'width="{DPI * self.get_figwidth():.0f}" style="max-width:100%;height:auto" '
            f'src="data:image/png;base64,{data}">'
        )


def plain(words: str) -> str:
    """Text in which a dollar sign is a dollar sign and not the start of a formula."""
    return words.replace("$", r"\$")


def room(characters: int, size: float = FONT) -> float:
    """Inches that a line of so many characters takes, on the wide side."""
    return characters * 0.62 * size / 72


def wrapped(words: str, inches: float, size: float = FONT) -> list[str]:
    """Words broken into the lines that fit a width; a longer word stands alone in its line."""
    fits = max(1, math.floor(inches / room(1, size)))
    return textwrap.wrap(words, fits, break_long_words=False, break_on_hyphens=False)


def shortened(words: str, inches: float, size: float = FONT) -> str:
    """Words cut to a width, with an ellipsis where something was cut."""
    fits = max(1, math.floor(inches / room(1, size)))
    return words if len(words) <= fits else words[: fits - 1].rstrip(" ,") + "…"
