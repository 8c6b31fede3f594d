"""The last layer before and after a correction, against torch and the methods themselves."""

import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.methods.wa import WeightAligning
from cltutor.widgets.last_layer import FACTORS


@pytest.fixture
def tool(herded, stream, watched):
    return watched(cl.widgets.LastLayer, herded, stream)


def images_and_labels(stream):
    images = torch.cat([task.test.images for task in stream])
    return images, torch.cat([stream.positions(task.test.labels) for task in stream])


def corrected(network, images, factor, shift):
    """Logits with the newest head's weights and biases changed in a copy of the network."""
    with torch.no_grad():
        network.heads[-1].weight *= factor
        network.heads[-1].bias += shift
        return network(images).logits


@pytest.mark.parametrize(("factor", "shift"), [(1, 0), (0.5, 0), (1.4, -2), (0, 3)])
def test_accuracies_are_those_of_a_network_with_these_weights(tool, herded, stream, factor, shift):
    images, labels = images_and_labels(stream)
    right = corrected(herded.model, images, factor, shift).argmax(1) == labels
    expected = [right[labels < 2], right[labels >= 2], right]
    assert tool.right(factor, shift) == pytest.approx([float(one.float().mean()) for one in expected])


def test_without_a_correction_the_accuracy_is_the_run_s(tool, herded):
    last = herded.accuracy(known_task=False)[-1]
    assert tool.right(1, 0) == pytest.approx([last[0], last[1], last.mean()])


def test_aligning_sets_the_factor_of_the_method(tool, herded):
    network = herded.model
    before = network.heads[-1].weight.norm(dim=1).mean().item()
    aligned = WeightAligning().tested(network, {}).heads[-1].weight
    tool.aligned.click()
    assert tool.factor.value == pytest.approx(aligned.norm(dim=1).mean().item() / before, abs=6e-4)
    tool.trained.click()
    assert tool.factor.value == 1


def test_the_norms_that_are_shown_are_those_of_the_weights(tool, herded, read_last):
    norms = torch.linalg.vector_norm(torch.cat([head.weight for head in herded.model.heads]), dim=1).detach()
    tool.factor.value = 0.5
    words = read_last(tool.panes[0])
    for place, name in enumerate(herded.class_names[label] for task in herded.tasks for label in task):
        factor = 0.5 if place >= 2 else 1.0
        group = "new" if place >= 2 else "old"
        assert f"as trained, {name}, one of the {group} classes: weight norm {norms[place]:.3f}" in words
        assert f"corrected, {name}, one of the {group} classes: weight norm {factor * norms[place]:.3f}" in words


@pytest.fixture
def read_last():
    """The words of all spots of a stage."""

    def read(pane):
        words = []
        for group in pane.drawing["drawings"][0]["spots"]:
            for spot in range(len(group["x"])):
                text = group["words"]
                for number, (every, values) in enumerate(group["columns"]):
                    text = text.replace(f"{{{number}}}", values[spot // every % len(values)])
                words.append(text)
        return words

    return read


def test_a_touched_point_of_a_curve_sets_its_factor(tool):
    stage = tool.panes[1]
    stage.touched = {"key": "old classes", "number": 6, "row": 0, "column": 6, "words": "", "frame": 0, "count": 1}
    assert tool.factor.value == pytest.approx(FACTORS[6]) == pytest.approx(0.3)
    assert tool.code == "cl.widgets.LastLayer(run, stream, factor=0.3)"


def test_measuring_leaves_the_run_as_it_was(herded, stream, watched):
    before = {name: value.clone() for name, value in herded.model.state_dict().items()}
    watched(cl.widgets.LastLayer, herded, stream, factor=0.1)
    assert all(torch.equal(value, before[name]) for name, value in herded.model.state_dict().items())


def test_a_run_of_other_heads_is_refused(stream):
    run = cl.learn(stream, cl.methods.feature_extraction(8, epochs=1, heads="class"), progress=False)
    with pytest.raises(ValueError, match="heads that are one fully connected layer each"):
        cl.widgets.LastLayer(run, stream)


def test_factors_are_in_equal_steps_and_contain_one():
    assert np.allclose(np.diff(FACTORS), 0.05)
    assert 1.0 in FACTORS
