"""Duplicate and fine-tune: copies that never touch each other (LwF, section 1)."""

import torch
from torchvision import models

from cltutor.networks import Copies, SmallCNN, Torchvision

TINY = SmallCNN(channels=(2,), hidden=(6,))
IMAGES = torch.randint(0, 256, (8, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def grown(tasks: int):
    torch.manual_seed(0)
    network = Copies(TINY).build((1, 8, 8))
    for _ in range(tasks):
        network.grow(2)
        with torch.no_grad():  # as if each copy had been trained
            for parameter in network.copies[-1].parameters():
                parameter += torch.randn_like(parameter)
    return network


def test_every_copy_starts_from_the_first_networks_shared_weights_as_they_stand():
    network = grown(2)
    network.grow(3)
    first, second, third = ([*copied.backbone.parameters()] for copied in network.copies)
    assert all(map(torch.equal, third, first))
    assert not any(map(torch.equal, third, second))
    with torch.no_grad():
        first[0].add_(1)
    network.grow(2)
    assert all(map(torch.equal, network.copies[3].backbone.parameters(), first))
    assert not torch.equal(third[0], first[0])


def test_each_head_is_that_of_its_own_copy():
    network = grown(3).eval()
    output = network(IMAGES)
    for task, copied in enumerate(network.copies):
        torch.testing.assert_close(output.head(task), copied(IMAGES).head(0))
    torch.testing.assert_close(output.features, network.copies[2](IMAGES).features)


def test_a_pretrained_head_serves_the_first_task_and_never_a_later_one(tmp_path):
    torch.manual_seed(0)
    model = models.get_model("mobilenet_v3_small", weights=None, num_classes=5)
    torch.save(model.state_dict(), path := tmp_path / "w.pth")
    for first, kept in ((5, True), (4, False)):
        network = Copies(Torchvision("mobilenet_v3_small", str(path))).build((3, 64, 64))
        network.grow(first)
        network.grow(5)
        assert torch.equal(network.copies[0].heads[0].weight[:4], model.classifier[3].weight[:4]) == kept
        assert not torch.equal(network.copies[1].heads[0].weight, model.classifier[3].weight)
