"""Evaluation: equal to a loop over single images, and it changes nothing."""

import math

import pytest
import torch

import cltutor as cl
from cltutor.evaluation.answers import TOGETHER, accuracies, logits, own_logits, task_of
from cltutor.networks import MultiHead, ResNet32, SmallCNN


def network(backbone=None, tasks=(2, 3)):
    torch.manual_seed(0)
    built = MultiHead(backbone or cl.networks.SmallCNN()).build((1, 8, 8))
    for classes in tasks:
        built.grow(classes)
    return built


def images(n):
    return torch.randint(0, 256, (n, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_accuracies_equal_a_loop_over_single_images():
    net = network(ResNet32()).eval()  # batch norm: a batch gives what its images give one by one
    assert task_of(net).tolist() == [0, 0, 1, 1, 1]
    tests = [(images(40)[:25], torch.arange(25) % 2), (images(40)[25:], 2 + torch.arange(15) % 3)]
    rows = accuracies(net, tests, (1, 2, 9))
    for task, (pictures, labels) in enumerate(tests):
        columns = range(2) if task == 0 else range(2, 5)
        counts = dict.fromkeys(rows, 0)
        for picture, label in zip(pictures, labels.tolist(), strict=True):
            scores = net(picture[None]).logits[0].tolist()
            for regime, allowed in (("known", columns), ("unknown", range(5))):
                ranked = sorted(allowed, key=lambda column: -scores[column])  # noqa: B023 (used at once)
                for k in (1, 2, 9):
                    counts[f"{regime}_top{k}"] += label in ranked[:k]
        for name, count in counts.items():
            assert rows[name][task] == count / len(labels)


@pytest.mark.parametrize("size", [20, TOGETHER // 2, TOGETHER + 1])
def test_many_small_tests_are_asked_in_one_pass_and_large_ones_apart(size):
    net, asked = network(SmallCNN()).eval(), []
    tests = [(images(size), torch.arange(size) % 5) for _ in range(4)]

    def score(net, pictures):
        asked.append(len(pictures))
        return logits(net, pictures)

    together = accuracies(net, [tests[0], None, *tests[1:]], (1, 2), score)
    assert asked == {20: [80], TOGETHER // 2: [TOGETHER] * 2, TOGETHER + 1: [TOGETHER + 1] * 4}[size]
    for name, row in together.items():
        assert math.isnan(row.pop(1))
        assert row == accuracies(net, tests[:1], (1, 2))[name] * 4


def test_tests_of_images_of_other_sizes_are_asked_apart():
    net = network(ResNet32()).eval()
    larger = torch.nn.functional.interpolate(images(6).float(), 16).to(torch.uint8)
    tests = [(images(5), torch.arange(5) % 5), (larger, torch.arange(6) % 5), (images(7), torch.arange(7) % 5)]
    together = accuracies(net, tests, (1,))
    for place, test in enumerate(tests):
        for name, row in together.items():
            assert row[place] == accuracies(net, [test], (1,))[name][0]


def test_evaluation_changes_no_parameter_buffer_mode_or_random_state():
    net = network(ResNet32()).train()
    net.heads[0].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    modes, state = [module.training for module in net.modules()], torch.get_rng_state()
    accuracies(net, [(images(8), torch.zeros(8, dtype=torch.int64))], (1,))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert [module.training for module in net.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)


def test_the_own_head_alone_gives_the_same_known_accuracy_no_unknown_one_and_computes_no_other():
    net = cl.networks.SingleTask(cl.networks.SmallCNN()).build((1, 8, 8))
    for classes in (2, 3):
        net.grow(classes)
    computed, tests = [], [None, (images(7), 2 + torch.arange(7) % 3)]
    net.tasks[0].register_forward_hook(lambda *_: computed.append(0))
    alone = accuracies(net, tests, (1, 2), unknown=False)
    assert own_logits(net, images(4), 1)[:, :2].eq(-math.inf).all()
    assert computed == []
    whole = accuracies(net, tests, (1, 2))
    assert computed == [0], "all logits need every head"
    for k in (1, 2):
        assert alone[f"known_top{k}"][1] == whole[f"known_top{k}"][1]
        assert all(math.isnan(value) for value in alone[f"unknown_top{k}"])
        assert math.isnan(whole[f"known_top{k}"][0]), "a test that was skipped has no accuracy"
        assert not math.isnan(whole[f"unknown_top{k}"][1])
