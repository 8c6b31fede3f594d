"""Testing a network on the tasks seen so far, with the task known and unknown, in one pass over the images."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .losses import compete
from .networks import Network, evaluating

# Images at a time: larger chunks leave a core's cache, which made a small CNN twice as slow on 32-pixel images.
CHUNK = 128


def logits(network: Network, images: Tensor) -> Tensor:
    """Logits (N, classes seen) for ``images`` (N, C, H, W) uint8, in evaluation mode; the network is left as it was."""
    return answers(network, images)[0]


@torch.no_grad()
def answers(network: Network, images: Tensor, features: bool = False) -> tuple[Tensor, Tensor | None]:
    """The same, and the features (N, D) where they are asked for."""
    device = next(network.parameters()).device
    with evaluating(network):
        outputs = [network(chunk) for chunk in chunks(images, device)]
        scores = torch.cat([o.logits for o in outputs]) if outputs else torch.zeros(0, sum(network.classes)).to(device)
    return scores, torch.cat([o.features for o in outputs]) if features else None


def chunks(images: Tensor, device: torch.device) -> Iterator[Tensor]:
    """``images`` (N, C, H, W) in pieces on ``device``, colours side by side, which convolutions are fastest with."""
    for chunk in images.split(CHUNK):
        yield chunk.to(device, memory_format=torch.channels_last)


def task_of(network: Network) -> Tensor:
    """The task (classes seen,) of each column of the network's logits."""
    counts = torch.tensor(network.classes)
    return torch.repeat_interleave(torch.arange(len(counts)), counts).to(next(network.parameters()).device)


def hits(scores: Tensor, labels: Tensor, top: int) -> Tensor:
    """Whether each label (N,) is among the ``top`` largest of its row of ``scores`` (N, C): (N,) bool."""
    largest = scores.topk(min(top, scores.shape[1]), dim=1).indices
    return (largest == labels.unsqueeze(1)).any(dim=1)


def accuracies(
    network: Network,
    tests: list[tuple[Tensor, Tensor]],
    tops: tuple[int, ...],
    score: Callable[[Network, Tensor], Tensor] = logits,
) -> dict[str, list[float]]:
    """Accuracy on each of the first tasks' test sets, [(images, labels as columns), ...].

    Keys "known_top1", "unknown_top1", ...: the classes of the image's task compete, or all classes seen, by their
    ``score(network, images)`` (N, classes seen).
    """
    columns = task_of(network)
    rows: dict[str, list[float]] = {f"{regime}_top{k}": [] for regime in ("known", "unknown") for k in tops}
    for images, labels in tests:
        labels = labels.to(columns.device)
        scores = score(network, images)
        for regime, over in (("known", "task"), ("unknown", "class")):
            competing = compete(scores, labels, columns, over)
            for k in tops:
                rows[f"{regime}_top{k}"].append(hits(competing, labels, k).double().mean().item())
    return rows
