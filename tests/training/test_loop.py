"""The loop: equal to one written by hand, the same numbers every time, resumed after a kill, stopped at once."""

import gc
import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from pretending import Pretending
from running import assert_same, first_known, learn
from torch import nn
from torch.nn import functional as F

import cltutor as cl
from cltutor.losses import Term
from cltutor.losses.terms import Batch
from cltutor.memory import ExemplarMemory
from cltutor.memory.selection import DeadFeatures
from cltutor.methods.registry import JOINT
from cltutor.networks import MultiHead, SmallCNN
from cltutor.networks.devices import devices
from cltutor.recipe.recipe import Phase, Recipe, Schedule
from cltutor.seeds import generator, seeded
from cltutor.training.events import Diverged, EpochDone, OutOfMemory, Stepped, TaskBegun, TaskDone

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot")


def same(state, other):
    return state.keys() == other.keys() and all(torch.equal(state[name], other[name]) for name in state)


def by_hand(stream, distil, epochs=2, rate=0.02, seed=3):
    """Fine-tuning, or LwF without a warm-up, in plain PyTorch: the loop that the learner must equal bit for bit."""
    with seeded(("network", seed)):
        network = MultiHead().build(stream.image_shape)
    network.normalise_like(stream[0].train.images)
    for t, task in enumerate(stream):
        with torch.no_grad():
            old = [network(task.train.images).head(j) for j in range(t)]
        with seeded(("head", seed, t)):
            network.grow(len(task.classes))
        labels = stream.positions(task.train.labels) - 2 * t
        heads = network.heads if distil else network.heads[-1:]
        groups = [{"params": network.backbone.parameters()}, {"params": heads.parameters()}]
        optimizer = torch.optim.SGD(groups, lr=rate, momentum=0.9, weight_decay=0.0005)
        for epoch in range(epochs):
            order = torch.randperm(len(labels), generator=generator("order", seed, t, epoch))
            for places in order.split(24):
                output = network(task.train.images[places])
                loss = F.cross_entropy(output.head(t), labels[places])
                for j in range(t if distil else 0):
                    soft = (F.softmax(old[j][places], 1) ** 0.5).div((F.softmax(old[j][places], 1) ** 0.5).sum(1, True))
                    loss = loss - (soft * (output.head(j) / 2).log_softmax(1)).sum(1).mean()
                network.zero_grad()
                loss.backward()
                parameters = [p for group in optimizer.param_groups for p in group["params"]]
                nn.utils.clip_grad_norm_(parameters, 1.0)
                optimizer.step()
    return network.state_dict()


@pytest.mark.parametrize("name", ["finetune", "lwf"])
def test_the_learner_equals_a_loop_written_by_hand(tiny, name):
    recipe = getattr(cl.methods, name)(batch_size=24, epochs=2, learning_rate=0.02)
    if name == "lwf":
        recipe = Recipe("lwf", recipe.loss, schedule=Schedule(later=JOINT, epochs=2, batch_size=24))
    state, expected = learn(tiny, recipe, seed=3).states[-1], by_hand(tiny, name == "lwf")
    assert state.keys() == expected.keys()
    for key in state:
        torch.testing.assert_close(state[key], expected[key], rtol=1e-4, atol=1e-6)


@dataclass(frozen=True)
class With:
    """A small backbone with another layer inside."""

    layer: type[nn.Module]

    def build(self, image_shape, pretrained=True):
        backbone = SmallCNN((4,), (8,)).build(image_shape)
        backbone.hidden[0].append(self.layer())
        return backbone


def test_dropout_is_drawn_from_the_seed_and_leaves_the_global_generator_alone(tiny):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = learn(tiny, cl.methods.lwf(backbone=With(nn.Dropout), epochs=1))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert same(first.states[-1], learn(tiny, cl.methods.lwf(backbone=With(nn.Dropout), epochs=1)).states[-1])


@pytest.mark.parametrize(("layer", "losses"), [(nn.Dropout, 6), (nn.Identity, 2)])
def test_dropout_differs_at_every_step(tiny, layer, losses):
    """Each step sees all images of a task, and moves nothing."""
    run = learn(tiny, cl.methods.finetune(backbone=With(layer), epochs=3, batch_size=24, learning_rate=1e-30))
    assert len(np.unique(run.curves.loss["CrossEntropy"].round(5))) == losses


