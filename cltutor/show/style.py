"""Colours, lines and marks: a method looks the same in every figure.

The first colours are those of Okabe and Ito (2008), which readers with any colour vision can distinguish, without their
yellow, which is too faint on white. Lines and marks differ as well, so that a grey print can be read.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from ..runs.naming import REGIMES

# Text and strong lines, thin lines, frames, areas, and what has the colour of the page: a page may change them.
INK, FAINT, FRAME, SHADE, GROUND = "#222222", "#bbbbbb", "#888888", "#ececec", "#fefefe"
YELLOW = "#fff1b8"  # an area, unlike the band of any line
BLACK, ORANGE, SKY, GREEN = INK, "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#777777"
WINE, INDIGO, TEAL, OLIVE = "#882255", "#332288", "#44AA99", "#999933"  # Tol (2021) and others, from the ninth on
FOREST, ROSE, BROWN, SLATE, GOLD = "#117733", "#CC6677", "#8C564B", "#5B7083", "#B8860B"
CRIMSON = "#E6004C"

SOLID, DASHED, DOTTED, MIXED = "-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2))
LONG = (0, (8, 2, 1.5, 2, 1.5, 2))
HATCH = "////"  # only for logits that were never trained to compete


@dataclass(frozen=True)
class Look:
    """How one method is drawn."""

    color: str
    line: str | tuple
    marker: str | tuple[int, ...]
    hollow: bool = False

    @property
    def style(self) -> dict[str, Any]:
        """The look as arguments of matplotlib's lines."""
        face = {"markerfacecolor": GROUND} if self.hollow else {}
        return {"color": self.color, "linestyle": self.line, "marker": self.marker} | face

    @property
    def handle(self) -> Line2D:
        """A line of this look, for a legend."""
        return Line2D([], [], **self.style)


# Those of one paper, which are shown together, have a colour each; those that share one differ in line and mark.
NAMED = {
    "finetune": Look(VERMILLION, SOLID, "o"),
    "finetune_slow": Look(ORANGE, DASHED, "s"),
    "feature_extraction": Look(PURPLE, MIXED, "^"),
    "duplicate": Look(GREY, DOTTED, "D"),
    "joint": Look(BLACK, DASHED, "*"),
    "lwf": Look(BLUE, SOLID, "v"),
    "l2": Look(GREEN, MIXED, "P"),
    "expansion": Look(SKY, DASHED, "X"),
    "expansion_lwf": Look(WINE, DOTTED, "p"),
    "mas": Look(INDIGO, SOLID, "h"),
    "mas, adapted": Look(CRIMSON, DASHED, (8, 2)),  # MAS with the classes chosen in `what_not_to_forget`
    "mas_local": Look(TEAL, DASHED, "d"),
    "ewc": Look(OLIVE, MIXED, "<"),
    "ewc_online": Look(FOREST, DOTTED, ">"),
    "si": Look(ROSE, DASHED, "H"),
    "imm_mean": Look(BROWN, MIXED, "8"),
    "imm_mode": Look(SLATE, DOTTED, "x"),
    "ebll": Look(GOLD, SOLID, "+"),
    "lwf_mc": Look(BLUE, DASHED, "1"),
    "lwm": Look(PURPLE, SOLID, "2"),
    "lwm_attention_only": Look(ROSE, DOTTED, "3"),
    "eeil": Look(GREEN, SOLID, (4, 1)),  # a star of four points
    "eeil_base": Look(BROWN, DOTTED, "4"),
    "eeil_da": Look(SKY, SOLID, "|"),
    "eeil_bf": Look(TEAL, MIXED, "_"),
    "icarl": Look(ORANGE, SOLID, (6, 1)),
    "hybrid1": Look(INDIGO, DOTTED, (3, 1)),
    "dfcnn": Look(WINE, SOLID, (5, 1)),
    "dfcnn_small": Look(PURPLE, DASHED, (8, 1)),
    "single_task": Look(SLATE, SOLID, (4, 0)),
    "single_task_large": Look(BROWN, DASHED, (7, 0)),
    "hard_sharing": Look(BLUE, MIXED, (3, 0)),
    "progressive": Look(FOREST, SOLID, (6, 2)),
    "expandable": Look(GOLD, DASHED, (10, 1)),
    "tensor_factorization": Look(SKY, MIXED, (5, 0)),
    # After the five papers: none has the colour of another of these, nor of finetune, joint, lwf, mas, icarl and eeil.
    "er": Look(SKY, DOTTED, (5, 1, 180)),
    "agem": Look(BROWN, SOLID, (9, 0)),
    "derpp": Look(WINE, DASHED, (11, 1)),
    "bic": Look(PURPLE, DOTTED, (3, 1, 180)),
    "wa": Look(TEAL, SOLID, (7, 2)),
    "packnet": Look(GOLD, MIXED, (5, 0, 180)),
    "gdumb": Look(SLATE, DASHED, (3, 0, 90)),
    "ncm": Look(OLIVE, SOLID, (3, 2)),
}

