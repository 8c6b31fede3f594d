import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cltutor import show
from cltutor.show.style import ORANGE

LOGITS = [3.0, 1.0, -2.0, 8.0]
NAMES = ["cat", "dog", "horse", "frog"]


def image(channels=3, high=32, wide=32):
    return torch.randint(0, 256, (channels, high, wide), dtype=torch.uint8)


def bars(picture):
    return [bar.get_width() for bar in picture.axes[1].patches]


@settings(max_examples=15)  # each draws a picture
@given(st.lists(st.floats(-50, 50), min_size=1, max_size=12), st.floats(0.5, 20))
def test_the_bars_are_the_softmax_of_the_logits_over_the_temperature(logits, temperature):
    picture = show.temperature(image(), logits, list(map(str, logits)), temperature)
    p = torch.softmax(torch.tensor(logits, dtype=torch.float64) / temperature, dim=0)
    assert bars(picture) == pytest.approx((100 * p).tolist(), abs=1e-9)
    bits = -(p * torch.log2(p.clamp(min=1e-300))).sum().item()
    assert f"entropy {abs(bits):.2f} of" in picture.alt


def test_the_picture_is_shown_as_it_is():
    pixels = image(3, 8, 12)
    shown = show.temperature(pixels, LOGITS, NAMES).axes[0].images[0].get_array()
    assert np.array_equal(shown, pixels.permute(1, 2, 0).numpy())


def test_of_many_classes_the_largest_the_right_one_and_the_rest_are_shown():
    logits = np.arange(100.0) / 10
    picture = show.temperature(image(), logits, list(map(str, range(100))), 1.0, target=3)
    labels = [label.get_text() for label in picture.axes[1].get_yticklabels()]
    assert labels == ["3", *map(str, range(89, 100)), "88 others"]
    assert sum(bars(picture)) == pytest.approx(100)


def test_the_right_class_has_its_own_colour_and_is_named():
    picture = show.temperature(image(), LOGITS, NAMES, target=1)
    colors = [bar.get_facecolor() for bar in picture.axes[1].patches]
    assert colors[1] != colors[0] == colors[2] == colors[3]
    assert colors[1][:3] == pytest.approx([int(ORANGE[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    assert any("the right class, dog" in text.get_text() for text in picture.texts)


def test_the_alt_text_tells_temperature_winner_and_entropy():
    told = show.temperature(image(), LOGITS, NAMES, 2.0).alt
    assert "at temperature 2" in told
    assert "frog leads with 89" in told
    assert "of at most 2.00 bits" in told


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 8, 8)), (2, (3, 32, 48)), (12, (3, 90, 40)), (100, (3, 40, 90))])
def test_every_size_is_readable(readable, count, shape):
    names = [f"a class with the long name {i}" for i in range(count)]
    readable(show.temperature(image(*shape), np.arange(count), names, 4.0, target=0))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"image": torch.zeros(3, 8, 8)}, "uint8"),
        ({"image": torch.zeros(8, 8, dtype=torch.uint8)}, r"\(C, H, W\)"),
        ({"image": torch.zeros(8, 8, 3, dtype=torch.uint8)}, "1 or 3 channels"),
        ({"logits": [LOGITS]}, "row of finite numbers"),
        ({"logits": [1.0, 2.0, 3.0, float("nan")]}, "row of finite numbers"),
        ({"names": NAMES[:3]}, "4 logits need as many names, not 3"),
        ({"temperature": 0.0}, "above 0"),
        ({"temperature": float("inf")}, "above 0"),
        ({"target": 4}, "from 0 to 3"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(change, says):
    fine = {"image": image(), "logits": LOGITS, "names": NAMES, "temperature": 2.0}
    with pytest.raises(ValueError, match=says) as refused:
        show.temperature(**(fine | change))
    assert "\n" not in str(refused.value)
