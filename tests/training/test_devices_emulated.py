"""On an accelerator every method would run: no operation mixes devices, and no training step waits for the device.

No GPU is at hand: one is pretended (pretending.py), which shows what the rules of devices forbid and nothing else.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from cltutor.noise import GradientNoise
from pretending import Pretending

import cltutor as cl
from cltutor import methods
from cltutor.describe import choice
from cltutor.evaluation.answers import chunks
from cltutor.importance.samples import usual_chunk
from cltutor.losses.terms import Term
from cltutor.networks import ResNet32, SmallCNN, TaskCNN
from cltutor.recipe.recipe import Recipe, Schedule
from cltutor.runs.store import Store
from cltutor.training.events import EpochDone, Stepped

SMALL = TaskCNN(channels=(4, 4, 4, 4), hidden=(20,))

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot", "ignore:.*has one class")


def learn(stream, recipe, store):
    """What went wrong on a pretended accelerator: sentences about any time, and about waits within a step (what happens
    between two steps of an epoch). The run is interrupted once, after the first epoch of the last task, and resumed."""
    store, waits, steps = Store(store, every=0), Counter(), 0
    with Pretending() as state:
        for resumed in (False, True):
            before = None
            for event in cl.train(stream, recipe, device="cuda", store=store):
                if isinstance(before, Stepped) and isinstance(event, Stepped):
                    waits, steps = waits + state.waits, steps + 1
                state.waits.clear()
                before = event
                if isinstance(event, EpochDone) and event.task == len(stream) - 1 and not resumed:
                    break
    assert event.run.complete
    assert steps > 2
    return [*state.faults, *waits]


def make(name, **settings):
    """The method on small networks, with as few epochs as give one to each phase."""
    for backbone in ({"backbone": SMALL}, {}):
        try:
            recipe = methods.named(name)(**backbone, batch_size=8, **settings)
            break
        except methods.UnknownSetting:
            pass
    fewest = next(e for e in range(1, 99) if all(n for _, n in recipe.with_epochs(e).schedule.phases(1)))
    return recipe.with_epochs(fewest)


NAMES = methods.names()


@pytest.mark.parametrize("name", NAMES)
def test_no_method_mixes_devices_or_waits_for_the_device_in_a_step(name, tiny, tmp_path):
    found = learn(tiny, make(name), tmp_path)
    own = methods.named(name).__module__.startswith("cltutor.")  # a user's own may wait: it is slower and no less right
    assert [what for what in found if own or what.endswith("two devices")] == []


MORE = [
    ("lwf", {"augmentation": cl.streams.CropFlip(padding=1), "noise": GradientNoise(), "optimiser": "rmsprop"}),
    ("lwm", {"augmentation": cl.streams.CropFlip(padding=1), "backbone": SmallCNN((4, 4))}),
    ("eeil", {"predict": "nearest_mean_mirrored", "backbone": SMALL}),
    ("finetune", {"backbone": ResNet32(), "epochs": 1}),
]


@pytest.mark.parametrize(("name", "settings"), MORE, ids=[name for name, _ in MORE])
def test_nor_does_what_its_settings_add(name, settings, tiny, tmp_path):
    recipe = methods.named(name)(**{"batch_size": 8, "epochs": 5} | settings)
    assert learn(tiny, recipe, tmp_path) == []


FAULTS = {
    "tensors on two devices": lambda batch: batch.student.logits + torch.zeros(len(batch.images), 1),
    "aten._local_scalar_dense.default": lambda batch: batch.student.logits * batch.labels.max().item(),
    "a copy to the device": lambda batch: batch.student.logits[torch.arange(2).to(batch.images.device)],
    "a copy from the device": lambda batch: batch.student.logits * float(batch.labels.cpu()[0]),
    "indexed by a mask": lambda batch: batch.student.logits[batch.labels >= 0],
    "indexed by places on the CPU": lambda batch: batch.student.logits[torch.arange(2)],
    "a tensor made of numbers of the CPU": lambda batch: batch.student.logits + on(batch, torch.tensor, [0.5]),
    "tolist": lambda batch: batch.student.logits * batch.labels.tolist()[0],
    "float64, which Apple's GPUs do not have": lambda batch: batch.student.logits.double(),
    "an array of a tensor on the device": lambda batch: batch.student.logits * float(batch.labels.numpy()[0]),
    "random numbers of another device's generator": lambda batch: (
        batch.student.logits + on(batch, torch.randn, 1, generator=batch.generator("noise"))
    ),
}


def on(batch, make, *args, **kwargs):
    return make(*args, **kwargs, device=batch.images.device)


@dataclass(frozen=True, repr=False)
class Faulty(Term):
    """A term that is wrong on a GPU, and right on a CPU."""

    fault: str = choice("tolist", tuple(FAULTS))

    def __call__(self, batch, state):
        return FAULTS[self.fault](batch).mean()


@pytest.mark.parametrize("fault", FAULTS)
def test_each_kind_of_fault_is_found_where_it_is_made(fault, tiny, tmp_path):
    recipe = Recipe("faulty", cl.losses.CrossEntropy() + Faulty(fault), schedule=Schedule(epochs=1, batch_size=8))
    found = learn(tiny, recipe, tmp_path)
    assert [what for what in found if fault in what and "test_devices_emulated.py" in what]


def test_a_tensor_of_the_cpu_with_one_number_joins_others_only_element_by_element():
    with Pretending() as state:
        there, number = torch.ones(2, device="cuda"), torch.tensor(2.0)
        assert there.device.type == (there * number).device.type == "cuda"
        assert number.device.type == (number + 1).device.type == there.cpu().device.type == "cpu"
        assert not state.faults
        torch.cat([there, number.reshape(1)])
        torch.index_select(torch.ones(2), 0, there.long())
        torch.ones(2)[there.long()]
    assert [what.partition(",")[0] for what in state.faults] == [
        "aten.cat.default of tensors on two devices",
        "aten.index_select.default of tensors on two devices",
        "a tensor of the CPU indexed by one on the device",
    ]


@pytest.mark.parametrize(
    ("device", "side", "answered", "measured"),
    [
        ("cpu", 8, [512, 512, 8], 64),
        ("cpu", 32, [32, 3], 64),
        ("cuda", 8, [2048, 952], 512),
        ("cuda", 256, [96, 2], 64),
    ],
)
def test_an_accelerator_is_shown_more_images_at_a_time_and_fewer_large_ones(device, side, answered, measured):
    images = torch.zeros(sum(answered), 1, side, side, dtype=torch.uint8)
    place = torch.device(device)
    with Pretending():
        assert [len(chunk) for chunk in chunks(images, place)] == answered
        assert usual_chunk(images, place) == measured


def test_what_is_asked_about_a_network_is_computed_where_it_is(tiny):
    run = cl.learn(tiny, make("si"), device="cpu", progress=False)
    images, labels = tiny[0].test.images, tiny[0].test.labels
    with Pretending() as state:
        network = run.model_on("auto", after=0)
        layer = cl.attention.last_block(network, images[:1])
        found = [
            cl.importance.mas(network, images, task=0),
            cl.importance.mas(network, images, output="vector"),
            cl.importance.mas_local(network, images),
            cl.importance.fisher(network, images, labels, task=0),
            cl.importance.fisher(network, images),
            cl.attention.grad_cams(network, images, labels, [layer]),
            {"all": cl.attention.drift(*[cl.attention.grad_cam(network, images, column, layer) for column in (0, 1)])},
            {"rule": cl.predicting.PREDICTIONS["nearest_mean"](network, lambda: (images, labels))(network, images)},
            dict(
                enumerate(
                    cl.importance.damage(
                        network, {n: torch.ones_like(p) for n, p in network.named_parameters()}, 0.5
                    ).parameters()
                )
            ),
        ]
        assert {value.device.type for one in found for value in one.values()} == {"cuda"}
        for which in ("least", "random"):
            cl.probing.damaged_accuracy(network, tiny, found[0], [0.5], which, how="perturb")
        cl.show.importance({"mas": found[0]}, next(iter(cl.importance.shared_weights(network))))
        assert cl.probing.group_accuracy(run, tiny, [[0, 1]], device="cuda").shape == (2, 1)
        assert np.isfinite(cl.metrics.retrieval(run, tiny, device="cuda")["all"])
    assert list(state.faults) == []
