"""What an anchor keeps after several tasks: each task's own importance, or their running sum."""

import pytest
import torch
from running import learn

import cltutor as cl
from cltutor.importance import fisher, flat, mas
from tests.importance.measuring import shared_omega

SMALL = {"backbone": cl.networks.SmallCNN(channels=(4, 4), hidden=(8,))}

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot")


SUM = torch.ones(1, 3)


@pytest.mark.parametrize(
    ("name", "settings", "weights"),
    [
        ("ewc", {}, torch.eye(3)),
        ("ewc_online", {"decay": 0.5}, torch.tensor([[0.25, 0.5, 1.0]])),
        *(("mas", {"on": on}, SUM) for on in ("train", "test", "both")),
        ("mas", {"average": True}, SUM / 3),
    ],
)
def test_tasks_importances_are_kept_or_added_up_with_the_weights_at_the_end_of_tasks(patterns, name, settings, weights):
    run = learn(patterns, cl.methods.named(name)(**SMALL, **settings), epochs=1)
    omegas, on = [], settings.get("on", "train")
    for t, task in enumerate(patterns):
        images = torch.cat([getattr(task, split).images for split in (["train", "test"] if on == "both" else [on])])
        measure, seed = (mas, {}) if name == "mas" else (fisher, {"seed": (run.seed, t)})
        omegas.append(shared_omega(measure, run, t, images, task=t, **seed))
    shared = torch.stack([flat(run.model_after(t).backbone.parameters()) for t in range(3)])
    state = run.part_states["Anchor"]
    torch.testing.assert_close(state["importance"], weights @ torch.stack(omegas))
    torch.testing.assert_close(state["anchor"], shared[-len(weights) :])


def test_mas_of_single_classes_counts_their_images_alone_and_a_task_without_them_adds_nothing(patterns):
    first, wanted = patterns[0].train, patterns[0].classes[:1]
    run = learn(patterns, cl.methods.mas(classes=wanted, **SMALL), epochs=1)
    expected = shared_omega(mas, run, 0, first.images[first.labels == wanted[0]], task=0)
    torch.testing.assert_close(run.part_states["Anchor"]["importance"][0], expected)


@pytest.mark.parametrize("heads", ["task", "class"])
def test_given_labels_are_the_tasks_own_columns(patterns, heads):
    run = learn(patterns, cl.methods.ewc(given=True, heads=heads, **SMALL), epochs=1)
    task = patterns[1]
    columns = torch.tensor([task.classes.index(label) for label in task.train.labels.tolist()])
    columns, head = (columns, 1) if heads == "task" else (columns + 2, None)
    expected = shared_omega(fisher, run, 1, task.train.images, columns, head)
    torch.testing.assert_close(run.part_states["Anchor"]["importance"][1], expected)


def test_the_mean_over_tasks_counts_those_alone_that_have_images_of_the_classes(patterns):
    wanted = (patterns[0].classes[0], patterns[2].classes[0])
    run = learn(patterns, cl.methods.mas(classes=wanted, average=True, **SMALL), epochs=1)
    omegas = [
        shared_omega(mas, run, t, patterns[t].train.images[patterns[t].train.labels == label], task=t)
        for t, label in zip((0, 2), wanted, strict=True)
    ]
    torch.testing.assert_close(run.part_states["Anchor"]["importance"][0], sum(omegas) / 2)


@pytest.mark.parametrize("method", ["mas", "mas_local"])
def test_classes_that_never_occur_are_refused_before_training(patterns, method):
    with pytest.raises(ValueError, match="classes are labels of the stream, which are 0, 1, .*, not 99"):
        next(cl.train(patterns, cl.methods.named(method)(classes=(0, 99), **SMALL)))


@pytest.mark.parametrize("classes", [7, "3", ("3",), (0.5,), (-1,), (True,), ()])
def test_classes_that_are_no_labels_are_refused_where_they_are_given(classes):
    with pytest.raises(ValueError, match="classes is a (list|tuple) in which each is a whole number"):
        cl.methods.mas(classes=classes)


def test_the_fishers_labels_are_drawn_by_the_runs_seed_and_the_task(patterns):
    task = patterns[0].train
    run = learn(patterns, cl.methods.ewc(**SMALL), epochs=1, seed=5)
    found = run.part_states["Anchor"]["importance"][0]
    torch.testing.assert_close(found, shared_omega(fisher, run, 0, task.images, task=0, seed=(5, 0)))
    assert not torch.allclose(found, shared_omega(fisher, run, 0, task.images, task=0, seed=(6, 0)))
