import numpy as np
import pytest
from matplotlib.collections import PatchCollection
from matplotlib.image import BboxImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox

from cltutor import show

NAMES = ("herding", "closest", "random", "histogram")


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (70, 3, 8, 8), dtype=np.uint8)


@pytest.fixture
def given():
    rng = np.random.default_rng(1)
    distances = {name: rng.random(12) for name in NAMES}
    places, order = rng.normal(size=(30, 2)), rng.permutation(30)[:12]
    return {
        "places": places,
        "order": order,
        "distances": distances,
        "strategy": "closest",
        "step": 5,
        "axes": ("x", "y"),
    }


def numbers(words):
    return [word for word in words if word.isdigit()]


def test_the_mean_of_the_chosen_is_drawn_where_a_loop_finds_it_with_a_line_to_the_class_mean(given, artists):
    axes = show.selection(**given).axes[0]
    drawn = {line.get_label(): line.get_xydata() for line in artists(axes)}
    total = np.zeros(2)
    for place in given["order"][:5]:
        total += given["places"][place]
    np.testing.assert_allclose(drawn["image"], given["places"])
    np.testing.assert_allclose(drawn["mean of the chosen"][0], total / 5)
    np.testing.assert_allclose(drawn["class mean"][0], given["places"].mean(0))
    np.testing.assert_allclose(drawn["chosen"], given["places"][given["order"][:5]])
    np.testing.assert_allclose(drawn["last chosen"], given["places"][given["order"][4:5]])
    path, between = (line.get_xydata() for line in artists(axes) if line.get_zorder() == 3)
    np.testing.assert_allclose(between, [total / 5, given["places"].mean(0)])
    np.testing.assert_allclose(path[-1], total / 5)
    assert len(path) == 5


def test_a_unit_is_as_long_across_as_up(given):
    given["places"][0] = (40, 3)
    axes = show.selection(**given).axes[0]
    across, up = np.diff(axes.transData.transform([(0, 0), (1, 1)]), axis=0)[0]
    assert across == pytest.approx(up)


def test_the_distance_of_every_strategy_is_drawn_with_a_mark_at_the_step(given, artists, legend, texts):
    picture = show.selection(**given, what="class 7")
    for name in NAMES:
        (line,) = artists(picture.axes[1], Line2D, name)
        np.testing.assert_allclose(line.get_xydata().T, [range(1, 13), given["distances"][name]])
        assert line.get_markevery() == [4]
        assert f"{name} {given['distances'][name][4]:.3f}" in legend(picture)
        assert f"{given['distances'][name][4]:.3f} by {name}" in picture.alt
    assert "closest: 5 of 30 images chosen, class 7" in texts(picture)


def test_the_chosen_are_shown_in_order_the_last_in_a_ring_and_later_ones_are_empty(images, artists, texts):
    picture = show.exemplars(images, 17, "class 7, herding")
    small, large = (artists(picture, BboxImage, size) for size in ("small", "large"))
    assert len(small) == len(large) == len(picture.frame_names) == 17
    for place, tiles in enumerate(zip(small, large, strict=True)):
        for tile in tiles:
            np.testing.assert_array_equal(tile.get_array(), images[place].transpose(1, 2, 0))
    (places,) = artists(picture, PatchCollection)
    assert len(places.get_paths()) == 60
    ring = [one for one in artists(picture, Rectangle) if one is not picture.patch][-1]
    np.testing.assert_allclose(ring.get_window_extent().extents, small[16].get_window_extent().extents)
    assert {"number 17", "1", "16", "31", "46"} < set(texts(picture))
    assert picture.alt == "Exemplars in order of choice, class 7, herding: the first 17, number 17 enlarged."


def test_images_keep_their_shape(artists):
    for tile in artists(show.exemplars(np.zeros((4, 1, 8, 16), dtype=np.uint8), 4), BboxImage):
        box = Bbox(tile.get_window_extent())
        assert box.width == pytest.approx(2 * box.height)


