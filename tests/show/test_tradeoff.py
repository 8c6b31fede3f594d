import numpy as np
import pytest

import cltutor as cl
from cltutor.show.tradeoff import point


@pytest.fixture
def both(run):
    """Two methods of each regime with three seeds."""
    names = (("finetune", 0.2, False), ("lwf", 0.05, False), ("lwf_mc", 0.1, True), ("icarl", 0.03, True))
    return [run(name, seed=s, loss=loss, competes=c) for name, loss, c in names for s in range(3)]


def test_a_point_is_the_mean_on_old_and_on_new_tasks_with_its_interval(run):
    from cltutor.show.runs import methods

    runs = [run("lwf", seed=s) for s in range(3)]
    means, widths = point(methods(runs)[0], True)
    old = [100 * r.known[2, :2].mean() for r in runs]
    new = [100 * np.mean([r.known[1, 1], r.known[2, 2]]) for r in runs]
    assert means == pytest.approx([np.mean(old), np.mean(new)])
    assert widths == pytest.approx([cl.metrics.mean_interval(old)[1], cl.metrics.mean_interval(new)[1]])


def test_regimes_have_a_panel_each_asked_as_they_were_trained(both, readable):
    picture = cl.show.old_and_new(both)
    readable(picture)
    assert len(picture.axes) == 2
    told = picture.alt
    assert told.index("trained with a head per task, task known at test: finetune") < told.index(
        "trained with all classes competing, task unknown at test: lwf_mc"
    )


def test_those_that_never_competed_are_left_out_with_the_task_unknown(both, readable):
    picture = cl.show.old_and_new(both, known_task=False)
    readable(picture)
    assert len(picture.axes) == 1
    assert "finetune" not in picture.alt
    with pytest.raises(ValueError, match="never learned to compete: they can be shown with the task known only"):
        cl.show.old_and_new(both[:6], known_task=False)


def test_a_single_run_has_no_interval(run, readable):
    picture = cl.show.old_and_new(run("lwf"))
    readable(picture)
    assert not any("95 %" in text.get_text() for text in picture.texts)


def test_many_methods_and_no_tick_beyond_all_images(run, readable):
    runs = [run(name, loss=0.02 * i) for i, name in enumerate(cl.methods.names()[:20])]
    picture = cl.show.old_and_new(runs)
    readable(picture)
    (axes,) = picture.axes
    assert max(*axes.get_xticks(), *axes.get_yticks()) <= 100


def test_one_task_has_neither_old_nor_new(run):
    with pytest.raises(ValueError, match="two tasks or more"):
        cl.show.old_and_new(run("lwf", tasks=1))
