import numpy as np
import pytest

from cltutor import show

NEEDS = {
    "finetune": [{"network": 310_000}, {"network": 312_000}, {"network": 314_000}],
    "lwf": [{"network": 310_000, "teacher": 2_000 * k} for k in (1, 2, 3)],
    "ewc": [{"network": 310_000, "Anchor": 620_000 * k} for k in (1, 2, 3)],
    "joint": [{"network": 310_000, "images": 20_000 * k} for k in (1, 2, 3)],
}


def ends(axes):
    """The right end of every bar (methods, tasks)."""
    found = {}
    for bar in axes.patches:
        place = round(bar.get_y() + bar.get_height() / 2, 3)
        found[place] = max(found.get(place, 0), bar.get_x() + bar.get_width())
    return np.array([found[place] for place in sorted(found)]).reshape(-1, 3)


def test_the_bars_of_a_task_end_at_the_sum_of_what_is_stored():
    axes = show.storage(NEEDS).axes[0]
    expected = [[sum(task.values()) / 1e6 for task in tasks] for tasks in NEEDS.values()]
    np.testing.assert_allclose(ends(axes), expected)
    assert axes.get_xlabel() == "stored when a task begins (MB)"
    assert [label.get_text() for label in axes.get_yticklabels()] == list(NEEDS)


def test_the_unit_follows_the_size():
    small = {"finetune": [{"network": 900}]}
    assert show.storage(small).axes[0].get_xlabel() == "stored when a task begins (bytes)"
    large = {"finetune": [{"network": 3_000_000_000}]}
    assert show.storage(large).axes[0].get_xlabel() == "stored when a task begins (GB)"


def test_it_is_readable_and_told(readable):
    picture = show.storage(NEEDS)
    readable(picture)
    assert "ewc 0.93 and 2.17" in picture.alt
    readable(show.storage({"finetune": [{"network": 900}]}))
    many = {f"method_{i}": [{"network": 310_000, "Anchor": 620_000, "merge": 10**6}] * 9 for i in range(10)}
    readable(show.storage(many))


def test_methods_with_other_numbers_of_tasks_are_refused():
    with pytest.raises(ValueError, match="same number of tasks"):
        show.storage({**NEEDS, "mas": NEEDS["lwf"][:2]})
    with pytest.raises(ValueError, match="same number of tasks"):
        show.storage({})
