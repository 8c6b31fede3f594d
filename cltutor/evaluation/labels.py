"""How well tasks whose images have several labels are known: the best class, and mean average precision."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..losses import compete
from ..networks import Network
from ..seeds import own_settings
from .answers import alone, logits, task_of
from .retrieval import average_precision


@own_settings()
def judge_labels(network: Network, tests: Sequence[tuple[Tensor, Tensor] | None]) -> dict[str, list[float]]:
    """Numbers of each test of images with several labels, [(images, marks (N, classes) bool), ...].

    "known_top1": the share of images that show the class with the largest logit of the image's task, "unknown_top1" of
    all classes seen; "known_map": the mean average precision over the classes of the task, each a query over its
    images. "known_..." is nan where each class is alone in its task, so that all are right.
    """
    columns = task_of(network).cpu()
    rows = {name: [float("nan")] * len(tests) for name in ("known_top1", "unknown_top1", "known_map")}
    for place, (images, marks) in ((place, test) for place, test in enumerate(tests) if test):
        scores, shown = logits(network, images).cpu(), marks[:, : len(columns)].cpu()
        asked = shown.any(dim=0).nonzero()[:, 0].tolist()
        own = compete(scores, shown.int().argmax(dim=1), columns, "task")
        for name, values in (("known_top1", own), ("unknown_top1", scores)):
            rows[name][place] = shown[range(len(shown)), values.argmax(dim=1)].double().mean().item()
        if alone(torch.tensor(asked), columns):
            rows["known_top1"][place] = float("nan")
            continue
        each = [average_precision(scores[:, c].double().numpy(), shown[:, c].numpy()) for c in asked]
        rows["known_map"][place] = sum(each) / len(each)
    return rows
