import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.image import BboxImage
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from cltutor import attention, show
from cltutor.show.attention import beside, drift_from_first, overlaid, resized
from cltutor.show.matrix import MAP

COLUMNS = ["M0", "M1", "M2", "M3"]


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16), dtype=np.uint8)


@pytest.fixture
def maps():
    rng = np.random.default_rng(1)
    return {name: rng.random((2, 4, 3, 3)) for name in ("finetune", "lwf_mc", "lwm")}


def texts(picture):
    return [text.get_text() for text in picture.texts]


def test_the_number_below_a_map_is_its_drift_from_the_first_model(images, maps):
    found = texts(show.attention_maps(images, maps, ["a", "b"], COLUMNS))
    for values in maps.values():
        before, now = (torch.tensor(values[:, step]) for step in (0, 2))
        for drift in attention.drift(before, now):
            assert f"{drift:.2f}" in found
    assert found.count("0.00") == 2 * 3


def test_drift_is_that_of_the_loss_and_of_a_map_of_zeros_too():
    values = np.random.default_rng(2).random((3, 2, 4, 4))
    values[1] = 0
    expected = attention.drift(*torch.tensor(values).unbind(1))
    np.testing.assert_allclose(drift_from_first(values)[:, 1], expected, atol=1e-9)


def test_each_row_of_a_method_is_one_strip_and_each_image_is_shown_once_a_line(images, maps):
    strips = [a.get_label() for a in show.attention_maps(images, maps, ["a", "b"], COLUMNS).artists]
    assert [strips.count(name) for name in ("finetune", "lwf_mc", "lwm", "image")] == [2, 2, 2, 2]
    several = {name: np.tile(values, (1, 2, 1, 1)) for name, values in maps.items()}
    picture = show.attention_maps(images, several, ["a", "b"], COLUMNS * 2)
    assert [a.get_label() for a in picture.artists if isinstance(a, BboxImage)].count("image") == 6


def test_opacity_goes_from_the_grey_image_to_the_map(images):
    values = np.array([[[0.0, 1.0], [0.0, 0.0]]])
    (alone,), (covered,) = overlaid(images[0], values, 0), overlaid(images[0], values, 1)
    np.testing.assert_allclose(alone[::6, ::6, 0], images[0].mean(0), atol=0.51)
    assert np.ptp(alone[..., :3], axis=2).max() == 0
    assert covered[0, -1].sum() > covered[-1, 0].sum()
    (between,) = overlaid(images[0], values, 0.25)
    np.testing.assert_allclose(between, 0.75 * alone.astype(float) + 0.25 * covered, atol=1.5)
    assert (alone[..., 3] == 255).all()


def test_a_map_has_the_colours_of_the_matrix_of_accuracies(images):
    (covered,) = overlaid(images[0], np.array([[[0.0, 1.0]]]), 1)
    for place, value in ((0, 0.0), (-1, 1.0)):
        np.testing.assert_allclose(covered[0, place], matplotlib.colormaps[MAP](value, bytes=True), atol=1)


def test_only_the_place_of_attention_counts_and_not_its_size(images, maps):
    one = overlaid(images[0], maps["lwm"][0], 1).astype(int)
    assert np.abs(one - overlaid(images[0], 7 * maps["lwm"][0], 1)).max() <= 2  # a step of the map's 256 colours


def test_maps_are_enlarged_as_torch_does_it():
    values = torch.rand(2, 3, 5, dtype=torch.float64)
    expected = torch.nn.functional.interpolate(values[:, None], (12, 14), mode="bilinear", align_corners=False)
    np.testing.assert_allclose(resized(values.numpy(), (12, 14)), expected[:, 0])


def test_tiles_stand_beside_each_other_with_white_between():
    strip = beside(np.zeros((3, 14, 14, 4), dtype=np.uint8))
    assert strip.shape == (14, 3 * 14 + 2, 4)
    assert np.flatnonzero((strip == 255).all((0, 2))).tolist() == [14, 29]


def test_models_that_are_not_there_yet_are_empty(images, maps, readable):
    maps["lwm"][:, 2:] = np.nan
    picture = show.attention_maps(images, maps, ["a", "b"], COLUMNS)
    drift = drift_from_first(maps["lwm"])[:, 1].mean()
    assert f"lwm ends with a mean drift of {drift:.2f}." in picture.alt
    assert "nan" not in "".join(texts(picture))
    readable(picture)


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_every_size_is_readable(images, steps, readable):
    maps = {name: np.random.default_rng(0).random((2, steps, 4, 4)) for name in ("finetune", "lwf_mc", "lwm")}
    names = [f"M{step}" for step in range(steps)]
    rows = ["hourglass, test image 19", "hourglass, test image 20"]
    readable(show.attention_maps(images, maps, rows, names, what="layer backbone.trunk.8"))
    readable(show.attention_maps(images, {"lwm": maps["lwm"]}, rows, names))
    drifts = {name: drift_from_first(values) for name, values in maps.items()}
    readable(show.attention_drift(drifts, names, "layer backbone.trunk.8, mean over 200 base-class test images"))


def test_the_curve_is_the_mean_over_images_and_leaves_out_what_is_not_known():
    drifts = {"lwm": np.array([[0, 1.0, 2, np.nan], [0, 3.0, 3, np.nan]])}
    picture = show.attention_drift(drifts, COLUMNS)
    (line,) = [artist for artist in picture.artists if isinstance(artist, Line2D)]
    np.testing.assert_allclose(line.get_ydata(), [0, 2, 2.5, np.nan])
    assert "lwm ends with a mean drift of 2.50." in picture.alt
    (band,) = [artist for artist in picture.artists if isinstance(artist, Polygon)]
    low, high = 2 - np.sqrt(2), 2 + np.sqrt(2)
    corners = [(0, 0), (1, low), (2, 2.5 - np.sqrt(0.5)), (2, 2.5 + np.sqrt(0.5)), (1, high), (0, 0)]
    np.testing.assert_allclose(band.get_xy(), corners)


def test_one_image_alone_has_a_curve_without_a_band(readable):
    picture = show.attention_drift({"lwm": np.array([[0, 1.0, 2, 3]])}, COLUMNS)
    assert not [artist for artist in picture.artists if isinstance(artist, Polygon)]
    readable(picture)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"maps": {}}, "one method or more"),
        ({"maps": {"lwm": np.zeros((2, 3, 4, 4))}}, r"lwm needs maps of shape \(2, 4, h, w\)"),
        ({"rows": ["a"]}, "a name for each"),
        ({"opacity": 60}, "opacity lies between 0 and 1, not 60"),
    ],
)
def test_what_does_not_fit_is_refused(images, maps, change, words):
    given = {"images": images, "maps": maps, "rows": ["a", "b"], "columns": COLUMNS} | change
    with pytest.raises(ValueError, match=words):
        show.attention_maps(**given)


def test_drifts_without_their_columns_are_refused():
    with pytest.raises(ValueError, match=r"of shape \(images, 4\)"):
        show.attention_drift({"lwm": np.zeros((2, 3))}, COLUMNS)