def test_events_come_in_order_and_progress_rises_to_one(tiny):
    events = list(cl.train(tiny, "lwf", epochs=2, device="cpu"))
    kinds = [type(event) for event in events]
    assert kinds[0] is TaskBegun
    assert kinds[-1] is TaskDone
    assert kinds.count(TaskBegun) == kinds.count(TaskDone) == 2
    assert kinds.count(EpochDone) == 4
    assert kinds.count(Stepped) == events[-1].run.updates
    progress = [event.progress for event in events]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


def test_a_run_that_is_stopped_keeps_what_it_has(tiny):
    events = cl.train(tiny, "finetune", epochs=2, device="cpu")
    run = next(event.run for event in events if event.task == 1 and isinstance(event, Stepped))
    assert run.learned == 1
    assert not run.complete
    assert run.updates == len(run.curves.step_task) + 1, "it took more than one step after the stop"
    assert np.isfinite(run.accuracy()[0, 0])
    assert np.isnan(run.accuracy()[1]).all()


@dataclass(frozen=True)
class Record(Term):
    """Records, at every step, the outputs of the teacher and of the student."""

    seen: list
    teacher = "task"
    first_task = 1

    def __call__(self, batch, state):
        self.seen.append((batch.images, batch.teacher("task").head(0), batch.student.head(0).detach()))
        return 0 * batch.student.head(0).sum()


@pytest.mark.parametrize("augmentation", [None, cl.streams.CropFlip(padding=2)])
def test_the_teacher_is_the_model_before_the_task_and_answers_for_the_students_own_crop(tiny, augmentation):
    seen = []
    schedule = Schedule(epochs=2, batch_size=12, augmentation=augmentation)
    run = learn(tiny, Recipe("record", cl.losses.CrossEntropy() + Record(seen), schedule=schedule))
    before = run.model_after(0)
    assert len(seen) > 2
    for images, answer, _ in seen:
        torch.testing.assert_close(answer, before(images).head(0))
    assert not torch.allclose(seen[-1][1], seen[-1][2]), "student and teacher are one model"


@pytest.mark.parametrize(
    ("recipe", "made"),
    [(cl.methods.finetune(), False), (cl.methods.lwf(lam=0), False), (cl.methods.lwf(), True)],
)
def test_a_teacher_is_made_only_for_a_term_that_acts(tiny, recipe, made):
    assert ("teacher" in learn(tiny, recipe, epochs=1).memory) == made


@dataclass(frozen=True)
class Drift(Term):
    """Moves all biases of the first head alike, one rate per step, so that no prediction changes; records them."""

    biases: list

    def __call__(self, batch, state):
        return batch.context.network.heads[0].bias.sum() + 0 * batch.student.logits.sum()

    def after_update(self, batch, state):
        self.biases.append(batch.context.network.heads[0].bias[0].item())


def test_the_rate_falls_ten_times_once_when_the_validation_accuracy_stays():
    biases = []
    stream = cl.streams.digits(tasks=2, classes=(0, 1, 2, 3), validation=0.2).fewer(0.1)
    plain = {"momentum": 0, "weight_decay": 0, "clip": 1e9, "batch_size": 1000}
    schedule = Schedule(epochs=8, patience=2, learning_rate=0.01, **plain)
    next(e for e in cl.train(stream, Recipe("drift", Drift(biases), schedule=schedule)) if isinstance(e, TaskDone))
    np.testing.assert_allclose(-np.diff(biases), [0.01] * 2 + [0.001] * 5, rtol=0.02)


@dataclass(frozen=True)
class Breaks(Term):
    """Becomes nan from one step of a task on, or raises an error there."""

    at: int
    value: float = float("nan")
    error: type[Exception] | None = None
    first_task = 1

    def begin_task(self, context, state):
        state["steps"] = torch.tensor(0)

    def __call__(self, batch, state):
        state["steps"] += 1
        if state["steps"] > self.at and self.error:
            raise self.error("MPS backend out of memory (MPS allocated: 9 GB).")
        # The gradient stays finite, so that only this term breaks.
        return (0 * batch.student.logits).sum() + (self.value if state["steps"] > self.at else 1.0)


def breaking(**settings) -> Recipe:
    """Three steps per epoch, four epochs."""
    return Recipe("breaking", cl.losses.CrossEntropy() + Breaks(**settings), schedule=Schedule(epochs=4, batch_size=8))


