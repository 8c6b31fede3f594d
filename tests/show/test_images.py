"""Images: samples of a stream, and an image beside its probabilities."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.image import BboxImage
from matplotlib.transforms import Bbox

from cltutor import show
from cltutor.show.style import BLUE, ORANGE

LOGITS, NAMES = [3.0, 1.0, -2.0, 8.0], ["cat", "dog", "horse", "frog"]
IMAGE = torch.randint(0, 256, (3, 8, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def greys(strip):
    """The greys of the images in a strip, from left to right."""
    row = strip.get_array()[0]
    row = row[row[:, 3] > 0, 0]  # what is not between two images
    return [int(value) for i, value in enumerate(row) if i == 0 or value != row[i - 1]]


def test_each_class_shows_its_first_training_images_in_its_tasks_row(make, artists, texts):
    picture = show.tasks(make.stream(), per_class=2)
    strips = artists(picture, BboxImage)
    assert [greys(strip)[:2] for strip in strips] == [[0, 1], [10, 11], [20, 21], [30, 31]]
    (a, b, c, d) = (Bbox(strip.get_window_extent()) for strip in strips)
    assert a.y0 == b.y0 > c.y0 == d.y0
    assert a.x0 == c.x0 < b.x0 == d.x0
    assert {"task 1", "task 2", "class 0", "class 1", "class 2", "class 3"} <= set(texts(picture))
    assert "task 1 has class 0, class 1; task 2 has class 2, class 3" in picture.alt


def test_a_task_without_training_images_shows_its_test_images(make, artists):
    assert greys(artists(show.tasks(make.stream(empty_first=True)), BboxImage)[0])[0] == 0


def test_classes_that_do_not_fit_in_a_row_are_counted(make, artists, texts):
    picture = show.tasks(make.stream(classes=(60, 2)), per_class=4)
    shown = len(artists(picture, BboxImage)) - 2
    assert 1 < shown < 60
    assert f"+ {60 - shown}\nmore" in texts(picture)
    assert f"and {60 - shown} more" in picture.alt


def test_a_row_of_ten_classes_fits_a_page_with_two_images_of_each(make, artists, texts, read):
    picture = show.tasks(make.stream(classes=(10, 2)))
    assert len(artists(picture, BboxImage)) == 12
    assert not any("more" in words for words in texts(picture))
    assert picture.get_size_inches()[0] < 11.5
    assert "class 0, image 2 of" in " ".join(read(picture))
    few = show.tasks(make.stream(classes=(5, 2)))
    assert "class 0, image 4 of" in " ".join(read(few))


def bars(picture):
    """The lengths of the bars in the frame that an image shows."""
    (shown,) = (one for one in picture.axes[0].collections if one.get_visible())
    return [path.vertices[:, 0].max() for path in shown.get_paths()]


@settings(max_examples=15)  # each draws a picture
@given(st.lists(st.floats(-50, 50), min_size=1, max_size=11), st.floats(0.5, 20))
def test_the_bars_are_the_softmax_of_the_logits_over_the_temperature(logits, temperature):
    picture = show.temperature(IMAGE, logits, list(map(str, logits)), temperature)
    p = torch.softmax(torch.tensor(logits, dtype=torch.float64) / temperature, dim=0)
    assert bars(picture) == pytest.approx((100 * p).tolist(), abs=1e-9)
    bits = -(p * torch.log2(p.clamp(min=1e-300))).sum().item()
    assert f"entropy {abs(bits):.2f} of" in picture.alt


def test_of_many_classes_the_largest_the_right_one_and_the_rest_are_shown():
    logits = np.arange(100.0) / 10
    picture = show.temperature(IMAGE, logits, list(map(str, range(100))), 1.0, target=3)
    labels = [label.get_text() for label in picture.axes[0].get_yticklabels()]
    assert labels == ["3 (right)", *map(str, range(90, 100)), "89 others"]
    assert sum(bars(picture)) == pytest.approx(100)


def test_the_image_is_shown_as_it_is_and_the_right_class_has_its_own_colour_and_word(artists):
    picture = show.temperature(IMAGE, LOGITS, NAMES, target=1)
    (shown,) = artists(picture, BboxImage)
    assert np.array_equal(shown.get_array(), IMAGE.permute(1, 2, 0).numpy())
    box = Bbox(shown.get_window_extent())
    assert box.width == pytest.approx(1.5 * box.height)
    colors = [tuple(color[:3]) for color in picture.axes[0].collections[0].get_facecolor()]
    blue, orange = (tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)) for color in (BLUE, ORANGE))
    assert colors == [blue, orange, blue, blue]
    assert picture.axes[0].get_yticklabels()[1].get_text() == "dog (right)"
    assert "at temperature 2: frog leads with 89.4 %" in picture.alt
    assert "of at most 2.00 bits" in picture.alt


def test_every_temperature_is_a_frame_to_which_pointing_at_its_entropy_moves_the_picture(read):
    picture = show.temperature(IMAGE, LOGITS, NAMES, 2.2, what="a dog: test picture 3 of task 1")
    assert picture.frame_names[:4] == ("T = 1", "T = 1.5", "T = 2", "T = 2.2")
    assert (len(picture.frame_names), picture.frame_start) == (20, 3)
    curve = picture.spots[-1]
    assert curve.at == list(range(20))
    p = torch.softmax(torch.tensor(LOGITS, dtype=torch.float64) / 1.5, dim=0)
    assert f"T = 1.5: entropy {-(p * p.log2()).sum():.2f} of at most 2.00 bits" in read(picture)
    words = read(show.temperature(IMAGE, LOGITS, NAMES, 1.5))
    assert f"{NAMES[0]}: {100 * p[0]:.1f} % at T = 1.5, logit {LOGITS[0]:.3g}" in words
    assert picture.alt.startswith("a dog: test picture 3 of task 1: ")
