"""Which modules depend on training mode, and a pass in evaluation mode that can be differentiated afterwards."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.ops import StochasticDepth

from cltutor.networks import MultiHead, ResNet32, SmallCNN, TaskCNN
from cltutor.networks.modes import as_tested, differs_in_training


class OwnDropout(nn.Module):
    def forward(self, values):
        return F.dropout(values, 0.5, self.training)


class Inherited(OwnDropout):
    pass


@pytest.mark.parametrize(
    "module",
    [
        *(nn.BatchNorm2d(2), nn.InstanceNorm2d(2, track_running_stats=True), nn.Dropout(), nn.Dropout2d(), nn.RReLU()),
        *(nn.AlphaDropout(), StochasticDepth(0.1, "row"), nn.MultiheadAttention(4, 2, 0.1), OwnDropout(), Inherited()),
    ],
)
def test_a_module_whose_code_reads_its_mode_differs_in_training_and_only_then(module):
    model = nn.Sequential(nn.Linear(2, 2), nn.ModuleList([module]))
    assert differs_in_training(model)
    module.eval()
    assert not differs_in_training(model)


@pytest.mark.parametrize(("backbone", "differs"), [(SmallCNN(), False), (TaskCNN(), True), (ResNet32(), True)])
def test_the_small_cnn_needs_no_second_pass(backbone, differs):
    built = MultiHead(backbone).build((3, 16, 16))
    built.grow(2)
    assert differs_in_training(built) == differs


def test_a_later_pass_in_training_mode_does_not_change_the_gradient_of_the_one_in_evaluation_mode():
    torch.manual_seed(0)
    model, images = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)), torch.randn(4, 1, 5, 5)
    twin = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).eval()
    twin.load_state_dict(model.state_dict())
    expected = torch.autograd.grad(twin(images).square().sum(), list(twin.parameters()))
    with as_tested(model):
        output = model(images)
    assert torch.equal(model[1].running_mean, torch.zeros(2))
    model(images)
    assert model[1].running_mean.abs().max() > 0
    assert model[1].num_batches_tracked == 1
    for found, own in zip(torch.autograd.grad(output.square().sum(), list(model.parameters())), expected, strict=True):
        torch.testing.assert_close(found, own)
