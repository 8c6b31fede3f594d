from dataclasses import replace

import numpy as np
import pytest
import torch

import cltutor as cl


@pytest.fixture(scope="module")
def learned():
    stream = cl.streams.digits(tasks=[4, 3, 3], order=1).fewer(0.3)
    return stream, cl.learn(stream, "finetune", epochs=1, progress=False)


def accuracy(network, split, task):
    """The share of images that are classified as their own class among those of their task."""
    found = torch.tensor(task.classes)[network(split.images).head(task.index).argmax(1)]
    return pytest.approx((found == split.labels).double().mean().item())


def test_the_accuracy_of_a_class_is_the_mean_over_its_images_among_the_classes_of_its_task(learned):
    stream, run = learned
    found = cl.probing.class_accuracy(run, stream)
    assert found.shape == (3, 10)
    for now in range(3):
        for task in stream[: now + 1]:
            for label, column in zip(task.classes, stream.positions(torch.tensor(task.classes)), strict=True):
                own = task.test.take(task.test.labels == label)
                assert found[now, column] == accuracy(run.model_after(now), own, task)
        assert np.isnan(found[now, sum(map(len, run.tasks[: now + 1])) :]).all()


def test_a_run_that_stopped_has_nan_for_what_it_has_not_learned(learned):
    stream, run = learned
    short = replace(run, states=run.states[:1])
    assert np.isnan(cl.probing.class_accuracy(short, stream)[1:]).all()


def test_damaged_accuracy_is_that_of_the_damaged_network(learned):
    stream, run = learned
    network = run.model_after(1)
    omega = cl.importance.mas(network, stream[0].train.images[:20], task=0)
    found = cl.probing.damaged_accuracy(network, stream, omega, (0, 0.5), "most")
    assert found[0, :2] == pytest.approx(run.accuracy()[1, :2])
    assert np.isnan(found[:, 2]).all()
    broken = cl.importance.damage(network, omega, 0.5, "most")
    for task in stream[:2]:
        assert found[1, task.index] == accuracy(broken, task.test, task)


def test_a_groups_accuracy_is_that_of_all_its_images(learned):
    stream, run = learned
    task = stream[0]
    chosen, others, later = task.classes[:1], task.classes[1:], stream.classes[4:]
    found = cl.probing.group_accuracy(run, stream, [chosen, others, later])
    assert np.isnan(found[0, 2])
    for column, group in ((0, chosen), (1, others)):
        own = task.test.take(torch.isin(task.test.labels, torch.tensor(group)))
        assert found[2, column] == accuracy(run.model, own, task)
    sizes = [len(task.test) for task in stream[1:]]
    assert found[2, 2] == pytest.approx(np.average(run.accuracy()[2, 1:], weights=sizes))
    assert found[1, 2] == pytest.approx(run.accuracy()[1, 1])


def plain_accuracy(network, task, stream):
    """The share of a task's test images taken for their own class among the outputs of the head that has it."""
    columns, right = stream.positions(task.test.labels), []
    owners = [head for head, count in enumerate(network.classes) for _ in range(count)]
    scores = network(task.test.images).logits
    for row, column in zip(scores, columns.tolist(), strict=True):
        rivals = [place for place, owner in enumerate(owners) if owner == owners[column]]
        right.append(max(rivals, key=row.__getitem__) == column)
    return np.mean(right)


@pytest.mark.parametrize("order", [(0, 1, 0, 2), (0, 0, 1, 2)], ids=str)
@pytest.mark.parametrize("after", [1, 2])
def test_damage_where_classes_return_is_measured_on_every_task_whose_classes_have_outputs(order, after):
    base = cl.streams.digits(tasks=[2, 3, 2], classes=range(7)).fewer(0.3)
    stream = cl.streams.returning(base, order, "same")
    run = cl.learn(stream, "finetune", epochs=1, progress=False, device="cpu")
    network = run.model_after(after)
    omega = {name: torch.rand_like(weight) for name, weight in cl.importance.shared_weights(network).items()}
    found = cl.probing.damaged_accuracy(network, stream, omega, (0, 0.5))
    known = [set(task.classes) <= {label for own in stream[: after + 1] for label in own.classes} for task in stream]
    assert (~np.isnan(found)).tolist() == [known, known]
    for broken, row in zip((network, cl.importance.damage(network, omega, 0.5)), found, strict=True):
        for task in (task for task in stream if known[task.index]):
            assert row[task.index] == pytest.approx(plain_accuracy(broken, task, stream))
    finite = np.isfinite(run.accuracy()[after])
    assert found[0, finite] == pytest.approx(run.accuracy()[after, finite])


def test_damage_is_measured_in_every_domain_and_a_network_of_other_heads_is_refused():
    stream = cl.streams.domains(cl.streams.digits(tasks=2, classes=range(4)).fewer(0.2), "rotations", tasks=3)
    run = cl.learn(stream, "finetune", epochs=1, progress=False, device="cpu")
    omega = {name: torch.rand_like(w) for name, w in cl.importance.shared_weights(run.model).items()}
    found = cl.probing.damaged_accuracy(run.model, stream, omega, (0, 1))
    assert found[0] == pytest.approx(run.accuracy()[-1])
    assert np.isfinite(found).all()
    with pytest.raises(ValueError, match=r"learned tasks of \[4\] classes, which are not the first ones"):
        cl.probing.damaged_accuracy(run.model, cl.streams.digits(tasks=2, classes=range(4)), omega, (0,))
