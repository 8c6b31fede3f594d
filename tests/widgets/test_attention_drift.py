import numpy as np
import pytest
import torch
from matplotlib.image import BboxImage

import cltutor as cl
from cltutor.show.attention import _outline
from cltutor.widgets import recording
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


def show(tool, **values):
    for name, value in values.items():
        control(tool, name).value = value


def touch(tool, key, words=""):
    tool.pane.touched = {"key": key, "row": 0, "column": 0, "number": 0, "words": words, "count": id(object())}


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
    show(trained, view="drift")
    assert f"lwm, M1: drift from M0 {found[:, 1].mean():.3f} ± " in trained.pane.words
    assert "Drift: the L1 distance of a map from" in trained.note.value


def test_another_layer_class_image_or_opacity_is_another_picture(trained):
    shown = {str(trained.pane.drawing)}
    for change in ({"layer": "ReLU 1"}, {"label": 0}, {"image": 2}, {"opacity": 20}, {"enlarged": True}):
        show(trained, **change)
        shown.add(str(trained.pane.drawing))
    assert "Attention maps, a, test image 2, ReLU 1: " in trained.pane.words
    assert len(shown) == 6


def test_maps_are_chosen_from_what_was_learned_without_a_network(trained, stream):
    trained.results = {}
    for layer, inside in trained.layers.items():
        for label in stream[0].classes:
            show(trained, layer=layer, label=label)
            drift = trained.drifts(inside)["lwm"][list(trained.labels).index(label), 1]
            assert f"lwm ends with a drift of {drift:.2f}" in trained.pane.words


def test_a_touched_image_is_shown_and_a_touched_map_enlarged(trained):
    touch(trained, "image 2")
    assert "image=3" in trained.code
    assert "test image 3" in trained.pane.words
    touch(trained, "map")
    assert "enlarged=True" in trained.code
    large = trained.draw.pictures[-1]
    assert {"image", *NAMES} <= {text.get_text() for text in large.texts}
    assert large.frame_names == ("M0", "M1")
    touch(trained, "map 1")
    assert "enlarged" not in trained.code


def test_every_map_is_a_tile_of_96_pixels_or_more_in_a_picture_that_fits_the_screen(trained):
    for enlarged in (False, True):
        show(trained, enlarged=enlarged)
        (picture,) = trained.draw.pictures[-1:]
        tiles = [image for image in picture.findobj(BboxImage) if image.get_label() in NAMES]
        assert len(tiles) == 6
        assert all(tile.get_window_extent().width >= 96 / 0.87 for tile in tiles)
        assert picture.get_figheight() < 5.6
        assert picture.get_figwidth() < 854 / 87


def test_the_object_is_outlined_in_a_layer_where_the_stream_has_masks(watched, train):
    scenes = cl.streams.scenes(tasks=[2, 2], classes=range(4), per_class=(8, 2), size=16)
    tool = watched(cl.widgets.AttentionDrift, scenes, ("finetune",), epochs=1)
    train(tool)
    (drawing,) = tool.pane.drawing["drawings"]
    assert drawing["layers"] == ["object"]
    assert 'data-entry="0"' in drawing["svg"]
    mask = scenes[0].test.masks[tool.places[list(tool.labels).index(tool.controls.values["label"])]].numpy()
    path = _outline(cl.show.Picture(2, 2), mask, 0, 0, 16)[0].get_path()
    inside = {(x, 15 - y) for y, x in np.argwhere(mask)}
    edges = {tuple(sorted(map(tuple, pair.round().astype(int)))) for pair in path.vertices.reshape(-1, 2, 2)}
    sides = [((x + a, y + b), (x + c, y + d)) for x, y in inside for a, b, c, d in SIDES]
    assert edges == {side for side in sides if sides.count(side) == 1}, "sides of two pixels of the object lie within"


SIDES = [(0, 0, 1, 0), (0, 1, 1, 1), (0, 0, 0, 1), (1, 0, 1, 1)]


def test_a_touch_that_changes_nothing_says_why(tool, trained):
    touch(tool, "sample")
    assert "press Train" in tool.note.value
    show(trained, view="drift")
    touch(trained, "spots 1", "lwm, M1: drift from M0 0.5")
    assert "lwm, M1: drift from M0 0.5. A point is a mean over images" in trained.note.value


def test_what_is_recorded_is_shown_at_once_and_replaced_by_training(trained, stream, watched, train, tmp_path):
    class Recorded(cl.widgets.AttentionDrift):
        records = tmp_path

    held = {key: trained._held(name) for name, key in trained.record_keys.items()}
    recording.write("attention-drift", held, tmp_path)
    tool = watched(Recorded, stream, epochs=2)
    assert tool.recorded == set(NAMES)
    for name in NAMES:
        for kept, again in zip(trained.maps[name], tool.maps[name], strict=True):
            for layer in trained.layers.values():
                np.testing.assert_allclose(again[layer], kept[layer], atol=0.6 / 255)
    assert "lwm ends with a drift" in tool.pane.words
    train(tool)
    assert tool.recorded == frozenset()
    np.testing.assert_array_equal(tool.maps["lwm"][1][layer], trained.maps["lwm"][1][layer])


def test_a_layer_is_offered_whose_map_is_neither_the_image_nor_inside_a_block(stream):
    tool = cl.widgets.AttentionDrift(stream, backbone=cl.networks.ResNet32())
    words = ["conv 1", "norm 1", "ReLU 1", *(f"block {place}" for place in range(1, 16))]
    assert tool.layers == {word: f"backbone.trunk.{place}" for place, word in enumerate(words)}
    assert control(tool, "layer").label == "block 15"


def test_a_layer_is_set_by_either_of_its_names_and_written_by_that_of_a_reader(trained):
    for given in ("conv 2", trained.layers["conv 2"]):
        trained.line.value = f'AttentionDrift(stream, layer="{given}", epochs=2)'
        assert trained.code == 'cl.widgets.AttentionDrift(stream, layer="conv 2", epochs=2)'
        assert "conv 2: " in trained.pane.words


def test_a_setting_goes_to_the_methods_that_take_it(stream):
    tool = cl.widgets.AttentionDrift(stream, ("lwf_mc", "lwm"), gamma=3.0, epochs=1)
    assert tool.recipes == {"lwf_mc": cl.methods.lwf_mc(epochs=1), "lwm": cl.methods.lwm(gamma=3.0, epochs=1)}
    assert tool.code == 'cl.widgets.AttentionDrift(stream, methods=("lwf_mc", "lwm"), gamma=3, epochs=1)'


def test_maps_are_kept_relative_to_their_largest_value():
    maps = np.stack([np.zeros((2, 2)), 4 * np.eye(2)]).astype(np.float32)
    np.testing.assert_array_equal(halved(maps), [np.zeros((2, 2)), np.eye(2)])


def test_maps_of_other_images_or_layers_are_not_restored(tool, trained):
    held = trained._held("lwm")
    few = {step: {layer: maps[:3] for layer, maps in found.items()} for step, found in held.items()}
    with pytest.raises(ValueError, match="are not of the 8 images here"):
        tool._restore("lwm", few)
    with pytest.raises(KeyError):
        tool._restore("lwm", {step: {"another": np.zeros((8, 4, 4))} for step in held})
    assert tool.maps == {}
