"""The contract of a picture, checked for every public function of `cltutor.show` that returns one.

A new figure function needs one entry in CASES: its arguments, for a method's name and the makers of `conftest.py`.
"""

import io
import json
import pickle
import random
import re

import matplotlib
import matplotlib.pyplot
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.image import imread
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from cltutor import show
from cltutor.show.drawing import OWN, small_png
from cltutor.show.style import look

OWN_NAME = "my_WWW_method"  # a name that the package does not know, with wide letters
DRAWN = np.random.default_rng(0)
IMAGES = DRAWN.integers(0, 256, (6, 3, 8, 8), dtype=np.uint8)
GRID = DRAWN.uniform(0.3, 1, (3, 3))
LEARNING = np.repeat(np.arange(3), 2)
KNOWN = np.where(np.arange(3) <= LEARNING[:, None], DRAWN.uniform(0.5, 1, (6, 3)), np.nan)
SHARES = DRAWN.dirichlet(np.ones(4), 3)
COUNTS = np.array([[6, 0, 2, 2], [0, 5, 0, 5], [0, 0, 10, 0], [1, 0, 0, 9]])
MAPS = DRAWN.random((2, 3, 4, 4))
OWNERS = DRAWN.integers(-1, 3, (4, 6))
CHANGES = np.where(np.triu(np.ones((3, 3)))[..., None] > 0, DRAWN.uniform(0, 1, (3, 3, 2)), np.nan)


LEAST = 0.87  # as far as touch.js shrinks a picture


def both(make, name):
    """Two runs of the method, and one of a method of the other regime."""
    return ([make.run(name), make.run(name, seed=1), make.run("eeil", competes=True)],)


def placed(stream):
    """A stream that has found the places of its classes, which it then keeps."""
    stream.positions(stream[0].test.labels)
    return stream


CASES = {
    "ablation": lambda make, name: ({name: [1.0, 0.7, 0.5], "eeil": [0.9, 0.8, 0.6]}, [2, 2, 2], name),
    "accuracy_by_share": lambda make, name: ({share: [make.run(name), make.run("lwf")] for share in (1.0, 0.1)},),
    "accuracy_matrix": lambda make, name: (make.run(name),),
    "accuracy_over_parameters": lambda make, name: ({name: (2e6, [0.5, 0.6]), "dfcnn": (1e6, 0.7)},),
    "accuracy_over_time": both,
    "adaptation": lambda make, name: ({name: GRID, "mas": GRID / 2}, ("chosen", "others", "later tasks")),
    "agreement": lambda make, name: (GRID, GRID.T, (name, "mas")),
    "attention_drift": lambda make, name: ({name: GRID, "lwm": GRID / 2}, ["M0", "M1", "M2"]),
    "attention_maps": lambda make, name: (IMAGES[:2], {name: MAPS}, ["a", "b"], ["M0", "M1", "M2"]),
    "confusions": lambda make, name: ({"before": COUNTS, "after": COUNTS.T}, [2, 2], list("abcd"), name),
    "convergence": lambda make, name: ({"here": {name: GRID, "dfcnn": GRID / 2}, "there": {name: GRID}}, "some"),
    "damage": lambda make, name: ((0, 0.3, 0.9), {"least": GRID, "most": GRID / 2}, name),
    "evictions": lambda make, name: (IMAGES, {2: 6, 4: 3}, name),
    "exemplars": lambda make, name: (IMAGES, 3, name),
    "filter_changes": lambda make, name: (CHANGES, name),
    "forgetting": both,
    "gallery": both,
    "growth": lambda make, name: ({name: [1000, 2000], "dfcnn": [500, 800]},),
    "importance": lambda make, name: ({method: {"layer": torch.tensor(GRID)} for method in (name, "mas")}, "layer"),
    "knowledge": lambda make, name: (make.network(), 0, 1, (1,), name),
    "knowledge_shares": lambda make, name: (SHARES, (), name),
    "last_layer": lambda make, name: ({"end": SHARES[0]}, {"end": SHARES[1]}, [2, 2], list("abcd"), name),
    "loss_parts": lambda make, name: (make.run(name),),
    "masks": lambda make, name: ({"conv 1": OWNERS, "hidden 1": OWNERS.T}, "conv 1", name),
    "old_and_new": both,
    "rescaling": lambda make, name: ([0.5, 1, 2], {"old": GRID[0], "new": GRID[1]}, 1.0, 0.8, name),
    "reservoir": lambda make, name: (IMAGES, list("ababab"), [0, 0, 0, 1, 1, 1], [[0, 1], [0, 3]], [2, 5], name),
    "reverse_transfer": lambda make, name: (KNOWN, LEARNING, name, {"single_task": 0.8}),
    "selection": lambda make, name: (GRID[:, :2], [2, 0], {"herding": SHARES[0, :2]}, "herding", 2, ("x", "y"), name),
    "storage": lambda make, name: ({method: [{"network": 1000, "my_part": 50}] * 2 for method in (name, "lwf")},),
    "tasks": lambda make, name: (make.stream(),),
    "temperature": lambda make, name: (IMAGES[0], [3.0, 1.0], ["cat", "dog"], 2.0, 0, name),
    "transfer_table": lambda make, name: (KNOWN, LEARNING, name),
    "wall": lambda make, name: (make.run(name, record=5), placed(make.stream((2, 2, 2)))),
}
LOOKS = {"ablation", "accuracy_by_share", "accuracy_over_parameters", "accuracy_over_time", "adaptation"}
# They draw a method in its look.
LOOKS |= {"attention_drift", "convergence", "forgetting", "gallery", "growth", "old_and_new"}
UNITLESS = {"loss_parts", "tasks", "wall", "attention_drift", "attention_maps", "evictions", "exemplars", "knowledge"}
UNITLESS |= {
    "knowledge_shares",
    "last_layer",
    "masks",
    "reservoir",
    "selection",
    "temperature",
}  # show a loss, a weight, bits, or no number
UNIT = r" (%|points|parameters|kB)|\(%\)"
NAMELESS = {"tasks"}  # shows neither a method nor the caller's words


