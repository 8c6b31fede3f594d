"""Valid arguments of every public function of the rooms that compute, and values that do not fit each other."""

import inspect
from collections.abc import Iterator
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch

import cltutor as cl
from cltutor.evaluation import answers, predicting, retrieval
from tests.refusals.values import HOSTILE

WRONG = {name: value for name, value in HOSTILE.items() if name != "iterator"} | {  # which can be tried only once
    "images": torch.zeros(2, 1, 8, 8, dtype=torch.uint8),
    "no images": torch.zeros(0, 1, 8, 8, dtype=torch.uint8),
    "one image": torch.zeros(1, 8, 8, dtype=torch.uint8),
    "colour images": torch.zeros(2, 3, 8, 8, dtype=torch.uint8),
    "larger images": torch.zeros(2, 1, 9, 9, dtype=torch.uint8),
    "images from 0 to 1": torch.full((2, 1, 8, 8), 0.5),
    "images of nan": torch.full((2, 1, 8, 8), torch.nan),
    "images below 0": torch.full((2, 1, 8, 8), -9, dtype=torch.int16),
    "complex images": torch.full((2, 1, 8, 8), 9j),
    "a matrix": torch.ones(2, 3),
    "whole numbers": torch.tensor([0, 1]),
    "negative numbers": torch.tensor([-1, 0]),
    "large numbers": torch.tensor([2, 99]),
    "truth": torch.tensor([True, False]),
    "scattered": [0.5, -2],
    "ragged": [[1.0], [1.0, 2.0]],
    "texts in a list": ["0", "1"],
    "a network": cl.networks.MultiHead().build((1, 8, 8)),
}

