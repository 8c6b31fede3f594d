import copy

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import Normalize

from cltutor import show
from cltutor.show.filters import SIGNED, cosines, stages, strongest


class Factorized:
    """What the pictures ask of a DF-CNN, with a mapping that is easy to follow: D repeats L, W mixes D."""

    def __init__(self, channels=4, inputs=3, outputs=5, tasks=3):
        draw = torch.Generator().manual_seed(0)
        self.base = torch.randn(2, 2, channels, generator=draw)
        self.mixing = torch.randn(tasks, channels, inputs, outputs, generator=draw)

    def knowledge_base(self, layer):
        return self.base

    def basis(self, layer, task):
        return self.base.repeat_interleave(2, 0).repeat_interleave(2, 1)[:3, :3]

    def filters(self, layer, task):
        if not 0 <= task < len(self.mixing):
            raise ValueError(f"Task {task} has not been learned.")
        return torch.einsum("hwk,kio->hwio", self.basis(layer, task), self.mixing[task])

    def without(self, channels):
        other = copy.copy(self)
        ((_, off),) = channels.items()
        other.base = self.base.clone()
        other.base[..., list(off)] = 0
        return other


def sheets(picture):
    """The colours (cells, 4) of every stage."""
    return [artist.get_facecolor() for artist in picture.artists if isinstance(artist, PolyCollection)]


def crosses(picture):
    """How many lines are drawn across tiles."""
    return sum(
        len(a.get_segments()) for a in picture.artists if isinstance(a, LineCollection) and a.get_linewidth()[0] > 1
    )


def colors_of(tiles, bound):
    return matplotlib.colormaps[SIGNED](Normalize(-bound, bound)(tiles.ravel()))


def texts(picture):
    return [text.get_text() for text in picture.texts]


def test_a_tile_is_a_channel_or_a_kernel_with_rows_down():
    network = Factorized()
    base, basis, filters = stages(network, 0, 1)
    for k in range(4):
        np.testing.assert_array_equal(base[k], network.base[:, :, k])
        np.testing.assert_array_equal(basis[k], network.basis(0, 1)[:, :, k])
    for i in range(3):
        for o in range(5):
            np.testing.assert_array_equal(filters[5 * i + o], network.filters(0, 1)[:, :, i, o])


def test_all_three_stages_are_coloured_on_one_scale_around_zero(readable):
    picture = show.knowledge(Factorized(), 0, 1)
    tiles = stages(Factorized(), 0, 1)
    bound = max(np.abs(array).max() for array in tiles)
    for drawn, array in zip(sheets(picture), tiles, strict=True):
        np.testing.assert_allclose(drawn, colors_of(array, bound))
    labels = [label.get_text() for label in picture.axes[0].get_xticklabels()]
    assert labels == [f"{-bound:.2g}", "0", f"{bound:.2g}"]
    readable(picture)


def test_the_cells_of_a_tile_lie_as_its_rows_and_columns():
    picture = show.knowledge(Factorized(channels=1, inputs=1, outputs=1), 0, 0)
    first = next(artist for artist in picture.artists if isinstance(artist, PolyCollection))
    middles = np.array([path.vertices[:4].mean(0) for path in first.get_paths()]).reshape(2, 2, 2)
    assert (middles[0, :, 1] > middles[1, :, 1]).all()  # the first row is above
    assert (middles[:, 0, 0] < middles[:, 1, 0]).all()  # the first column is left


def test_channels_that_are_off_are_crossed_out_white_and_missing_from_what_follows(readable):
    network = Factorized()
    picture = show.knowledge(network, 2, 1, off=(3, 0))
    whole, now = stages(network, 2, 1), stages(network.without({2: [0, 3]}), 2, 1)
    bound = max(np.abs(array).max() for array in whole)  # the scale stays
    for drawn, array in zip(sheets(picture), now, strict=True):
        np.testing.assert_allclose(drawn, colors_of(array, bound))
    assert crosses(picture) == 4
    assert crosses(show.knowledge(network, 2, 1)) == 0
    changed = np.linalg.norm(now[2] - whole[2]) / np.linalg.norm(whole[2])
    assert any(f"changed by {100 * changed:.0f} %" in text for text in texts(picture))
    assert any("2 x 2, 2 off" in text for text in texts(picture))
    assert picture.alt.startswith("Layer 3, task 2: filters rebuilt from the knowledge base")
    readable(picture)


def test_only_the_strongest_of_many_kernels_are_shown_and_told(readable):
    network = Factorized(channels=16, inputs=16, outputs=32)
    picture = show.knowledge(network, 0, 0)
    kernels = stages(network, 0, 0)[2]
    norms = sorted((float(np.sqrt((kernel**2).sum())) for kernel in kernels), reverse=True)
    chosen = strongest(kernels, 100)
    assert len(chosen) == 100
    assert (np.diff(chosen) > 0).all()
    assert min(np.linalg.norm(kernels[place]) for place in chosen) == pytest.approx(norms[99])
    assert any("the strongest 100 of 512 kernels" in text for text in texts(picture))
    readable(picture)


