import threading

import pytest
import torch

import cltutor as cl
from cltutor.networks import evaluating
from cltutor.widgets import base, filter_reconstruction
from cltutor.widgets.filter_reconstruction import listed, numbers

pytestmark = pytest.mark.usefixtures("no_errors")


@pytest.fixture(scope="module")
def rebuilt(stream):
    return cl.learn(stream, cl.methods.dfcnn_small(epochs=6, learning_rate=0.05), progress=False)


@pytest.fixture(scope="module")
def explore(rebuilt, stream):
    """Makes the widget, which waits for every accuracy; its threads are done before and after the test."""
    made = []

    def make(**settings):
        made.append(cl.widgets.FilterReconstruction(rebuilt, stream, **settings))
        made[-1].ahead.join()
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filter_reconstruction, "PATIENCE", 60)
        yield make
    for tool in made:
        tool._measuring.shutdown()


@pytest.fixture(scope="module")
def opened(explore):
    return explore()


@pytest.fixture
def tool(opened, monkeypatch):
    """The widget as it opens, with nothing in memory but what was drawn ahead."""
    opened.controls.set({"layer": 1, "task": 1, "off": ()})
    opened._show()
    monkeypatch.setattr(opened, "_album", dict(opened._album))
    monkeypatch.setattr(opened, "_accuracies", dict(opened._accuracies))
    return opened


def alts(tool) -> list[str]:
    return [pane.value.split('alt="')[1].split('"')[0] for pane in tool.panes]


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
    assert f"{accuracy(rebuilt, stream, 0, 0, []):.1f} % of 8 test images right with all channels on" in tool.told.value
    assert tool.code == "cl.widgets.FilterReconstruction(run, stream)"


@pytest.mark.parametrize(
    ("task", "layer", "off"), [(1, 1, (1, 2, 3, 4)), (2, 3, (2, 5)), (2, 4, (9,)), (1, 2, range(1, 7))]
)
def test_the_accuracy_is_that_of_the_task_s_own_head_without_those_channels(explore, rebuilt, stream, task, layer, off):
    tool = explore(task=task, layer=layer, off=tuple(off))
    whole = accuracy(rebuilt, stream, task - 1, layer - 1, [])
    now = accuracy(rebuilt, stream, task - 1, layer - 1, [channel - 1 for channel in off])
    assert f"Task {task}, known at test: {now:.1f} % of 8 test images right" in tool.told.value
    assert f"{len(off)} of {tool.channels[layer - 1]} channels of layer {layer} off" in tool.told.value
    assert f"{now - whole:+.1f} points against the {whole:.1f} % with all on" in tool.told.value
    assert f"{len(off)} off" in alts(tool)[0]


def test_some_channels_matter_here(rebuilt, stream):
    changed = [
        accuracy(rebuilt, stream, 0, layer, range(rebuilt.model.knowledge_base(layer).shape[2])) for layer in range(4)
    ]
    assert min(changed) < accuracy(rebuilt, stream, 0, 0, []) == 100


def test_switching_changes_no_weight_of_the_run(tool, rebuilt):
    before = {name: value.clone() for name, value in tool.network.state_dict().items()}
    tool.switches.buttons[0].value = False
    assert all(torch.equal(value, before[name]) for name, value in tool.network.state_dict().items())
    assert all(torch.equal(value, before[name]) for name, value in rebuilt.model.state_dict().items())


def test_buttons_text_count_and_presses_are_one_state(tool):
    switches, first = tool.switches, alts(tool)
    switches.buttons[2].value = False
    assert (switches.value, switches.text.value, switches.count.value) == ((3,), "3", 1)
    assert tool.code == "cl.widgets.FilterReconstruction(run, stream, off=(3,))"
    switches.text.value = "1, 3-4"
    assert switches.value == (1, 3, 4)
    assert [button.value for button in switches.buttons[:4]] == [False, True, False, False]
    every, none = switches.every
    none.click()
    assert (switches.value, switches.count.value) == ((1, 2, 3, 4), 4)
    every.click()
    assert (switches.value, switches.text.value) == ((), "")
    assert alts(tool) == first
    assert all(button.value for button in switches.buttons)


def test_the_most_used_channels_of_the_task_go_off_first(tool, rebuilt):
    tool.controls.set({"layer": 3, "task": 2, "off": ()})
    shares = rebuilt.model.shares(2)[1].tolist()
    order = sorted(range(1, 9), key=lambda channel: -shares[channel - 1])
    for count in (1, 3, 8, 0):
        tool.switches.count.slider.value = count
        assert tool.switches.value == tuple(sorted(order[:count]))


def test_another_layer_has_its_own_channels_all_on(tool):
    tool.switches.text.value = "1-3"
    tool.layer.value = 4
    assert tool.switches.value == ()
    assert tool.code == "cl.widgets.FilterReconstruction(run, stream, layer=4)"
    shown = [button.layout.display != "none" for button in tool.switches.buttons]
    assert shown == [True] * 9
    tool.layer.value = 1
    assert [button.layout.display != "none" for button in tool.switches.buttons] == [True] * 4 + [False] * 5
    assert tool.switches.count.slider.max == 4
    tool.layer.value = 4
    tool.task.value = 2
    tool.switches.text.value = "9"
    tool.task.value = 1  # what is off stays off
    assert tool.switches.value == (9,)
    assert alts(tool)[0].startswith("Layer 4, task 1")


