import threading

import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.evaluation.answers import accuracies
from cltutor.networks import evaluating
from cltutor.show.filters import stages
from cltutor.widgets.number_field import listed, numbers


@pytest.fixture(scope="module")
def explore(rebuilt, stream, watched):
    """Makes the widget, which waits for every accuracy; its threads are done before and after the test."""
    made = []

    def make(**settings):
        tool = watched(cl.widgets.FilterReconstruction, rebuilt, stream, **{"patience": 60} | settings)
        made.append(tool)
        tool.album.settle()
        return tool

    yield make
    for tool in made:
        tool.settle()


@pytest.fixture(scope="module")
def opened(explore):
    return explore()


@pytest.fixture
def tool(opened):
    """The widget as it opens."""
    opened.line.value = "cl.widgets.FilterReconstruction(run, stream)"
    return opened


def alts(tool) -> list[str]:
    return [pane.words for pane in tool.panes]


def touch(tool, pane, key, number, row=0):
    """As the page tells it."""
    stage = tool.panes[pane]
    spot = {"key": key, "number": number, "row": row, "column": 0, "words": "words", "frame": 0}
    stage.touched = spot | {"count": stage.touched.get("count", 0) + 1}


def spots(tool) -> list[dict]:
    """Those of the three panels of tiles."""
    return tool.panes[0].drawing["drawings"][0]["spots"][:3]


def made(group, tile) -> str:
    """What is read of the parts of a tile."""
    _, words = group["columns"][-1]
    return words[tile]


def accuracy(run, stream, task, layer, off):
    """Percent right of a task's test images, with channels of a layer's knowledge base at zero, image by image."""
    network = run.model
    with torch.no_grad(), evaluating(network):
        for channel in off:
            network.knowledge_base(layer)[..., channel] = 0
        test, right = stream[task].test, 0
        for image, label in zip(test.images, test.labels, strict=True):
            right += stream[task].classes[int(network(image[None]).head(task).argmax())] == int(label)
    return 100 * right / len(test)


def test_it_opens_on_the_first_layer_and_task_with_every_channel_on(tool, rebuilt, stream):
    tiles, shares = alts(tool)
    assert tiles.startswith(
        "Layer 1, task 1: filters rebuilt from the knowledge base, dfcnn_small: knowledge base L, 4"
    )
    assert shares.startswith("What each task takes from the knowledge base, layer 1, dfcnn_small")
    assert f"{accuracy(rebuilt, stream, 0, 0, []):.1f} % of 8 test images right with all channels on" in tool.note.value
    assert tool.code == "cl.widgets.FilterReconstruction(run, stream)"


@pytest.mark.parametrize(
    ("task", "layer", "off"), [(1, 1, (1, 2, 3, 4)), (2, 3, (2, 5)), (2, 4, (9,)), (1, 2, range(1, 7))]
)
def test_the_accuracy_is_that_of_the_task_s_own_head_without_those_channels(explore, rebuilt, stream, task, layer, off):
    tool = explore(task=task, layer=layer, off=tuple(off))
    whole = accuracy(rebuilt, stream, task - 1, layer - 1, [])
    now = accuracy(rebuilt, stream, task - 1, layer - 1, [channel - 1 for channel in off])
    assert f"Task {task}, known at test: {now:.1f} % of 8 test images right" in tool.note.value
    assert f"{len(off)} of {tool.channels[layer - 1]} channels of layer {layer} off" in tool.note.value
    assert f"{now - whole:+.1f} points against the {whole:.1f} % with all on" in tool.note.value
    assert f"{len(off)} off" in alts(tool)[0]


def test_some_channels_matter_here(rebuilt, stream):
    changed = [
        accuracy(rebuilt, stream, 0, layer, range(rebuilt.model.knowledge_base(layer).shape[2])) for layer in range(4)
    ]
    assert min(changed) < accuracy(rebuilt, stream, 0, 0, []) == 100


def test_switching_changes_no_weight_of_the_run(tool, rebuilt):
    before = {name: value.clone() for name, value in tool.network.state_dict().items()}
    touch(tool, 0, "channel", 0)
    assert tool.off.value == (1,)
    assert all(torch.equal(value, before[name]) for name, value in tool.network.state_dict().items())
    assert all(torch.equal(value, before[name]) for name, value in rebuilt.model.state_dict().items())


def test_a_touched_tile_the_typed_list_and_the_count_are_one_state(tool):
    first = alts(tool)
    touch(tool, 0, "channel", 2)
    assert (tool.off.value, tool.off.text.value, tool.count.value) == ((3,), "3", 1)
    assert tool.code == "cl.widgets.FilterReconstruction(run, stream, off=(3,))"
    tool.off.text.value = "1, 3-4"
    assert tool.off.value == (1, 3, 4)
    touch(tool, 0, "channel", 2)
    assert (tool.off.text.value, tool.count.value) == ("1, 4", 2)
    tool.off.buttons["all off"].click()
    assert (tool.off.value, tool.count.value) == ((1, 2, 3, 4), 4)
    tool.off.buttons["all on"].click()
    assert (tool.off.value, tool.off.text.value) == ((), "")
    assert alts(tool) == first


def test_a_touched_share_chooses_its_task(tool, rebuilt, stream):
    touch(tool, 1, "share", 5, row=1)
    assert tool.task.value == 2
    assert alts(tool)[0].startswith("Layer 1, task 2")
    assert f"{accuracy(rebuilt, stream, 1, 0, []):.1f} % of 8 test images right with all channels on" in tool.note.value


