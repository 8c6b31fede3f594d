"""Several labels an image: the loss by hand, the recipes, and what refuses such images."""

import pytest
import torch
from running import grown

import cltutor as cl
from cltutor.losses import Batch, Context, CrossEntropy, Distillation, LabelCrossEntropy
from cltutor.losses.labels import label_loss
from cltutor.networks import MultiHead, SmallCNN
from cltutor.streams import Split, Stream, Task
from cltutor.streams.split import of_marks

STREAM = cl.streams.several(tasks=[2, 3], classes=range(5), size=8, per_task=(12, 6))
SMALL = SmallCNN((4, 4), (8,))
LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]])
MARKS = torch.tensor([[True, True, False], [False, False, True]])
TASK_OF = torch.tensor([0, 0, 1])


def test_the_loss_is_the_sum_over_the_labels_of_the_images_own_task():
    def binary(logit, mark):
        chance = 1 / (1 + torch.exp(-logit))
        return -torch.log(chance) if mark else -torch.log(1 - chance)

    by_hand = (binary(LOGITS[0, 0], True) + binary(LOGITS[0, 1], True) + binary(LOGITS[1, 2], True)) / 2
    torch.testing.assert_close(label_loss(LOGITS, MARKS, torch.tensor([0, 2]), TASK_OF), by_hand)


def test_an_unknown_label_of_another_task_has_no_gradient():
    logits = LOGITS.clone().requires_grad_()
    label_loss(logits, MARKS, torch.tensor([0, 2]), TASK_OF).backward()
    assert logits.grad[0, 2] == 0
    assert not logits.grad[1, :2].any()
    chance = torch.sigmoid(LOGITS)
    torch.testing.assert_close(logits.grad[0, :2], (chance - 1)[0, :2] / 2)


def test_with_one_label_an_image_the_others_of_its_task_are_absent():
    network = grown(MultiHead(SMALL), 2, 1)
    images, labels = torch.randint(0, 256, (4, 1, 8, 8), dtype=torch.uint8), torch.tensor([0, 1, 1, 2])
    batch = Batch(Context(network, 1), images, labels, torch.arange(4), [0, 1], TASK_OF, "task", {})
    marks = torch.nn.functional.one_hot(labels, 3)
    expected = label_loss(network(images).logits, marks, labels, TASK_OF)
    torch.testing.assert_close(LabelCrossEntropy()(batch, {}), expected)


def test_lwf_for_several_labels_sums_sigmoids_over_new_and_over_old_labels():
    recipe = cl.methods.for_several_labels("lwf")
    assert recipe.loss == LabelCrossEntropy() + Distillation(kind="sigmoid")
    assert recipe.schedule == cl.methods.lwf().schedule
    assert cl.methods.for_several_labels(cl.methods.finetune(epochs=3)).schedule.epochs == 3
    network, before = grown(MultiHead(SMALL), 2, 1), grown(MultiHead(SMALL), 2)
    with torch.no_grad():
        network.heads[0].bias += 1
    images = torch.randint(0, 256, (4, 1, 8, 8), dtype=torch.uint8)
    teachers = {"task": lambda batch: before(batch.images)}
    batch = Batch(Context(network, 1), images, torch.full((4,), 2), torch.arange(4), [1], TASK_OF, "task", teachers)
    soft, now = torch.sigmoid(before(images).logits), network(images).head(0)
    by_hand = -(soft * torch.log(torch.sigmoid(now)) + (1 - soft) * torch.log(1 - torch.sigmoid(now))).sum(1).mean()
    torch.testing.assert_close(dict(recipe.loss.named())["Distillation"][1](batch, {}), by_hand)


