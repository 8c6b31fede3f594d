import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.widgets.herding_explorer import distances_of, pca, tsne


@pytest.fixture
def behind():
    """What the widget was to do behind the page and has not done yet."""
    return []


@pytest.fixture
def tool(herded, stream, watched, behind):
    made = watched(cl.widgets.HerdingExplorer, herded, stream, behind=behind.append)
    do(behind)
    return made


def do(behind):
    while behind:
        behind.pop(0)()


def explore(run, stream):
    return cl.widgets.HerdingExplorer(run, stream, behind=lambda work: None)


def alts(tool) -> list[str]:
    return [pane.value.split('alt="')[1].split('"')[0] for pane in tool.panes]


def images_of(stream, label):
    (train,) = (task.train for task in stream if label in task.classes)
    return train.images[train.labels == label]


def test_it_opens_on_the_first_class_by_herding_with_the_run_s_capacity(tool, stream):
    choice, exemplars, evicted = alts(tool)
    label = stream.classes[0]
    name = stream.class_names[label]
    assert choice.startswith(f"herding: 5 of 8 images chosen, class {name}")
    assert exemplars.endswith(f"class {name}, herding: the first 5, number 5 enlarged.")
    assert evicted.endswith("6 with 2 classes, 3 with 4 classes.")  # 12 over 2, over 4
    assert tool.code == "cl.widgets.HerdingExplorer(run, stream)"


def test_order_and_distance_are_those_of_the_package_and_of_a_loop(tool, herded, stream):
    label = stream.classes[0]
    choice, images = tool.choice_of(label), images_of(stream, label)
    with torch.no_grad():
        features = herded.model_after(0)(images).features.double()
    unit = features / features.norm(dim=1, keepdim=True)
    np.testing.assert_array_equal(choice.orders["herding"], cl.memory.herding(features, 8))
    for name, order in choice.orders.items():
        total = torch.zeros(unit.shape[1], dtype=unit.dtype)
        for m, place in enumerate(order, 1):
            total += unit[place]
            assert choice.distances[name][m - 1] == pytest.approx(float((total / m - unit.mean(0)).norm()), abs=1e-7)
    np.testing.assert_array_equal(choice.images, images)


def test_what_is_drawn_at_random_is_what_the_run_would_draw(herded, stream):
    memory = cl.memory.ExemplarMemory(16, selection="random")
    run = cl.learn(stream, cl.methods.eeil_base(memory=memory, epochs=1), seed=3, progress=False)
    tool = explore(run, stream)
    kept = run.part_states["memory"]
    for column, label in enumerate(stream.classes):
        choice = tool.choice_of(label)
        own = kept["images"][kept["labels"] == column]
        np.testing.assert_array_equal(choice.images[choice.orders["random"]][: len(own)], own)


def test_each_control_changes_its_pictures_and_no_other(tool):
    for control, value, moved in (
        (tool.step.slider, 3, [True, True, False]),
        (tool.step.text, 8, [True, True, False]),
        (tool.strategy, "random", [True, True, True]),
        (tool.projection, "tsne", [True, False, False]),
        (tool.capacity.slider, 8, [False, False, True]),
        (tool.capacity.text, 100, [False, False, True]),
    ):
        before = [pane.value for pane in tool.panes]
        control.value = value
        assert [pane.value != old for pane, old in zip(tool.panes, before, strict=True)] == moved
    assert "random: 8 of 8 images chosen" in alts(tool)[0]
    assert alts(tool)[2].endswith("8 with 2 classes, 8 with 4 classes.")  # no more than the class has
    assert tool.errors == []


def test_features_and_t_sne_are_computed_behind_the_page(herded, stream, behind):
    tool = cl.widgets.HerdingExplorer(herded, stream, projection="tsne", behind=behind.append)
    assert "until then the map is PCA" in tool.note.value
    assert tool.projection.disabled
    opened = tool.panes[0].value
    do(behind)
    assert not tool.projection.disabled
    assert "keeps neighbours, not means" in tool.note.value
    assert tool.panes[0].value != opened
    seen = alts(tool)
    tool.label.value = stream[1].classes[0]
    assert "are being computed" in tool.note.value
    assert alts(tool) == seen
    assert len(behind) == 1
    do(behind)
    assert alts(tool) != seen
    assert alts(tool)[2].endswith("3 with 4 classes.")  # followed from its own task on


def test_every_strategy_and_map_of_a_class_is_drawn_ahead_and_what_was_seen_comes_from_memory(tool):
    tool.step.slider.value = 3
    seen = tool.panes[0].value
    tool.step.slider.value = 5
    drawn = tool.draw.count
    for strategy in cl.memory.selection.SELECTIONS:
        for projection in ("pca", "tsne"):
            tool.strategy.value, tool.projection.value = strategy, projection
            assert alts(tool)[0].startswith(f"{strategy}: 5 of 8")
    assert tool.draw.count == drawn
    tool.strategy.value, tool.projection.value, tool.step.slider.value = "herding", "pca", 3
    assert tool.panes[0].value == seen


def test_an_error_behind_the_page_is_shown_and_the_class_can_be_chosen_again(herded, stream, watched, behind, errors):
    tool = watched(cl.widgets.HerdingExplorer, herded, stream, behind=behind.append)
    tool.draw.error = ValueError("The features hold NaN or infinity.")
    do(behind)
    errors.expect(tool, "hold NaN or infinity")
    assert "computed" not in tool.note.value
    tool.draw.error = None
    tool.label.value = stream[1].classes[0]
    tool.label.value = stream[0].classes[0]  # once more
    do(behind)
    assert "herding: 5 of 8" in alts(tool)[0]
    assert not tool.projection.disabled


def test_capacity_is_ten_a_class_where_the_run_has_no_memory_or_a_boundless_one(run, stream):
    full = cl.learn(stream, cl.methods.eeil_base(epochs=1), progress=False)
    for other in (run, full):
        assert explore(other, stream).capacity.number == 40


def test_classes_too_small_to_choose_from_are_left_out():
    labels = torch.tensor([0] * 5 + [1] * 2)
    images = torch.randint(0, 256, (7, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    stream = cl.streams.tensors(images, labels, images, labels, tasks=[1, 1], order=None)
    run = cl.learn(stream, "finetune", epochs=1, progress=False)
    tool = explore(run, stream)
    assert tool.classes == [0]
    assert tool.most == 5
    few = cl.streams.tensors(images[3:], labels[3:], images, labels, tasks=[1, 1], order=None)
    run = cl.learn(few, "finetune", epochs=1, progress=False)
    with pytest.raises(ValueError, match="No class of the stream has 3 training images"):
        cl.widgets.HerdingExplorer(run, few)


def test_pca_keeps_as_much_of_the_spread_as_two_directions_can():
    rows = np.random.default_rng(0).normal(size=(40, 3)) * (3, 2, 0.1)
    places, names = pca(rows)
    values = np.sort(np.linalg.eigvalsh(np.cov(rows.T)))[::-1]
    np.testing.assert_allclose(np.cov(places.T), np.diag(values[:2]), atol=1e-9)
    share = 100 * values[0] / values.sum()
    assert names[0] == f"first principal component ({share:.0f} % of variance)"


def test_the_distance_of_all_is_nothing_and_alike_images_have_a_map():
    rows = np.random.default_rng(0).normal(size=(9, 3))
    assert distances_of(rows, np.arange(9))[-1] == pytest.approx(0)
    assert np.isfinite(pca(np.ones((4, 3)))[0]).all()
    assert tsne(rows[:3]).shape == (3, 2)