@pytest.mark.parametrize(("pane", "key", "words"), [(0, "kernel", "Only channels of L"), (1, "spots 2", "a share")])
def test_what_cannot_be_changed_by_a_touch_says_so_and_nothing_changes(tool, pane, key, words, errors):
    before = tool.code, alts(tool)
    touch(tool, pane, key, 1, row=1)
    errors.expect(tool, words)
    assert (tool.code, alts(tool)) == before


def test_a_tile_is_read_with_what_it_is_made_of_which_is_marked_with_it(tool, rebuilt):
    touch(tool, 0, "channel", 1)
    base, basis, kernels = spots(tool)
    network = rebuilt.model.without({0: [1]})
    whole, each = stages(network, 0, 0), [stages(network.without({0: [k]}), 0, 0) for k in range(4)]
    for group, place in ((basis, 1), (kernels, 2)):
        for tile in range(2):
            norms = np.array([np.linalg.norm(whole[place][tile] - rest[place][tile]) for rest in each])
            parts = [(k, 100 * norms[k] / norms.sum()) for k in np.argsort(-norms)[:3]]
            assert ", ".join(f"{k + 1} ({share:.0f} %)" for k, share in parts) + " of L" in made(group, tile)
            assert [base["link"][k] for k, _ in parts] == group["marks"][tile][-3:]
    largest = np.linalg.norm(whole[1], axis=(1, 2)) * rebuilt.model.transfer(0, 0).mixing[:, 0, 1].abs().numpy()
    first = int(largest.argmax())
    assert f"made of channels {first + 1} ({100 * largest[first] / largest.sum():.0f} %)" in made(kernels, 1)
    assert kernels["marks"][1][0] == basis["link"][first]
    assert made(base, 1) == "\ngoes into channels of D: none\nand kernels of W: none"  # it is off


def test_the_most_used_channels_of_the_task_go_off_first(tool, rebuilt):
    tool.controls.set({"layer": 3, "task": 2, "off": ()})
    shares = rebuilt.model.shares(2)[1].tolist()
    order = sorted(range(1, 9), key=lambda channel: -shares[channel - 1])
    for count in (1, 3, 8, 0):
        tool.count.slider.value = count
        assert tool.off.value == tuple(sorted(order[:count]))


def test_another_layer_has_its_own_channels_all_on(tool):
    tool.off.text.value = "1-3"
    tool.layer.value = 4
    assert (tool.off.value, tool.count.slider.max) == ((), 9)
    assert tool.code == "cl.widgets.FilterReconstruction(run, stream, layer=4)"
    assert [spots(tool)[0]["shape"][0] * spots(tool)[0]["shape"][1], len(spots(tool)[0]["link"])] == [9, 9]
    tool.layer.value = 1
    assert tool.count.slider.max == 4
    tool.layer.value = 4
    tool.task.value = 2
    tool.off.text.value = "9"
    tool.task.value = 1  # what is off stays off
    assert tool.off.value == (9,)
    assert alts(tool)[0].startswith("Layer 4, task 1")


def test_what_was_seen_comes_from_memory_and_shares_of_every_layer_are_drawn_ahead(explore):
    measured = []
    tool = explore(accuracies=lambda *given, **more: measured.append(1) or accuracies(*given, **more))
    tool.off.text.value = "2"
    seen, told = alts(tool), tool.note.value
    tool.off.text.value = ""
    before = tool.draw.count, len(measured)
    tool.off.text.value = "2"
    assert (alts(tool), tool.note.value) == (seen, told)
    assert (tool.draw.count, len(measured)) == before
    assert {key[1] for key in tool.album.pages if key[0] == "shares"} == {1, 2, 3, 4}


def test_an_accuracy_that_takes_long_comes_later_and_what_is_outdated_is_not_measured(explore):
    go, measured = threading.Event(), []

    def slow(*given, **more):
        if measured:
            go.wait(30)
        measured.append(1)
        return accuracies(*given, **more)

    tool = explore(accuracies=slow, patience=0.01)
    tool.settle()
    for typed in ("1", "2", "3"):
        tool.off.text.value = typed
    assert "is being measured" in tool.note.value
    assert "1 off" in alts(tool)[0]  # the tiles do not wait
    go.set()
    tool.settle()
    assert "1 of 4 channels of layer 1 off" in tool.note.value
    assert len(measured) == 3  # with all on, with 1 off and with 3 off, but never with 2 off


def test_an_error_while_measuring_is_shown(explore, errors):
    tool = explore(accuracies=len)
    errors.expect(tool, "Something went wrong")


@pytest.mark.parametrize("typed", ["5", "0", "1-9", "3-2", "a", "1.5", "-1", "2-"])
def test_a_typed_list_that_cannot_be_is_refused_and_changes_nothing(tool, typed, errors):
    tool.off.text.value = "2"
    tool.off.text.value = typed
    errors.expect(tool, "Channels off: numbers from 1 to 4, such as 1, 4-7, not")
    assert (tool.off.text.value, tool.off.value) == ("2", (2,))


@pytest.mark.parametrize(
    ("values", "words"), [((), ""), ((3,), "3"), ((1, 2), "1, 2"), ((1, 4, 5, 6, 9, 10), "1, 4-6, 9, 10")]
)
def test_a_list_of_numbers_is_written_as_it_can_be_typed(values, words):
    assert listed(values) == words
    assert numbers("channels", words, 10) == numbers("channels", f" {words},,", 10) == values
