"""What can be read and touched in a picture: spots with their words, layers that a legend switches, and frames.

Places are kept as they are given, in the units of some axes or in inches, and become places in the drawing only when it
is made: until then a figure function may still change its axes.
"""

import base64
import math
import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import numpy as np
from matplotlib.artist import Artist
from matplotlib.transforms import Bbox

from .runs import setting

Place = Any  # axes or a picture: what has units of its own; or (left, bottom, width, height) in inches


@dataclass
class Played:
    """A field that changes by frame: spot i reads words[codes[frame, i]]; ``codes`` (frames, spots) are uint8."""

    words: Sequence[str]
    codes: np.ndarray
    right: np.ndarray | None = None  # (spots,) the code that no `veil` covers; the last of the words is no answer

    def wrong(self, frame: int, none: bool) -> np.ndarray:
        """(spots,) which cells a veil covers: those of a wrong answer, or of none."""
        codes, last = self.codes[frame], len(self.words) - 1
        return codes == last if none else (codes != self.right) & (codes != last)


@dataclass
class Spots:
    """Regions with one sentence in common; ``columns`` hold what differs, as (every, words).

    Spot i reads words[i // every % len(words)]: one entry per spot, per row or per column of a grid. None: no spot.
    """

    key: str
    place: Place
    sentence: str
    columns: list[tuple[int, list[str | None]]]
    xy: np.ndarray | None = None  # points (N, 2), or None for the cells of a grid
    shape: tuple[int, int] = (1, 1)  # rows and columns of the grid
    layer: int | None = None
    since: list[int] = field(default_factory=list)  # the frame from which each is there: for all or one by one
    until: int | None = None  # the last frame in which they are there
    at: list[int] = field(default_factory=list)  # the frame to which pointing at each moves the picture
    link: list[int] = field(default_factory=list)  # what each belongs to: its newest others are marked with it
    marks: list[list[int]] = field(default_factory=list)  # or the links of what is marked with each
    played: Played | None = None

    def read(self, spot: int) -> str:
        """The words of a spot, in the last frame; nothing where there is none."""
        words = []
        for every, values, *frames in self.columns:
            place = self.played.codes[-1, spot] if frames else spot // every % len(values)
            words.append(values[place])
        return "" if None in words else re.sub(r"\{(\d+)\}", lambda field: words[int(field[1])], self.sentence)