# For every other name: colours and marks that no named method has. Magenta, ultramarine, lime, violet, moss and so on.
FREE_COLORS = "#C800C8", "#1F1FE0", "#00A000", "#A860F0", "#3C3C00", "#87000F", "#3C7CFF", "#FF3399", "#00808A"
FREE_LINES = (LONG, (0, (3, 1.2)), (0, (9, 3)), (0, (4, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5)))
SUITS = r"$\spadesuit$", r"$\clubsuit$", r"$\heartsuit$", r"$\diamondsuit$"
FREE_MARKERS = (7, 1), (9, 1), (12, 1), (4, 1, 45), (5, 2), *SUITS


def look(name: str) -> Look:
    """The look of a method. That of an unknown name depends on nothing but the name.

    So a method of your own looks the same in every figure and process, and two of them rarely look alike. A method that
    was trained unlike its paper's, "lwf across tasks", has its method's colour with another line and hollow marks.
    """
    if name in NAMED:
        return NAMED[name]
    for regime in REGIMES.values():
        if name.endswith(regime):
            return replace(look(name.removesuffix(regime)), line=LONG, hollow=True)
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    number, color = divmod(number, len(FREE_COLORS))
    number, marker = divmod(number, len(FREE_MARKERS))
    return Look(FREE_COLORS[color], FREE_LINES[number % len(FREE_LINES)], FREE_MARKERS[marker])


FIRST_TASKS = BLUE, VERMILLION, GREEN, ORANGE, PURPLE
TASKS, TASK_MARKERS = (*FIRST_TASKS, SKY, WINE, BLACK, OLIVE, INDIGO), "osD^vPX*hd"
TASK_LINES = SOLID, DASHED, MIXED, DOTTED


def task_look(task: int) -> Look:
    """The look of a task, by order of arrival; the first 40 differ."""
    line = TASK_LINES[(task + task // len(TASKS)) % len(TASK_LINES)]
    return Look(TASKS[task % len(TASKS)], line, TASK_MARKERS[task % len(TASK_MARKERS)])


def task_legend(tasks: Iterable[int]) -> dict[str, Line2D]:
    return {f"task {task + 1}": task_look(task).handle for task in tasks}


# The terms of a loss, in the order of the equation.
TERMS = (BLACK, SOLID), (BLUE, DASHED), (VERMILLION, MIXED), (GREEN, DOTTED), (PURPLE, LONG), (ORANGE, DASHED)


def _luminance(color: tuple[float, ...]) -> float:
    """Relative luminance of a colour, from 0 to 1 (WCAG 2.1)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink_on(color: tuple[float, ...]) -> str:
    """Black or white, whichever reads better on a colour."""
    return "black" if _luminance(color) > 0.179 else "white"


def on_dark(color: str) -> str:
    """The colour, mixed with as much white as it needs to be seen on a dark page (contrast 4.5 to #111111)."""
    own = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    mixed = (own + share * (1 - own) for share in np.arange(0, 1, 0.05))
    light = next(one for one in mixed if _luminance(one) >= 4.5 * (0.0056 + 0.05) - 0.05)
    return "#" + "".join(f"{round(255 * part):02x}" for part in light)


# What takes the place of each colour on a dark page, and the names of those that have one; others have their digits.
DARK = {one.color.lower(): on_dark(one.color) for one in NAMED.values()}
DARK |= {color.lower(): on_dark(color) for color in (*FREE_COLORS, *(color for color, _ in TERMS), GREY)}
DARK |= {YELLOW: "#40370f", INK: "#e8e8e8", FAINT: "#4d4d4d", FRAME: "#8a8a8a", SHADE: "#2b2b2b", GROUND: "#111111"}
NAMES = {INK: "ink", FAINT: "faint", FRAME: "frame", SHADE: "shade", GROUND: "ground"}
