import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.widgets.attention_drift import halved

NAMES = ("finetune", "lwf_mc", "lwm")


@pytest.fixture
def tool(stream, watched):
    return watched(cl.widgets.AttentionDrift, stream, epochs=2)


@pytest.fixture(scope="module")
def trained_once(stream, watched, train):
    made = watched(cl.widgets.AttentionDrift, stream, epochs=2)
    train(made)
    return made


@pytest.fixture
def trained(trained_once):
    yield trained_once
    trained_once.line.value = "AttentionDrift(stream, epochs=2)"


def control(tool, name):
    return tool.controls.controls[name]


def test_it_learns_by_every_method_with_one_head_and_keeps_the_maps(trained, stream):
    assert trained.recipes["lwf_mc"] == cl.methods.lwf_mc(epochs=2)
    assert trained.recipes["finetune"] == cl.methods.finetune(heads="class", epochs=2)
    assert [len(trained.maps[name]) for name in NAMES] == [2, 2, 2]
    run = cl.learn(stream, cl.methods.lwm(epochs=2), progress=False)
    targets = stream.positions(trained.labels)
    maps = [cl.attention.grad_cam(run.model_after(task), trained.images, targets) for task in (0, 1)]
    expected = cl.attention.drift(*maps)
    found = trained.drifts(cl.attention.last_block(run.model, trained.images[:1]))["lwm"]
    torch.testing.assert_close(torch.tensor(found[:, 1]).float(), expected, atol=0.02, rtol=0)
    assert f": drift from M0 {found[:, 1].mean():.3f} ± " in trained.curve.words


def test_another_layer_class_image_or_opacity_is_another_picture(trained):
    shown = {str(trained.pane.drawing)}
    control(trained, "layer").value = trained.layers[1]
    shown.add(str(trained.pane.drawing))
    control(trained, "label").value = 0
    assert "a, test image 1, a, test image 2" in trained.pane.words
    shown.add(str(trained.pane.drawing))
    control(trained, "image").text.value = 2
    assert "a, test image 2, a, test image 3" in trained.pane.words
    shown.add(str(trained.pane.drawing))
    control(trained, "opacity").slider.value = 20
    shown.add(str(trained.pane.drawing))
    assert len(shown) == 5


def test_after_training_every_layer_and_class_comes_from_memory_without_a_network(trained, stream):
    drawn, trained.results = trained.draw.count, {}
    shown = set()
    for layer in trained.layers:
        for label in stream[0].classes:
            control(trained, "layer").value, control(trained, "label").value = layer, label
            shown.add((str(trained.pane.drawing), str(trained.curve.drawing)))
    assert len(shown) == len(trained.layers) * 2
    assert trained.draw.count == drawn


def test_stop_ends_the_drawing_ahead(tool, train):
    def stop(change):
        if change.new.count("drawing every layer and class, 1 of"):
            tool.actions.stop.click()

    tool.actions.words.observe(stop, "value")
    before = len(tool.layers) * 2
    train(tool)
    assert len([key for key in tool.album.pages if len(key) > 2]) < before
    assert "done" in tool.actions.words.value
    assert not tool.actions.busy


def test_a_layer_is_offered_whose_map_is_neither_the_image_nor_inside_a_block(stream):
    tool = cl.widgets.AttentionDrift(stream, backbone=cl.networks.ResNet32())
    assert tool.layers == [f"backbone.trunk.{place}" for place in range(18)]


def test_a_setting_goes_to_the_methods_that_take_it(stream):
    tool = cl.widgets.AttentionDrift(stream, ("lwf_mc", "lwm"), gamma=3.0, epochs=1)
    assert tool.recipes == {"lwf_mc": cl.methods.lwf_mc(epochs=1), "lwm": cl.methods.lwm(gamma=3.0, epochs=1)}
    assert tool.code == 'cl.widgets.AttentionDrift(stream, methods=("lwf_mc", "lwm"), gamma=3, epochs=1)'


def test_maps_are_kept_relative_to_their_largest_value():
    maps = np.stack([np.zeros((2, 2)), 4 * np.eye(2)]).astype(np.float32)
    np.testing.assert_array_equal(halved(maps), [np.zeros((2, 2)), np.eye(2)])
