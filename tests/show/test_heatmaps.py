import numpy as np
import pytest
import torch

from cltutor import show
from cltutor.show.heatmaps import cells

NAMES = ("mas", "mas_local", "ewc", "si")


def omegas(*shape, names=NAMES):
    draw = torch.Generator().manual_seed(0)
    return {name: {"layer": torch.rand(shape, generator=draw)} for name in names}


def test_a_linear_layer_is_its_matrix_outputs_down_and_inputs_across():
    values = np.arange(12.0).reshape(3, 4)
    drawn, names, told = cells(values)
    np.testing.assert_array_equal(drawn, values)
    assert (names, told) == (("3 outputs", "4 inputs"), "")


def test_filters_of_a_first_layer_are_tiles_in_a_grid():
    values = np.arange(5.0 * 9).reshape(5, 1, 3, 3)
    drawn, names, _ = cells(values)
    assert drawn.shape == (11, 7)
    for place in range(5):
        row, column = divmod(place, 2)
        np.testing.assert_array_equal(drawn[4 * row :, 4 * column :][:3, :3], values[place, 0])
    assert np.isnan(drawn[3]).all()
    assert np.isnan(drawn[8:, 4:]).all()
    assert names[1] == "5 filters of 1 x 3 x 3"


def test_colour_channels_of_a_filter_lie_side_by_side():
    values = np.arange(2.0 * 3 * 4).reshape(2, 3, 2, 2)
    drawn, _, _ = cells(values)
    np.testing.assert_array_equal(drawn[:2, :6], np.concatenate(list(values[0]), axis=1))


def test_deeper_filters_are_a_row_of_tiles_an_input_channel_each():
    values = np.random.default_rng(0).random((6, 8, 3, 3))
    drawn, names, _ = cells(values)
    assert drawn.shape == (23, 31)
    np.testing.assert_array_equal(drawn[4 * 2 :, 4 * 5 :][:3, :3], values[2, 5])
    assert names == ("6 filters", "8 inputs, each 3 x 3")


def test_many_tiles_become_the_mean_of_each_kernel_and_the_picture_says_so(readable):
    values = np.random.default_rng(0).random((64, 32, 3, 3))
    drawn, _, told = cells(values)
    np.testing.assert_allclose(drawn, values.mean((2, 3)))
    assert told == "each cell: the mean of a 3 x 3 kernel"
    picture = show.importance(omegas(64, 32, 3, 3), "layer")
    assert told in [text.get_text() for text in picture.texts]
    readable(picture)


def test_big_matrices_become_means_of_neighbours_and_the_picture_says_so():
    values = np.random.default_rng(0).random((10, 777))
    drawn, _, told = cells(values)
    assert drawn.shape == (10, 259)
    np.testing.assert_allclose(drawn[3, 100], values[3, 300:303].mean())
    assert told == "each cell: the mean of 1 x 3 neighbours"
    odd = np.random.default_rng(0).random((263, 5))
    assert cells(odd)[0].shape == (132, 5)
    np.testing.assert_allclose(cells(odd)[0][-1], odd[262])


@pytest.mark.parametrize("scale", ["rank", "log"])
def test_every_method_has_a_map_on_one_scale(scale):
    given = omegas(6, 5)
    given["ewc"]["layer"] *= 1e-6  # another unit
    picture = show.importance(given, "layer", scale)
    *maps, bar = picture.axes
    assert len(maps) == 4
    assert len({axes.images[0].get_clim() for axes in maps}) == 1
    scaled = maps[2].images[0].get_array()
    assert scaled.max() == {"rank": 100, "log": 0}[scale]
    words = " ".join(text.get_text() for text in picture.texts)
    assert {"rank": "rank in the layer", "log": "decades below"}[scale] in words


@pytest.mark.parametrize("shape", [(32, 1, 3, 3), (32, 3, 3, 3), (32, 32, 3, 3), (128, 256), (4, 600), (600, 4), (7,)])
@pytest.mark.parametrize("count", [1, 4])
def test_every_shape_is_readable_and_told(shape, count, readable):
    picture = show.importance(omegas(*shape, names=NAMES[:count]), "layer", what="after task 2")
    readable(picture)
    assert f"heat maps of {' x '.join(map(str, shape))} weights for mas" in picture.alt


def test_the_alt_text_tells_what_has_no_importance_at_all():
    given = omegas(4, 5, names=("mas", "si"))
    given["mas"]["layer"][0] = 0
    assert "of no importance at all are mas: 25 %; si: 0 %" in show.importance(given, "layer").alt


def test_importances_that_do_not_go_together_are_refused():
    with pytest.raises(ValueError, match="mas has no importance for 'other': it has layer"):
        show.importance(omegas(2, 3), "other")
    with pytest.raises(ValueError, match="of one shape"):
        show.importance({"mas": {"layer": torch.ones(2, 3)}, "si": {"layer": torch.ones(3, 2)}}, "layer")
    with pytest.raises(ValueError, match="of one shape"):
        show.importance({}, "layer")
