"""Networks of wrong sizes, asked with wrong images, classes and tasks: every public description and what it builds."""

import functools
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch

from cltutor import networks
from tests.refusals.examples import WRONG
from tests.refusals.judging import Attempt, judge, judge_all

BASES = (networks.Architecture, networks.BackboneArchitecture)
SHAPE, TASKS = (3, 8, 8), 2
FACTS = ("circle left of star", "star left of circle")
OWN = {"Torchvision": {"name": "squeezenet1_1"}}  # what a description needs
SIDES = {"Torchvision": 32}  # and the pixels of a side, where they are more
IMAGES = torch.randint(0, 256, (2, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
SHAPES = [(1, 8), (0, 8, 8), (1, -8, 8), (1, 8, 8, 1), (1.5, 8, 8), ("1", 8, 8), (1, 2**40, 8), (True, 8, 8)]
DESCRIPTIONS = {
    name: found(**OWN.get(name, {}))
    for name in networks.__all__
    if isinstance(found := getattr(networks, name), type) and issubclass(found, BASES) and found not in BASES
}
ARCHITECTURES = [name for name, one in DESCRIPTIONS.items() if isinstance(one, networks.Architecture)]
# Whatever is asked of a network and takes an argument, and valid ones: method -> arguments.
ASKED: dict[str, dict[str, tuple]] = {
    "DFCNN": {"knowledge_base": (0,), "basis": (0, 0), "filters": (0, 0), "shares": (0,), "without": ({0: [0]},)},
    "Expandable": {"widths": (0,)},
    "TensorFactorization": {"filters": (0, 0)},
    "": {"normalise_like": (IMAGES,), "parameters_of": ("shared",), "train_only": (["shared"],), "forward": (IMAGES,)},
}
LEGITIMATE = {  # (question, argument): what is one of its values
    ("build", "pretrained"): {"True", "False"},
    ("grow", "names"): {"list", "tuple", "no array", "texts", "texts in a list"},
    ("forward", "images"): {"colour images"},
    ("images", "images"): {"colour images"},
    ("over", "tasks"): {"one in a list", "whole numbers", "to be read once"},
    ("train_only", "roles"): {"list", "tuple", "no array"},
    ("without", "channels"): {"dict"},
    # Statistics are of any size; grey images are shown to all channels, and none change nothing.
    ("normalise_like", "images"): {"images", "larger images", "colour images", "no images"},
}
COUNTED = {"task", "head", "layer", "knowledge_base", "basis", "filters", "shares", "widths"}


@functools.cache
def grown(name: str) -> networks.Network:
    network = DESCRIPTIONS[name].build(SHAPE)
    for _ in range(TASKS):
        network.grow(2, FACTS)
    return network.eval()


def changed(call: Callable, valid: dict[str, Any], word: str) -> Iterator[Attempt]:
    """Each argument in turn; ``word`` names the call."""
    for argument in valid:
        for label, value in WRONG.items():
            right = label in LEGITIMATE.get((word, argument), ()) or (word in COUNTED and label == "0")
            act = partial(call, **valid | {argument: value})
            yield Attempt(f"{word}({argument}={label})", act, "one of its values" if right else "")


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_network_for_what_is_no_image_is_refused(name):
    build = DESCRIPTIONS[name].build
    judge_all(changed(build, {"image_shape": (3, *2 * (SIDES.get(name, 8),)), "pretrained": False}, "build"))
    judge_all(Attempt(str(shape), partial(build, shape)) for shape in SHAPES)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_task_of_what_are_no_classes_is_refused_and_changes_nothing(name):
    network = grown(name)
    found = changed(network.grow, {"classes": 2, "names": FACTS}, "grow")
    judge_all(one for one in found if not one.legitimate)
    judge(Attempt("too few names", partial(network.grow, 2, FACTS[:1])))
    assert network.classes == [2] * TASKS


def asked(name: str) -> Iterator[tuple[str, Callable, tuple]]:
    """Every question to a network of that description: its name, the question, and valid arguments."""
    network = grown(name)
    for kind, methods in ASKED.items():
        if name.startswith(kind):
            yield from ((word, getattr(network, word), valid) for word, valid in methods.items())
    yield "images", lambda images: network(images).logits, (IMAGES,)
    yield "head", network(IMAGES).head, (0,)
    yield "over", network(IMAGES).over, ([0],)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_network_refuses_what_it_cannot_answer(name):
    for word, question, valid in asked(name):
        given = inspect.signature(question).bind(*valid).arguments
        judge_all(changed(question, given, word))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_network_without_a_task_is_asked_for_none(name):
    network = DESCRIPTIONS[name].build(SHAPE)
    asked = (lambda: network(IMAGES).logits, lambda: network(IMAGES).head(0), lambda: network(IMAGES).over([]))
    judge_all(Attempt(f"question {place}", one) for place, one in enumerate(asked))


def test_images_that_do_not_pass_through_a_network_are_refused_in_a_sentence():
    squeezed = networks.MultiHead(networks.Torchvision("squeezenet1_1")).build((3, 32, 32))
    squeezed.grow(2)
    normed = networks.MultiHead(networks.ResNet32()).build((3, 4, 4))
    normed.grow(2)
    small, single = IMAGES[..., :4, :4], IMAGES[:1, :, :4, :4]
    judge_all([Attempt("small", lambda: squeezed(small)), Attempt("one to learn from", lambda: normed(single))])
