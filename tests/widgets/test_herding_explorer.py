import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.training.events import TaskDone
from cltutor.widgets.choosing import distances_of, pca, tsne


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


def seen(tool, part: str) -> dict:
    """Of each view a part of what its stage has: its "words" or its "drawing"."""
    found = {}
    for view in ("exemplars", "evictions", "map"):
        tool.view.value = view
        found[view] = getattr(tool.pane, part)
    return found


def alts(tool) -> dict[str, str]:
    """The alternative text of each picture."""
    return seen(tool, "words")


def touch(tool, key, number):
    """As the page tells it."""
    spot = {"key": key, "number": number, "row": 0, "column": number, "words": "words", "frame": 0}
    tool.pane.touched = spot | {"count": tool.pane.touched.get("count", 0) + 1}


def images_of(stream, label):
    (train,) = (task.train for task in stream if label in task.classes)
    return train.images[train.labels == label]


def test_it_opens_on_the_first_class_by_herding_with_the_run_s_capacity(tool, stream):
    exemplars, evicted, choice = alts(tool).values()
    label = stream.classes[0]
    name = stream.class_names[label]
    assert choice.startswith(f"herding: 5 of 8 images chosen, class {name}")
    assert exemplars.endswith(f"class {name}, herding: the first 5, number 5 enlarged.")
    assert evicted.endswith("6 with 2 classes, 3 with 4 classes.")  # 12 over 2, over 4
    assert tool.code == "cl.widgets.HerdingExplorer(run, stream)"


def right_by_nearest_mean(run, stream, task, label, chosen):
    """Per cent of the test images of all classes seen, and of one, image by image; that one's mean is of ``chosen``."""
    network, seen, hits = run.model_after(task), [k for one in list(stream)[: task + 1] for k in one.classes], []
    unit = lambda images: torch.nn.functional.normalize(network(images).features.double(), dim=1)  # noqa: E731
    with torch.no_grad():
        means = [unit(images_of(stream, k)[chosen if k == label else slice(None)]).mean(0) for k in seen]
        for one in list(stream)[: task + 1]:
            for image, own in zip(one.test.images, one.test.labels.tolist(), strict=True):
                away = [float((unit(image[None])[0] - mean / mean.norm()).norm()) for mean in means]
                hits.append((own, seen[int(np.argmin(away))] == own))
    return 100 * np.mean([hit for _, hit in hits]), 100 * np.mean([hit for own, hit in hits if own == label])


@pytest.mark.parametrize(("column", "own"), [(0, (3,)), (2, (1, 4, 8)), (3, (2, 5, 6, 7))])
def test_a_choice_by_hand_has_the_distance_and_the_accuracy_of_its_mean(herded, stream, column, own):
    label, task = stream.classes[column], column // 2
    tool = cl.widgets.HerdingExplorer(herded, stream, label=label, own=own, behind=lambda work: None)
    places = [number - 1 for number in own]
    choice = tool.choice_of(label)
    away = np.linalg.norm(choice.rows[places].mean(0) - choice.rows.mean(0))
    assert f"distance of the mean to the class mean of your {len(own)} images {away:.3f}" in tool.pane.words
    every, mine = right_by_nearest_mean(herded, stream, task, label, places)
    whose = f"your {len(own)} images of class {stream.class_names[label]} and up to 200"
    tested = sum(len(one.test) for one in list(stream)[: task + 1])
    assert f"Nearest mean among the {2 * task + 2} classes seen by then, of {whose}" in tool.note.value
    assert f"{every:.1f} % of {tested} test images are right, {mine:.1f} % of those of class" in tool.note.value
    first = choice.by_strategy(6 if task == 0 else 3)[0]["herding"][:5].tolist()
    every, mine = right_by_nearest_mean(herded, stream, task, label, first)
    assert f"herding&#x27;s first 5: {every:.1f} % and {mine:.1f} %." in tool.note.value


def test_a_touched_image_is_put_into_the_memory_or_taken_out_of_it(tool, stream):
    order = tool.choice_of(stream.classes[0]).by_strategy(6)[0]["herding"]
    first = {int(image) + 1 for image in order[:5]}
    touch(tool, "dot", int(order[0]))  # out
    assert tool.own.value == tuple(sorted(first - {int(order[0]) + 1}))
    touch(tool, "image", 6)  # in: the tiles are in order of choice
    chosen = tuple(sorted(first - {int(order[0]) + 1} | {int(order[6]) + 1}))
    assert (tool.own.value, len(chosen)) == (chosen, 5)
    assert tool.code == f"cl.widgets.HerdingExplorer(run, stream, own={chosen})"
    assert tool.pane.words.startswith("your choice: 5 of 8 images chosen")
    spots = {group["key"]: group for group in tool.pane.drawing["drawings"][0]["spots"]}
    dots, tiles = spots["dot"]["columns"][0][1], spots["image"]["columns"][1][1]
    assert {place + 1 for place in range(8) if "in the memory" in dots[place]} == set(chosen)
    assert {int(order[place]) + 1 for place in range(8) if "in the memory" in tiles[place]} == set(chosen)
    assert [spots["image"]["link"][place] for place in range(8)] == order.tolist()
    assert spots["dot"]["link"][:8] == list(range(8))
    tool.own.text.value = "2, 7"
    assert tool.pane.words.startswith("your choice: 2 of 8")
    tool.own.buttons["reset"].click()
    assert (tool.own.value, tool.pane.words.startswith("herding: 5 of 8")) == ((), True)


