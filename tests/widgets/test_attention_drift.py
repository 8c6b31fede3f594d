import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.widgets import attention_drift

pytestmark = pytest.mark.usefixtures("no_errors")

NAMES = ("finetune", "lwf_mc", "lwm")


@pytest.fixture
def tool(stream):
    return cl.widgets.AttentionDrift(stream, epochs=2)


@pytest.fixture(scope="module")
def trained(stream):
    made = cl.widgets.AttentionDrift(stream, epochs=2)
    train(made)
    return made


def train(tool):
    tool.actions.train.click()
    tool.training.join()


def test_before_training_the_classes_are_shown(tool):
    assert 'alt="Sample pictures of' in tool.pane.value
    assert tool.curve.value == ""


def test_it_learns_by_every_method_with_one_head_and_keeps_the_maps(trained, stream):
    assert trained.recipes["lwf_mc"] == cl.methods.lwf_mc(epochs=2)
    assert trained.recipes["finetune"] == cl.methods.finetune(heads="class", epochs=2)
    assert [len(trained.maps[name]) for name in NAMES] == [2, 2, 2]
    assert not trained.actions.busy
    assert trained.actions.bar.value == 1
    run = cl.learn(stream, cl.methods.lwm(epochs=2), progress=False)
    targets = stream.positions(trained.labels)
    maps = [cl.attention.grad_cam(run.model_after(task), trained.images, targets) for task in (0, 1)]
    expected = cl.attention.drift(*maps)
    found = trained.drifts(cl.attention.last_block(run.model, trained.images[:1]))["lwm"]
    torch.testing.assert_close(torch.tensor(found[:, 1]).float(), expected, atol=0.02, rtol=0)
    assert f"lwm ends with a mean drift of {found[:, 1].mean():.2f}" in trained.curve.value


def test_another_layer_class_image_or_opacity_is_another_picture_and_needs_no_network(trained, monkeypatch):
    monkeypatch.setattr(attention_drift.attention, "grad_cams", None)
    shown = {trained.pane.value}
    trained._named["layer"].value = trained.layers[1]
    assert f"layer {trained.layers[1]}" not in trained.pane.value  # the title is drawn, not told
    shown.add(trained.pane.value)
    trained._named["label"].value = 0
    assert "a, test image 1, a, test image 2" in trained.pane.value
    shown.add(trained.pane.value)
    trained._named["image"].text.value = 2
    assert "a, test image 2, a, test image 3" in trained.pane.value
    shown.add(trained.pane.value)
    trained._named["opacity"].slider.value = 20
    shown.add(trained.pane.value)
    assert len(shown) == 5
    trained.controls.line.value = "AttentionDrift(stream, epochs=2)"


def test_pictures_once_drawn_come_from_memory(trained, monkeypatch):
    first = trained.pane.value
    trained._named["opacity"].slider.value = 0
    monkeypatch.setattr(attention_drift, "draw", None)
    trained._named["opacity"].slider.value = 60
    assert trained.pane.value == first


def test_after_training_every_layer_and_class_comes_from_memory(trained, stream, monkeypatch):
    monkeypatch.setattr(attention_drift, "draw", None)
    shown = set()
    for layer in trained.layers:
        for label in stream[0].classes:
            trained._named["layer"].value, trained._named["label"].value = layer, label
            shown.add((trained.pane.value, trained.curve.value))
    assert len(shown) == len(trained.layers) * 2
    trained.controls.line.value = "AttentionDrift(stream, epochs=2)"


def test_stop_ends_the_drawing_ahead(tool, monkeypatch):
    drawn = []

    def pictures(values):
        drawn.append(values["layer"])
        if len(drawn) == 1 + 3 * 2 + 1:  # shown after each of two tasks by three methods, and once at the end
            tool.actions.stop.click()
        return ["", ""]

    monkeypatch.setattr(tool, "_pictures", pictures)
    train(tool)
    assert len(drawn) == 1 + 3 * 2 + 1
    assert "done" in tool.actions.words.value
    assert not tool.actions.busy


def test_a_layer_is_offered_whose_map_is_neither_the_image_nor_inside_a_block(stream):
    tool = cl.widgets.AttentionDrift(stream, backbone=cl.networks.ResNet32())
    assert tool.layers == [f"backbone.trunk.{place}" for place in range(18)]


def test_stop_keeps_what_was_learned_and_train_begins_that_method_anew(tool, monkeypatch):
    follow = tool._follow

    def stop_in_the_second_method(event):
        follow(event)
        if event.run.name == "lwf_mc" and event.task == 1:
            tool.actions.stop.click()

    monkeypatch.setattr(tool, "_follow", stop_in_the_second_method)
    train(tool)
    assert [len(steps) for steps in tool.maps.values()] == [2, 1]
    assert "stopped" in tool.actions.words.value
    monkeypatch.setattr(tool, "_follow", follow)
    train(tool)
    assert [len(tool.maps[name]) for name in NAMES] == [2, 2, 2]
    tool.actions.train.click()
    assert "have been trained" in tool.actions.words.value
    tool.actions.clear.click()
    assert tool.maps == {}
    assert 'alt="Sample pictures of' in tool.pane.value


def test_the_state_is_copied_and_pasted_as_a_line(tool):
    tool._named["label"].value = 0
    tool._named["opacity"].text.value = 35
    code = tool.code
    assert code == tool.controls.line.value == "cl.widgets.AttentionDrift(stream, label=0, opacity=35, epochs=2)"
    tool.controls.line.value = "AttentionDrift(stream, image=3, epochs=2)"
    assert (tool._named["label"].value, tool._named["image"].number, tool._named["opacity"].number) == (2, 3, 60)
    tool.controls.line.value = code
    assert tool.code == code


def test_a_setting_goes_to_the_methods_that_take_it(stream):
    tool = cl.widgets.AttentionDrift(stream, ("lwf_mc", "lwm"), gamma=3.0, epochs=1)
    assert tool.recipes == {"lwf_mc": cl.methods.lwf_mc(epochs=1), "lwm": cl.methods.lwm(gamma=3.0, epochs=1)}
    assert tool.code == 'cl.widgets.AttentionDrift(stream, methods=("lwf_mc", "lwm"), gamma=3.0, epochs=1)'


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"methods": ("lwn",)}, "There is no method 'lwn'"),
        ({"methods": ()}, "one method or more"),
        ({"layer": "backbone.normalise"}, "layer is one of backbone.trunk.0"),
        ({"label": 3}, r"label is a class of task 1, 2 \(c\), 0 \(a\), not 3"),
        ({"image": 0}, "image is a number from 1 to 3, not 0"),
        ({"image": 1.5}, "image is a whole number"),
        ({"opacity": 101}, "opacity is a number from 0 to 100"),
        ({"rows": 9}, "rows is a whole number from 1 to 4"),
        ({"rate": 1}, "no setting 'rate'"),
    ],
)
def test_bad_arguments_are_refused(stream, wrong, words):
    with pytest.raises(ValueError, match=words):
        cl.widgets.AttentionDrift(stream, **wrong)


def test_maps_are_kept_by_their_largest_value():
    maps = np.stack([np.zeros((2, 2)), 4 * np.eye(2)]).astype(np.float32)
    np.testing.assert_array_equal(attention_drift.halved(maps), [np.zeros((2, 2)), np.eye(2)])


def test_every_control_says_what_it_is(tool):
    named = [getattr(control, "text", control) for control in tool._named.values()]
    assert all(control.description and control.tooltip for control in [*named, tool.controls.line])