@pytest.mark.parametrize("name", ["finetune", "lwf", "joint", "mas"])
def test_a_run_learns_every_label_and_measures_mean_average_precision(name):
    recipe = cl.methods.for_several_labels(cl.methods.named(name)(epochs=3, backbone=SMALL))
    run = cl.learn(STREAM, recipe, device="cpu", progress=False)
    found = run.mean_average_precision()
    assert ((found >= 0) & (found <= 1)).sum() == 3
    scores = run.model(STREAM[0].test.images).logits[:, :2]
    marks = STREAM[0].test.marks[:, list(STREAM[0].classes)]
    each = [cl.metrics.average_precision(scores[:, c].numpy(), marks[:, c].numpy()) for c in range(2)]
    assert found[1, 0] == pytest.approx(sum(each) / 2)
    right = marks[range(6), scores.argmax(dim=1)].double().mean().item()
    assert run.accuracy()[1, 0] == pytest.approx(right)


def test_a_saved_run_has_its_mean_average_precision(tmp_path):
    recipe = cl.methods.for_several_labels(cl.methods.finetune(epochs=1, backbone=SMALL))
    run = cl.learn(STREAM, recipe, device="cpu", progress=False)
    run.save(tmp_path / "run.safetensors")
    torch.testing.assert_close(
        torch.from_numpy(cl.Run.load(tmp_path / "run.safetensors").mean_average_precision()),
        torch.from_numpy(run.mean_average_precision()),
        equal_nan=True,
    )


@pytest.mark.parametrize("name", ["finetune", "eeil", "er", "ewc", "packnet", "gdumb", "ncm"])
def test_methods_of_one_label_an_image_are_refused_in_one_sentence(name):
    with pytest.raises(ValueError, match=r"^Images of this stream have several labels, and .* takes one: use"):
        cl.learn(STREAM, name, progress=False)


def test_what_no_several_labels_are_is_refused_in_one_sentence():
    images = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"^image 1 has no label: each row of marks has one class or more\.$"):
        of_marks(images, torch.tensor([[1, 0], [0, 0]]))
    with pytest.raises(ValueError, match=r"^marks are 0 or 1 for each of 2 images and each class, not"):
        of_marks(images, torch.tensor([[2, 0], [0, 1]]))
    one, two = Split(images, torch.tensor([0, 1])), of_marks(images, torch.eye(2))
    tasks = [Task(0, (0, 1), one, Split.empty((1, 8, 8)), two)]
    with pytest.raises(ValueError, match="either all images of a stream have marks of several labels, or none has"):
        Stream(tasks, ["a", "b"], "own", "own()")
    recipe = cl.methods.for_several_labels("finetune")
    with pytest.raises(ValueError, match="record keeps one class for each image"):
        cl.learn(STREAM, recipe, record="predictions", progress=False)


@pytest.mark.parametrize(
    "measure",
    [
        cl.probing.class_accuracy,
        lambda run, stream: cl.probing.group_accuracy(run, stream, [[0, 1]]),
        cl.probing.before_learning,
        lambda run, stream: cl.probing.damaged_accuracy(
            run.model, stream, {n: torch.ones_like(p) for n, p in run.model.named_parameters()}, [0.1]
        ),
        cl.metrics.retrieval,
    ],
)
def test_a_measure_that_would_read_the_first_label_alone_is_refused_in_one_sentence(measure):
    stream = cl.streams.domains(STREAM, "rotations", tasks=2)
    recipe = cl.methods.for_several_labels(cl.methods.finetune(epochs=1, backbone=SMALL))
    run = cl.learn(stream, recipe, device="cpu", progress=False)
    words = r"^\w+.* needs images with one label, and those of .* have several: run.mean_average_precision\(\) measures"
    with pytest.raises(ValueError, match=words):
        measure(run, stream)


def test_each_softmax_term_becomes_one_of_sigmoids_in_phases_too():
    recipe = cl.methods.for_several_labels(cl.methods.eeil())
    losses = [recipe.loss, *(phase.loss for phase in recipe.schedule.later if phase.loss)]
    assert not any(type(term) is CrossEntropy for loss in losses for _, term in loss.terms)
    assert all(term.kind == "sigmoid" for loss in losses for _, term in loss.terms if isinstance(term, Distillation))
