"""A network that cannot learn the stream is refused before any time is spent."""

import threading
from dataclasses import dataclass, replace

import pytest
import torch
from running import learn
from torch import nn

import cltutor as cl
from cltutor.describe import Described
from cltutor.losses import CrossEntropy
from cltutor.networks import MultiHead, SmallCNN, Torchvision
from cltutor.networks.backbone import Backbone, Normalise
from cltutor.recipe.recipe import Phase, Recipe, Schedule
from cltutor.training.rehearsal import Undrawn, rehearse

pytestmark = pytest.mark.filterwarnings("ignore:.*has one class")


@dataclass(frozen=True, repr=False)
class OwnBackbone(Described):
    """A user's backbone, whose trunk is made by ``kind``."""

    kind: str = "right"

    def build(self, image_shape, pretrained=True):
        trunks = {
            "right": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 4)),
            "wrong width": lambda: nn.Sequential(nn.Flatten(), nn.Linear(63, 4)),
            "reads weights": lambda: ReadsWeights(),
        }
        return Backbone(Normalise([0.0], [1.0]), trunks[self.kind](), [], 4)


class ReadsWeights(nn.Module):
    """It cannot be built of zeros: it divides by a weight."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 4)
        self.scale = 1 / int(self.layer.weight.detach().abs().max() * 1e6)

    def forward(self, pixels):
        return self.scale * self.layer(pixels.flatten(1))


@dataclass(frozen=True, repr=False)
class OwnNetwork(MultiHead):
    """A user's network, whose second task goes wrong in a way of its own."""

    fault: str = "none"

    def build(self, image_shape, pretrained=True):
        network = super().build(image_shape, pretrained)
        grow = network.grow

        def growing(classes, names=()):
            if network.classes and self.fault == "raises":
                raise RuntimeError("the second head is missing")
            grow(classes + 1) if network.classes and self.fault == "one class too many" else grow(classes, names)

        network.grow = growing
        parts = network.parts
        network.parts = lambda: {**parts(), **({"code": []} if self.fault == "no code" else {})}
        return network


def of(network, **settings):
    return Recipe("own", loss=CrossEntropy(), network=network, schedule=Schedule(epochs=1, **settings))


@pytest.mark.parametrize("name", cl.methods.names())
def test_every_method_passes_its_rehearsal_and_draws_no_random_number(name, tiny):
    before = torch.get_rng_state()
    rehearse(tiny, cl.methods.get(name))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (MultiHead(OwnBackbone("wrong width")), "cannot learn images of 1x8x8|do not pass through this network"),
        (OwnNetwork(fault="raises"), "the second head is missing"),
        (OwnNetwork(fault="one class too many"), r"4 classes with logits of shape \(1, 5\), not \(1, 4\)"),
        (MultiHead(Torchvision("alexnet")), "8x8 pixels do not pass through|channel"),
        (MultiHead(Torchvision("vit_b_16")), "8x8 pixels do not pass through|channel"),
    ],
)
def test_a_network_that_cannot_learn_the_second_task_is_refused_in_a_sentence_before_a_file_is_made(
    network, words, tiny, tmp_path
):
    with pytest.raises(ValueError, match=words) as refused:
        learn(tiny, of(network), store=tmp_path / "runs")
    assert str(refused.value).endswith(".")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "runs").exists()


def test_a_comparison_refuses_its_last_method_before_it_learns_the_first(tiny, tmp_path):
    with pytest.raises(ValueError, match="the second head is missing"):
        cl.compare(tiny, ["finetune", of(OwnNetwork(fault="raises"))], epochs=1, store=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_phase_of_the_second_task_in_which_nothing_learns_is_refused(tiny):
    class Idle(OwnNetwork):
        roles = (*MultiHead.roles, "code")

    with pytest.raises(ValueError, match="'autoencoders' trains code parameters, and this network has none"):
        learn(tiny, of(Idle(fault="no code"), later=(Phase("autoencoders", code=1.0), Phase(new=1.0))))


def test_a_network_that_cannot_be_built_of_zeros_is_rehearsed_with_drawn_weights(tiny):
    run = learn(tiny, of(MultiHead(OwnBackbone("reads weights"))))
    assert run.complete


def test_a_recipe_that_cannot_be_hashed_is_rehearsed_too(tiny):
    @dataclass(frozen=True, repr=False, eq=False)
    class Unhashable(OwnNetwork):
        __hash__ = None

    rehearse(tiny, of(Unhashable()))
    with pytest.raises(ValueError, match="the second head is missing"):
        rehearse(tiny, of(Unhashable(fault="raises")))


def test_weights_stay_zeros_in_this_thread_alone():
    made = []
    with Undrawn():
        made.append(MultiHead(SmallCNN()).build((1, 8, 8)))
        other = threading.Thread(target=lambda: made.append(MultiHead(SmallCNN()).build((1, 8, 8))))
        other.start()
        other.join()
    here, there = (float(next(network.parameters()).detach().abs().sum()) for network in made)
    assert here == 0 < there


def test_what_an_architecture_computes_with_tensors_of_its_own_is_computed():
    with Undrawn():
        drawn = nn.init.trunc_normal_(nn.Linear(3, 3).weight)
        widths = (torch.arange(3) * 2.0 + 8).add_(1).clamp_(max=12)
    assert float(drawn.detach().abs().sum()) == 0
    assert widths.tolist() == [9, 11, 12]


def test_a_first_task_without_images_needs_no_phase_that_learns(tiny):
    known = replace(tiny[0], train=cl.streams.Split.empty(tiny.image_shape))
    stream = cl.streams.Stream([known, *tiny[1:]], tiny.class_names, "known", "known()")
    rehearse(stream, of(MultiHead(), first=(Phase(old=1.0),)))


def test_a_tensor_where_discarded_zeros_were_is_computed():
    with Undrawn():
        for _ in range(50):
            torch.empty(64)
            doubled = torch.arange(64.0).mul_(2)
            assert doubled[-1] == 126
            whole = torch.empty(3, dtype=torch.int64).fill_(1).add_(1)
            assert whole.tolist() == [2, 2, 2]
