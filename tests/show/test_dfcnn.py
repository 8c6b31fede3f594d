"""Figures of DF-CNN: filters from the knowledge base, what tasks use of it, reverse transfer."""

from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.image import BboxImage

from cltutor import show
from cltutor.evaluation import metrics
from cltutor.networks import DFCNNTC2, DFCNNDirect, TaskCNN
from cltutor.show.filters import SIGNED, cosines, stages, strongest
from cltutor.show.transfer import differences, filter_distances, task_look

SHARES = np.array([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5], [0.0, 0.0, 1.0]])
N = np.nan
KNOWN = np.array([[50, N, N], [90, N, N], [80, N, N], [N, 40, N], [70, 60, N], [N, 50, N], [75, 55, 90], [60, 65, 80]])
KNOWN /= 100
LEARNING = np.array([0, 0, 0, 1, 1, 1, 2, 2])


def sheets(picture):
    """The colours (tiles, h, w, 4) of every stage in the last frame, read from its image."""
    found = {}
    for spots, image in zip(picture.spots, (a for a in picture.artists if isinstance(a, BboxImage)), strict=True):
        data, (rows, columns) = image.get_array(), spots.shape
        high, wide = len(data) // rows, data.shape[1] // columns
        parts = data.reshape(rows, high, columns, wide, 4).swapaxes(1, 2).reshape(-1, high, wide, 4)
        there = [~(parts[0, ..., 3] == 0).all(axis) for axis in (1, 0)]
        tiles = parts[:, there[0]][:, :, there[1]]
        words = [one for one in spots.columns[0][1] if one]
        found[words[0][-1]] = tiles[: len(words)] / 255
    return [found[stage] for stage in "LDW"]


def crosses(picture):
    """How many lines are drawn across tiles."""
    found = (a for a in picture.artists if isinstance(a, LineCollection) and a.get_linewidth()[0] > 1)
    return sum(len(a.get_segments()) for a in found)


def colors_of(tiles, bound):
    return matplotlib.colormaps[SIGNED](Normalize(-bound, bound)(tiles))


def test_a_tile_is_a_channel_or_a_kernel_with_rows_down(make):
    one = make.network()
    base, basis, filters = stages(one, 0, 1)
    for k in range(4):
        np.testing.assert_array_equal(base[k], one.knowledge_base(0)[:, :, k])
        np.testing.assert_array_equal(basis[k], one.basis(0, 1)[:, :, k])
    for i, o in np.ndindex(3, 5):
        np.testing.assert_array_equal(filters[5 * i + o], one.filters(0, 1)[:, :, i, o])


def test_the_weights_of_every_tile_are_read_as_its_rows_and_columns_and_every_task_is_a_frame(make, read):
    one = make.network()
    picture = show.knowledge(one, 0, 2)
    kernel, words = stages(one, 0, 2)[2][6], read(picture)
    rows = "\n".join("  ".join(f"{weight:.3g}" for weight in row) for row in kernel)
    assert f"kernel 7 of W, task 3: norm {np.linalg.norm(kernel):.3g}, weights\n{rows}" in words
    assert picture.frame_names == ("task 1", "task 2", "task 3")
    assert [(spots.since, spots.until) for spots in picture.spots[:3]] == [([0], None), ([0], 0), ([0], 0)]
    assert len(words) == 4 + 3 * (4 + 15)


def test_a_task_alone_has_no_other_frames_and_its_tiles_mark_their_parts(make):
    one = make.network()
    picture = show.knowledge(one, 0, 2, alone=True)
    assert picture.frame_names == ("task 3",)
    base, basis, kernels = picture.spots
    assert [group.key for group in picture.spots] == ["channel", "basis", "kernel"]
    assert {len(marks) for marks in basis.marks} == {3}
    assert set(kernels.marks[0][:3]) <= set(basis.link)
    assert set(kernels.marks[0][3:]) <= set(base.link)
    assert not any(group.marks and group.marks[0] for group in show.knowledge(one, 0, 2).spots)


