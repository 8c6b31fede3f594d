import numpy as np
import pytest
from matplotlib.image import BboxImage
from matplotlib.lines import Line2D

from cltutor import show

AXES = ("first principal component (60 % of variance)", "second principal component (20 % of variance)")
NAMES = ("herding", "closest", "random", "histogram")


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (70, 3, 8, 8), dtype=np.uint8)


@pytest.fixture
def given():
    rng = np.random.default_rng(1)
    distances = {name: rng.random(12) for name in NAMES}
    places, order = rng.normal(size=(30, 2)), rng.permutation(30)[:12]
    return {"places": places, "order": order, "distances": distances, "strategy": "closest", "step": 5, "axes": AXES}


def texts(picture):
    return [text.get_text() for text in picture.texts]


def lines(picture) -> dict[str, Line2D]:
    return {artist.get_label(): artist for artist in picture.artists if isinstance(artist, Line2D)}


def on_the_map(line, picture) -> np.ndarray:
    """Where the points of a line are drawn, in inches."""
    return line.get_transform().transform(np.asarray(line.get_xydata())) / picture.dpi


def test_the_mean_of_the_chosen_is_drawn_where_a_loop_finds_it(given):
    picture = show.selection(**given)
    total = np.zeros(2)
    for place in given["order"][:5]:
        total += given["places"][place]
    drawn = lines(picture)
    everything = drawn["image"].get_xydata()
    corner = everything[0] - given["places"][0]
    np.testing.assert_allclose(drawn["mean of the chosen"].get_xydata()[0] - corner, total / 5)
    np.testing.assert_allclose(drawn["class mean"].get_xydata()[0] - corner, given["places"].mean(0))
    np.testing.assert_allclose(drawn["chosen"].get_xydata(), everything[given["order"][:5]])
    np.testing.assert_allclose(drawn["last chosen"].get_xydata(), everything[given["order"][4:5]])


def test_a_line_joins_the_two_means_and_another_is_the_way_there(given):
    picture = show.selection(**given)
    drawn = lines(picture)
    here, there = (drawn[name].get_xydata()[0] for name in ("mean of the chosen", "class mean"))
    paths = [a.get_xydata() for a in picture.artists if isinstance(a, Line2D) and a.get_zorder() == 3]
    way, between = paths
    np.testing.assert_allclose(between, [here, there])
    np.testing.assert_allclose(way[-1], here)
    assert len(way) == 5


def test_a_unit_is_as_long_across_as_up(given):
    given["places"][0] = (40, 3)
    picture = show.selection(**given)
    points = on_the_map(lines(picture)["image"], picture)
    moved, apart = points[1:] - points[:1], given["places"][1:] - given["places"][:1]
    np.testing.assert_allclose(moved / apart, np.full_like(moved, (moved / apart)[0, 0]))


def test_every_strategy_s_distance_is_drawn_with_a_mark_at_the_step(given, readable):
    picture = show.selection(**given, what="class 7")
    drawn = lines(picture)
    words = [text.get_text() for text in picture.legends[0].get_texts()]
    for name in NAMES:
        np.testing.assert_allclose(drawn[name].get_xydata().T, [range(1, 13), given["distances"][name]])
        assert drawn[name].get_markevery() == [4]
        assert f"{name} {given['distances'][name][4]:.3f}" in words
        assert f"{given['distances'][name][4]:.3f} by {name}" in picture.alt
    assert "closest: 5 of 30 images chosen, class 7" in texts(picture)
    readable(picture)


@pytest.mark.parametrize("size", [1, 3, 30])
def test_every_size_is_readable(given, size, readable):
    given["places"] *= 10.0 ** (size - 2) if size < 4 else 1
    count = min(size, 12)
    given |= {"places": given["places"][:size], "order": np.arange(count), "step": count}
    given["distances"] = {name: values[:count] for name, values in given["distances"].items()}
    readable(show.selection(**given, what="class " + 30 * "long name "))