class Touchable:
    """The part of a `Picture` that responds; mixed into a matplotlib figure."""

    spots: list[Spots]
    layers: dict[str, int]
    frame_names: tuple[str, ...] = ()
    frame_of: str = ""
    frame_start: int = 0
    curtains: list[tuple[Place, np.ndarray]]
    earlier: list[Artist]  # those that the frame shown at first does not have
    setting: str = ""
    make_other: Callable[[], "Touchable"] | None = None

    def points(
        self, place: Place, x: Iterable[float], y: Iterable[float], words: str, /, layer: str = "", key: str = "",
        since: Sequence[int] = (), moves: Sequence[int] = (), link: Sequence[int] = (), **columns: Any,
    ) -> None:  # fmt: skip
        """A spot at every point of a curve, in the units of ``place``: axes, or the picture itself (inches).

        words: a sentence such as "after task {task}: {y:.1f} %", whose fields are x, y and ``columns``: one value for
        all, or one per point; where it is nan or None there is no spot. since: the frame from which each is there;
        moves: the frame to which pointing at it takes the picture; link: numbers, equal for what is marked together.
        """
        xy = np.column_stack([np.asarray(list(x), dtype=float), np.asarray(list(y), dtype=float)])
        seen = np.isfinite(xy).all(axis=1)

        def kept(values: Any) -> Any:
            several = np.ndim(values) == 1 and len(values) == len(xy)
            return np.array(values, dtype=object)[seen] if several else values

        fields = {name: (1, kept(values)) for name, values in ({"x": xy[:, 0], "y": xy[:, 1]} | columns).items()}
        frames = {"since": kept(since), "at": kept(moves), "link": kept(link)}
        self._add(layer, key, place, words, fields, xy[seen], (1, int(seen.sum())), **frames)

    def cells(
        self, place: Place, rows: Sequence[str], columns: Sequence[str], words: str, /, layer: str = "", key: str = "",
        since: Sequence[int] = (), until: int | None = None, link: Sequence[int] = (),
        marks: Sequence[Sequence[int]] = (), **values: Any,
    ) -> None:  # fmt: skip
        """A spot for every cell of a grid that fills ``place``: axes, or (left, bottom, width, height) in inches.

        words: a sentence with the fields {row}, {column} and ``values``, each one for all or an array of a value per
        cell; where it is nan or None there is no spot. since: the frame from which they are there, for all or one by
        one; until: the last; link: as in `points`; marks: for each, the links of those that are marked with it. A value
        may be `Played`, and {frame} is the name of the frame.
        """
        fields = {name: (1, np.ravel(array) if np.ndim(array) else array) for name, array in values.items()}
        fields |= {"row": (len(columns), list(rows)), "column": (1, list(columns))}
        played = next((value for value in values.values() if isinstance(value, Played)), None)
        frames = {"since": since, "until": until, "link": link, "marks": list(map(list, marks)), "played": played}
        self._add(layer, key, place, words, fields, None, (len(rows), len(columns)), **frames)

    def veil(self, key: str, none: bool, artist: Artist) -> None:
        """A `PathPatch` over those cells of ``key`` whose `Played` answer is wrong, or over those without an answer."""
        number = [one.key for one in self.spots].index(key)
        self._tag("veil", f"{number}-{int(none)}", [artist])

    def spot(self, place: Place, words: str, layer: str = "", key: str = "", frames: Sequence[int] = ()) -> None:
        """One spot with its words: a box (left, bottom, width, height) in inches, or an artist."""
        (first, *last) = frames or (0,)
        literal = words.replace("{", "{{").replace("}", "}}")
        self.cells(place, [""], [""], literal, layer, key, [first], last[0] if last else None)

    def layer(self, name: str, *artists: Artist) -> None:
        """Artists that the entry ``name`` of the legend hides, shows and isolates; called again, more of them."""
        if not artists and name not in self.layers:
            raise ValueError(f"The layer {name!r} needs an artist that belongs to it.")
        if name not in self.layers:
            self.layers[name] = len(self.layers)
            for legend in [*self.legends, *filter(None, (axes.get_legend() for axes in self.axes))]:
                for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True):
                    if text.get_text().replace(r"\$", "$") == name:
                        self._tag("entry", self.layers[name], [text, handle])
        self._tag("layer", self.layers[name], artists)

    def frames(self, names: Iterable[object], of: str, start: int | None = None) -> None:
        """The names of the frames, in order, what they are ("task", "epoch"), and which is shown at first: the last."""
        self.frame_names, self.frame_of = tuple(map(str, names)), of
        self.frame_start = max(0, len(self.frame_names) - 1) if start is None else start
        self._frame(self.frame_start)

    def appear(self, first: int, *artists: Artist, last: int | None = None) -> None:
        """Artists that are there from frame ``first`` on, to frame ``last`` if it is given."""
        self._frame(first, last or 0)
        self._tag("frames", f"{first}-{'' if last is None else last}", artists)
        if not first <= self.frame_start <= (self.frame_start if last is None else last):
            self.earlier += artists
            for artist in artists:
                artist.set_visible(False)  # in an image, which shows one frame; an SVG has them all

    def unveil(self, place: Place, x: Iterable[float], *artists: Artist) -> None:
        """Artists of which each frame shows what lies left of its ``x``, in the units of axes."""
        ends = np.asarray(list(x), dtype=float)
        if len(ends) != len(self.frame_names):
            raise ValueError(f"There are {len(self.frame_names)} frames, and this one has {len(ends)} places.")
        if not any(place is other for other, _ in self.curtains):
            self.curtains.append((place, ends))
        self._tag("curtain", [other is place for other, _ in self.curtains].index(True), artists)

    def instead(self, known_task: bool, make: Callable[[bool], "Touchable"]) -> Self:
        """This picture, with a choice in the page: as it is, or as ``make(not known_task)`` draws it.

        The other is made when a page asks for it; where a ValueError refuses it there is no choice.
        """
        self.setting, self.make_other = setting(known_task), partial(make, not known_task)
        return self

    def describe(self, title: str, which: Sequence[int] | None = (-1,)) -> None:
        """The alternative text: a title, then what is read at some spots of each kind: by default at the last, else at
        all."""
        found = []
        for one in self.spots:
            words = [words for spot in range(math.prod(one.shape)) if (words := one.read(spot))]
            chosen = range(len(words)) if which is None else which
            found += dict.fromkeys(words[max(place, -len(words))] for place in chosen if words)
        self.alt = f"{title.rstrip('.')}: {'; '.join(found) or 'there is no value to read'}."

    def _tag(self, kind: str, value: object, artists: Iterable[Artist]) -> None:
        """matplotlib writes one name per artist: it holds all that the page must know about it."""
        for artist in artists:
            artist.set_gid(f"{artist.get_gid() or 'tag'};{kind}={value}")

    def _frame(self, *numbers: int) -> None:
        if not all(0 <= number < max(1, len(self.frame_names)) for number in numbers):
            raise ValueError(f"Frames are numbered from 0 to {len(self.frame_names) - 1}, unlike {max(numbers)}.")

    def _add(
        self, layer: str, key: str, place: Place, words: str, fields: dict, xy: np.ndarray | None,
        shape: tuple[int, int], **frames: Any,
    ) -> None:  # fmt: skip
        """Keep spots, unless they are wrong: here the sentence reaches who made them, in the page it would not."""
        count, last = math.prod(shape), max(1, len(self.frame_names))
        sentence, columns = _filled(words, fields, count)
        frames |= {name: list(map(int, frames[name])) for name in ("since", "at", "link") if name in frames}
        made = Spots(key or f"spots {len(self.spots) + 1}", place, sentence, columns, xy, shape, **frames)
        if layer:
            self.layer(layer)
            made.layer = self.layers[layer]
        if len(made.since) not in (0, 1, count):
            raise ValueError(f"A frame is given for one spot or all {count}, not {len(made.since)}.")
        if made.played and made.played.codes.shape != (last, count):
            raise ValueError(f"{last} frames of {count} spots need as many codes, not {made.played.codes.shape}.")
        self._frame(*made.since, *made.at, made.until or 0)
        if any(other.key == made.key for other in self.spots):
            raise ValueError(f"Two kinds of spots have the key {made.key!r}: give each its own.")
        self.spots.append(made)

    def described(self) -> dict[str, Any]:
        """Spots, layers and frames as plain data, places in points from the upper left corner."""
        ends = [self._drawn(place, np.column_stack([x, 0 * x])) for place, x in self.curtains]
        curtains = [places[:, 0].round(1).tolist() for places in ends]
        frames = {"of": self.frame_of, "names": self.frame_names, "start": self.frame_start, "curtains": curtains}
        return {"layers": list(self.layers), "frames": frames, "spots": [self._plain(one) for one in self.spots]}

    def _plain(self, one: Spots) -> dict[str, Any]:
        plain: dict[str, Any] = {"key": one.key, "words": one.sentence, "columns": one.columns, "shape": one.shape}
        if one.xy is not None:
            plain["x"], plain["y"] = self._drawn(one.place, one.xy).round(1).T.tolist()
        else:
            if isinstance(one.place, Artist):
                extent = one.place.get_window_extent(self.canvas.get_renderer())
                corners = self.dpi_scale_trans.inverted().transform(extent.get_points())
            else:
                corners = Bbox.from_bounds(*one.place).get_points()
            (left, low), (right, top) = self._drawn(self, corners)
            plain["box"] = [round(float(v), 1) for v in (left, top, right - left, low - top)]
        right = _bytes(one.played.right) if one.played and one.played.right is not None else None
        given = {"since": one.since or None, "at": one.at or None, "link": one.link or None, "right": right}
        given |= {"layer": one.layer, "until": one.until, "marks": one.marks or None}
        return plain | {name: value for name, value in given.items() if value is not None}

    def _drawn(self, place: Place, xy: np.ndarray) -> np.ndarray:
        """Places (N, 2) in points from the upper left corner of the picture."""
        pixels = (self.dpi_scale_trans if place is self else place.transData).transform(xy)
        return np.array([0, 72 * self.get_figheight()]) + pixels * np.array([72, -72]) / self.dpi