def test_what_was_seen_comes_from_memory_and_shares_of_every_layer_are_drawn_ahead(tool, monkeypatch):
    tool.switches.text.value = "2"
    seen, told = alts(tool), tool.told.value
    tool.switches.text.value = ""
    monkeypatch.setattr(filter_reconstruction, "draw", None)
    monkeypatch.setattr(filter_reconstruction, "accuracies", None)
    tool.switches.text.value = "2"
    assert (alts(tool), tool.told.value) == (seen, told)
    assert {key[1] for key in tool._album if key[0] == "shares"} == {1, 2, 3, 4}


def test_an_accuracy_that_takes_long_comes_later_and_what_is_outdated_is_not_measured(explore, monkeypatch):
    tool = explore()
    measure, go, asked = tool._accuracy, threading.Event(), []

    def slow(*key):
        asked.append(key)
        go.wait(30)
        return measure(*key)

    monkeypatch.setattr(tool, "_accuracy", slow)
    monkeypatch.setattr(filter_reconstruction, "PATIENCE", 0.01)
    for typed in ("1", "2", "3"):
        tool.switches.text.value = typed
    assert "is being measured" in tool.told.value
    assert "1 off" in alts(tool)[0]  # the tiles do not wait
    go.set()
    tool._measuring.shutdown()
    assert "1 of 4 channels of layer 1 off" in tool.told.value
    assert asked == [(1, 1, (1,)), (1, 1, (3,))]


def test_an_error_while_measuring_is_told(tool, monkeypatch):
    tool._accuracies.clear()
    monkeypatch.setattr(filter_reconstruction, "accuracies", None)
    tool.switches.text.value = "1"
    assert "Something went wrong" in tool.message.value
    assert len(cl.widgets.errors()) == 1
    base._told.clear()


def test_the_state_is_copied_and_pasted_as_a_line(explore):
    tool = explore(layer=2, task=2, off=[4, 1])
    code = "cl.widgets.FilterReconstruction(run, stream, layer=2, task=2, off=(1, 4))"
    assert tool.code == tool.controls.line.value == code
    seen = alts(tool)
    tool.controls.line.value = "cl.widgets.FilterReconstruction(run, stream)"
    assert alts(tool) != seen
    tool.controls.line.value = code
    assert (tool.code, alts(tool)) == (code, seen)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("layer=5", "layer is a whole number from 1 to 4, not 5"),
        ("layer=True", "layer is a whole number"),
        ("task=0", "task is a whole number from 1 to 2, not 0"),
        ("off=(5,)", r"off lists channels of layer 1, 1 to 4, such as \(1, 4\), not \(5,\)"),
        ("off=3", "off lists channels"),
        ("off=(1.5,)", "off lists channels"),
    ],
)
def test_a_pasted_line_or_call_that_is_wrong_is_told_and_changes_nothing(tool, rebuilt, stream, settings, words):
    before, seen = tool.code, alts(tool)
    tool.controls.line.value = f"FilterReconstruction(run, stream, {settings})"
    assert (tool.code, tool.controls.line.value, alts(tool)) == (before, before, seen)
    assert "Nothing was changed." in tool.message.value
    base._told.clear()
    name, value = settings.split("=")
    with pytest.raises(ValueError, match=words):
        cl.widgets.FilterReconstruction(rebuilt, stream, **{name: eval(value)})


@pytest.mark.parametrize("typed", ["5", "0", "1-9", "3-2", "a", "1.5", "-1", "2-"])
def test_a_typed_list_that_cannot_be_is_told_and_changes_nothing(tool, typed):
    tool.switches.text.value = "2"
    tool.switches.text.value = typed
    assert "Channels off are numbers from 1 to 4, such as 1, 4-7, not" in tool.message.value
    assert (tool.switches.text.value, tool.switches.value) == ("2", (2,))
    base._told.clear()


def test_a_list_of_numbers_is_read():
    assert numbers("", 4) == ()
    assert numbers(" 4, 1 2-3,3", 4) == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("values", "words"), [((), ""), ((3,), "3"), ((1, 2), "1, 2"), ((1, 4, 5, 6, 9, 10), "1, 4-6, 9, 10")]
)
def test_a_list_of_numbers_is_written_as_it_can_be_typed(values, words):
    assert listed(values) == words
    assert numbers(words, 10) == values


def test_a_typed_count_that_cannot_be_is_told(tool):
    tool.switches.count.text.value = 5
    assert "how many off is a whole number from 0 to 4, not 5" in tool.message.value
    assert tool.switches.value == ()
    base._told.clear()


def test_a_run_that_does_not_fit_is_refused(rebuilt, run, stream):
    with pytest.raises(ValueError, match="lwf rebuilds no filters from a knowledge base"):
        cl.widgets.FilterReconstruction(run, stream)
    with pytest.raises(ValueError, match="not these images of streams.digits"):
        cl.widgets.FilterReconstruction(rebuilt, cl.streams.digits(tasks=2))


def test_every_control_says_what_it_is(tool):
    switches = tool.switches
    named = [tool.layer, tool.task, tool.controls.line, switches.text, switches.count.text]
    assert all(control.description and control.tooltip for control in [*named, *switches.buttons, *switches.every])
