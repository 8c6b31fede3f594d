import numpy as np
import pytest
from matplotlib.colors import to_hex

from cltutor import show
from cltutor.evaluation import metrics
from cltutor.show.style import HATCH, look

NAMES = ["finetune", "lwf", "joint", "feature_extraction", "expansion_lwf"]


def lengths(axes):
    return [bar.get_width() for bar in axes.patches]


@pytest.mark.parametrize("known_task", [True, False])
def test_the_bars_are_the_mean_metrics_of_each_methods_runs(run, known_task):
    runs = [run(name, seed, loss=0.1 + i / 10) for i, name in enumerate(NAMES) for seed in (0, 1)]
    kept, lost = show.forgetting(runs, known_task).axes
    for axes, metric in [(kept, metrics.average_accuracy), (lost, metrics.forgetting)]:
        values = [metric(one.known if known_task else one.unknown) for one in runs]
        assert lengths(axes) == pytest.approx(100 * np.reshape(values, (5, 2)).mean(axis=1))


def test_the_numbers_beside_the_bars_tell_mean_and_spread(run):
    runs = [run("lwf", seed, loss=0.2) for seed in range(3)]
    values = 100 * np.array([metrics.forgetting(one.known) for one in runs])
    told = show.forgetting(runs).axes[1].texts[0].get_text()
    assert told == f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"
    assert "±" not in show.forgetting(runs[0]).axes[1].texts[0].get_text()


def test_methods_stand_in_the_order_given_with_their_names_and_colours(run):
    axes = show.forgetting([run(name) for name in NAMES]).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == NAMES
    assert axes.yaxis_inverted()
    colors = [to_hex(bar.get_facecolor()) for bar in axes.patches]
    assert colors == [look(name).color.lower() for name in NAMES]


def test_only_bars_that_never_competed_are_hatched(run):
    runs = [run("lwf"), run("joint", competes=True)]
    for known_task, expected in [(False, [HATCH, None]), (True, [None, None])]:
        picture = show.forgetting(runs, known_task)
        for axes in picture.axes:
            assert [bar.get_hatch() for bar in axes.patches] == expected
        assert ("never learned to compete" in picture.alt) == (not known_task)
        assert any("hatched" in text.get_text() for text in picture.texts) == (not known_task)


def test_the_alt_text_tells_both_numbers_of_every_method(run):
    one = run("lwf", tasks=2)
    one.known[:] = [[0.9, np.nan], [0.6, 1.0]]
    assert "lwf keeps 80 % and forgets 30 points" in show.forgetting(one).alt


@pytest.mark.parametrize("learned", [0, 1])
def test_forgetting_needs_two_tasks(run, learned):
    with pytest.raises(ValueError, match="task"):
        show.forgetting([run("lwf"), run("finetune", learned=learned)])


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize(("known_task", "loss"), [(True, -0.05), (True, 0.0), (False, 0.2)])
def test_every_size_is_readable(run, readable, count, known_task, loss):
    runs = [run(name, seed, loss=loss) for name in NAMES[:count] for seed in (0, 1)]
    readable(show.forgetting(runs, known_task))