@pytest.mark.parametrize(
    ("description", "counts", "words"),
    [
        (DFCNNDirect(TaskCNN((5,)), ((2, 4),), ((3,),)), (4, 15, 15), "filters W = D,"),
        (DFCNNTC2(TaskCNN((5,)), ((2, 2, 4),), ((3, 6),)), (8, 12, 15), "filters W = D • U1 • U2,"),
    ],
    ids=["direct", "tc2"],
)
def test_the_ablations_stages_and_shares_are_drawn_with_what_makes_their_filters(description, counts, words):
    one = description.build((3, 8, 8)).requires_grad_(False)
    one.grow(2)
    assert tuple(map(len, stages(one, 0, 0))) == counts
    assert words in show.knowledge(one, 0, 0, off=(1,)).alt
    assert show.knowledge_shares(one.shares(0)).alt
    assert one.shares(0).sum().item() == pytest.approx(1)


@pytest.mark.parametrize("off", [(), (3, 0)])
def test_all_stages_are_on_one_scale_and_channels_that_are_off_are_crossed_out_and_missing(make, texts, off):
    one = make.network()
    picture = show.knowledge(one, 0, 1, off=off)
    whole, now = stages(one, 0, 1), stages(one.without({0: list(off)}), 0, 1)
    bound = max(np.abs(array).max() for task in (0, 1) for array in stages(one, 0, task))  # the scale stays
    for drawn, array in zip(sheets(picture), now, strict=True):
        down, right = (pixels // cells for pixels, cells in zip(drawn.shape[1:], array.shape[1:], strict=False))
        cells = drawn[:, down // 2 :: down, right // 2 :: right]
        np.testing.assert_allclose(cells, colors_of(array, bound), atol=0.01)
    labels = [label.get_text() for label in picture.axes[0].get_xticklabels()]
    assert labels == [f"{-bound:.2g}", "0", f"{bound:.2g}"]
    assert crosses(picture) == 2 * len(off)
    changed = np.linalg.norm(now[2] - whole[2]) / np.linalg.norm(whole[2])
    assert any(f"changed by {100 * changed:.0f} %" in text for text in texts(picture)) == bool(off)
    assert any("2 x 2, 2 off" in text for text in texts(picture)) == bool(off)
    assert picture.alt.startswith("Layer 1, task 2: filters rebuilt from the knowledge base")


def test_the_strongest_of_many_channels_and_kernels_keep_their_places_when_channels_are_off(make, texts):
    one = make.network(channels=120, inputs=16, outputs=32)
    one.knowledge_base(0)[:, :, [3, 77]] *= 100
    picture = show.knowledge(one, 0, 0, off=[77])
    numbers = {text for text in texts(picture) if text.isdigit()}
    assert len(numbers) == 64
    assert {"4", "78"} < numbers
    assert any("the strongest 64 of 120 channels" in text for text in texts(picture))
    assert crosses(picture) == 2
    whole, now = stages(one, 0, 0), stages(one.without({0: [77]}), 0, 0)
    norms = sorted((float(np.sqrt((kernel**2).sum())) for kernel in whole[2]), reverse=True)
    chosen = strongest(whole[2], 100)
    assert len(chosen) == 100
    assert (np.diff(chosen) > 0).all()
    assert min(np.linalg.norm(whole[2][place]) for place in chosen) == pytest.approx(norms[99])
    assert any("the strongest 100 of 512 kernels" in text for text in texts(picture))
    bound = max(np.abs(array[strongest(array, 100)]).max() for array in whole)
    expected = colors_of(np.clip(now[2][chosen], -bound, bound), bound)
    drawn = sheets(picture)[2]
    np.testing.assert_allclose(drawn[:, 2 :: drawn.shape[1] // 3, 2 :: drawn.shape[2] // 3], expected, atol=0.01)


def test_a_knowledge_base_of_zeros_has_a_picture(make, readable):
    one = make.network()
    one.knowledge_base(0).zero_()
    readable(show.knowledge(one, 0, 0, off=[1]))


def test_shares_are_drawn_in_percent_beside_the_cosines_between_tasks():
    picture = show.knowledge_shares(SHARES, what="layer 2")
    left, _, right = picture.axes
    np.testing.assert_allclose(left.images[0].get_array(), 100 * SHARES)
    written = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in right.texts}
    for i, j in np.ndindex(3, 3):
        one, other = SHARES[i], SHARES[j]
        dot = sum(a * b for a, b in zip(one, other, strict=True))
        length = sum(a * a for a in one) ** 0.5 * sum(b * b for b in other) ** 0.5
        assert cosines(SHARES)[i, j] == pytest.approx(dot / length)
        assert float(written[i, j]) == pytest.approx(dot / length, abs=0.0006)
    assert [label.get_text() for label in left.get_yticklabels()] == ["task 1", "task 2", "task 3"]
    assert "channel 3 is used most, 50 % on average" in picture.alt
    assert "most alike are task 2 and task 3 (cosine 0.816), least task 1 and task 3 (0.000)" in picture.alt
    assert cosines(np.array([[0.0, 0.0], [0.5, 0.5]]))[0].tolist() == [0, 0]  # uses nothing: like no other task


def test_cosines_near_one_differ_in_colour(texts):
    picture = show.knowledge_shares(np.array([[0.5, 0.5], [0.55, 0.45], [0.5, 0.5]]))
    assert picture.axes[2].images[0].get_clim() == (0.99, 1)
    assert any("(colour: 0.99 to 1)" in text for text in texts(picture))
    assert {text.get_text() for text in picture.axes[2].texts} == {"1", ".995"}


def test_a_line_is_thick_while_its_task_is_learned_and_then_thin_across_epochs_without_a_test(artists):
    thick, thin = artists(show.reverse_transfer(KNOWN, LEARNING, "dfcnn").axes[0], label="task 1")
    np.testing.assert_allclose(thick.get_xydata(), [(1, 50), (2, 90), (3, 80)])
    np.testing.assert_allclose(thin.get_xydata(), [(3, 80), (5, 70), (7, 75), (8, 60)])  # no test at 4 and 6
    assert thick.get_linewidth() > thin.get_linewidth()
    assert thick.get_color() == thin.get_color() == task_look(0).color
    mean = show.reverse_transfer(np.stack([KNOWN, KNOWN - 0.1]), LEARNING)  # of two runs
    np.testing.assert_allclose(artists(mean.axes[0], label="task 1")[0].get_ydata(), [45, 85, 75])


def test_the_peak_of_a_tasks_own_epochs_is_marked_and_no_later_one():
    picture = show.reverse_transfer(KNOWN, LEARNING)
    marks = [line for line in picture.axes[0].lines if line.get_marker() in {task_look(t).marker for t in range(3)}]
    assert [(mark.get_xdata()[0], mark.get_ydata()[0]) for mark in marks] == [(2, 90), (5, 60), (7, 90)]
    np.testing.assert_allclose([mark.get_ydata()[0] / 100 for mark in marks], metrics.peak_accuracy(KNOWN, LEARNING))


def test_the_table_has_the_accuracy_when_learned_and_the_differences_to_it_under_the_tasks_epochs():
    expected = np.array([[0.8, -0.1, -0.2], [N, 0.5, 0.15], [N, N, 0.8]])
    np.testing.assert_allclose(differences(KNOWN, LEARNING), expected)
    picture, curves = show.transfer_table(KNOWN, LEARNING, "dfcnn"), show.reverse_transfer(KNOWN, LEARNING)
    (axes,), (above,) = picture.axes, curves.axes
    cells = [(round(t.get_position()[1]), t.get_position()[0], t.get_text()) for t in axes.texts]
    first, second = [(0, 2, "80.0"), (0, 5, "-10.0"), (0, 7.5, "-20.0")], [(1, 5, "50.0"), (1, 7.5, "+15.0")]
    assert cells == [*first, *second, (2, 7.5, "80.0")]
    (mesh,) = axes.collections
    np.testing.assert_allclose(mesh.get_array().compressed(), [-10, -20, 15])
    assert mesh.get_clim() == pytest.approx((-20, 20))
    lost, gained = mesh.to_rgba([-20.0, 20.0])
    assert lost[0] > lost[2]  # red
    assert gained[2] > gained[0]  # blue
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3"]
    words = "old tasks change by -2.5 points on average since they were learned, from -20.0 (task 1) to +15.0 (task 2)"
    assert words in picture.alt
    assert words in curves.alt
    assert axes.get_xlim() == above.get_xlim()
    assert axes.get_position().intervalx == pytest.approx(above.get_position().intervalx)
    assert picture.get_figwidth() == curves.get_figwidth()


def test_a_task_that_was_not_tested_while_a_later_one_was_learned_has_an_empty_cell_and_no_difference_no_sign(readable):
    same = np.array([[0.5, N], [0.5 - 1e-9, 0.5]])
    assert [t.get_text() for t in show.transfer_table(same, [0, 1]).axes[0].texts] == ["50.0", "0.0", "50.0"]
    known = KNOWN.copy()
    known[3:6, 0] = N
    found = differences(known, LEARNING)
    assert np.isnan(found[0, 1])
    assert found[0, 2] == pytest.approx(-0.2)
    readable(show.reverse_transfer(known, LEARNING))
    readable(show.transfer_table(known, LEARNING))


def test_references_are_dotted_lines_across(readable, legend):
    picture = show.reverse_transfer(KNOWN, LEARNING, references={"single_task": 0.7, "single_task_large": 0.95})
    heights = [line.get_ydata()[0] for line in picture.axes[0].lines if line.get_linewidth() == 1.3]
    assert heights == [70, 95]
    assert legend(picture) == ["task 1", "task 2", "task 3", "single_task", "single_task_large"]
    assert picture.axes[0].get_ylim()[1] > 95
    readable(picture)


def test_a_run_that_has_not_finished_has_lines_for_the_tasks_begun(readable, legend):
    picture = show.reverse_transfer(KNOWN[:4], LEARNING[:4])
    assert legend(picture) == ["task 1", "task 2"]
    readable(picture)
    readable(show.transfer_table(KNOWN[:4], LEARNING[:4]))


class Moved:
    """A run of three tasks whose filters are known: task t's are all 1 at first, and grow with later tasks."""

    name, learned, tasks = "dfcnn", 3, ((0,), (1,), (2,))

    def model_after(self, now):
        def filters(layer, task):
            assert task <= now
            own = torch.ones(3, 3, 2, 2)
            own[0, 0, 0, 0] += (now - task) * (layer + 1) * (-1) ** task
            return own

        return SimpleNamespace(layers=2, filters=filters)


@pytest.mark.parametrize("learned", [2, 3])
def test_the_distance_is_relative_to_the_filters_when_the_task_had_been_learned(learned):
    run = Moved()
    run.learned = learned
    found = filter_distances(run)
    for task, now, layer in np.ndindex(3, 3, 2):
        expected = (now - task) * (layer + 1) / 6 if task <= now < learned else N  # 36 ones have the norm 6
        assert found[task, now, layer] == pytest.approx(expected, nan_ok=True)
    run.model_after = lambda now: SimpleNamespace()
    with pytest.raises(ValueError, match="dfcnn builds no task's filters"):
        filter_distances(run)


def test_the_changes_are_drawn_in_percent_one_panel_per_layer(artists):
    picture = show.filter_changes(filter_distances(Moved()), "dfcnn")
    firsts, seconds = (artists(picture, label=f"task {task}") for task in (1, 2))
    assert len(firsts) == len(seconds) == 2
    for layer, (first, second) in enumerate(zip(firsts, seconds, strict=True)):
        np.testing.assert_allclose(first.get_xdata(), [0.5, 1.5, 2.5])
        np.testing.assert_allclose(first.get_ydata(), [0, 100 * (layer + 1) / 6, 200 * (layer + 1) / 6])
        np.testing.assert_allclose(second.get_ydata(), [0, 100 * (layer + 1) / 6])
    assert "task 1 after task 3, 33 % in layer 1, 67 % in layer 2" in picture.alt


def test_shares_and_cosines_are_read_by_pointing_at_them(read):
    words = read(show.knowledge_shares(SHARES, ["a", "b", "c"]))
    assert words[5] == "b, channel 3: 50.00 % of its filters"
    assert "b and c: cosine 0.8165" in words


def test_curves_table_and_changes_are_read_with_their_numbers(read):
    words = read(show.reverse_transfer(KNOWN, LEARNING, references={"single_task": 0.7}))
    assert "task 1, epoch 2, while task 1 is learned: 90.0 %, its peak" in words
    assert "task 1, epoch 8, while task 3 is learned: 60.0 %" in words
    assert "single_task: 70.0 %" in words
    words = read(show.transfer_table(KNOWN, LEARNING))
    assert {"after task 2: 50.0 % on task 2 when it had been learned"} < set(words)
    assert words[-2] == "after task 3: +15.0 points on task 2 since it was learned"
    words = read(show.filter_changes(filter_distances(Moved())))
    assert "task 1, layer 2, after task 3: filters changed by 66.7 %" in words
