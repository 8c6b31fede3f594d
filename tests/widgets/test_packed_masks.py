"""The owners of a PackNet's weights, against its buffers, and what the page shows of them."""

import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.methods.packnet import FREE
from cltutor.widgets.packed_masks import owners_of


@pytest.fixture
def tool(packed, stream, watched):
    return watched(cl.widgets.PackedMasks, packed, stream)


def touch(tool, key):
    spot = {"key": key, "number": 0, "row": 0, "column": 0, "words": "words", "frame": 0}
    tool.pane.touched = spot | {"count": tool.pane.touched.get("count", 0) + 1}


def test_every_weight_has_the_owner_of_its_buffer_and_biases_are_left_out(packed):
    network, found = packed.model, owners_of(packed)
    buffers = {name: value for name, value in network.named_buffers() if name.startswith("owner_") and value.dim() > 1}
    assert len(found) == len(buffers) == 5
    for own, buffer in zip(found.values(), buffers.values(), strict=True):
        assert own.shape == (len(buffer), buffer[0].numel())
        for task in (0, 1):
            assert (own == task).sum() == int((buffer == task).sum()) > 0
        assert (own == -1).sum() == int((buffer == FREE).sum())


def test_what_is_drawn_as_owned_by_the_first_task_is_what_it_owned_after_it(packed):
    early = packed.model_after(0)
    for name, own in zip(early.names[::2], owners_of(packed).values(), strict=True):
        assert torch.equal(torch.tensor(own == 0), (early.of(name)[2] == 0).flatten(1))


def test_the_accuracies_below_are_those_of_the_run(tool, packed):
    accuracy = 100 * packed.accuracy()
    assert f"task 1: {accuracy[0, 0]:.1f} → {accuracy[1, 0]:.1f} %" in tool.note.value
    assert np.isclose(accuracy[0, 0], accuracy[1, 0])


def test_a_task_of_one_class_has_a_dash_which_the_page_explains(watched):
    images, labels = np.zeros((6, 8, 8), np.uint8), np.arange(6) // 2
    single = cl.streams.tensors(images, labels, images, labels, [2, 1], order=None)
    with pytest.warns(UserWarning, match="task 2 has one class"):
        run = cl.learn(single, cl.methods.packnet(epochs=1), threads=1, progress=False)
    words = watched(cl.widgets.PackedMasks, run, single).note.value
    assert "task 2: –. –: a task of one class, in which every answer is right when the task is known." in words
    assert "nan" not in words


def test_a_touched_bar_shows_its_layer_and_a_weight_says_what_can_be_touched(tool, errors):
    touch(tool, "hidden 1")
    assert tool.layer.value == "hidden 1"
    assert tool.pane.words.startswith("The owners of the weights of hidden 1, packnet")
    assert tool.code == 'cl.widgets.PackedMasks(run, stream, layer="hidden 1")'
    touch(tool, "weight")
    errors.expect(tool, "A click on a bar, at the right")
