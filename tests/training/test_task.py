"""A task under way: from a checkpoint it goes on, whatever the method, to the same bits."""

import pytest
import torch
from running import assert_same, learn, left_after
from torch.overrides import TorchFunctionMode

import cltutor as cl
from cltutor.runs.store import Store
from cltutor.training.events import EpochDone, Stepped
from cltutor.training.task import numbered, strides, with_strides

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot")


def resumed(stream, recipe, folder, cuts):
    """The run that was cut after these (task, epoch) and goes on, after a check that it learns nothing again."""
    for task, epoch in cuts:
        left_after(EpochDone, stream, recipe, Store(folder, every=0.0), task, epoch, seed=3)
    events = cl.train(stream, recipe, seed=3, device="cpu", store=folder)
    assert next(events).progress == (task + (epoch + 1) / recipe.schedule.epochs) / len(stream)
    *_, last = events
    assert last.run.seconds["train"] > 0
    return last.run


def by_method(name, epochs=5):  # one at least for each phase of every method
    """Cut in its second task after epoch 2, and after the first epoch of its last phase."""
    recipe = cl.methods.get(name).with_epochs(epochs)
    first = [epochs[0] for _, epochs in recipe.schedule.phases(1) if len(epochs)]
    return recipe, *((1, epoch) for epoch in sorted({2, first[-1]}))


SMALL = cl.memory.ExemplarMemory(capacity=60)
UNITS = {"loss_threshold": 0.0, "drift_threshold": 0.01, "epochs": 10, "learning_rate": 0.05}
CASES = {
    **{name: by_method(name) for name in cl.methods.names()},
    "augmented": (cl.methods.lwm(augmentation=cl.streams.CropFlip(padding=1), epochs=3, batch_size=5), (1, 0)),
    "a phase's teacher, augmented": (cl.methods.eeil(epochs=7, memory=SMALL), (2, 5)),
    "units that come and go": (cl.methods.expandable(**UNITS), (2, 8)),
    "factors": (cl.methods.tensor_factorization(kind="tensor_train", epochs=4), (0, 3)),
    "another optimiser": (cl.methods.lwf(optimiser="rmsprop", learning_rate=0.001, epochs=3), (1, 1)),
    "a rate that has dropped and drops again": (cl.methods.lwf(drop_every=2, epochs=7), (1, 3)),
    "a rate that drops at listed epochs": (cl.methods.icarl(drop_at=(2, 4), drop_by=5, epochs=5, memory=SMALL), (1, 2)),
    "the first task": (cl.methods.si(epochs=3), (0, 1)),
    "between two phases": (cl.methods.lwf(epochs=5), (1, 0)),
    "the last epoch of all": (cl.methods.mas(epochs=2), (2, 1)),
    "from the start again": (cl.methods.joint(restart=True, epochs=2), (0, 1), (1, 0), (2, 0)),
    "all heads taught anew": (cl.methods.eeil_bf(old_teacher="phase", epochs=7, memory=SMALL), (1, 4)),
    "noise by the epoch": (cl.methods.lwf(noise=cl.noise.GradientNoise(form="deviation"), epochs=3), (1, 1)),
    "a full reservoir": (cl.methods.der(capacity=10, epochs=3), (1, 1)),
    "again and again": (cl.methods.si(epochs=3), *((task, epoch) for task in range(3) for epoch in range(3))),
}


@pytest.mark.parametrize("case", CASES)
def test_wherever_a_run_was_cut_it_goes_on_to_the_same_bits(patterns, case, tmp_path):
    """The same seed thus gives the same bits twice."""
    recipe, *cuts = CASES[case]
    assert_same(resumed(patterns, recipe, tmp_path, cuts), learn(patterns, recipe, seed=3))


def test_patience_goes_on_with_the_epochs_counted_so_far(tmp_path):
    stream = cl.streams.digits(tasks=2, classes=(0, 1, 2, 3), validation=0.2).fewer(0.2)
    recipe = cl.methods.finetune(patience=2, epochs=5, learning_rate=1e-5)  # its accuracy stays
    assert_same(resumed(stream, recipe, tmp_path, [(1, epoch) for epoch in range(2)]), learn(stream, recipe, seed=3))


@pytest.mark.parametrize("name", ["lwf", "l2", "joint", "expansion_lwf", "duplicate"])
def test_without_a_checkpoint_it_goes_on_from_the_last_task_to_the_same_bits(patterns, name, tmp_path):
    left_after(Stepped, patterns, name, Store(tmp_path), 1, seed=3, epochs=2)
    events = list(cl.train(patterns, name, seed=3, epochs=2, device="cpu", store=tmp_path))
    assert {event.task for event in events} == {1, 2}, "the first task was learned again"
    assert_same(events[-1].run, learn(patterns, name, seed=3, epochs=2))


def test_the_tensors_of_an_optimiser_are_numbered():
    one, two = torch.zeros(1), torch.ones(1)
    assert numbered(None) == {}
    assert numbered(one) == {"0": one}
    assert numbered((one, two)) == {"0": one, "1": two}


def test_tensors_come_back_in_their_layout_in_memory():
    plain = torch.arange(24.0).reshape(2, 1, 3, 4)
    tensors = {
        "plain": plain,
        "channels last": plain.to(memory_format=torch.channels_last),
        "transposed": torch.arange(6.0).reshape(2, 3).T,
    }
    found = strides(tensors)
    assert set(found) == {"channels last", "transposed"}
    for name, value in tensors.items():
        back = with_strides(value.contiguous().clone(memory_format=torch.contiguous_format), found.get(name))
        assert back.stride() == value.stride()
        assert torch.equal(back, value)


def test_a_checkpoint_contains_one_network_one_momentum_and_no_image(patterns, tmp_path):
    recipe = cl.methods.finetune(epochs=2)
    path, checkpoint = left_after(EpochDone, patterns, recipe, Store(tmp_path, every=0.0), 1, 0, seed=3)
    network = sum(value.nbytes for value in cl.Run.load(path).states[0].values())
    assert checkpoint.stat().st_size < 2.5 * network


class Moves(TorchFunctionMode):
    """Notes the types of the tensors that are sent to a device."""

    def __init__(self):
        super().__init__()
        self.types = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.to and any(isinstance(one, torch.device) for one in args[1:]):
            self.types.add(args[0].dtype)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["eeil", "si", "expandable"])
def test_no_float64_is_sent_to_a_device_which_may_have_none(name, patterns, tmp_path):
    recipe = cl.methods.named(name)(epochs=2)
    left_after(EpochDone, patterns, recipe, Store(tmp_path, every=0.0), 1, 0, seed=3)
    with Moves() as moves:
        learn(patterns, recipe, store=Store(tmp_path), seed=3)
    assert torch.float32 in moves.types
    assert torch.float64 not in moves.types
