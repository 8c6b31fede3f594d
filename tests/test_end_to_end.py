"""End-to-End Incremental Learning against a loop in plain PyTorch, and its temporary distillation."""

import copy
from dataclasses import replace

import torch
from running import learn
from torch.nn import functional as F

import cltutor as cl
from cltutor.memory import ExemplarMemory, herding
from cltutor.memory.exemplars import features_of
from cltutor.networks import SmallCNN
from cltutor.recipe.recipe import Phase, Schedule
from cltutor.seeds import generator
from cltutor.training.events import EpochDone, TaskDone

SETTINGS = {
    "backbone": SmallCNN((8, 8, 8), (32, 32)),
    "epochs": 7,  # four of training, three of balanced fine-tuning
    "batch_size": 10,
    "learning_rate": 0.05,
    "weight_decay": 0.01,
    "clip": 1e9,
    "noise": None,
}


def soft(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Eq. 3 as in the paper: probabilities raised to 1 / 2 and normalised."""
    p, q = (F.softmax(values, 1).sqrt() for values in (targets.detach(), logits))
    return -((p / p.sum(1, keepdim=True)) * (q / q.sum(1, keepdim=True)).log()).sum(1).mean()


def by_hand(network, before, stream, memory: dict) -> None:
    """Train ``network``, which has grown for its third task, on it: main phase, then the balanced set."""
    images = torch.cat([memory["images"], stream[2].train.images])
    labels = torch.cat([memory["labels"], stream.positions(stream[2].train.labels)])
    count = len(memory["labels"]) // 4
    for epochs, rate in ((range(4), 0.05), (range(4, 7), 0.005)):
        places, snapshot = torch.arange(len(images)), None
        if epochs.start:
            chosen, snapshot = [], copy.deepcopy(network).eval()
            for column in range(6):
                own = (labels == column).nonzero().squeeze(1)
                chosen.append(own[herding(features_of(network, images[own]), count)] if column > 3 else own[:count])
            places = torch.cat(chosen)
        network.train().requires_grad_(True)
        descent = torch.optim.SGD(network.parameters(), rate, momentum=0.9, weight_decay=0.01)
        for epoch in epochs:
            order = torch.randperm(len(places), generator=generator("order", 0, 2, epoch))
            for batch in places[order].tensor_split(-(-len(places) // 10)):
                output = network(images[batch])
                loss = F.cross_entropy(output.logits, labels[batch])
                loss = loss + sum(soft(output.head(t), before(images[batch]).head(t)) for t in (0, 1))
                if snapshot:
                    loss = loss + soft(output.head(2), snapshot(images[batch]).head(2))
                descent.zero_grad()
                loss.backward()
                descent.step()


def test_the_third_step_equals_a_loop_written_by_hand(three):
    recipe = cl.methods.eeil_bf(memory=ExemplarMemory(24), **SETTINGS)
    for event in cl.train(three, recipe, device="cpu"):
        if isinstance(event, TaskDone) and event.task == 1:
            kept = {name: value.clone() for name, value in event.run.part_states["memory"].items()}
        if isinstance(event, EpochDone) and event.task == 2 and event.epoch == 3:
            halfway = {name: value.clone() for name, value in event.network.state_dict().items()}
    run = event.run
    assert torch.bincount(kept["labels"]).tolist() == [6] * 4
    network = run.model_after(2)
    network.load_state_dict({**run.states[1], **head_as_drawn(recipe, three)})
    by_hand(network, run.model_after(1), three, kept)
    for name, value in run.states[2].items():
        torch.testing.assert_close(network.state_dict()[name], value, rtol=1e-3, atol=1e-5)
    assert any(not torch.equal(value, run.states[2][name]) for name, value in halfway.items())


def head_as_drawn(recipe, stream) -> dict:
    """The third head before any step: nothing learns in a task of which every role but the old heads is frozen."""
    still = Phase(old=1e-30)
    frozen = cl.Recipe("still", recipe.loss, recipe.network, None, Schedule((still,), epochs=1), "class")
    run = learn(stream, frozen)
    return {name: value for name, value in run.states[2].items() if name.startswith("heads.2.")}


def test_in_the_second_task_the_teacher_counts(three):
    """A far teacher and a near one give different losses there: the distillation does not begin a task too late."""
    recipes = (cl.methods.eeil_base(memory=ExemplarMemory(24), temperature=t, **SETTINGS) for t in (2.0, 20.0))
    near, far = (learn(three, recipe) for recipe in recipes)
    assert (near.curves.loss["Distillation"][near.curves.step_task == 1] > 0).all()
    assert not torch.equal(near.states[1]["heads.0.weight"], far.states[1]["heads.0.weight"])


def test_the_snapshot_acts_in_balanced_fine_tuning_alone_and_changes_the_weights(three):
    recipe = cl.methods.eeil_bf(memory=ExemplarMemory(24), **SETTINGS)
    run = learn(three, recipe)
    acted = ~torch.from_numpy(run.curves.loss["TemporaryDistillation"]).isnan()
    task = torch.from_numpy(run.curves.step_task)
    # Task 2 trains on 20 new images and 20 exemplars, then on 40 balanced; task 3 on 20 and 24, then on 36.
    assert [int(acted[task == t].sum()) for t in range(3)] == [0, 3 * 4, 3 * 4]
    assert [int((task == t).sum()) for t in range(3)] == [7 * 2, 4 * 4 + 3 * 4, 4 * 5 + 3 * 4]
    main, fine = recipe.schedule.later
    without = replace(fine, loss=recipe.loss)
    plain = replace(recipe, schedule=replace(recipe.schedule, later=(main, without)))
    other = learn(three, plain)
    assert not torch.equal(run.states[1]["heads.1.weight"], other.states[1]["heads.1.weight"])


def test_the_twelve_fold_pool_has_twelve_times_the_updates(three):
    once = cl.streams.PhotometricCropFlip(once=True)
    settings = {**SETTINGS, "epochs": 1, "memory": ExemplarMemory(24)}
    runs = [learn(three, cl.methods.eeil_da(augmentation=a, **settings)) for a in (None, once)]
    assert [run.updates for run in runs] == [2 + 4 + 5, 24 + 48 + -(-44 * 12 // 10)]
