from dataclasses import replace

import numpy as np
import pytest
import torch

import cltutor as cl


@pytest.fixture(scope="module")
def learned():
    stream = cl.streams.digits(tasks=[4, 3, 3], order=1).fewer(0.3)
    return stream, cl.learn(stream, "finetune", epochs=1, progress=False)


def test_the_classes_of_a_task_weighted_by_their_images_are_the_tasks_accuracy(learned):
    stream, run = learned
    found = cl.probing.class_accuracy(run, stream)
    assert found.shape == (3, 10)
    assert np.isnan(found[0, 4:]).all()
    assert np.isnan(found[1, 7:]).all()
    for now in range(3):
        first = 0
        for task in stream[: now + 1]:
            counts = [(task.test.labels == label).sum().item() for label in task.classes]
            own = found[now, first : first + len(task.classes)]
            assert np.average(own, weights=counts) == pytest.approx(run.accuracy()[now, task.index])
            first += len(task.classes)


def test_the_accuracy_of_a_class_is_the_mean_over_its_images_among_the_classes_of_its_task(learned):
    stream, run = learned
    task, label = stream[1], stream[1].classes[2]
    images = task.test.images[task.test.labels == label]
    right = [run.model(image[None]).head(1).argmax().item() == 2 for image in images]
    assert cl.probing.class_accuracy(run, stream)[2, 6] == pytest.approx(np.mean(right))


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
        with torch.no_grad():
            answers = broken(task.test.images).head(task.index).argmax(1)
        right = torch.tensor(task.classes)[answers] == task.test.labels
        assert found[1, task.index] == pytest.approx(right.double().mean().item())


def test_a_groups_accuracy_is_that_of_all_its_images(learned):
    stream, run = learned
    task = stream[0]
    chosen, others, later = task.classes[:1], task.classes[1:], stream.classes[4:]
    found = cl.probing.group_accuracy(run, stream, [chosen, others, later])
    assert np.isnan(found[0, 2])
    network = run.model
    for column, group in ((0, chosen), (1, others)):
        split = task.test.take(torch.isin(task.test.labels, torch.tensor(group)))
        right = torch.tensor(task.classes)[network(split.images).head(0).argmax(1)] == split.labels
        assert found[2, column] == pytest.approx(right.double().mean().item())
    sizes = [len(task.test) for task in stream[1:]]
    assert found[2, 2] == pytest.approx(np.average(run.accuracy()[2, 1:], weights=sizes))
    assert found[1, 2] == pytest.approx(run.accuracy()[1, 1])
