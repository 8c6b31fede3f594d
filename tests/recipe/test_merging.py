"""Incremental Moment Matching: merges against loops, the training network kept apart, resuming."""

from dataclasses import replace

import pytest
import torch

import cltutor as cl
from cltutor.importance import fisher
from cltutor.training.events import TaskDone
from cltutor.training.task import restore

BACKBONE = cl.networks.SmallCNN(channels=(2,), hidden=(6,))

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot")


@pytest.fixture(scope="module")
def stream() -> cl.streams.Stream:
    return cl.streams.digits(tasks=[4, 3, 3], order=0)


def shared(network) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.backbone.parameters()])


def latest_models(stream, recipe) -> tuple[list[torch.Tensor], cl.Run]:
    """The shared weights that training ended each task with, before merging."""
    found = []
    for event in cl.train(stream, recipe, device="cpu"):
        if isinstance(event, TaskDone):
            found.append(event.run.part_states["after_task"]["latest"].clone())
    return found, event.run


def test_mean_imm_tests_the_mean_of_the_models_of_all_tasks_so_far(stream):
    models, run = latest_models(stream, cl.methods.imm_mean(backbone=BACKBONE, epochs=2))
    for t in range(3):
        torch.testing.assert_close(shared(run.model_after(t)), sum(models[: t + 1]) / (t + 1))


def test_mode_imm_weights_every_model_by_its_own_fisher_information(stream):
    models, run = latest_models(stream, cl.methods.imm_mode(backbone=BACKBONE, epochs=2))
    above = below = 0
    for t, task in enumerate(stream):
        network = run.model_after(t)
        torch.nn.utils.vector_to_parameters(models[t], network.backbone.parameters())
        omega = fisher(network, task.train.images, task=t, seed=(0, t))
        weight = torch.cat([omega[n].flatten() for n, _ in network.named_parameters() if n.startswith("backbone.")])
        above, below = above + (weight + 1e-8) * models[t], below + weight + 1e-8
        torch.testing.assert_close(shared(run.model_after(t)), above / below, rtol=1e-3, atol=1e-5)


def test_heads_are_not_merged_and_the_accuracy_row_is_the_merged_networks(stream):
    recipe = cl.methods.imm_mean(backbone=BACKBONE, epochs=2)
    run = cl.learn(stream, recipe, progress=False)
    for t in range(3):
        network = run.model_after(t)
        for seen in range(t + 1):
            test = stream[seen].test
            answers = network(test.images).head(seen).argmax(1)
            right = torch.tensor(stream[seen].classes)[answers] == test.labels
            assert run.accuracy()[t, seen] == pytest.approx(right.double().mean().item())
    assert torch.equal(run.model_after(2).heads[0].weight, run.model_after(0).heads[0].weight)


@pytest.mark.parametrize("method", ["imm_mean", "imm_mode"])
def test_training_goes_on_from_the_unmerged_weights_with_the_previous_model_as_anchor(stream, method):
    models, run = latest_models(stream, getattr(cl.methods, method)(backbone=BACKBONE, epochs=1))
    plain = cl.learn(stream, cl.methods.l2(lam=0.01, backbone=BACKBONE, epochs=1), progress=False)
    for t, model in enumerate(models):
        torch.testing.assert_close(model, shared(plain.model_after(t)))
    torch.testing.assert_close(run.part_states["Anchor"]["anchor"][0], models[-1])


def test_going_on_from_a_run_leaves_what_the_run_remembers_as_it_is(stream):
    for event in cl.train(stream, cl.methods.imm_mean(backbone=BACKBONE, epochs=1), device="cpu"):
        if isinstance(event, TaskDone):
            break
    before = event.run.part_states["after_task"]["latest"].clone()
    network, _ = restore(event.run, stream, 0)
    torch.testing.assert_close(shared(network), before)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 1
    assert torch.equal(event.run.part_states["after_task"]["latest"], before)


def test_statistics_of_batch_norm_layers_are_merged_by_their_mean(stream):
    recipe = cl.methods.imm_mean(backbone=cl.networks.ResNet32(), epochs=1, batch_size=64)
    small = cl.streams.scenes(tasks=2, classes=range(4), per_class=(8, 4))
    buffers = []
    for event in cl.train(small, recipe, device="cpu"):
        if isinstance(event, TaskDone):
            buffers.append(event.run.part_states["after_task"]["buffers"])
    mean, merged = (buffers[0] + buffers[1]) / 2, event.run.model
    own = [b.flatten() for b in merged.backbone.buffers() if b.is_floating_point()]
    torch.testing.assert_close(torch.cat(own), mean)
    assert (buffers[0] - buffers[1]).abs().max() > 0


def test_a_merge_refuses_a_network_whose_shared_parameters_grow(tiny):
    recipe = replace(cl.methods.expansion(epochs=1), after_task=cl.merging.MeanMerge())
    with pytest.raises(ValueError, match="A merge needs a network that keeps its shared parameters"):
        cl.learn(tiny, recipe, progress=False)