@pytest.mark.parametrize(("value", "word"), [(float("nan"), "nan"), (float("inf"), "inf")])
def test_divergence_names_step_term_and_rate_and_keeps_what_was_learned(tiny, tmp_path, value, word):
    recipe = breaking(at=7, value=value)
    with pytest.raises(Diverged) as raised:
        learn(tiny, recipe, store=tmp_path)
    sentence = f"Breaks became {word} at step 1 of epoch 2 of task 1 of breaking, at a learning rate of 0.02: "
    assert str(raised.value).startswith(sentence + "lower learning_rate=0.02 or the weight of Breaks.")
    run = raised.value.run
    assert run.learned == 1
    assert np.isfinite(run.accuracy()[0, 0])
    assert same(cl.Run.load(next(tmp_path.glob("*.safetensors")), recipe).states[0], run.states[0])


def test_divergence_travels_between_processes_with_its_run(tiny):
    with pytest.raises(Diverged) as raised:
        learn(tiny, cl.methods.finetune(learning_rate=1e30, epochs=2))
    there = pickle.loads(pickle.dumps(raised.value))
    assert str(there) == str(raised.value)
    assert there.run.recipe == raised.value.run.recipe


@dataclass(frozen=True)
class Lifeless(ExemplarMemory):
    """Finds that the network gives its images no features, as after too large a rate."""

    def selected(self, context, count):
        raise DeadFeatures("The features of image 0 have length zero.")


def test_features_that_died_end_the_run_as_divergence_does(tiny):
    with pytest.raises(Diverged) as raised:
        learn(tiny, cl.methods.icarl(memory=Lifeless(12), epochs=1, learning_rate=0.3))
    words = "The features of image 0 have length zero. This happened in task 0 of icarl: lower learning_rate=0.3."
    assert str(raised.value).startswith(words)
    assert raised.value.run.learned == 0


@dataclass(frozen=True)
class Cliff(Term):
    """A finite value whose gradient is nan."""

    def __call__(self, batch, state):
        return (0 * batch.student.logits).sum().abs().sqrt()


def test_weights_broken_by_the_very_last_step_of_a_task_are_reported(tiny):
    with pytest.raises(Diverged, match="Cliff made .* infinite or NaN at the last step of task 0 of cliff"):
        learn(tiny, Recipe("cliff", Cliff(), schedule=Schedule(epochs=1, batch_size=64)))


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError])  # Apple's GPUs have none of their own
@pytest.mark.parametrize(
    ("batch_size", "device", "advice"),
    [
        (8, "cuda", "batch_size=4 instead of 8"),
        (1, "cuda", 'a smaller network, or device="cpu"'),
        (1, "cpu", "a smaller network"),
    ],
)
def test_a_full_device_is_reported_with_what_to_try_and_all_of_the_run_is_released(
    tiny, error, batch_size, device, advice
):
    recipe = replace(breaking(at=2, error=error), schedule=Schedule(epochs=2, batch_size=batch_size))
    before, owner = in_memory(), {"cpu": "this machine", "cuda": "cuda"}[device]
    sentence = f"^The memory of {owner} is full in task 1 of breaking: try {advice}. Tasks learned before it are kept.$"
    with Pretending(), pytest.raises(OutOfMemory, match=sentence) as raised:
        cl.learn(tiny, recipe, device=device, progress=False)
    assert raised.value.run.learned == 1
    assert np.isfinite(raised.value.run.accuracy()[0, 0])
    assert in_memory() == before, "what did not fit is still there: the batch with its graph, the pool or the network"


def in_memory() -> list[int]:
    """How many batches, pools and networks there are."""
    gc.collect()
    kinds, alive = (Batch, cl.memory.Pool, cl.networks.Network), gc.get_objects()
    return [sum(issubclass(type(one), kind) for one in alive) for kind in kinds]


class Full(nn.Module):
    """Does not fit into memory in evaluation, a single image apart."""

    def forward(self, images):
        if len(images) > 1 and not self.training and not torch.is_grad_enabled():
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return images


def test_where_no_batch_was_computed_a_smaller_one_is_no_advice(tiny):
    with pytest.raises(OutOfMemory, match=r"try fewer images \(stream.fewer\) or a smaller network. Tasks"):
        learn(tiny, cl.methods.finetune(backbone=With(Full), epochs=1))