def test_under_each_evicted_exemplar_is_the_number_of_classes_at_which_it_is(images, artists, texts):
    # K = 24 and two classes per task: 12, 6, 4, 3 and 2 of each class.
    picture = show.evictions(images[:12], {2: 12, 4: 6, 6: 4, 8: 3, 10: 2}, "K = 24")
    assert numbers(texts(picture)) == ["10", "8", "6", "6", *["4"] * 6]
    note = next(words for words in texts(picture) if "stay with all 10 classes" in words)
    assert "12 with 2 classes, 6 with 4" in note
    kept, evicted = (artists(picture, BboxImage, label) for label in ("kept", "evicted"))
    for place, tile in enumerate(kept):
        np.testing.assert_array_equal(tile.get_array(), images[place].transpose(1, 2, 0))
    for original, tile in zip(images[2:12].transpose(0, 2, 3, 1).astype(int), evicted, strict=True):
        np.testing.assert_allclose(tile.get_array()[..., :3], original.mean(-1, keepdims=True) * np.ones(3), atol=0.51)
        assert (tile.get_array()[..., 3] == 76).all(), "three tenths of the image remain"
    assert [one.get_gid() for one in (kept[0], kept[2], evicted[0])] == [None, "tag;frames=0-3", "tag;frames=4-"]


def test_of_many_exemplars_the_first_are_shown_and_the_others_counted(images, texts):
    words = texts(show.evictions(images, {2: 70, 100: 1}))
    assert "and 10 more, evicted no later than these" in words
    assert numbers(words) == ["100"] * 59
    all_stay = show.evictions(images[:5], {4: 5, 6: 5})
    assert not numbers(texts(all_stay))
    assert all_stay.alt == "Which exemplars are evicted: 5 with 4 classes, 5 with 6 classes."


def test_a_choice_by_hand_replaces_the_strategy_s_and_gets_its_own_point(given, artists, legend):
    picture = show.selection(**given, by_hand=(4, 7, 20), distance=0.31)
    drawn = {line.get_label(): line.get_xydata() for line in artists(picture.axes[0])}
    np.testing.assert_allclose(drawn["chosen"], given["places"][[4, 7, 20]])
    np.testing.assert_allclose(drawn["mean of the chosen"][0], given["places"][[4, 7, 20]].mean(0))
    (point,) = artists(picture.axes[1], Line2D, "your choice")
    np.testing.assert_allclose(point.get_xydata(), [(3, 0.31)])
    assert "your choice 0.310" in legend(picture)
    assert "your choice: 3 of 30 images chosen" in picture.alt


def test_the_images_are_tiles_in_order_of_choice_linked_with_their_points(images, given, artists, read):
    picture = show.selection(**given | {"order": np.arange(30)[::-1]}, images=images[:30])
    dots, tiles = (next(one for one in picture.spots if one.key == key) for key in ("dot", "image"))
    (sheet,) = artists(picture, BboxImage)
    for place in range(30):
        down, right = divmod(place, tiles.shape[1])
        tile = sheet.get_array()[26 * down :, 26 * right :][:24, :24]
        np.testing.assert_array_equal(tile[1:24:3, 1:24:3, :3], images[29 - place].transpose(1, 2, 0))
        assert (tile[:, :, 3] == (255 if place < 5 else 120)).all()
    assert tiles.link[:30] == list(range(29, -1, -1))
    assert dots.link[:30] == list(range(30))
    assert "image 30, its picture, number 1 to be chosen, in the memory" in read(picture)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"images": np.zeros((2, 1, 8, 8), np.uint8)}, "images are as many as places, 30, not 2"),
        ({"by_hand": [3, 30]}, "by_hand lists images from 0 to 29, not 30"),
        ({"step": 13}, "step is a whole number from 1 to 12, not 13"),
    ],
)
def test_what_does_not_fit_the_images_is_refused(given, changed, words):
    with pytest.raises(ValueError, match=words):
        show.selection(**given | changed)


def test_every_image_point_and_exemplar_is_read(images, given, read):
    words, last = read(show.selection(**given)), given["order"][4]
    x, y = given["places"][last]
    assert f"image {last + 1}, number 5 to be chosen, in the memory: ({x:.3g}, {y:.3g})" in words
    assert f"random, 12 exemplars: distance {given['distances']['random'][11]:.4f} (no unit)" in words
    assert read(show.exemplars(images, 17, "class 7"))[16:] == ["exemplar 17 of 60, class 7"]
    words = read(show.evictions(images[:12], {2: 12, 4: 6, 6: 4}))
    assert words[3:5] == ["exemplar 4: stays with all 6 classes", "exemplar 5: evicted when 6 classes have been seen"]