def test_a_touched_curve_chooses_its_strategy_and_number(tool):
    touch(tool, "random", 2)
    assert (tool.strategy.value, tool.step.value) == ("random", 3)
    assert tool.code.endswith('strategy="random", step=3)')
    assert tool.line.value == tool.code
    assert tool.pane.words.startswith("random: 3 of 8 images chosen")


def test_a_choice_by_hand_belongs_to_its_class(tool, stream, behind):
    touch(tool, "dot", 1)
    tool.label.value = stream.classes[1]
    do(behind)
    assert (tool.own.value, tool.own.most) == ((), 8)
    assert tool.pane.words.startswith("herding: 5 of 8")


@pytest.mark.parametrize(
    ("own", "key", "number", "words"),
    [
        ("3", "dot", 2, "A memory keeps one image of a class at least"),
        ("3", "dot", 8, "A click on an image"),  # the class mean
        ("3", "spots 1", 0, "A click on an image"),
    ],
)
def test_a_touch_that_cannot_be_meant_says_so_and_nothing_changes(tool, own, key, number, words, errors):
    tool.own.text.value = own
    before = tool.code, tool.pane.drawing
    touch(tool, key, number)
    errors.expect(tool, words)
    assert (tool.code, tool.pane.drawing) == before


@pytest.mark.parametrize("typed", ["9", "0", "x", "2-1"])
def test_a_number_that_no_image_has_is_refused(tool, typed, errors):
    tool.own.text.value = typed
    errors.expect(tool, "Own choice: numbers from 1 to 8, such as 1, 4-7, not")
    assert (tool.own.value, tool.own.text.value) == ((), "")


def test_order_and_distance_are_those_of_the_package_and_of_a_loop(tool, herded, stream):
    label = stream.classes[0]
    choice, images = tool.choice_of(label), images_of(stream, label)
    with torch.no_grad():
        features = herded.model_after(0)(images).features.double()
    unit = features / features.norm(dim=1, keepdim=True)
    orders, distances = choice.by_strategy(6)
    np.testing.assert_array_equal(orders["herding"], cl.memory.herding(features, 8))
    for name, order in orders.items():
        total = torch.zeros(unit.shape[1], dtype=unit.dtype)
        for m, place in enumerate(order, 1):
            total += unit[place]
            assert distances[name][m - 1] == pytest.approx(float((total / m - unit.mean(0)).norm()), abs=1e-6)
    np.testing.assert_array_equal(choice.images, images)


def some_stream(sizes):
    """Two tasks of random images, each class of its own size."""
    draw, labels = torch.Generator().manual_seed(len(sizes)), torch.repeat_interleave(torch.tensor(sizes))
    images = torch.randint(0, 256, (len(labels), 1, 8, 8), dtype=torch.uint8, generator=draw)
    tasks = [2, len(sizes) - 2]
    return cl.streams.tensors(images, labels, images, labels, tasks=tasks, order=None)


@pytest.mark.parametrize("selection", cl.memory.SELECTIONS)
@pytest.mark.parametrize(
    ("sizes", "memory"),
    [
        ([9, 40, 31, 6, 130], {"capacity": 41}),
        ([30, 33, 5], {"capacity": 17}),
        ([30, 33, 5], {"capacity": None, "per_class": 7}),
        ([12, 7, 23], {"capacity": 2000}),
    ],
)
def test_it_shows_what_the_memory_of_the_run_chose_in_its_order(selection, sizes, memory):
    stream, chosen = some_stream(sizes), cl.memory.ExemplarMemory(**memory, selection=selection)
    recipe = cl.methods.eeil_base(memory=chosen, backbone=cl.networks.SmallCNN((4,), (9,)), epochs=1)
    events = cl.train(stream, recipe, seed=3, device="cpu")
    kept = {}
    for event in events:
        if isinstance(event, TaskDone):
            now = {name: value.clone() for name, value in event.run.part_states["memory"].items()}
            kept |= dict.fromkeys(stream[event.task].classes, now)
    tool = explore(event.run, stream)
    for column, label in enumerate(stream.classes):
        choice, own = tool.choice_of(label), kept[label]["images"][kept[label]["labels"] == column]
        counts = tool._kept(label, sizes[label], tool.capacity.number)
        assert max(counts.values()) == len(own)
        order = choice.by_strategy(len(own))[0][selection]
        np.testing.assert_array_equal(choice.images[order][: len(own)], own)
        assert sorted(order) == list(range(sizes[label]))
        assert choice.note == ""


