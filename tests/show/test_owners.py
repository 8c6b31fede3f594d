"""The picture of a network divided among tasks, against counts of its weights."""

import base64
import re

import numpy as np
import pytest

from cltutor import show
from cltutor.show import filling
from cltutor.show.picture import Pixels
from cltutor.show.style import DARK, task_look

DRAWN = np.random.default_rng(6)
OWN = {"conv 1": DRAWN.integers(-1, 3, (5, 9)), "hidden 1": DRAWN.integers(-1, 3, (6, 10))}


def spots(made):
    return {group["key"]: group for group in made.drawing()["drawings"][0]["spots"]}


def test_a_bar_reads_the_share_of_each_task_that_a_count_gives(read):
    words = read(show.masks(OWN, "conv 1"))
    for name, own in OWN.items():
        for task in range(3):
            share = 100 * sum(owner == task for owner in own.ravel().tolist()) / own.size
            assert f"{name}, task {task + 1}: {share:.1f} % of the weights" in words


def test_a_weight_is_free_until_the_frame_of_its_owner():
    group = spots(show.masks(OWN, "hidden 1"))["weight"]
    _, names, frames = next(column for column in group["columns"] if len(column) > 2)
    codes = None
    for task, text in enumerate(frames):
        codes = np.frombuffer(base64.b64decode(text), np.uint8) if text else codes
        for place, owner in enumerate(OWN["hidden 1"].ravel().tolist()):
            expected = f"task {owner + 1}" if 0 <= owner <= task else "free"
            assert names[codes[place]] == expected


def test_the_tiles_of_a_frame_are_the_weights_of_its_task_alone(artists):
    made = show.masks(OWN, "conv 1")
    for task in range(3):
        (drawn,) = artists(made, Pixels, f"task {task + 1}")
        assert ((drawn.get_array()[..., 3] > 0) == (OWN["conv 1"] == task)).all()


def test_the_rest_is_free_in_words_of_every_frame(texts):
    made, own = show.masks(OWN, "conv 1"), OWN["conv 1"]
    for task in range(3):
        free = 100 * (1 - ((own >= 0) & (own <= task)).mean())
        assert f"conv 1, after task {task + 1}:\n{free:.1f} % free" in texts(made)


def test_in_a_large_layer_an_output_is_read_with_its_shares(monkeypatch):
    monkeypatch.setattr(filling, "READ", 40)
    group = spots(show.masks(OWN, "conv 1"))["output 1"]
    assert (group["since"], group["until"], group["shape"]) == ([1], 1, (5, 1))
    row = OWN["conv 1"][2].tolist()
    first, second = (100 * row.count(task) / 9 for task in (0, 1))
    assert f"{first:.1f} % task 1, {second:.1f} % task 2, {100 - first - second:.1f} % free" in str(group["columns"])


def test_a_layer_that_is_not_there_and_weights_of_nobody_are_refused():
    with pytest.raises(ValueError, match="layer is one of conv 1, hidden 1, not 'conv 3'"):
        show.masks(OWN, "conv 3")
    with pytest.raises(ValueError, match="No task owns a weight of these layers"):
        show.masks({"conv 1": [[-1, -1]]}, "conv 1")


def test_the_tiles_of_a_task_have_the_colour_of_its_bars_and_legend_on_a_dark_page_too():
    """An image would keep its colours: a filter paints it in the variable that the page gives to shapes."""
    drawing = show.masks(OWN, "conv 1").drawing()["drawings"][0]
    filters = dict(re.findall(r'<filter id="([\w-]+)"[^>]*><feFlood style="flood-color:(var[^"]+)"', drawing["svg"]))
    painted = [filters[name] for name in re.findall(r'<image[^>]*filter="url\(#([\w-]+)\)"', drawing["svg"])]
    colors = [task_look(task).color.lower() for task in range(len(painted))]
    assert painted == [f"var(--cltutor-{color[1:]}, {color})" for color in colors]
    assert len(painted) == drawing["svg"].count("<image") == 1 + max(int(own.max()) for own in OWN.values())
    for color, variable in zip(colors, painted, strict=True):
        assert f"fill: {variable}" in drawing["svg"]
        assert f"--cltutor-{color[1:]}:{DARK[color]}" in drawing["colors"]
