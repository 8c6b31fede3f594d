"""The papers' methods by name, each a few lines: a recipe made of terms, a network, a memory and phases.

Every method takes, besides its own settings, ``heads`` ("task" or "class"), ``backbone`` (such as
``networks.ResNet32()``), ``memory``, ``predict`` and the fields of ``Schedule`` (``epochs``, ``learning_rate``,
``batch_size``, ...). All train by the same schedule unless its paper says otherwise.
"""

import inspect

# The order of the papers, which is the order of names().
# isort: off
from .lwf import duplicate, expansion, expansion_lwf, feature_extraction, finetune, finetune_slow, joint, lwf
from .mas import ebll, ewc, ewc_online, imm_mean, imm_mode, l2, mas, mas_local, si
from .lwm import lwf_mc, lwm, lwm_attention_only
from .eeil import eeil, eeil_base, eeil_bf, eeil_da, hybrid1, icarl
from .dfcnn import (
    dfcnn,
    dfcnn_authors,
    dfcnn_direct,
    dfcnn_small,
    dfcnn_tc2,
    expandable,
    hard_sharing,
    hard_sharing_authors,
    progressive,
    progressive_authors,
    single_task,
    single_task_authors,
    single_task_large,
    tensor_factorization,
)
from .er import Replay, er
from .agem import GradientMemory, agem
from .derpp import DarkExperience, derpp
from .bic import Corrected, NewShare, OldShare, ValidatedMemory, bic
from .wa import WeightAligning, wa
from .gdumb import GreedyMemory, gdumb
from .packnet import Packed, packnet
from .ncm import ClassMeans, ncm

# isort: on
from .labels import for_several_labels
from .registry import Build, MethodName, UnknownSetting, compose, get, named, names, register
from .sources import Sources, sources

__all__ = [
    "ClassMeans",
    "Corrected",
    "DarkExperience",
    "GradientMemory",
    "GreedyMemory",
    "MethodName",
    "NewShare",
    "OldShare",
    "Packed",
    "Replay",
    "Sources",
    "UnknownSetting",
    "ValidatedMemory",
    "WeightAligning",
    "agem",
    "bic",
    "compose",
    "named",
    "register",
    "derpp",
    "dfcnn",
    "dfcnn_authors",
    "dfcnn_direct",
    "dfcnn_small",
    "dfcnn_tc2",
    "duplicate",
    "ebll",
    "eeil",
    "eeil_base",
    "eeil_bf",
    "eeil_da",
    "er",
    "ewc",
    "ewc_online",
    "expandable",
    "expansion",
    "expansion_lwf",
    "feature_extraction",
    "finetune",
    "finetune_slow",
    "for_several_labels",
    "gdumb",
    "get",
    "hard_sharing",
    "hard_sharing_authors",
    "hybrid1",
    "icarl",
    "imm_mean",
    "imm_mode",
    "joint",
    "l2",
    "lwf",
    "lwf_mc",
    "lwm",
    "lwm_attention_only",
    "mas",
    "mas_local",
    "names",
    "ncm",
    "packnet",
    "progressive",
    "progressive_authors",
    "si",
    "single_task",
    "single_task_authors",
    "single_task_large",
    "sources",
    "tensor_factorization",
    "wa",
]

for _name in names():  # help(cl.methods.lwf) shows where every detail comes from
    named(_name).__doc__ = f"{inspect.cleandoc(named(_name).__doc__ or '')}\n\n{sources(_name)!r}\n"


def __getattr__(name: str) -> Build:
    """A method of your own, once it is registered: ``cl.methods.mine(...)`` as ``cl.methods.lwf(...)``."""
    if name.startswith("_") or name not in names():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return named(name)