def states():
    """What a figure must not change."""
    numbers = random.getstate(), np.random.get_state(), torch.random.get_rng_state().tolist()
    return pickle.dumps((numbers, dict(matplotlib.rcParams), matplotlib.pyplot.get_fignums()))


def test_every_figure_function_has_a_case():
    figures = {name for name in show.__all__ if getattr(show, name).__annotations__.get("return") is show.Picture}
    assert figures == set(CASES), "give each figure function of cltutor.show an entry in CASES"


@pytest.mark.parametrize("name", ["lwf", OWN_NAME])
@pytest.mark.parametrize("figure", CASES)
def test_a_picture_keeps_its_contract(figure, name, make, readable):
    given = CASES[figure](make, name)
    arguments, around = pickle.dumps(given), states()
    picture = getattr(show, figure)(*given)
    pixels = imread(io.BytesIO(picture.png(50)))
    assert pickle.dumps(given) == arguments, "the arguments have changed"
    assert states() == around, "random numbers, matplotlib's settings or its open figures have changed"
    assert type(picture) is show.Picture
    assert pixels.shape[1::-1] == pytest.approx(50 * picture.get_size_inches(), abs=1)
    assert pixels.std() > 0
    readable(picture)  # with alternative text, in one sentence
    assert name in picture.alt or figure in NAMELESS
    if figure in LOOKS:
        lines = {(to_hex(line.get_color()), line.get_marker()) for line in picture.findobj(Line2D)}
        bars = {(to_hex(bar.get_facecolor()), look(name).marker) for bar in picture.findobj(Rectangle)}
        assert (look(name).color.lower(), look(name).marker) in lines | bars


@pytest.mark.parametrize("figure", CASES)
def test_what_a_picture_shows_is_read_by_pointing_at_it(figure, make, read):
    picture = getattr(show, figure)(*CASES[figure](make, OWN_NAME))
    words = read(picture)
    assert len(words) > 1
    assert all(re.search(r"\d", each) and "nan" not in each and "{" not in each for each in words)
    assert figure in UNITLESS or all(re.search(UNIT, each) for each in words)
    assert len(set(words)) == len(words), "two spots read the same"


@pytest.mark.parametrize("figure", CASES)
def test_a_drawing_is_small_exact_and_alone_in_its_page(figure, make):
    given = CASES[figure](make, OWN_NAME)
    picture = getattr(show, figure)(*given)
    text = json.dumps(picture.drawing(), allow_nan=False)
    assert len(text) < 300_000
    assert len(small_png(picture)) < 100_000
    assert text == json.dumps(getattr(show, figure)(*given).drawing()), "not the same bytes again"
    for one in picture.drawing()["drawings"]:
        names = re.findall(r' id="([^"]*)"', one["svg"])
        assert len(names) == len(set(names))
        assert all(name.startswith(OWN) for name in names)
        assert set(re.findall(r"(?:href=\"|url\()#([\w-]+)", one["svg"])) <= set(names)
        assert "<style" not in one["svg"], "a style in an SVG is one of the whole page"
        sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", one["svg"])]
        assert min(sizes) * 100 / 72 * LEAST >= 12, "smaller than 12 px"
        assert all("," in color for color in re.findall(r"var\(([^)]*)\)", one["svg"])), "a colour without its fallback"
        spots, frames = one["spots"], one["frames"]
        assert len({spot["key"] for spot in spots}) == len(spots)
        assert all(len(places) == len(frames["names"]) for places in frames["curtains"])
        assert all(f'data-layer="{number}"' in one["svg"] for number in range(len(one["layers"])))


def test_a_picture_can_be_pickled_with_all_that_responds(make):
    picture = show.accuracy_over_time([make.run("lwf"), make.run("lwf", seed=1)])
    assert pickle.loads(pickle.dumps(picture)).drawing() == picture.drawing()
