import numpy as np
import pytest
import torch
from matplotlib.image import BboxImage
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from cltutor import attention, show
from cltutor.show.attention import drift_from_first, overlaid, resized

COLUMNS = ["M0", "M1", "M2", "M3"]


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16), dtype=np.uint8)


@pytest.fixture
def maps():
    rng = np.random.default_rng(1)
    return {name: rng.random((2, 4, 3, 3)) for name in ("finetune", "lwf_mc", "lwm")}


def test_the_number_below_a_map_is_its_drift_from_the_first_model(images, maps, texts):
    found = texts(show.attention_maps(images, maps, ["a", "b"], COLUMNS))
    for values in maps.values():
        before, now = (torch.tensor(values[:, step]) for step in (0, 2))
        for drift in attention.drift(before, now):
            assert f"{drift:.2f}" in found
    assert found.count("0.00") == 2 * 3


def test_each_model_of_a_method_is_one_image_and_each_photograph_is_shown_once_per_line(images, maps, artists):
    strips = [a.get_label() for a in artists(show.attention_maps(images, maps, ["a", "b"], COLUMNS), BboxImage)]
    assert [strips.count(name) for name in ("finetune", "lwf_mc", "lwm", "image")] == [4, 4, 4, 4]
    picture = show.attention_maps(images, {"lwm": maps["lwm"]}, ["a", "b"], COLUMNS)
    assert len(artists(picture, BboxImage, "image")) == 2
    assert artists(picture, BboxImage, "lwm")[0].get_window_extent().width >= 96 / 0.87, "96 px, also if it shrinks"


def test_the_drift_of_every_map_is_read_and_each_model_is_a_frame(images, maps, read):
    maps["lwm"][:, 3] = np.nan
    picture = show.attention_maps(images, maps, ["a", "b"], COLUMNS)
    drift = drift_from_first(maps["lwm"])[1, 2]
    assert f"lwm, b, M2: drift from M0 {drift:.3f}" in read(picture)
    assert len(read(picture)) == 3 * 8 - 2
    assert picture.frame_names == tuple(COLUMNS)
    assert picture.spots[0].since == [0, 1, 2, 3] * 2


def test_the_mean_drift_is_read_with_its_spread(read):
    drifts = {"lwm": np.array([[0, 1.0, 2, np.nan], [0, 3.0, np.nan, np.nan]])}
    assert read(show.attention_drift(drifts, COLUMNS)) == [
        "lwm, M0: drift from M0 0.000 ± 0.000 over 2 images",
        "lwm, M1: drift from M0 2.000 ± 1.414 over 2 images",
        "lwm, M2: drift from M0 2.000, 1 image",
    ]


def test_opacity_goes_from_the_grey_image_to_the_map(images):
    values = np.array([[[0.0, 1.0], [0.0, 0.0]]])
    (alone,), (covered,) = overlaid(images[0], values, 0), overlaid(images[0], values, 1)
    np.testing.assert_allclose(alone[::4, ::4, 0], images[0].mean(0), atol=0.51)
    assert np.ptp(alone[..., :3], axis=2).max() == 0
    assert covered[0, -1].sum() > covered[-1, 0].sum()
    (between,) = overlaid(images[0], values, 0.25)
    np.testing.assert_allclose(between, 0.75 * alone.astype(float) + 0.25 * covered, atol=1.5)
    assert (alone[..., 3] == 255).all()


def test_only_the_place_of_attention_counts_and_not_its_size(images, maps):
    one = overlaid(images[0], maps["lwm"][0], 1).astype(int)
    assert np.abs(one - overlaid(images[0], 7 * maps["lwm"][0], 1)).max() <= 2  # a step of the map's 256 colours


def test_a_map_is_enlarged_with_its_values_in_the_middle_of_their_cells():
    enlarged = resized(np.array([[[0.0, 4.0]]]), (1, 8))
    np.testing.assert_allclose(enlarged[0, 0], [0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4])


def test_models_that_do_not_exist_yet_are_empty(images, maps, readable, texts):
    maps["lwm"][:, 2:] = np.nan
    picture = show.attention_maps(images, maps, ["a", "b"], COLUMNS)
    drift = drift_from_first(maps["lwm"])[1, 1]
    assert f"lwm, b, M1: drift from M0 {drift:.3f}." in picture.alt
    assert "nan" not in "".join(texts(picture))
    readable(picture)


def test_the_curve_is_the_mean_over_images_and_leaves_out_unknown_drifts(artists):
    drifts = {"lwm": np.array([[0, 1.0, 2, np.nan], [0, 3.0, 3, np.nan]])}
    picture = show.attention_drift(drifts, COLUMNS)
    (line,) = artists(picture.axes[0], Line2D, "lwm")
    np.testing.assert_allclose(line.get_ydata(), [0, 2, 2.5, np.nan])
    assert "lwm, M2: drift from M0 2.500 ± 0.707 over 2 images." in picture.alt
    (band,) = artists(picture.axes[0], Polygon)
    corners = {tuple(point) for point in band.get_xy().round(6)}
    low, high = 2 - np.sqrt(2), 2 + np.sqrt(2)
    expected = [(0, 0), (1, low), (2, 2.5 - np.sqrt(0.5)), (2, 2.5 + np.sqrt(0.5)), (1, high)]
    assert corners == {tuple(np.round(point, 6)) for point in expected}
    alone = show.attention_drift({"lwm": np.array([[0, 1.0, 2, 3]])}, COLUMNS)
    assert not artists(alone.axes[0], Polygon)
