"""Spots, layers and frames: what a figure function says, and what reaches the page."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import playwright
import pytest

from cltutor import show
from cltutor.show import drawing
from cltutor.show.picture import Picture, headed
from cltutor.show.style import DARK, INK, NAMED, Look


@pytest.fixture
def picture():
    """A picture of 4 by 3 inches with a line in axes and a legend."""
    picture = headed(4, 2.6, "A line", (), {"up": Look(INK, "-", "o").handle})
    picture.alt = "A line goes up."
    return picture


def one(picture):
    return picture.drawing()["drawings"][0]


def test_points_are_where_they_are_drawn_and_read_their_values(picture, read):
    axes = picture.panel(0.5, 0.5, 3, 2)
    axes.set(xlim=(0, 3), ylim=(0, 100))
    columns = {"at": ["a", "b", "c"], "value": [0, 1, 99.96]}
    picture.points(axes, [0, 1, 3], [0, np.nan, 100], "step {at}: {value:.1f} %", **columns)
    (spots,) = one(picture)["spots"]
    high = 72 * picture.get_figheight()
    assert spots["x"] == pytest.approx([36, 252], abs=0.1)
    assert spots["y"] == pytest.approx([high - 36, high - 180], abs=0.1)
    assert read(picture) == ["step a: 0.0 %", "step c: 100.0 %"]


def test_cells_are_one_spot_whose_words_are_made_of_rows_columns_and_values(picture, read):
    picture.cells((1, 0.5, 2, 1), ["r", "s"], ["c", "d"], "{row}, {column}: {value:.0f}", value=[[1, np.nan], [3, 4]])
    (spots,) = one(picture)["spots"]
    assert spots["box"] == [72, pytest.approx(72 * (picture.get_figheight() - 1.5), abs=0.1), 144, 72]
    assert read(picture) == ["r, c: 1", "s, c: 3", "s, d: 4"]


def test_one_spot_reads_its_words_as_they_are(picture, read):
    picture.spot((0, 0, 1, 1), "100 % {not a field}")
    assert read(picture) == ["100 % {not a field}"]


def test_an_artist_is_a_place(picture):
    axes = picture.panel(0.5, 0.5, 3, 2)
    picture.spot(axes, "the axes")
    left, _, wide, high = one(picture)["spots"][0]["box"]
    assert (left, wide, high) == pytest.approx((36, 216, 144), abs=0.1)


def test_a_layer_is_its_artists_and_its_entry_in_the_legend(picture):
    (line,) = picture.panel(0.5, 0.5, 3, 2).plot([0, 1], [0, 1])
    picture.layer("up", line)
    made = one(picture)
    assert made["layers"] == ["up"]
    assert made["svg"].count('data-layer="0"') == 1
    assert made["svg"].count('data-entry="0"') == 2  # the line in the legend and its words


def test_frames_are_what_appears_and_what_is_unveiled(picture):
    axes = picture.panel(0.5, 0.5, 3, 2)
    (line,), text = axes.plot([0, 3], [0, 1]), axes.text(1, 0.5, "now")
    axes.set_xlim(0, 3)
    picture.frames(["task 1", "task 2", "task 3"], "task")
    picture.unveil(axes, [1, 2, 3], line)
    picture.appear(1, text, last=1)
    made = one(picture)
    names = ("task 1", "task 2", "task 3")
    assert made["frames"] == {"of": "task", "names": names, "start": 2, "curtains": [[108, 180, 252]]}
    assert 'data-curtain="0"' in made["svg"]
    assert 'data-frames="1-1"' in made["svg"]


REFUSED = {
    "A spot needs words": lambda p: p.spot((0, 0, 1, 1), " "),
    "have the key 'a'": lambda p: [p.spot((0, 0, 1, 1), "one", key="a"), p.spot((1, 0, 1, 1), "two", key="a")],
    "has 2 places": lambda p: [p.frames("abc", "task"), p.unveil(p, [0, 1])],
    "3 frames|from 0 to 2": lambda p: [p.frames("abc", "task"), p.appear(3, p.patch)],
    "needs an artist that belongs to it": lambda p: p.layer("lwf"),
    "layer 'mas' needs an artist": lambda p: p.spot((0, 0, 1, 1), "one", "mas"),
    "have the field {wrong}": lambda p: p.points(p, [0], [0], "{wrong}", right=1),
    "for each of 3 spots, not 2": lambda p: p.points(p, [0, 1, 2], [0, 1, 2], "{v}", v=[1, 2]),
    "for each of 4 spots, not 3": lambda p: p.cells((0, 0, 1, 1), "ab", "cd", "{v}", v=[1, 2, 3]),
    "one spot or all 3, not 2": lambda p: [p.frames("ab", "task"), p.points(p, [0] * 3, [0] * 3, "a", since=[0, 1])],
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_a_page_could_not_show_is_refused_in_one_sentence_when_it_is_made(words):
    with pytest.raises(ValueError, match=words) as refused:
        REFUSED[words](Picture(4, 3))
    assert re.fullmatch(r"[^\n.]*\.", str(refused.value))


def test_the_other_setting_is_offered_where_it_was_measured(run):
    settings = [one["setting"] for one in show.accuracy_matrix(run("lwf")).drawing()["drawings"]]
    assert settings == ["task known at test", "task unknown at test"]
    only = run("dfcnn")
    only.unknown[:] = only.curves.unknown[:] = np.nan
    assert len(show.accuracy_matrix(only).drawing()["drawings"]) == 1


def test_the_accuracies_are_read_with_their_deviation_and_number_of_runs(run, read):
    runs = [run("lwf", seed, tasks=2, epochs=2) for seed in range(3)]
    values = 100 * np.array([one.known[1, 0] for one in runs])
    words = f"lwf, task 1, after task 2: {values.mean():.1f} ± {values.std(ddof=1):.1f} %, 3 runs"
    assert words in read(show.accuracy_over_time(runs))
    assert f"lwf, task 1, after task 2: {values[0]:.1f} %" in read(show.accuracy_over_time(runs[0]))


def test_each_term_of_a_loss_is_read_with_its_step(run, read):
    loss = run("lwf", tasks=2).curves.loss["cross_entropy"]
    words = [word for word in read(show.loss_parts(run("lwf", tasks=2))) if "cross_entropy, step 31 " in word]
    assert len(words) == 1
    assert words[0].startswith("cross_entropy, step 31 (task 2): mean ")
    assert words[0].endswith(f"this batch {loss[30]:.3g}")


def test_a_photograph_is_read_with_its_class_and_its_place(make, read):
    assert "task 2, class 3, image 4 of 5" in read(show.tasks(make.stream()))


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_method_can_be_seen_on_a_dark_page():
    ground = luminance("#111111") + 0.05
    for look in NAMED.values():
        assert (luminance(DARK[look.color.lower()]) + 0.05) / ground >= 4.4


def test_the_module_is_short_and_formatted():
    lines = drawing.SCRIPT.read_text().splitlines()
    assert len(lines) < 500
    assert max(map(len, lines)) <= 120
    assert not any(line != line.rstrip() or "\t" in line for line in lines)
    assert not any((len(line) - len(line.lstrip())) % 2 for line in lines)
    assert not re.search(r"\b(var|eval|TODO|console)\b[ .(]", "\n".join(lines).replace("var(--", "--"))


def test_the_module_as_it_stands_in_a_page_can_be_parsed():
    node = shutil.which("node", path=Path(playwright.__file__).parent / "driver")  # Playwright brings its own
    command = [node, "--check", "--input-type=module"]
    assert subprocess.run(command, input=drawing.script(), text=True, capture_output=True).stderr == ""
