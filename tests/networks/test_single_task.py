"""Single-task learning: networks that share nothing but the input normalisation (DF-CNN, section 4.1)."""

import pytest
import torch

from cltutor.networks import ROLES, MultiHead, SingleTask, SmallCNN, TaskCNN
from cltutor.networks.single_task import SingleTaskNetwork

TINY = TaskCNN((2, 3), (4,))
IMAGES = torch.randint(0, 256, (6, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def grown(tasks: int) -> SingleTaskNetwork:
    torch.manual_seed(0)
    network = SingleTask(TINY).build((1, 8, 8))
    network.normalise_like(IMAGES)
    for task in range(tasks):
        network.grow(2 + task)
    return network


def test_training_a_task_leaves_all_others_bit_for_bit():
    network = grown(3)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    answers = network.eval()(IMAGES).logits
    network.train_only(["shared", "new"])
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], 0.1, 0.9, weight_decay=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        network(IMAGES).logits.square().mean().backward()
        optimizer.step()
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {name for name, _ in network.named_parameters() if name.startswith("tasks.2.")}
    assert torch.equal(network.eval()(IMAGES).logits[:, :5], answers[:, :5])


def test_tasks_share_the_input_normalisation_and_no_weight():
    network = grown(3)
    normalise = network.tasks[0].backbone.normalise
    assert normalise.std.item() > 1
    assert all(own.backbone.normalise is normalise for own in network.tasks)
    places = [p.data_ptr() for own in network.tasks for p in own.parameters()]
    assert len(places) == len(set(places)) == 3 * 8
    weights = [own.backbone.trunk[0].weight for own in network.tasks]
    assert not torch.allclose(weights[0], weights[1])
    assert not torch.allclose(weights[1], weights[2])


def test_every_parameter_has_exactly_one_role():
    network = grown(3)
    owned = [id(parameter) for role in ROLES for parameter in network.parameters_of(role)]
    assert len(owned) == len(set(owned))
    assert set(owned) == {id(parameter) for parameter in network.parameters()}
    assert network.parameters_of("shared") == []


def test_the_first_task_has_the_plain_network():
    plain, network = MultiHead(TINY), grown(1).eval()
    torch.manual_seed(0)
    other = plain.build((1, 8, 8)).eval()
    other.normalise_like(IMAGES)
    other.grow(2)
    assert torch.equal(network(IMAGES).logits, other(IMAGES).logits)
    assert torch.equal(network(IMAGES).features, other(IMAGES).features)


def test_only_the_networks_of_the_tasks_that_are_asked_run_and_each_runs_once():
    network, ran = grown(3).eval(), []
    for task, own in enumerate(network.tasks):
        own.backbone.trunk.register_forward_hook(lambda module, inputs, output, task=task: ran.append(task))
    output = network(IMAGES)
    assert ran == []
    assert output.head(0) is output.head(0)
    assert ran == [0]
    assert output.features.shape == (6, 4)
    assert ran == [0, 2]
    expected = torch.cat([own(IMAGES).logits for own in network.tasks], dim=1)
    ran.clear()
    assert torch.equal(output.logits, expected)
    assert ran == [1]


def test_its_tasks_are_said_to_be_separate():
    assert grown(0).separate
    assert not MultiHead(TINY).build((1, 8, 8)).separate


def test_images_of_another_shape_are_refused_in_one_sentence():
    for shape in [(2, 3, 8, 8), (2, 1, 8, 9), (1, 8, 8)]:
        with pytest.raises(ValueError, match=r"^This network was built for images of 1x8x8 \(channels, "):
            grown(1)(torch.zeros(shape, dtype=torch.uint8))


def test_a_state_is_loaded_into_a_network_that_has_grown_alike():
    network = grown(2).eval()
    other = SingleTask(TINY).build((1, 8, 8)).eval()
    for classes in (2, 3):
        other.grow(classes)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.eval()(IMAGES).logits, network(IMAGES).logits)


def test_another_backbone_serves_as_well():
    network = SingleTask(SmallCNN((2,), (3,))).build((1, 8, 8))
    network.grow(2)
    assert network(IMAGES).logits.shape == (6, 2)