def test_of_a_large_knowledge_base_the_numbers_are_those_of_its_strongest_channels(readable):
    network = Factorized(channels=120)
    network.base[:, :, [3, 77]] *= 100
    picture = show.knowledge(network, 0, 0, off=[77, 5])
    numbers = {text for text in texts(picture) if text.isdigit()}
    assert len(numbers) == 64
    assert {"4", "78"} < numbers
    assert any("the strongest 64 of 120 channels" in text for text in texts(picture))
    assert crosses(picture) == 2 * ("6" in numbers) + 2
    readable(picture)


def test_the_places_of_tiles_do_not_change_when_channels_are_off():
    network = Factorized(channels=8, inputs=8, outputs=32)
    shown = strongest(stages(network, 0, 0)[2], 100)
    drawn = sheets(show.knowledge(network, 0, 0, off=[2]))[2]
    whole, now = stages(network, 0, 0), stages(network.without({0: [2]}), 0, 0)
    bound = max(np.abs(array[strongest(array, 100)]).max() for array in whole)
    expected = colors_of(np.clip(now[2][shown], -bound, bound), bound)
    np.testing.assert_allclose(drawn, expected)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (4, 3, 2), (36, 64, 64), (120, 3, 3)])
def test_pictures_of_every_size_are_readable(sizes, readable):
    readable(show.knowledge(Factorized(*sizes), 0, 0, off=[0], what="a run with a name that is very, very long" * 3))


def test_a_knowledge_base_of_zeros_has_a_picture(readable):
    network = Factorized()
    network.base = torch.zeros(2, 2, 4)
    readable(show.knowledge(network, 0, 0, off=[1]))


def test_wrong_channels_and_tasks_are_refused():
    with pytest.raises(ValueError, match=r"has channels 0 to 3, not \[1, 4\]"):
        show.knowledge(Factorized(), 0, 0, off=[4, 1])
    with pytest.raises(ValueError, match="channels 0 to 3"):
        show.knowledge(Factorized(), 0, 0, off=[-1])
    with pytest.raises(ValueError, match="Task 9 has not been learned"):
        show.knowledge(Factorized(), 0, 9)


SHARES = np.array([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5], [0.0, 0.0, 1.0]])


def test_shares_are_drawn_in_percent_beside_the_cosines_between_tasks(readable):
    picture = show.knowledge_shares(SHARES, what="layer 2")
    left, _, right = picture.axes
    np.testing.assert_allclose(left.images[0].get_array(), 100 * SHARES)
    written = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in right.texts}
    for i, one in enumerate(SHARES):
        for j, other in enumerate(SHARES):
            dot = sum(a * b for a, b in zip(one, other, strict=True))
            length = sum(a * a for a in one) ** 0.5 * sum(b * b for b in other) ** 0.5
            assert cosines(SHARES)[i, j] == pytest.approx(dot / length)
            assert float(written[i, j]) == pytest.approx(dot / length, abs=0.0006)
    assert [label.get_text() for label in left.get_yticklabels()] == ["task 1", "task 2", "task 3"]
    assert "channel 3 is used most, 50 % on average" in picture.alt
    assert "most alike are task 2 and task 3 (cosine 0.816), least task 1 and task 3 (0.000)" in picture.alt
    readable(picture)


def test_cosines_near_one_are_told_apart_by_colour(readable):
    shares = np.array([[0.5, 0.5], [0.55, 0.45], [0.5, 0.5]])
    picture = show.knowledge_shares(shares)
    image = picture.axes[2].images[0]
    assert image.get_clim() == (0.99, 1)
    assert any("(colour: 0.99 to 1)" in text for text in texts(picture))
    assert {text.get_text() for text in picture.axes[2].texts} == {"1", ".995"}
    readable(picture)


def test_a_task_that_uses_nothing_is_like_no_other():
    assert cosines(np.array([[0.0, 0.0], [0.5, 0.5]]))[0].tolist() == [0, 0]


@pytest.mark.parametrize(("tasks", "channels"), [(1, 1), (2, 9), (10, 36), (20, 64)])
def test_shares_of_every_size_are_readable(tasks, channels, readable):
    shares = np.random.default_rng(0).dirichlet(np.ones(channels), tasks)
    readable(show.knowledge_shares(shares))
    readable(show.knowledge_shares(shares, [f"a task with a long name {t}" for t in range(tasks)], "layer 2"))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: show.knowledge_shares([0.5, 0.5]), r"shares are \(tasks, channels\)"),
        (lambda: show.knowledge_shares([[-0.5, 1.5]]), "from 0 up"),
        (lambda: show.knowledge_shares([[np.nan, 1.0]]), "finite"),
        (lambda: show.knowledge_shares(SHARES, ["a"]), "3 tasks need 3 names, not 1"),
    ],
)
def test_bad_shares_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()
