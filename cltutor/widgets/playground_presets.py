"""The papers' methods as toggles, and the name that fits what the toggles say."""

import functools
from dataclasses import replace

from .. import methods
from ..importance import Importance, Uniform
from ..networks import MultiHead
from ..streams import Stream
from .playground_composition import Composition, composition_of

PAPERS = {
    "LwF": [
        "finetune",
        "finetune_slow",
        "feature_extraction",
        "duplicate",
        "joint",
        "lwf",
        "l2",
        "expansion",
        "expansion_lwf",
    ],
    "MAS": ["mas", "mas_local", "ewc", "ewc_online", "si", "imm_mean", "imm_mode"],
    "LwM": ["lwf_mc", "lwm", "lwm_attention_only"],
    "EEIL": ["eeil", "eeil_base", "eeil_da", "eeil_bf", "icarl", "hybrid1"],
    "DF-CNN": ["dfcnn", "dfcnn_small", "single_task", "single_task_large", "hard_sharing", "progressive"],
}
TITLES = {
    "LwF": "Learning without Forgetting (Li and Hoiem 2016), and its baselines",
    "MAS": "Memory Aware Synapses (Aljundi et al. 2018), and its baselines",
    "LwM": "Learning without Memorizing (Dhar et al. 2019), and its baselines",
    "EEIL": "End-to-End Incremental Learning (Castro et al. 2018), and its baselines",
    "DF-CNN": "Deconvolutional Factorized CNN (Lee et al. 2019), and its baselines",
}
PER_CLASS = 10  # exemplars, where the published memory would hold the whole stream
NUMBERS = ("temperature", "beta", "gamma", "omega", "images", "epochs", "rate", "heads", "rest", "name")


@functools.cache
def preset(method: str) -> Composition:
    """The toggles of one of cltutor's methods."""
    return composition_of(methods.get(method))


def at_hand(method: str, now: Composition, stream: Stream) -> Composition:
    """A preset with the epochs of now, and no more exemplars than a part of the stream."""
    found = replace(preset(method), epochs=now.epochs)
    return replace(found, images=capacity_for(stream, found.images)) if found.memory == "exemplars" else found


def capacity_for(stream: Stream, published: int = 2000) -> int:
    """K of a memory: as published, or ten images per class where that would hold everything."""
    return published if published < sum(len(task.train) for task in stream) else PER_CLASS * len(stream.classes)


def named(composition: Composition) -> Composition:
    """The composition under the name of its method, whatever its numbers, or under one that lists its parts."""
    known = _skeletons().get(_skeleton(composition))
    return replace(composition, name=known or _parts(composition))


@functools.cache
def _skeletons() -> dict[Composition, str]:
    listed = [method for several in PAPERS.values() for method in several]
    return {_skeleton(preset(method)): method for method in reversed(listed)}


def _skeleton(composition: Composition) -> Composition:
    """What is switched on, without its numbers and without what is switched off."""
    usual = Composition()
    idle = list(NUMBERS)
    idle += [] if composition.distillation else ["kind", "joined"]
    idle += [] if composition.attention else ["distance", "maps"]
    idle += [] if composition.anchor else ["importance"]
    idle += [] if composition.memory in ("exemplars", "per class") else ["selection"]
    return replace(composition, **{name: getattr(usual, name) for name in idle})


def _parts(composition: Composition) -> str:
    """A name that lists what is switched on, in the order of the equation."""
    words = {"softmax": [], "sigmoid": ["sigmoids"], "sigmoid, all": ["sigmoids over all"]}[composition.new]
    words += ["distillation"] * composition.distillation + ["attention"] * composition.attention
    words += [short(composition.importance)] * composition.anchor
    words += [type(term).__name__ for _, term in composition.others]
    words += {"none": [], "everything": ["all images"]}.get(composition.memory, ["memory"])
    words += ["balance"] * composition.balanced + ["augmentation"] * bool(composition.augmentation)
    words += [] if composition.network == MultiHead() else [type(composition.network).__name__]
    words += ["nearest mean"] * (composition.predict != "logits")
    return " + ".join(words) or "cross-entropy"


def short(importance: Importance) -> str:
    """An importance as a word of a name."""
    return "L2" if importance == Uniform() else type(importance).__name__
