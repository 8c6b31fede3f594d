"""Importance of weights: scales without a unit, heat maps, agreement of two methods."""

from itertools import product

import numpy as np
import pytest
import torch

from cltutor import show
from cltutor.show.importances import cells, mark, scaled, weight_at

NAMES = ("mas", "mas_local", "ewc", "si")


def omegas(*shape, names=NAMES):
    draw = torch.Generator().manual_seed(0)
    return {name: {"layer": torch.rand(shape, generator=draw)} for name in names}


@pytest.mark.parametrize(
    ("shape", "drawn", "place", "names"),
    [
        ((3, 4), (3, 4), lambda o, i: (o, i), ("3 outputs", "4 inputs")),
        # Filters of a first layer fill a grid of two columns, their channels side by side.
        ((5, 1, 3, 3), (11, 7), lambda o, i, y, x: (4 * (o // 2) + y, 4 * (o % 2) + x), ("", "5 filters of 1 x 3 x 3")),
        ((2, 3, 2, 2), (5, 6), lambda o, i, y, x: (3 * o + y, 2 * i + x), ("", "2 filters of 3 x 2 x 2")),
        ((6, 8, 3, 3), (23, 31), lambda o, i, y, x: (4 * o + y, 4 * i + x), ("6 filters", "8 inputs, each 3 x 3")),
    ],
)
def test_every_weight_is_drawn_in_its_place_and_gaps_are_empty(shape, drawn, place, names):
    values = np.random.default_rng(0).random(shape)
    found, called, note = cells(values)
    assert (found.shape, called, note) == (drawn, names, "")
    assert {place(*index): value for index, value in np.ndenumerate(values)} == {
        index: value for index, value in np.ndenumerate(found) if np.isfinite(value)
    }


def test_many_tiles_become_the_mean_of_each_kernel_and_the_picture_says_so(texts):
    values = np.random.default_rng(0).random((64, 32, 3, 3))
    drawn, _, note = cells(values)
    np.testing.assert_allclose(drawn, values.mean((2, 3)))
    assert note == "each cell: the mean of a 3 x 3 kernel"
    assert note in texts(show.importance(omegas(64, 32, 3, 3), "layer"))


def test_big_matrices_become_means_of_neighbours_and_the_picture_says_so():
    values = np.random.default_rng(0).random((10, 777))
    drawn, _, note = cells(values)
    assert drawn.shape == (10, 259)
    np.testing.assert_allclose(drawn[3, 100], values[3, 300:303].mean())
    assert note == "each cell: the mean of 1 x 3 neighbours"
    odd = np.random.default_rng(0).random((263, 5))
    assert cells(odd)[0].shape == (132, 5)
    np.testing.assert_allclose(cells(odd)[0][-1], odd[262])


@pytest.mark.parametrize(("scale", "most", "words"), [("rank", 100, "rank in the layer"), ("log", 0, "decades below")])
def test_every_method_has_a_map_on_one_scale(scale, most, words, texts):
    given = omegas(6, 5)
    given["ewc"]["layer"] *= 1e-6  # another unit
    given["mas"]["layer"][:3] = 0
    picture = show.importance(given, "layer", scale)
    *maps, _ = picture.axes
    assert len(maps) == 4
    assert len({axes.images[0].get_clim() for axes in maps}) == 1
    assert maps[2].images[0].get_array().max() == most
    assert words in " ".join(texts(picture))
    assert "heat maps of 6 x 5 weights for mas" in picture.alt
    assert "of no importance at all are mas: 50 %; mas_local: 0 %" in picture.alt


def test_every_weight_is_read_with_its_place_and_rank(read):
    given = omegas(6, 8, 3, 3, names=["mas"])
    rank = round(scaled(given["mas"]["layer"], "rank")[1, 2, 0, 1])
    words = read(show.importance(given, "layer"))
    assert f"mas, filter 2, row 1, input 3, column 2: rank {rank} % in the layer" in words
    assert len(words) == 6 * 8 * 9
    given = omegas(6, 5)
    decades = round(20 * scaled(given["si"]["layer"], "log")[5, 4]) / 20 + 0
    assert read(show.importance(given, "layer", "log"))[-1] == (
        f"si, output 6, input 5: {decades:g} decades from the layer's largest"
    )


def test_each_earlier_task_is_a_frame_with_its_own_ranks(read):
    earlier, now = omegas(6, 5, names=["mas"]), omegas(5, 6, names=["mas"])
    now = {"mas": {"layer": now["mas"]["layer"].T}}
    picture = show.importance(now, "layer", earlier=[earlier])
    drawing = picture.drawing()["drawings"][0]
    assert drawing["frames"]["names"] == ("task 1", "task 2")
    assert drawing["svg"].count("<image") == 3  # a map for each frame, and the colour bar
    for frame, omega in enumerate([earlier, now]):
        ranks = [f"{rank:.0f}" for rank in scaled(omega["mas"]["layer"], "rank").ravel()]
        assert [words.split("rank ")[1].split(" %")[0] for words in read(picture, frame)] == ranks


def test_earlier_importances_are_of_the_same_methods_and_shape():
    with pytest.raises(ValueError, match="by mas, not by ewc"):
        show.importance(omegas(6, 5, names=["mas"]), "layer", earlier=[omegas(6, 5, names=["ewc"])])
    with pytest.raises(ValueError, match="of one shape, not"):
        show.importance(omegas(6, 5), "layer", earlier=[omegas(5, 6)])


def test_of_many_weights_the_mean_of_neighbours_is_read(read):
    given = omegas(300, 1000)
    words = read(show.importance(given, "layer"))
    mean = scaled(given["mas"]["layer"], "rank")[:4, :8].mean()
    assert words[0] == f"mas, outputs 1 to 4, inputs 1 to 8: rank {mean:.0f} % in the layer"
    assert len(words) == 4 * 75 * 125


def test_a_spot_leads_to_its_weight_which_is_marked_in_every_map(read):
    given = omegas(6, 8, 3, 3)
    picture = show.importance(given, "layer")
    (grid,) = (one for one in picture.spots if one.key == "ewc")
    rows, columns = grid.shape
    found = {}
    for row, column in product(range(rows), range(columns)):
        if (row + 1) % 4 and (column + 1) % 4:  # else a gap between tiles
            output, source, *kernel = (one + 1 for one in weight_at((6, 8, 3, 3), 4, row, column))
            found[f"ewc, filter {output}, row {kernel[0]}, input {source}, column {kernel[1]}"] = row, column
    assert set(found) == {words.split(":")[0] for words in read(picture) if words.startswith("ewc")}
    assert {(one.link[0], one.shape) for one in picture.spots} == {(0, grid.shape)}, "so that a page marks all four"
    mark(picture, (6, 8, 3, 3), (1, 2, 0, 1))
    row, column = found["ewc, filter 2, row 1, input 3, column 2"]
    marks = [line.get_xydata().tolist() for axes in picture.axes[:-1] for line in axes.lines]
    assert marks == [[[column, row]]] * 8


def test_a_spot_of_several_weights_leads_to_their_kernel_or_to_one_of_them():
    assert weight_at((64, 32, 3, 3), 4, 16, 2) == (16, 2)
    assert weight_at((300, 1000), 4, 0, 1) == (0, 9), "of outputs 1 to 4 and inputs 9 to 16"
    assert weight_at((128, 256), 4, 127, 255) == (127, 255)
    assert weight_at((5, 1, 3, 3), 4, 8, 5) == (), "beyond the fifth filter of a grid for six"


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    one = rng.random((40, 50)) ** 3
    return one, 1e-4 * one * rng.random((40, 50))


def counts(picture):
    return np.ma.filled(picture.axes[0].images[0].get_array().astype(float), np.nan)


def test_every_weight_is_counted_in_one_cell_the_first_method_across_and_the_second_up(pair):
    for scale in ("rank", "log"):
        assert np.nansum(counts(show.agreement(*pair, ("mas", "ewc"), scale))) == 2000
    cells = counts(show.agreement(pair[0], 7 * pair[0], ("mas", "ewc")))
    assert np.isfinite(np.diag(cells)).all()
    assert np.nansum(cells) == np.nansum(np.diag(cells))
    axes = show.agreement(*pair, ("mas", "ewc")).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("mas, rank (%)", "ewc, rank (%)")
    one, other = np.array([0, 1e-3, 1.0]), np.array([0, 1.0, 1.0])
    cells = counts(show.agreement(one, other, ("mas", "ewc"), "log"))  # (row, column): up, across
    assert cells[0, 0] == cells[-1, -1] == cells[-1, 20] == 1


def test_the_rank_correlation_is_written_on_the_picture_and_in_its_alt_text(pair, texts):
    picture = show.agreement(pair[0], -pair[0] + 1, ("mas", "ewc"))
    assert "rank correlation -1.00 over 2,000 weights" in texts(picture)
    assert "rank correlation -1.00 over 2,000 weights" in picture.alt
    both = [np.where(np.arange(2000).reshape(40, 50) < 500, 0, values) for values in pair]
    assert "25 % are 0 in both" in show.agreement(*both, ("mas", "ewc")).alt
    assert "no rank correlation" in show.agreement(pair[0], np.ones((40, 50)), ("mas", "ewc")).alt