def test_the_chosen_are_shown_in_order_and_those_to_come_are_empty(images, readable):
    picture = show.exemplars(images, 17, "class 7, herding")
    large, *small = [artist for artist in picture.artists if isinstance(artist, BboxImage)]
    assert len(small) == 60
    for place, tile in enumerate(small):
        expected = images[place].transpose(1, 2, 0) if place < 17 else np.full((8, 8, 3), 242)
        np.testing.assert_array_equal(tile.get_array(), expected)
    np.testing.assert_array_equal(large.get_array(), images[16].transpose(1, 2, 0))
    assert {"number 17", "1", "16", "31", "46"} < set(texts(picture))
    assert picture.alt == "Exemplars in order of choice, class 7, herding: the first 17, number 17 enlarged."
    readable(picture)


def test_the_last_chosen_has_a_ring(images):
    picture = show.exemplars(images, 17)
    (ring,) = picture.patches[1:] or [a for a in picture.artists if a.__class__.__name__ == "Rectangle"]
    tile = [artist for artist in picture.artists if isinstance(artist, BboxImage)][17]
    box = tile.get_window_extent()
    np.testing.assert_allclose(ring.get_window_extent().extents, box.extents)


def test_pictures_keep_their_shape(readable):
    images = np.zeros((4, 1, 8, 16), dtype=np.uint8)
    picture = show.exemplars(images, 4)
    for tile in (artist for artist in picture.artists if isinstance(artist, BboxImage)):
        box = tile.get_window_extent()
        assert box.width == pytest.approx(2 * box.height)
    readable(picture)


def test_under_each_exemplar_that_leaves_is_the_number_of_classes_at_which_it_does(images, readable):
    # K = 24 and two classes a task: 12, 6, 4, 3 and 2 of each class.
    picture = show.evictions(images[:12], {2: 12, 4: 6, 6: 4, 8: 3, 10: 2}, "K = 24")
    numbers = [words for words in texts(picture) if words.isdigit()]
    assert numbers == ["10", "8", "6", "6", *["4"] * 6]
    assert any(
        "stay with all 10 classes" in words and "12 with 2 classes, 6 with 4" in words for words in texts(picture)
    )
    tiles = [a.get_array().astype(int) for a in picture.artists if isinstance(a, BboxImage)]
    for place, tile in enumerate(tiles):
        original = images[place].transpose(1, 2, 0).astype(int)
        np.testing.assert_array_equal(tile, original) if place < 2 else np.testing.assert_allclose(
            tile, 255 - 0.3 * (255 - original.mean(-1, keepdims=True)) * np.ones(3), atol=0.51
        )
    readable(picture)


def test_of_many_exemplars_the_first_are_shown_and_the_others_counted(images, readable):
    picture = show.evictions(images, {2: 70, 100: 1})
    assert "and 10 more, which leave no later than these" in texts(picture)
    assert [words for words in texts(picture) if words.isdigit()] == ["100"] * 59
    readable(picture)
    stages = {2 * task: max(1, 70 // task) for task in range(1, 51)}
    readable(show.evictions(images, stages, "K = 140, class " + 20 * "long name "))


def test_all_stay_where_there_is_room(images):
    picture = show.evictions(images[:5], {4: 5, 6: 5})
    assert not [words for words in texts(picture) if words.isdigit()]
    assert picture.alt == "Who is evicted: 5 with 4 classes, 5 with 6 classes."


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"places": np.zeros((30, 3))}, r"places are \(30, 3\)"),
        ({"step": 13}, "12 of the places"),
        ({"step": 0}, "12 of the places"),
        ({"strategy": "nearest"}, "12 distances for nearest and any others of herding, closest"),
        ({"distances": {"closest": np.zeros(5)}}, "give 12 distances"),
    ],
)
def test_a_choice_that_does_not_fit_is_refused(given, change, words):
    with pytest.raises(ValueError, match=words):
        show.selection(**given | change)


def test_images_and_numbers_that_do_not_fit_are_refused(images):
    with pytest.raises(ValueError, match="a whole number from 1 to 60, not 61"):
        show.exemplars(images, 61)
    with pytest.raises(ValueError, match="uint8, one or more"):
        show.exemplars(images[:0], 1)
    for kept in ({}, {2: 4}, {2: 5, 4: 6}, {2: 5, 4: 0}):
        with pytest.raises(ValueError, match="kept falls from 5"):
            show.evictions(images[:5], kept)
