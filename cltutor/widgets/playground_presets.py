"""The controls of a playground: what each can be set to, and what that means; the papers' methods as presets."""

import functools
from dataclasses import replace

import ipywidgets

from .. import methods
from ..describe import Real, Whole
from ..importance import MAS, Fisher, Importance, LocalMAS, OnlineFisher, PathIntegral, Uniform
from ..losses import Distillation
from ..losses.distillation import TEMPERATURE
from ..memory.selection import SELECTIONS
from ..networks import Copies, MultiHead, Progressive, ResNet32, SingleTask, SmallCNN, TaskCNN, Widening
from ..recipe.merging import MeanMerge, ModeMerge, Unmerged
from ..recipe.noise import GradientNoise
from ..streams import CropFlip, PhotometricCropFlip, Stream
from .inputs import Choice, Guarded, Knob, Switch, dropdown
from .playground_composition import TERMS, Composition, composition_of, on
from .playground_limits import Limits

PAPERS = {  # each with its baselines
    "LwF": (
        *("finetune", "finetune_slow", "feature_extraction", "duplicate", "joint", "lwf", "l2"),
        *("expansion", "expansion_lwf"),
    ),
    "MAS": ("mas", "mas_local", "ewc", "ewc_online", "si", "imm_mean", "imm_mode", "ebll"),
    "LwM": ("lwf_mc", "lwm", "lwm_attention_only"),
    "EEIL": ("eeil", "eeil_base", "eeil_da", "eeil_bf", "icarl", "hybrid1"),
    "DF-CNN": (
        *("dfcnn", "dfcnn_small", "dfcnn_direct", "dfcnn_tc2", "single_task", "single_task_large"),
        *("hard_sharing", "progressive", "expandable", "tensor_factorization"),
        *("dfcnn_authors", "single_task_authors", "hard_sharing_authors", "progressive_authors"),
    ),
    "replay": ("er", "derpp", "agem", "gdumb"),
    "bias correction": ("bic", "wa"),
    "pruning": ("packnet",),
    "frozen features": ("ncm",),
}
PER_CLASS = 10  # exemplars, where the published memory would hold the whole stream
IDLE = ("temperature", "beta", "gamma", "omega", "images", "epochs", "rate", "heads", "rest", "name")


@functools.cache
def preset(method: str) -> Composition:
    """The toggles of one of cltutor's methods."""
    return composition_of(methods.get(method))


def at_hand(method: str, now: Composition, limits: Limits, known_task: bool = True) -> Composition:
    """A preset with the epochs of now, and no more exemplars than a part of the stream; trained for the task unknown
    where that is the question, if it can be."""
    found = replace(preset(method), epochs=now.epochs)
    if found.keeps:
        found = replace(found, images=capacity_for(limits.stream, found.images))
    across = replace(found, heads="class")
    return found if known_task or limits.reason(across) else across


def capacity_for(stream: Stream, published: int = 2000) -> int:
    """K of a memory: as published, or ten images per class where that would hold everything."""
    return published if published < sum(len(task.train) for task in stream) else PER_CLASS * len(stream.classes)


def named(composition: Composition) -> Composition:
    """The composition under the name of its method, whatever its numbers, or under one that lists its parts."""
    if composition.whole is not None:
        return composition
    known = _skeletons().get(_skeleton(composition))
    return replace(composition, name=known or _parts(composition))


@functools.cache
def _skeletons() -> dict[Composition, str]:
    listed = [method for several in PAPERS.values() for method in several]
    return {_skeleton(preset(method)): method for method in reversed(listed)}


def _skeleton(composition: Composition) -> Composition:
    """What is switched on, without its numbers and without what is switched off."""
    usual, idle = Composition(), list(IDLE)
    for switch, _, settings in TERMS.values():
        idle += [] if getattr(composition, switch) else settings
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


SMALL = SmallCNN()
NETWORKS = [
    ("one trunk", MultiHead(), "shared layers, and a head for each task"),
    ("frozen trunk", MultiHead(hidden=4096), "later heads have a hidden layer (feature extraction)"),
    ("shared convolutions", MultiHead(task_specific_layers=2), "fully connected layers for each task"),
    ("a copy per task", Copies(), "a fine-tuned copy of the first network for each task (LwF, Figure 1)"),
    ("widened trunk", Widening(), "new nodes in the top layers for every task (LwF, Figure 6b)"),
    ("own networks", SingleTask(), "a network for each task, newly initialised (DF-CNN, section 4.1)"),
    ("progressive columns", Progressive(), "a column per task, which reads the earlier ones"),
    ("DF-CNN", preset("dfcnn").network, "filters rebuilt from a knowledge base (DF-CNN, section 2)"),
    ("small DF-CNN", preset("dfcnn_small").network, "the reduced one (DF-CNN, section 4.2)"),
]