def test_a_memory_of_a_number_per_class_evicts_nothing(stream):
    memory = cl.memory.ExemplarMemory(None, per_class=5)
    run = cl.learn(stream, cl.methods.eeil_base(memory=memory, epochs=1), progress=False)
    tool = explore(run, stream)
    assert (tool.capacity.words, tool.capacity.number) == ("images per class", 5)
    assert alts(tool)["evictions"].endswith("5 with 2 classes, 5 with 4 classes.")
    assert "5 per class" in alts(tool)["evictions"]
    tool.step.value = 7
    assert "keeps 5 images of this class" in tool.note.value


def test_a_choice_with_a_network_that_is_not_kept_is_not_shown_as_the_run_s(stream):
    memory = cl.memory.ExemplarMemory(12, selection="closest")
    merging = {"after_task": cl.merging.MeanMerge(), "epochs": 20, "learning_rate": 0.05}
    run = cl.learn(stream, cl.methods.eeil_base(memory=memory, **merging), progress=False)
    choices = [explore(run, stream).choice_of(label) for label in stream.classes]
    assert [bool(choice.note) for choice in choices[:2]] == [False, False], "the first task's network is its own mean"
    assert any("This run chose other images" in choice.note for choice in choices[2:])


def test_each_control_changes_its_pictures_and_no_other(tool):
    for control, value, moved in (
        (tool.step.slider, 3, [True, False, True]),
        (tool.step.text, 8, [True, False, True]),
        (tool.strategy, "random", [True, True, True]),
        (tool.projection, "tsne", [False, False, True]),
        (tool.own.text, "1, 2", [False, False, True]),
        (tool.capacity.slider, 8, [False, True, None]),  # the curve of the histogram may follow what is kept
        (tool.capacity.text, 100, [False, True, None]),
    ):
        before = seen(tool, "drawing")
        control.value = value
        changed = [now != before[view] for view, now in seen(tool, "drawing").items()]
        assert all(must in (None, did) for did, must in zip(changed, moved, strict=True)), (value, changed)
    tool.own.buttons["reset"].click()
    assert "random: 8 of 8 images chosen" in alts(tool)["map"]
    assert alts(tool)["evictions"].endswith("8 with 2 classes, 8 with 4 classes.")  # no more than the class has
    assert tool.errors == []


def test_features_and_t_sne_are_computed_behind_the_page(herded, stream, behind, errors):
    tool = cl.widgets.HerdingExplorer(herded, stream, projection="tsne", behind=behind.append)
    assert "until then the map is PCA" in tool.note.value
    assert tool.projection.disabled
    opened = tool.pane.drawing
    do(behind)
    assert not tool.projection.disabled
    assert "keeps neighbours, not means" in tool.note.value
    assert tool.pane.drawing != opened
    seen = tool.pane.words
    tool.label.value = stream[1].classes[0]
    assert "are being computed" in tool.note.value
    assert tool.pane.words == seen
    touch(tool, "dot", 1)
    errors.expect(tool, "are being computed")
    assert tool.own.value == ()
    assert len(behind) == 1
    do(behind)
    assert alts(tool)["map"] != seen
    assert alts(tool)["evictions"].endswith("3 with 4 classes.")  # followed from its own task on


def test_what_was_seen_comes_from_memory(tool):
    seen = tool.pane.drawing
    for strategy in cl.memory.selection.SELECTIONS:
        tool.strategy.value = strategy
        assert tool.pane.words.startswith(f"{strategy}: 5 of 8")
    drawn = tool.draw.count
    tool.strategy.value = "herding"
    assert (tool.pane.drawing, tool.draw.count) == (seen, drawn)


def test_an_error_behind_the_page_is_shown_and_the_class_can_be_chosen_again(herded, stream, watched, behind, errors):
    tool = watched(cl.widgets.HerdingExplorer, herded, stream, behind=behind.append)
    tool.draw.error = ValueError("The features hold NaN or infinity.")
    tool.label.value = stream[1].classes[0]
    do(behind)
    errors.expect(tool, "hold NaN or infinity")
    assert "computed" not in tool.note.value
    tool.draw.error = None
    tool.label.value = stream[0].classes[0]
    tool.label.value = stream[1].classes[0]  # once more
    do(behind)
    assert f"herding: 5 of 8 images chosen, class {stream.class_names[stream[1].classes[0]]}" in tool.pane.words
    assert not tool.projection.disabled


def test_capacity_is_the_run_s_own_or_ten_a_class_where_it_has_no_memory(run, stream):
    full = cl.learn(stream, cl.methods.eeil_base(epochs=1), progress=False)
    for other, capacity in ((run, 40), (full, 2000)):
        assert explore(other, stream).capacity.number == capacity


@pytest.mark.filterwarnings("ignore:finetune. tasks 1, 2 have one class")
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
    assert names[0] == f"first component of PCA ({share:.0f} % of variance)"


def test_the_distance_of_all_is_nothing_and_alike_images_have_a_map():
    rows = np.random.default_rng(0).normal(size=(9, 3))
    assert distances_of(rows, np.arange(9))[-1] == pytest.approx(0)
    assert np.isfinite(pca(np.ones((4, 3)))[0]).all()
    assert tsne(rows[:3]).shape == (3, 2)
