"""For tests: networks that have grown, runs learned on the CPU or left unfinished, and their equality bit for bit."""

import contextlib
from dataclasses import replace

import numpy as np
import torch

import cltutor as cl
from cltutor.runs.store import checkpoint_of


def grown(architecture, *classes, image_shape=(1, 8, 8), like=None):
    """A network with one head per number of classes; seeds torch, so that it always has the same weights. ``like``:
    images whose statistics it takes."""
    torch.manual_seed(0)
    network = architecture.build(image_shape)
    if like is not None:
        network.normalise_like(like)
    for count in classes:
        network.grow(count)
    return network


def first_known(stream):
    """The stream without training images in its first task, which a pretrained network may know already."""
    known = replace(stream[0], train=cl.streams.Split.empty(stream.image_shape))
    return cl.streams.Stream([known, *stream[1:]], stream.class_names, "known", "known()")


def weighted(recipe, place, weight):
    """The recipe with another weight for one term of its loss."""
    terms = tuple((weight if i == place else w, term) for i, (w, term) in enumerate(recipe.loss.terms))
    return replace(recipe, loss=cl.losses.Loss(terms))


def regimes(name):
    """The training regimes that a method takes, as it says itself by refusing another."""
    taken = []
    for heads in ("task", "class"):
        with contextlib.suppress(ValueError):
            cl.methods.named(name)(heads=heads)
            taken.append(heads)
    return taken


def learn(stream, recipe, **settings):
    return cl.learn(stream, recipe, device="cpu", progress=False, **settings)


def left_after(kind, stream, recipe, store, task=0, epoch=None, **settings):
    """The run's file and checkpoint, after training stopped at an event of that ``kind``, as if the process died."""
    for event in cl.train(stream, recipe, device="cpu", store=store, **settings):
        if isinstance(event, kind) and event.task == task and epoch in (None, getattr(event, "epoch", None)):
            break
    path = store.path(event.run)
    return path, checkpoint_of(path)


def everything(run):
    """All numbers of a run except its seconds, by name."""
    tensors = {("state", t, name): value for t, state in enumerate(run.states) for name, value in state.items()}
    tensors |= {("part", part, name): value for part, state in run.part_states.items() for name, value in state.items()}
    arrays = {name: value.numpy() for name, value in {**tensors, **dict(run.curves.tensors())}.items()}
    return {**arrays, **run.accuracies, "updates": np.array(run.updates)}


def assert_same(run, other):
    ours, theirs = everything(run), everything(other)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name], err_msg=str(name))