def _filled(words: str, given: Mapping[str, tuple[int, Any]], count: int) -> tuple[str, list]:
    """The sentence with numbered fields, and for each field the words of every spot, by Python's own formats."""
    sentence, columns = "", []
    if not words.strip():
        raise ValueError("A spot needs words that are read at it.")
    for text, name, form, _ in string.Formatter().parse(words):
        own = name == "frame" and name not in given  # what the page fills in itself
        sentence += text + ("" if name is None else "{frame}" if own else f"{{{len(columns)}}}")
        if name is None or own:
            continue
        if name not in given:
            raise ValueError(f"The words have the field {{{name}}}, and there are {', '.join(given) or 'no values'}.")
        every, values = given[name]
        if isinstance(values, Played):
            same = [i and (now == values.codes[i - 1]).all() for i, now in enumerate(values.codes)]
            frames = [None if old else _bytes(now) for old, now in zip(same, values.codes, strict=True)]
            columns.append((1, list(values.words), frames))
            continue
        values = [values] if isinstance(values, str | int | float) or values is None else list(values)
        if len(values) > 1 and len(values) * every != count and name != "column":
            raise ValueError(f"{name} has a value for each of {count} spots, not {len(values)}.")
        columns.append((every, [None if v is None or v != v else format(v, form or "") for v in values]))
    return sentence, columns


def _bytes(codes: np.ndarray) -> str:
    return base64.b64encode(codes.astype(np.uint8).tobytes()).decode("ascii")