CHOICES = {  # field -> what stands before the buttons, and these: words, value, tooltip
    "new": (
        "cross-entropy",
        ("softmax", "softmax", "one softmax over the classes of the task, or of all tasks seen (LwF, eq. 1)"),
        ("sigmoid, new classes", "sigmoid", "a sigmoid for each class of the newest task (LwM, section 5.1)"),
        ("sigmoid, all classes", "sigmoid, all", "a sigmoid for each class seen, old ones with target 0"),
    ),
    "importance": (
        "importance",
        ("L2", Uniform(), "every weight the same (LwF, section 4.2)"),
        ("MAS", MAS(), "how much the learned function changes with a weight (MAS, eq. 2)"),
        ("local MAS", LocalMAS(), "the same from activations alone, by Hebb's rule (MAS, eq. 6)"),
        ("EWC", Fisher(), "Fisher information, a penalty for each task (Kirkpatrick et al. 2017)"),
        ("online EWC", OnlineFisher(), "Fisher information summed over tasks (Schwarz et al. 2018)"),
        ("SI", PathIntegral(), "how much a weight has reduced the loss so far (Zenke et al. 2017)"),
    ),
    "memory": (
        "images kept",
        ("none", "none", "no image of an old task"),
        ("K in all", "exemplars", "so many images in all, fewer of each class as classes arrive (EEIL, section 3)"),
        ("of each class", "per class", "so many images of every class"),
        ("everything", "everything", "all images: joint training, the upper bound"),
    ),
    "network": ("heads on", *((words, on(network, SMALL), tip) for words, network, tip in NETWORKS)),
    "backbone": (
        "trunk",
        ("small CNN", SMALL, "three convolutions and two fully connected layers"),
        ("task CNN", TaskCNN(), "the CNN of DF-CNN's experiments, with dropout"),
        ("large task CNN", preset("single_task_large").backbone, "the same with 0.935 M parameters per task"),
        ("ResNet-32", ResNet32(), "fifteen residual blocks, for 32-pixel images: slow on a CPU"),
    ),
    "after_task": (
        "tested",
        ("as trained", Unmerged(), "the network that learns is the one that is tested"),
        ("mean of tasks", MeanMerge(), "the mean of the models of all tasks (mean-IMM, Lee et al. 2017)"),
        ("mode of tasks", ModeMerge(), "merged by their Fisher information (mode-IMM, Lee et al. 2017)"),
    ),
    "predict": (
        "answers by",
        ("logits", "logits", "the largest logit"),
        ("nearest mean", "nearest_mean", "the nearest mean of the images kept of each class (iCaRL)"),
    ),
    "heads": (
        "training",
        ("task-incremental", "task", "the loss is over the classes of the image's own task (trains anew)"),
        ("class-incremental", "class", "the loss is over the classes of all tasks seen (trains anew)"),
    ),
    "learns": (
        "what learns",
        ("all", "all", "trunk, old heads and the new head"),
        ("trunk and head", "fine-tune", "trunk and new head; class-incremental: all heads as one (fine-tuning)"),
        ("trunk slowly", "slow", "the same, the trunk at a tenth of the rate (LwF, Table 2d)"),
        ("warm-up, then all", "warm-up", "the new head first, then all (LwF, section 3)"),
        ("new parts only", "new", "only what the network adds for this task"),
        ("new parts, rate x 5", "new x5", "the same at five times the rate (feature extraction)"),
    ),
    "augmentation": (
        "augmentation",
        ("none", None, "images as they are"),
        ("crop, mirror", CropFlip(), "random shifts and mirrors (He et al. 2016)"),
        ("EEIL's", PhotometricCropFlip(), "other light, crops and mirrors (EEIL, section 5)"),
    ),
    "noise": (
        "gradient noise",
        ("none", None, "gradients as they are"),
        ("EEIL's", GradientNoise(), "noise that fades as a task is learned (EEIL, section 5)"),
    ),
}
SWITCHES = {
    "distillation": ("distillation", "the old heads keep their answers from before this task (LwF, eq. 2 and 3)"),
    "joined": ("one softmax", "one softmax over all old classes, not one for each old task (LwM, section 3.1)"),
    "attention": ("attention distillation", "the network looks where it looked before this task (LwM, eq. 6)"),
    "anchor": ("anchor", "important weights are pulled back to where the last task left them (MAS, eq. 3)"),
    "balanced": ("balanced fine-tuning", "then train a little with as many images of each class (EEIL, section 4)"),
}
KINDS = Distillation.__dataclass_fields__["kind"].metadata["rule"].options
LISTS = {  # field -> words, what it may be, what it means
    "kind": ("kind", [(kind.replace("_", " "), kind) for kind in KINDS], "how old answers are compared"),
    "distance": ("distance", [("L1", "l1"), ("L2", "l2")], "between normalised maps (LwM, section 4.1)"),
    "maps": ("maps", [("Grad-CAM", "grad_cam"), ("activation", "activation")], "of one class, or of none"),
    "selection": ("chosen by", list(SELECTIONS), "how the images of a class are chosen (EEIL, section 6.3)"),
}
ABOVE, FROM, WHOLE, COUNT = Real(above=0), Real(at_least=0), Whole(at_least=1), Whole(at_least=0)
NUMBERS = {  # field -> words, the slider's ends and step, what is allowed, what it means
    "temperature": ("T", (1.0, 10.0, 0.5), TEMPERATURE, "how far the teacher's answers are softened (temperature)"),
    "beta": ("weight β", (0.0, 5.0, 0.1), FROM, "of distillation in the loss"),
    "gamma": ("weight γ", (0.0, 5.0, 0.1), FROM, "of attention distillation in the loss"),
    "omega": ("weight λ/2", (0.0, 5.0, 0.05), FROM, "of the anchor in the loss"),
    "images": ("memory (images)", (0, 500, 10), COUNT, "how many images of old tasks are kept, in all or per class"),
    "epochs": ("epochs", (1, 30, 1), WHOLE, "passes over the images of each task"),
    "rate": ("rate", (0.001, 0.1, 0.001), ABOVE, "the learning rate of gradient descent"),
}


def make_control(name: str, guarded: Guarded) -> ipywidgets.Widget:
    """The control for a field of a composition."""
    if name in CHOICES:
        words, *options = CHOICES[name]
        return Choice(words, options, guarded)
    if name in SWITCHES:
        return Switch(*SWITCHES[name])
    if name in LISTS:
        return dropdown(*LISTS[name])
    words, span, rule, tooltip = NUMBERS[name]
    return Knob(words, span, rule, tooltip, guarded)