LABELS = torch.arange(4).repeat_interleave(6)
IMAGES = torch.randint(0, 256, (24, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
STREAM = cl.streams.tensors(IMAGES, LABELS, IMAGES[::3], LABELS[::3], tasks=2, order=None)
RUN = cl.learn(STREAM, "finetune", epochs=1, device="cpu", progress=False)
MOVED = cl.streams.domains(STREAM, "permutations", tasks=2)
MOVED_RUN = cl.learn(MOVED, "finetune", epochs=1, device="cpu", progress=False)
NETWORK, SOME = RUN.model, IMAGES[:3]
OMEGA = {name: torch.ones_like(value) for name, value in NETWORK.named_parameters()}
MATRIX, CURVES = [[0.9, np.nan], [0.5, 0.7]], [[0.5, np.nan], [0.6, 0.7]]
LOGITS, MAPS = torch.randn(3, 4), torch.rand(3, 2, 2)
FEATURES = torch.rand(5, 3) + 0.1
PIXELS = torch.rand(3, 2, 4, 4, requires_grad=True)
POOL = cl.memory.pool_of(STREAM, [0], torch.device("cpu"))


def entered(function: Any, **given: Any) -> None:
    with function(**given):
        pass


LEARNED = {"network": NETWORK, "stream": STREAM}
DAMAGED = {"network": NETWORK, "omega": OMEGA, "which": "least", "seed": 0, "how": "perturb", "strength": 1.0}
MEASURED = {"model": NETWORK, "images": SOME, "task": 0, "chunk": 64}
SEEN = {"model": NETWORK, "images": SOME, "targets": [0, 1, 2], "create_graph": False}
CHOSEN = {"features": FEATURES, "n": 2}
PAIR = {"before": MAPS, "now": MAPS}
TAUGHT = {"logits": LOGITS, "targets": LOGITS}
EXAMPLES: dict[str, dict[str, Any]] = {
    "retrieval.average_precision": {"scores": [0.5, 0.1], "relevant": [True, False]},
    "retrieval.mean_average_precision": {"scores": [[0.5, 0.1]], "labels": [0]},
    "retrieval.retrieval": {"run": RUN, "stream": STREAM, "after": 0, "classes": [0], "device": "cpu"},
    **{
        f"metrics.{name}": {"accuracy": MATRIX}
        for name in (
            *("average_accuracy", "new_task_accuracy", "old_task_accuracy"),
            *("forgetting", "drop", "backward_transfer"),
        )
    },
    "metrics.average_incremental_accuracy": {"accuracy": MATRIX, "sizes": [2, 3]},
    "metrics.summary": {"accuracy": MATRIX, "sizes": [2, 3]},
    "metrics.intransigence": {"accuracy": MATRIX, "joint_accuracy": [0.5, 0.6]},
    "metrics.forward_transfer": {"before": [np.nan, 0.5], "untrained": [0.1, 0.2]},
    "metrics.top_accuracy": {"logits": [[0.1, 0.2], [0.3, 0.2]], "labels": [0, 1], "k": 1},
    "metrics.peak_accuracy": {"curves": CURVES, "epoch_task": [0, 1]},
    "metrics.retention": {"curves": CURVES, "epoch_task": [0, 1]},
    "metrics.epochs_to_peak": {"curves": CURVES, "epoch_task": [0, 1], "share": 0.5},
    "metrics.mean_interval": {"values": [0.1, 0.3], "level": 0.5},
    "metrics.paired_difference": {"a": [0.1, 0.3], "b": [0.2, 0.3], "level": 0.5},
    "importance.by_name": {
        "network": NETWORK,
        "values": torch.ones(sum(p.numel() for p in NETWORK.backbone.parameters())),
    },
    "importance.damage": {**DAMAGED, "share": 0.5},
    "importance.damages": {**DAMAGED, "shares": [0.5]},
    "importance.fisher": {**MEASURED, "labels": [0, 1, 1], "seed": 0},
    "importance.flat": {"values": [LOGITS]},
    "importance.mas": {**MEASURED, "output": "norm"},
    "importance.mas_local": MEASURED,
    "importance.path_integral": {"contribution": torch.ones(2), "moved": torch.ones(2), "damping": 0.5},
    "importance.running_mean": {"omega": {"a": LOGITS}, "seen": 1, "new": {"a": LOGITS}, "count": 1},
    "importance.shared_weights": {"network": NETWORK},
    "memory.closest": CHOSEN,
    "memory.herding": CHOSEN,
    "memory.random": {**CHOSEN, "seed": 0},
    "memory.histogram": {**CHOSEN, "seed": 0},
    "memory.select": {**CHOSEN, "strategy": "herding", "seed": 0},
    "memory.pool_of": {"stream": STREAM, "tasks": [0], "device": torch.device("cpu"), "kind": cl.memory.Pool},
    "attention.activation_attention": {"maps": PIXELS},
    "attention.cam": {"scores": PIXELS.square().sum((1, 2, 3)), "maps": PIXELS, "create_graph": False},
    "attention.grad_cam": {**SEEN, "layer": "backbone.trunk.0"},
    "attention.grad_cams": {**SEEN, "names": ["backbone.trunk.0"]},
    "attention.layers": {"model": NETWORK, "image": SOME},
    "attention.last_block": {"model": NETWORK, "image": SOME},
    "attention.maps_of": {"output": SimpleNamespace(maps=PIXELS)},
    "attention.normalised": {"attention": MAPS},
    "attention.watching": {"model": NETWORK, "layer": "backbone.trunk.0"},
    "attention.drift": PAIR,
    "attention.rank_correlation": PAIR,
    "attention.overlap": {**PAIR, "share": 0.5},
    "attention.most_attended": {"attention": MAPS, "share": 0.5},
    "attention.inside": {"attention": MAPS, "masks": MAPS > 0.5},
    "attention.outside_blocks": {"model": NETWORK, "names": ["backbone.trunk.0"]},
    "networks.contract": {"basis": torch.ones(2, 2, 3), "mixing": torch.ones(3, 1, 1)},
    "networks.deconvolve": {
        **{"knowledge": torch.ones(2, 2, 3), "filters": torch.ones(3, 3, 3, 2), "bias": torch.ones(2)},
        **{"size": (3, 3), "stride": 2, "activation": None},
    },
    "networks.evaluating": {"model": NETWORK},
    "networks.parameters": {**{"description": cl.networks.MultiHead(), "image_shape": (1, 8, 8), "classes": [2, 2]}},
    "networks.parameters_of_run": {"run": RUN},
    "networks.tensor_train": {"tensor": LOGITS, "threshold": 0.5},
    "networks.tucker": {"tensor": LOGITS, "threshold": 0.5},
    "losses.attention_distillation": {"student": MAPS, "teacher": MAPS, "distance": "l1"},
    "losses.squared_distance": {"one": LOGITS, "other": LOGITS},
    "losses.anchor": {name: torch.ones(3) for name in ("parameters", "anchored", "importance")},
    "losses.compete": {
        **{"logits": LOGITS, "labels": torch.tensor([0, 1, 2]), "task_of": torch.tensor([0, 0, 1, 1]), "over": "task"}
    },
    "losses.distillation": {**TAUGHT, "temperature": 2.0},
    "losses.embedding_distance": {"embedding": LOGITS, "words": LOGITS},
    "losses.group_soft_threshold": {"weights": LOGITS, "amount": 0.5},
    "losses.soft_threshold": {"weights": LOGITS, "amount": 0.5},
    "losses.l1": TAUGHT,
    "losses.l2": TAUGHT,
    "probing.class_accuracy": {"run": RUN, "stream": STREAM, "device": "cpu"},
    "probing.before_learning": {"run": MOVED_RUN, "stream": MOVED, "device": "cpu"},
    "probing.over_groups": {"found": [[0.5, 0.5, np.nan, np.nan]], "stream": STREAM, "groups": [[0]]},
    "importance.layer_names": {"network": NETWORK},
    "probing.group_accuracy": {"run": RUN, "stream": STREAM, "groups": [[0]], "device": "cpu"},
    "probing.damaged_accuracy": {
        **{**LEARNED, "omega": OMEGA, "shares": [0.5], "which": "least", "seed": 0, "how": "prune"}
    },
    "predicting.class_means": {"features": FEATURES, "labels": torch.tensor([0, 1, 1, 0, 0]), "classes": 2},
    "predicting.distances": {"features": FEATURES, "means": FEATURES},
    "answers.accuracies": {
        **{"network": NETWORK, "tests": [(SOME, torch.tensor([0, 1, 1]))], "tops": (1,), "unknown": True},
    },
    "answers.answers": {"network": NETWORK, "images": SOME, "features": True},
    "answers.features": {"network": NETWORK, "images": SOME},
    "answers.logits": {"network": NETWORK, "images": SOME},
    "answers.task_of": {"network": NETWORK},
    "retrieval.network_retrieval": {**LEARNED, "classes": [0]},
    "run.accuracy": {"known_task": True, "untrained": True, "top": 1},
    "run.metrics": {"known_task": True, "untrained": True},
    "run.model_after": {"task": 0},
    "run.model_on": {"device": "cpu", "after": 0},
    "comparison.Comparison": {"runs": [RUN]},
    "comparison.difference": {"method": "finetune", "against": "finetune", "known_task": True, "measure": "drop"},
    "comparison.table": {"known_task": True, "against": "finetune"},
    "pool.Pool": {"images": SOME, "labels": LABELS[:3], "tasks": LABELS[:3]},
    "pool.choose": {"places": torch.tensor([0])},
    "pool.steps": {"batch_size": 2},
    "pool.batches": {"batch_size": 2, "generator": torch.Generator()},
    "noise.deviation": {"step": 0, "batch": 1, "epoch": 0},
}
MISFITS: dict[str, list[dict[str, Any]]] = {  # of values that are right by themselves
    **{
        f"metrics.{name}": [{"accuracy": [[90.0]]}, {"accuracy": [[-0.1]]}, {"accuracy": [[0.5, 0.5], [np.nan, 0.5]]}]
        for name in ("average_accuracy", "average_incremental_accuracy", "forgetting", "summary")
    },
    "metrics.intransigence": [{"joint_accuracy": [0.5, 0.6, 0.7]}, {"joint_accuracy": [0.5, 60]}],
    "metrics.forward_transfer": [{"before": [0.5]}, {"before": [0.5, np.nan]}, {"untrained": [10, 20]}],
    "probing.before_learning": [{"run": RUN, "stream": STREAM}, {"run": RUN}],
    "metrics.top_accuracy": [{"labels": [0]}, {"labels": [0, 2]}, {"labels": [-1, 0]}],
    "metrics.retention": [{"epoch_task": [0, 2]}, {"epoch_task": [-1, 0]}, {"curves": [[50, 50], [50, 50]]}],
    "metrics.paired_difference": [{"a": [0.1]}],
    "retrieval.average_precision": [{"scores": [np.nan, 1]}, {"relevant": [True]}, {"relevant": [2, 5]}],
    "retrieval.mean_average_precision": [{"labels": [0, 1]}, {"labels": [2]}],
    "retrieval.network_retrieval": [{"classes": [99]}, {"classes": ["no such class"]}],
    "retrieval.retrieval": [{"after": 2}, {"stream": cl.streams.digits(tasks=2)}],
    "answers.accuracies": [
        *({"tests": [(SOME, torch.tensor(labels))]} for labels in ([0, 1], [0, 1, 4], [-1, 0, 1], [0.5, 0, 1])),
        {"tests": [(SOME, torch.tensor([0, 1, 2]))], "unknown": False},
    ],
    "predicting.distances": [{"means": torch.ones(2, 4)}],
    "predicting.class_means": [{"labels": torch.tensor([0, 1, 2, 0, 1])}],
    "memory.herding": [{"n": 6}, {"features": FEATURES * np.nan}, {"features": FEATURES * 0}],
    "attention.inside": [{"masks": MAPS[:2] > 0}, {"attention": -MAPS}, {"attention": MAPS * np.nan}],
    "attention.drift": [{"now": MAPS[:1]}, {"now": MAPS.flatten(1)}, {"before": MAPS / 0}],
    "attention.grad_cam": [{"targets": 4}, {"targets": -1}, {"targets": [0]}, {"layer": "backbone"}],
    "importance.damage": [{"omega": {}}, {"omega": {name: value * np.nan for name, value in OMEGA.items()}}],
    "importance.fisher": [{"labels": [0, 1, 9]}, {"labels": [0]}, {"task": 2}],
    "importance.running_mean": [{"new": {"a": LOGITS[:1]}}, {"new": {"a": LOGITS, "b": LOGITS}}],
    "networks.tucker": [{"tensor": LOGITS * np.inf}],
    "networks.deconvolve": [{"size": (9, 9)}, {"filters": torch.ones(3, 3, 4, 2)}, {"bias": torch.ones(3)}],
    "networks.contract": [{"mixing": torch.ones(2, 1, 1)}],
    "losses.compete": [{"labels": torch.tensor([0, 1, 4])}, {"task_of": torch.tensor([0, 1])}, {"over": "tasks"}],
    "losses.l1": [{"logits": LOGITS[:1]}, {"targets": LOGITS[:, :1]}],
    "losses.soft_threshold": [{"amount": torch.tensor(-1.0)}],
    "probing.group_accuracy": [{"groups": [[99]]}],
    "run.accuracy": [{"known_task": False, "untrained": False}, {"top": 2}],
    "run.model_after": [{"task": 2}],
    "run.model_on": [{"after": 2}, {"after": -1}],
    "comparison.difference": [{"method": "lwf"}, {"known_task": False}, {"measure": "accuracy"}],
    "comparison.Comparison": [{"runs": [RUN, RUN]}],
}
COMPARISON = cl.Comparison([RUN])
NOISE = cl.noise.GradientNoise()
OF_OBJECTS = {
    **{f"run.{name}": getattr(RUN, name) for name in ("accuracy", "metrics", "model_after", "model_on")},
    **{f"comparison.{name}": getattr(COMPARISON, name) for name in ("difference", "table")},
    **{f"pool.{name}": getattr(POOL, name) for name in ("choose", "steps", "batches")},
    "pool.Pool": cl.memory.Pool,
    "comparison.Comparison": cl.Comparison,
    "noise.deviation": NOISE.deviation,
    "attention.watching": partial(entered, cl.attention.watching),
    "networks.evaluating": partial(entered, cl.networks.evaluating),
}
ROOMS = {
    **{name: getattr(cl, name) for name in ("metrics", "importance", "memory", "attention", "networks", "losses")},
    **{"probing": cl.probing, "predicting": predicting, "answers": answers, "retrieval": retrieval},
}


def public(room: ModuleType) -> Iterator[str]:
    """The names of a room's functions: those in ``__all__``, else those that are defined in it."""
    names = getattr(room, "__all__", None) or [
        name for name, value in vars(room).items() if getattr(value, "__module__", "") == room.__name__
    ]
    yield from (name for name in names if inspect.isfunction(getattr(room, name)) and not name.startswith("_"))


FUNCTIONS = {
    f"{word}.{name}": getattr(room, name) for word, room in ROOMS.items() for name in public(room)
} | OF_OBJECTS
