"""Duplicate and fine-tune: copies that never touch each other (LwF, section 1)."""

import torch

from cltutor.networks import Copies, SmallCNN

TINY = SmallCNN(channels=(2,), hidden=(6,))
IMAGES = torch.randint(0, 256, (8, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def train_newest(network, steps: int = 5) -> None:
    """SGD with everything that could leak into frozen weights: momentum and a strong weight decay."""
    network.train_only(("shared", "new"))
    parameters = network.parameters_of("shared") + network.parameters_of("new")
    optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        network(IMAGES).logits.square().sum().backward()
        optimizer.step()


def state(module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def grown(tasks: int):
    torch.manual_seed(0)
    network = Copies(TINY).build((1, 8, 8))
    network.normalise_like(IMAGES)
    for _ in range(tasks):
        network.grow(2)
        train_newest(network)
    return network


def test_every_copy_starts_from_the_first_networks_shared_weights_as_they_stand():
    network = grown(2)
    network.grow(3)
    assert same(state(network.copies[2].backbone), state(network.copies[0].backbone))
    assert not same(state(network.copies[2].backbone), state(network.copies[1].backbone))
    with torch.no_grad():
        next(network.copies[0].backbone.parameters()).add_(1)
    network.grow(2)
    assert same(state(network.copies[3].backbone), state(network.copies[0].backbone))


def test_each_head_is_that_of_its_own_copy():
    network = grown(3).eval()
    output = network(IMAGES)
    for task, copied in enumerate(network.copies):
        torch.testing.assert_close(output.head(task), copied(IMAGES).head(0))
    torch.testing.assert_close(output.features, network.copies[2](IMAGES).features)


def test_a_pretrained_head_serves_the_first_task_and_never_a_later_one(tmp_path):
    from torchvision import models

    from cltutor.networks import Torchvision

    torch.manual_seed(0)
    model = models.get_model("mobilenet_v3_small", weights=None, num_classes=5)
    torch.save(model.state_dict(), path := tmp_path / "w.pth")
    for first, kept in ((5, True), (4, False)):
        network = Copies(Torchvision("mobilenet_v3_small", str(path))).build((3, 64, 64))
        network.grow(first)
        network.grow(5)
        assert torch.equal(network.copies[0].heads[0].weight[:4], model.classifier[3].weight[:4]) == kept
        assert not torch.equal(network.copies[1].heads[0].weight, model.classifier[3].weight)
