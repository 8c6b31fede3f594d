"""The picture of a memory that fills: its slots, its words and its curves against plain loops."""

import numpy as np
import pytest

from cltutor import show
from cltutor.show.filling import slots_of

DRAWN = np.random.default_rng(5)
IMAGES = DRAWN.integers(0, 256, (30, 1, 4, 4), dtype=np.uint8)
TASKS = np.repeat([0, 1, 2], 10)
NAMES = [f"class {place % 4}" for place in range(30)]
SEEN = [3, 8, 15, 22, 30]


def by_hand():
    """A memory of six images as Vitter's Algorithm R fills it: what is in it at the moments, as a plain loop."""
    slots, found = [], []
    for image in range(30):
        place = int(DRAWN.integers(0, image + 1))
        if len(slots) < 6:
            slots.append(image)
        elif place < 6:
            slots[place] = image
        if image + 1 in SEEN:
            found.append(list(slots))
    return found


HELD = by_hand()


def picture():
    return show.reservoir(IMAGES, NAMES, TASKS, HELD, SEEN, "by hand")


def test_an_image_keeps_its_slot_as_long_as_it_stays_and_a_newcomer_takes_the_first_free_one():
    slots = slots_of([np.array(own) for own in HELD])
    for before, now, own in zip(slots, slots[1:], HELD[1:], strict=False):
        stays = [slot for slot in range(6) if before[slot] in own and before[slot] >= 0]
        assert (now[stays] == before[stays]).all()
        assert sorted(now.tolist()) == sorted(own)
    assert slots_of([np.array([0, 1]), np.array([1, 4, 5])]).tolist() == [[0, 1, -1], [4, 1, 5]]


def test_every_slot_is_read_in_every_frame_with_the_image_that_lies_in_it():
    slots, groups = slots_of([np.array(own) for own in HELD]), picture().drawing()["drawings"][0]["spots"]
    for frame, row in enumerate(slots):
        found = {}
        for group in groups:
            if not group["key"].startswith("slots") or frame > group["until"]:
                continue
            for cell, words in enumerate(group["columns"][0][1]):
                if words is not None and group["since"][cell] <= frame:
                    assert cell not in found
                    found[cell] = words
        expected = {slot: image for slot, image in enumerate(row) if image >= 0}
        assert found.keys() == expected.keys()
        for slot, image in expected.items():
            assert found[slot].startswith(
                f"slot {slot + 1}: {NAMES[image]} of task {TASKS[image] + 1}, the {image + 1}"
            )


def test_the_curves_read_what_a_count_gives(read):
    words = read(picture())
    for own, seen in zip(HELD, SEEN, strict=True):
        assert f"seen: {seen}; in memory: {len(own)}, {100 * len(own) / seen:.1f} % of them" in words
        for task in range(3):
            count = sum(TASKS[image] == task for image in own)
            line = f"seen: {seen}; in memory from task {task + 1}: {count}"
            assert (line in words) == (seen > 10 * task)


def test_a_curve_moves_the_frame_and_every_task_is_a_layer():
    made = picture().drawing()["drawings"][0]
    assert made["layers"] == ["task 1", "task 2", "task 3"]
    assert made["frames"]["names"] == tuple(f"{seen} images" for seen in SEEN)
    assert [group["at"] for group in made["spots"] if group["columns"][0][1][0] == "3"][0] == [0, 1, 2, 3, 4]


def test_of_many_slots_the_first_are_shown_and_the_picture_says_so(texts):
    held = [list(range(80))]
    images = np.zeros((80, 1, 4, 4), np.uint8)
    made = show.reservoir(images, ["a"] * 80, [0] * 80, held, [80])
    assert "the first 60 of 80 slots" in texts(made)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"names": NAMES[:5]}, "30 images need as many names and tasks, not 5 and 30"),
        ({"seen": [3, 8, 15, 22]}, "a memory for each number of images seen"),
        ({"seen": [3, 8, 8, 22, 30]}, "which rises up to 30"),
        ({"held": [*HELD[:1], [9], *HELD[2:]]}, "different images of the 8 seen by then"),
        ({"held": [*HELD[:4], [1, 1]]}, "different images of the 30"),
    ],
)
def test_what_does_not_fit_together_is_refused(changed, words):
    given = {"images": IMAGES, "names": NAMES, "tasks": TASKS, "held": HELD, "seen": SEEN}
    with pytest.raises(ValueError, match=words):
        show.reservoir(**given | changed)
