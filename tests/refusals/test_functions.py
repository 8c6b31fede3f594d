"""Wrong, odd and hostile input to every public function of the rooms that compute: each argument in turn."""

import inspect
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from functools import partial
from typing import Any

import pytest

from tests.refusals.examples import EXAMPLES, FUNCTIONS, MISFITS, WRONG
from tests.refusals.judging import Attempt, judge_all

BOOLS = (
    "*(create_graph) answers.accuracies(unknown) answers.answers(features) run.*(known_task) run.*(untrained) "
    "comparison.table(known_task)"
)
NONE = (
    "*.mas*(task) *(chunk) *.fisher(task) *.fisher(labels) *.grad_cam(layer) metrics.*(sizes) *(after) *l(classes) "
    "comparison.*(known_task) *.table(against) *(activation) *(bias)"
)
NETWORKS = "*.task_of(*) *.last_block(model) *.layers(model) *.outside_blocks(model) *.watching(model) *.evaluating(*)"
NUMBERS = "tensor; whole numbers; negative numbers; large numbers; scattered"
LEGITIMATE = (  # why, in which arguments of which functions, and what
    ("True and False are its values", BOOLS, "True; False"),
    ("tested as trained, or known", "*.difference(known_task)", "None; True"),
    ("None is the usual value", NONE, "None"),
    (
        "another network",
        f"{NETWORKS} *.by_name(network) *.damage*s(network) *.damage(network) *ed_weights(*) *layer_names(*)",
        "a network",
    ),
    ("images", "answers.[!a]*(images) *.answers(images) *.mas*(images) *.layers(image) *.last_block(image)", "images"),
    ("no image has no answer", "answers.*(images)", "no images"),
    ("nothing is asked for", "*.accuracies(tests) *.damages(shares) *blocks(names)", "list; tuple; no array"),
    ("nothing is asked for", "*blocks(names)", "dict"),
    ("no task has no parameter", "networks.parameters(classes)", "list; tuple; no array"),
    ("numbers of classes", "networks.parameters(classes)", "one in a list; large numbers; to be read once"),
    ("a task without a test", "answers.accuracies(tests)", "None in a tuple"),
    ("seeds, tasks, updates and images count from 0", "*(seed) *(task) *(after) *.deviation([se]*) *(seen)", "0"),
    ("a class for all images", "attention.*(targets)", "0"),
    ("one head or more", "*(tops)", "one in a list; large numbers; to be read once"),
    ("a seed of several numbers", "*.fisher(seed)", "one in a list; whole numbers; large numbers"),
    ("a share from 0 to 1", "importance.damage(share) networks.t*(threshold)", "0; 1e-320"),
    ("a share from 0 to 1", "*(shares)", "one in a list; one in an array; tensor; whole numbers; to be read once"),
    ("a share above 0 to 1", "attention.*(share) metrics.*(share) metrics.*(level)", "1e-320"),
    ("a number in its range", "importance.*(strength)", "0; 1.5; 1e-320"),
    ("a number in its range", "*(damping) *(temperature)", "1.5; 1e308; 2**63"),
    ("a number in its range", "losses.*(amount)", "0; 1.5; 1e-320; 1e308; 2**63"),
    ("what is made of nan is nan", "*.activation*(*) losses.*(weights)", "images of nan"),
    ("a tensor", "*.activation*(*) losses.*(weights) networks.t*(tensor)", "images from 0 to 1"),
    ("a tensor", "losses.*(weights) networks.t*(tensor)", "a matrix"),
    ("a row per task", "losses.anchor(anchored) losses.anchor(importance)", "a matrix"),
    ("a tensor", "losses.soft*(weights) networks.t*(tensor) *.deconvolve(bias) *.path_integral([cm]*)", "tensor"),
    ("features", "memory.*(features) predicting.distances(*)", "a matrix"),
    ("accuracies", "metrics.*(*accuracy) metrics.*(curves) metrics.*(logits)", "array"),
    ("accuracies", "metrics.*(curves) metrics.*(logits)", "a matrix"),
    ("accuracies", "metrics.*(joint_accuracy) metrics.forward_transfer(*)", "tensor; whole numbers"),
    ("labels or tasks", "metrics.*(epoch_task) metrics.*(labels)", "whole numbers"),
    ("labels", "retrieval.*(labels)", "one in a list"),
    ("numbers of images", "metrics.*(sizes)", "tensor; large numbers"),
    ("any finite numbers", "metrics.*(values) metrics.*([ab]) *.average_precision(scores)", NUMBERS),
    ("any finite numbers", "metrics.*(values)", "one in a list; one in an array"),
    ("relevant or not", "retrieval.*(relevant)", "tensor; whole numbers; truth"),
    (
        "labels, or names of classes",
        "retrieval.*(classes)",
        "one in a list; whole numbers; texts in a list; to be read once",
    ),
    ("tasks or images", "memory.*(tasks) pool.choose(*)", "whole numbers"),
    ("tasks", "memory.*(tasks)", "one in a list; to be read once"),
)


def reason(argument: str, label: str) -> str:
    """Why this is no mistake; nothing where it is one."""
    for why, arguments, labels in LEGITIMATE:
        if label in labels.split("; ") and any(fnmatch(argument, each) for each in arguments.split()):
            return why
    return ""


def tried(name: str, argument: str) -> Iterator[Attempt]:
    for label, value in WRONG.items():
        act = partial(attempt, name, {**EXAMPLES[name], argument: value})
        yield Attempt(f"{name}({argument}={label})", act, reason(f"{name}({argument})", label))


def attempt(name: str, given: Mapping[str, Any]) -> object:
    found = FUNCTIONS[name](**given)
    return list(found) if inspect.isgenerator(found) else found


@pytest.mark.parametrize(("name", "argument"), [(name, one) for name, valid in EXAMPLES.items() for one in valid])
def test_an_argument_is_refused_in_a_sentence_or_has_one_meaning(name, argument):
    judge_all(tried(name, argument))


@pytest.mark.parametrize("name", MISFITS)
def test_values_that_do_not_fit_each_other_are_refused(name):
    judge_all(Attempt(f"{name}({given})", partial(attempt, name, EXAMPLES[name] | given)) for given in MISFITS[name])


def test_every_public_function_has_an_example():
    assert sorted(FUNCTIONS.keys() - EXAMPLES.keys()) == []
    for name, valid in EXAMPLES.items():
        attempt(name, valid)
