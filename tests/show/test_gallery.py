import numpy as np
import pytest
from matplotlib.colors import to_hex

from cltutor import show
from cltutor.evaluation import metrics
from cltutor.show.style import HATCH, look

PER_TASK, ACROSS = ["finetune", "lwf", "mas", "dfcnn"], ["finetune", "eeil"]


@pytest.fixture
def both(run):
    """Runs of both regimes, mixed: one name is in both."""
    across = [run(name, seed, loss=0.2, competes=True) for name in ACROSS for seed in range(3)]
    return across[:2] + [run(name, seed) for name in PER_TASK for seed in range(3)] + across[2:]


def dots(axes):
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def test_each_regime_of_training_has_its_panel_in_the_order_given(both):
    per_task, across = show.gallery(both).axes
    assert [label.get_text() for label in per_task.get_yticklabels()] == PER_TASK
    assert [label.get_text() for label in across.get_yticklabels()] == ACROSS
    assert per_task.yaxis_inverted()
    assert per_task.get_xlim() == across.get_xlim()


@pytest.mark.parametrize("known_task", [True, False])
def test_a_dot_is_the_mean_and_its_line_the_interval(both, known_task):
    axes = show.gallery(both, known_task).axes[1]
    mine = [run for run in both if run.competes and run.name == "eeil"]
    ends = [(run.known if known_task else run.unknown)[-1].mean() for run in mine]
    mean, half = metrics.mean_interval(ends)
    assert dots(axes)["eeil"].get_xdata() == pytest.approx([100 * mean])
    spans = [line.get_xdata() for line in axes.lines if np.allclose(line.get_ydata(), 1) and len(line.get_xdata()) == 2]
    assert any(np.allclose(span, [100 * (mean - half), min(100, 100 * (mean + half))]) for span in spans)


def test_one_run_has_no_interval_and_nothing_says_it_had(run):
    picture = show.gallery(run("lwf"))
    assert not any(line.get_linewidth() == 2.2 for line in picture.axes[0].lines)
    assert not any("interval" in text.get_text() for text in picture.texts)


def test_only_logits_that_never_competed_are_hatched(both):
    for known_task, expected in [(True, [None, None]), (False, [HATCH, None])]:
        picture = show.gallery(both, known_task)
        assert [axes.patch.get_hatch() for axes in picture.axes] == expected
        assert ("never learned to compete" in picture.alt) == (not known_task)
        assert any("hatched" in text.get_text() for text in picture.texts) == (not known_task)


def test_a_method_has_its_colour_and_mark(both):
    for axes in show.gallery(both).axes:
        for name, line in dots(axes).items():
            assert to_hex(line.get_color()) == look(name).color.lower()
            assert line.get_marker() == look(name).marker


@pytest.mark.parametrize(("known_task", "guess"), [(True, 50), (False, 100 / 6)])
def test_the_dotted_line_is_chance_where_it_is_in_view(run, known_task, guess):
    for last, drawn in [(0.1, True), (0.9, False)]:
        one = run("finetune", competes=True)
        one.known[-1] = one.unknown[-1] = last
        picture = show.gallery(one, known_task)
        lines = picture.axes[0].lines
        assert [line.get_xdata()[0] for line in lines if line.get_linestyle() == ":"] == [pytest.approx(guess)] * drawn
        assert any("dotted: chance" in text.get_text() for text in picture.texts) == drawn


def test_the_alt_text_tells_every_mean_under_its_regime(run):
    one = run("lwf", tasks=2)
    one.known[:] = [[0.9, np.nan], [0.6, 1.0]]
    other = run("eeil", tasks=2, competes=True)
    other.known[:] = [[0.9, np.nan], [0.3, 0.5]]
    told = show.gallery([other, one]).alt
    assert told.endswith("Trained per task: lwf 80 %. Trained across tasks: eeil 40 %.")


def test_a_run_that_is_not_finished_is_refused(run):
    with pytest.raises(ValueError, match="learned all tasks; not so lwf"):
        show.gallery([run("finetune"), run("lwf", learned=2)])


@pytest.mark.parametrize("known_task", [True, False])
def test_every_size_is_readable(run, both, readable, known_task):
    readable(show.gallery(both, known_task))
    readable(show.gallery(run("tensor_factorization"), known_task))
    readable(show.gallery([run("lwm_attention_only", seed, competes=True) for seed in (0, 1)], known_task))
