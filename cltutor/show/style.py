"""Colours, lines and marks: a method looks the same in every picture.

The colours are Okabe and Ito's (2008), told apart by readers with any colour vision, without their
yellow, which is lost on white. Line and mark differ as well, so that a grey print still reads.
"""

from dataclasses import dataclass

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#777777"
WINE, INDIGO, TEAL, OLIVE = "#882255", "#332288", "#44AA99", "#999933"  # Tol's (2021) and others, for the ninth on
FOREST, ROSE, BROWN, SLATE, GOLD = "#117733", "#CC6677", "#8C564B", "#5B7083", "#B8860B"

SOLID, DASHED, DOTTED, MIXED = "-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2))
LONG = (0, (8, 2, 1.5, 2, 1.5, 2))
HATCH = "////"  # of logits that were never trained to compete, and of nothing else


@dataclass(frozen=True)
class Look:
    """How one method is drawn."""

    color: str
    line: str | tuple
    marker: str | tuple[int, int]


_LOOKS = {
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
    "mas, adapted": Look(ORANGE, DASHED, "s"),
    "mas_local": Look(TEAL, DASHED, "d"),
    "ewc": Look(OLIVE, MIXED, "<"),
    "ewc_online": Look(FOREST, DOTTED, ">"),
    "si": Look(ROSE, DASHED, "H"),
    "imm_mean": Look(BROWN, MIXED, "8"),
    "imm_mode": Look(SLATE, DOTTED, "x"),
    "ebll": Look(GOLD, SOLID, "+"),
    "lwf_mc": Look(BLUE, DASHED, "1"),
    "lwm": Look(PURPLE, SOLID, "2"),
    "lwm_attention_only": Look(PURPLE, DOTTED, "3"),
    "eeil": Look(GREEN, SOLID, (4, 1)),  # a star of four points
    "eeil_base": Look(GREEN, DOTTED, "4"),
    "eeil_da": Look(SKY, SOLID, "|"),
    "eeil_bf": Look(TEAL, MIXED, "_"),
    "icarl": Look(ORANGE, SOLID, (6, 1)),
    "hybrid1": Look(ORANGE, DOTTED, (3, 1)),
    "dfcnn": Look(WINE, SOLID, (5, 1)),
    "dfcnn_small": Look(WINE, DASHED, (8, 1)),
    "single_task": Look(SLATE, SOLID, (4, 0)),
    "single_task_large": Look(SLATE, DASHED, (7, 0)),
    "hard_sharing": Look(VERMILLION, DASHED, (3, 0)),
    "progressive": Look(FOREST, SOLID, (6, 2)),
    "expandable": Look(GOLD, DASHED, (10, 1)),
    "tensor_factorization": Look(SKY, MIXED, (5, 0)),
}
_NEXT = (GREEN, SKY, PURPLE, ORANGE, WINE, BLUE, VERMILLION, GREY, BLACK)
_MARKERS = "hd<>H8"
_given: dict[str, Look] = {}


def look(name: str) -> Look:
    """The look of a method; a name of your own gets the next free one and keeps it."""
    if name in _LOOKS:
        return _LOOKS[name]
    if name not in _given:
        i = len(_given)
        _given[name] = Look(_NEXT[i % len(_NEXT)], LONG, _MARKERS[i % len(_MARKERS)])
    return _given[name]


TERMS = (  # the parts of a loss, in the order of the equation
    (BLACK, SOLID),
    (BLUE, DASHED),
    (VERMILLION, MIXED),
    (GREEN, DOTTED),
    (PURPLE, LONG),
    (ORANGE, DASHED),
)


def ink_on(color: tuple[float, ...]) -> str:
    """Black or white, whichever reads better on a colour (relative luminance, WCAG 2.1)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"