def test_patience_needs_validation_images_of_every_task_that_is_trained_the_first_one_too():
    watched = cl.streams.digits(tasks=2, classes=range(4), validation=0.2).fewer(0.1)
    none = cl.streams.Split.empty(watched.image_shape)
    first, second = watched
    recipe = cl.methods.lwf(patience=1, epochs=2)
    cut = ([replace(first, validation=none), second], [first, replace(second, validation=none)])
    for unwatched, tasks in enumerate(cut):
        stream = cl.streams.Stream(tasks, watched.class_names, "cut", "cut()")
        with pytest.raises(
            ValueError, match=f"^patience watches .* task {unwatched} has no validation images: make the"
        ):
            next(cl.train(stream, recipe))
    known = cl.streams.Stream([replace(first, train=none, validation=none), second], watched.class_names, "k", "k()")
    assert learn(known, recipe).complete


ABSENT = next(kind for kind in ("cuda", "xpu") if kind not in devices())  # no machine has both


@pytest.mark.parametrize(
    ("recipe", "device", "words"),
    [
        (cl.methods.lwf(patience=3), "cpu", "make the stream with validation=0.1"),
        (Recipe("silent", cl.losses.Distillation()), "cpu", r"acts in task 0: add CrossEntropy\(\)"),
        (cl.methods.finetune(), ABSENT, rf"what this machine has \(cpu.*\), not '{ABSENT}'"),
    ],
)
def test_what_cannot_be_learned_is_refused_before_training(tiny, recipe, device, words):
    with pytest.raises(ValueError, match=words):
        next(cl.train(tiny, recipe, device=device))


def test_a_pretrained_network_keeps_its_first_task_without_training_images(tmp_path):
    pytest.importorskip("torchvision")
    from torchvision import models

    torch.save(models.squeezenet1_0(num_classes=2).state_dict(), tmp_path / "weights.pth")
    images = torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(16) % 4
    stream = first_known(cl.streams.tensors(images, labels, images, labels, tasks=2))
    backbone = cl.networks.Torchvision("squeezenet1_0", weights=str(tmp_path / "weights.pth"))
    run = learn(stream, cl.methods.feature_extraction(backbone=backbone, hidden=8, epochs=1))
    original = backbone.build((3, 32, 32)).pretrained_classifier[0].state_dict()
    kept = run.model.heads[0].state_dict()
    assert all(torch.equal(kept[name], original[name]) for name in kept)
    assert run.accuracy()[0, 0] == run.accuracy()[1, 0], "frozen features changed the old task"


def test_an_anchor_too_stiff_for_the_learning_rate_is_reported_before_training():
    """Heavy ball on 1/2 c x^2 diverges beyond rate c = 2 (1 + momentum): here c = lam, as Omega is 1."""
    stream = cl.streams.digits(tasks=2).fewer(0.1)
    bound = 2 * (1 + 0.9) / 0.02
    with pytest.warns(UserWarning, match=r"l2: .* lower lam or learning_rate 2 times"):
        cl.learn(stream, cl.methods.l2(lam=2 * bound, epochs=1), progress=False)
    cl.learn(stream, cl.methods.l2(lam=0.99 * bound, epochs=1), progress=False)


def test_a_batch_without_gradient_for_the_parameters_that_learn_moves_nothing(tiny):
    """Joint training alternates batches of old and new tasks; only the new head learns in its warm-up."""
    warm = Phase(name="warm-up", share=1.0, new=1.0)
    schedule = Schedule(later=(warm,), first=(Phase(shared=1.0, new=1.0),), epochs=2, learning_rate=0.1)
    recipe = Recipe("warm", cl.losses.CrossEntropy(), memory=cl.memory.Everything(interleaved=True), schedule=schedule)
    run = learn(tiny, recipe)
    before, after = run.states[0], run.states[1]
    assert all(torch.equal(before[name], after[name]) for name in before)
    drawn = cl.learn(tiny, replace(recipe, schedule=replace(schedule, learning_rate=1e-12)), progress=False).states[1]
    new = after.keys() - before.keys()
    assert new
    assert all(not torch.equal(after[name], drawn[name]) for name in new)


def test_a_callback_gets_every_event_and_its_error_ends_the_run_where_it_stands(tiny, tmp_path):
    heard, recipe = [], cl.methods.finetune(epochs=2)
    learn(tiny, recipe, callback=heard.append)
    assert [type(event) for event in heard] == [type(event) for event in cl.train(tiny, recipe, device="cpu")]

    def fail(event):
        if isinstance(event, TaskBegun) and event.task == 1:
            raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        learn(tiny, recipe, store=tmp_path, callback=fail)
    (path,) = tmp_path.glob("*.safetensors")
    assert cl.Run.load(path).learned == 1
    assert_same(learn(tiny, recipe, store=tmp_path), learn(tiny, recipe))  # the lock was released
