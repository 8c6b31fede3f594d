"""Parameters counted task by task, against sums by hand and the totals of DF-CNN, section 4.2."""

import pytest
import torch

import cltutor as cl
from cltutor.networks import DFCNN, MultiHead, SingleTask, SmallCNN, TaskCNN, Widening, parameters, parameters_of_run

CIFAR = ((3, 32, 32), [10] * 10)
CONVOLUTIONS, OWN = 896 + 9248 + 18496 + 36928, 4096 * 64 + 64 + 64 * 10 + 10


@pytest.mark.parametrize(
    ("method", "first", "per_task", "published"),
    [
        ("single_task", 328_426, 328_426, 3.28e6),
        ("single_task_large", 934_586, 934_586, 9.35e6),
        ("hard_sharing", CONVOLUTIONS + OWN, OWN, None),
        ("dfcnn", 432 + 796_282, 796_282, 7.96e6),
        ("dfcnn_small", 108 + 278_072, 278_072, 2.8e6),
    ],
)
def test_networks_have_the_papers_number_of_parameters(method, first, per_task, published):
    counts = parameters(cl.methods.get(method).network, *CIFAR)
    assert counts == [first + per_task * task for task in range(10)]
    if published:
        assert counts[-1] == pytest.approx(published, rel=0.01)


def test_tasks_of_unequal_size_are_counted_with_their_own_heads():
    shape, classes = (1, 8, 8), [2, 5, 3]
    before = parameters(MultiHead(TaskCNN((2,), (4,))), shape, [2])[0]
    assert parameters(MultiHead(TaskCNN((2,), (4,))), shape, classes) == [before, before + 25, before + 40]
    assert parameters(SingleTask(), shape, []) == []


def test_counting_leaves_the_random_state_as_it_was():
    before = torch.get_rng_state()
    assert len(parameters(DFCNN(), *CIFAR)) == 10
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["single_task", "dfcnn", "hard_sharing", "expansion"])
def test_a_trained_run_has_as_many_parameters_as_its_description_says(name, tiny):
    sizes = {"knowledge": ((2, 3),), "deconvolution": ((3, 4),)} if name == "dfcnn" else {}
    method = cl.methods.named(name)(backbone=SmallCNN((2,), (4,)), **sizes)
    run = cl.learn(tiny, method, epochs=1, device="cpu", progress=False)
    expected = parameters(run.recipe.network, (1, 8, 8), [2, 2])
    assert parameters_of_run(run) == expected
    assert sum(parameter.numel() for parameter in run.model.parameters()) == expected[-1]


def test_a_widening_network_is_counted_with_its_new_nodes():
    description = Widening(SmallCNN((2,), (8,)), share=0.25)
    first, second = parameters(description, (1, 8, 8), [2, 2])
    assert second - first == 2 * (2 * 16 + 1) + 2 * 2 + 2 * 10 + 2  # two nodes, what the old head reads, the new head
