"""Testing: equal to a loop over single images, and nothing is moved by it."""

import math

import torch

import cltutor as cl
from cltutor.evaluation.answers import accuracies, hits, logits, own_logits, task_of
from cltutor.networks import MultiHead, ResNet32


def network(backbone=None, tasks=(2, 3)):
    torch.manual_seed(0)
    built = MultiHead(backbone or cl.networks.SmallCNN()).build((1, 8, 8))
    for classes in tasks:
        built.grow(classes)
    return built


def images(n):
    return torch.randint(0, 256, (n, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def test_columns_belong_to_the_task_that_brought_them():
    assert task_of(network()).tolist() == [0, 0, 1, 1, 1]


def test_accuracies_equal_a_loop_over_single_images():
    net = network().eval()
    tests = [(images(40)[:25], torch.arange(25) % 2), (images(40)[25:], 2 + torch.arange(15) % 3)]
    rows = accuracies(net, tests, (1, 2))
    for task, (pictures, labels) in enumerate(tests):
        columns = range(2) if task == 0 else range(2, 5)
        counts = dict.fromkeys(rows, 0)
        for picture, label in zip(pictures, labels.tolist(), strict=True):
            scores = net(picture[None]).logits[0].tolist()
            for regime, allowed in (("known", columns), ("unknown", range(5))):
                ranked = sorted(allowed, key=lambda column: -scores[column])  # noqa: B023 (used at once)
                for k in (1, 2):
                    counts[f"{regime}_top{k}"] += label in ranked[:k]
        for name, count in counts.items():
            assert rows[name][task] == count / len(labels)


def test_a_label_is_a_hit_when_it_is_among_the_largest():
    scores = torch.tensor([[0.1, 0.9, 0.5], [0.7, 0.2, 0.1]])
    assert hits(scores, torch.tensor([2, 0]), 1).tolist() == [False, True]
    assert hits(scores, torch.tensor([2, 2]), 2).tolist() == [True, False]
    assert hits(scores, torch.tensor([0, 2]), 5).tolist() == [True, True]


def test_in_evaluation_mode_a_batch_gives_what_its_images_give_one_by_one():
    net = network(ResNet32()).eval()
    one_by_one = torch.cat([net(image[None]).logits for image in images(6)])
    torch.testing.assert_close(logits(net, images(6)), one_by_one, rtol=1e-4, atol=1e-5)


def test_testing_changes_no_parameter_buffer_mode_or_random_state():
    net = network(ResNet32()).train()
    net.heads[0].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    modes, state = [module.training for module in net.modules()], torch.get_rng_state()
    accuracies(net, [(images(8), torch.zeros(8, dtype=torch.int64))], (1,))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert [module.training for module in net.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)


def test_the_own_head_alone_knows_as_many_and_says_nothing_of_the_unknown_task():
    net = network().eval()
    tests = [(images(9), torch.arange(9) % 2), None, (images(7), 2 + torch.arange(7) % 3)]
    whole, alone = accuracies(net, tests, (1, 2)), accuracies(net, tests, (1, 2), unknown=False)
    for k in (1, 2):
        assert [alone[f"known_top{k}"][i] for i in (0, 2)] == [whole[f"known_top{k}"][i] for i in (0, 2)]
        assert all(math.isnan(value) for value in alone[f"unknown_top{k}"])
        assert math.isnan(whole[f"known_top{k}"][1]), "a test that was left out has no accuracy"
        assert not math.isnan(whole[f"unknown_top{k}"][2])


def test_for_one_tasks_logits_no_other_head_is_computed():
    net = cl.networks.SingleTask(cl.networks.SmallCNN()).build((1, 8, 8))
    for classes in (2, 3):
        net.grow(classes)
    asked = []
    net.tasks[0].register_forward_hook(lambda *_: asked.append(0))
    scores = own_logits(net, images(4), 1)
    assert asked == []
    assert scores[:, :2].eq(-math.inf).all()
    torch.testing.assert_close(scores[:, 2:], logits(net, images(4))[:, 2:])
    assert asked == [0], "all logits ask every head"
