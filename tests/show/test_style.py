import itertools

import pytest
from matplotlib.colors import to_rgb

from cltutor import methods
from cltutor.show.style import ink_on, look


def test_every_method_has_a_look_of_its_own():
    looks = [look(name) for name in methods.names()]
    assert len({(one.color, one.line) for one in looks}) == len(looks)
    assert len({one.marker for one in looks}) == len(looks)


def test_a_method_keeps_its_colour_and_a_new_name_keeps_what_it_was_given():
    assert look("lwf").color == "#0072B2"
    mine, other = look("my method"), look("your method")
    assert mine != other
    assert look("my method") == mine


def test_all_colours_stand_out_from_white():
    for name in [*methods.names(), *map(str, range(9))]:
        assert _contrast(to_rgb(look(name).color), (1, 1, 1)) > 2, name


@pytest.mark.parametrize("color", list(itertools.product((0.0, 0.3, 0.6, 1.0), repeat=3)))
def test_the_ink_on_a_colour_reads_better_than_the_other_ink(color):
    inks = {"black": (0, 0, 0), "white": (1, 1, 1)}
    chosen = inks.pop(ink_on(color))
    assert _contrast(color, chosen) >= _contrast(color, *inks.values())


def _contrast(one, other):
    """Contrast of WCAG 2.1, 1 to 21."""
    lights = []
    for color in (one, other):
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color)
        lights.append(0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05)
    return max(lights) / min(lights)
