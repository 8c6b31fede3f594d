"""A network's outputs on a set of images, and its accuracy with the task known and unknown, in one pass over them."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from ..checked import Many, Tensors, checked
from ..describe import Whole, shown
from ..losses import compete
from ..networks import Network, evaluating
from ..networks.modules import check_images, chunk_of
from ..seeds import own_settings

__all__ = ["accuracies", "answers", "features", "logits", "task_of"]

# Pixels at a time on a CPU, but no fewer images: the maps of a small CNN then stay in a core's cache (512 images of 8x8
# pixels are 1.2 times as fast as 128, 32 of 32x32 1.9 times); and images on an accelerator.
PIXELS, FEWEST, ACCELERATED = 2**15, 32, 2048
TOGETHER = 1024  # images of tests that are asked together, or a chunk; a copy is made of them


def logits(network: Network, images: Tensor) -> Tensor:
    """Logits (N, classes seen) for ``images`` (N, C, H, W) uint8, in evaluation mode; the network is left as it was."""
    return answers(network, images)[0]


@checked
@own_settings()
@torch.no_grad()
def answers(network: Network, images: Tensor, features: bool = False) -> tuple[Tensor, Tensor | None]:
    """Logits (N, classes seen), as of `logits`, and the features (N, D) if ``features`` is True, else None."""
    device = next(network.parameters()).device
    with evaluating(network):
        outputs = [network(chunk) for chunk in chunks(images, device)]
        scores = torch.cat([o.logits for o in outputs]) if outputs else torch.zeros(0, sum(network.classes)).to(device)
    return scores, torch.cat([o.features for o in outputs]) if features else None


def features(network: Network, images: Tensor) -> Tensor:
    """Features (N, D), the input of the heads, for ``images`` (N, C, H, W) uint8, in evaluation mode."""
    found = answers(network, images, features=True)[1]
    assert found is not None
    return found


def chunks(images: Tensor, device: torch.device) -> Iterator[Tensor]:
    """``images`` (N, C, H, W) in pieces on ``device``, channels last, the layout in which convolutions are fastest."""
    check_images(images)
    for chunk in images.split(chunk_size(images, device)):
        yield chunk.to(device, memory_format=torch.channels_last)


def chunk_size(images: Tensor, device: torch.device) -> int:
    """How many ``images`` (N, C, H, W) a network on ``device`` is asked at a time."""
    height, width = images.shape[2:]
    return chunk_of(images, device, max(FEWEST, PIXELS // max(1, height * width)), ACCELERATED)


@checked
def task_of(network: Network) -> Tensor:
    """The task (classes seen,) of each column of the network's logits."""
    counts = torch.tensor(network.classes, dtype=torch.int64)
    return torch.repeat_interleave(torch.arange(len(counts)), counts).to(next(network.parameters()).device)


def check_labels(labels: Tensor, count: int, classes: int) -> None:
    """Refuse labels that are not one column of the logits, 0 to ``classes`` - 1, for each of ``count`` images."""
    if not Tensors("N", whole=True).accepts(labels) or len(labels) != count:
        raise ValueError(f"Labels are a tensor of {count} whole numbers, one per image, not {shown(labels)}.")
    low, high = (int(labels.min()), int(labels.max())) if count else (0, 0)
    if count and not 0 <= low <= high < classes:
        raise ValueError(f"Labels are columns of the logits, 0 to {classes - 1}; these go from {low} to {high}.")


def ranked(scores: Tensor, top: int) -> Tensor:
    """The columns of the ``top`` largest of each row of ``scores`` (N, C), largest first: (N, top), or (N, C) if C is
    less; -1 for a score of nan or minus infinity, which is never among them (``topk`` alone ranks nan first)."""
    found = scores.masked_fill(scores.isnan(), float("-inf")).topk(min(top, scores.shape[1]), dim=1)
    return found.indices.masked_fill(found.values == float("-inf"), -1)


def hits(scores: Tensor, labels: Tensor, top: int) -> Tensor:
    """Whether each label (N,) is among the ``top`` largest of its row of ``scores`` (N, C): (N,) bool."""
    return (ranked(scores, top) == labels.unsqueeze(1)).any(dim=1)


@torch.no_grad()
def own_logits(network: Network, images: Tensor, task: int) -> Tensor:
    """Logits (N, classes seen) of one task's head, minus infinity elsewhere; other heads are not computed."""
    columns = task_of(network)
    with evaluating(network):
        own = torch.cat([network(chunk).head(task) for chunk in chunks(images, columns.device)])
    scores = own.new_full((len(own), len(columns)), float("-inf"))
    scores[:, columns == task] = own
    return scores


def accuracies(
    network: Network,
    tests: Sequence[tuple[Tensor, Tensor] | None],
    tops: tuple[int, ...],
    score: Callable[[Network, Tensor], Tensor] = logits,
    unknown: bool = True,
) -> dict[str, list[float]]:
    """Accuracy on each task's test set, [(images, labels as columns), ...]; nan for None, or no image.

    Keys "known_top1", "unknown_top1", ...: the classes of the image's task compete, or all classes seen, by their
    ``score(network, images)`` (N, classes seen); "known_..." is nan where each image's class is alone in its head, so
    that every answer is right. Without ``unknown`` only the head of the image's task is computed and
    its logits are the scores; "unknown_..." is nan then.
    """
    return judge(network, tests, tops, score, unknown)[0]


@checked(tops=Many(Whole(at_least=1), least=1))
@own_settings()
def judge(
    network: Network,
    tests: Sequence[tuple[Tensor, Tensor] | None],
    tops: tuple[int, ...],
    score: Callable[[Network, Tensor], Tensor] = logits,
    unknown: bool = True,
) -> tuple[dict[str, list[float]], dict[str, list[Tensor | None]]]:
    """``accuracies``, and the column that each test image was taken for: "known" and "unknown", (n,) for each test on
    the device of the network, -1 where no score is a number; None where nothing was asked."""
    columns = task_of(network)
    asked = [(place, *right_test(test, columns, unknown)) for place, test in enumerate(tests) if test and len(test[1])]
    settled = {place for place, _, labels in asked if 1 in network.classes and alone(labels, columns)}
    rows = {f"{regime}_top{k}": [float("nan")] * len(tests) for regime in ("known", "unknown") for k in tops}
    taken: dict[str, list[Tensor | None]] = {regime: [None] * len(tests) for regime in ("known", "unknown")}
    for together in joined(asked, columns.device) if unknown else ([test] for test in asked):
        places, several_images, several_labels = zip(*together, strict=True)
        images, labels = (one[0] if len(one) == 1 else torch.cat(one) for one in (several_images, several_labels))
        scores = score(network, images) if unknown else own_logits(network, images, int(columns[labels[0]]))
        sizes = [len(own) for own in several_labels]
        owners = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)).to(labels.device)
        for regime, over in (("known", "task"), ("unknown", "class"))[: 1 + unknown]:
            best = ranked(compete(scores, labels, columns, over), max(tops))
            right = torch.stack([(best[:, :k] == labels.unsqueeze(1)).any(dim=1) for k in tops]).long()
            counts = right.new_zeros(len(tops), len(sizes)).index_add_(1, owners, right).tolist()
            for k, found in zip(tops, counts, strict=True):
                for place, count, size in zip(places, found, sizes, strict=True):
                    if regime == "unknown" or place not in settled:
                        rows[f"{regime}_top{k}"][place] = count / size
            for place, answers_of in zip(places, best[:, 0].split(sizes), strict=True):
                taken[regime][place] = answers_of
    return rows, taken


def right_test(test: tuple[Tensor, Tensor], columns: Tensor, unknown: bool) -> tuple[Tensor, Tensor]:
    """A test's images and labels, where they are right, the labels on the device of the network."""
    images, labels = test
    check_images(images)
    check_labels(labels, len(images), len(columns))
    labels = labels.to(columns.device)
    if not unknown and (columns[labels] != columns[labels[0]]).any():
        raise ValueError("Where one head is computed, all labels of a test are of its task; these are of several.")
    return images, labels


def alone(labels: Tensor, columns: Tensor) -> bool:
    """Whether the class of every image, ``labels`` (N,), is the only one of its head; ``columns`` (C,) are the heads
    of all classes."""
    return bool((columns.bincount()[columns[labels]] == 1).all())


def joined(
    tests: Sequence[tuple[int, Tensor, Tensor]], device: torch.device
) -> Iterator[list[tuple[int, Tensor, Tensor]]]:
    """Tests, each with its place among all, in groups of images of one size that are asked together: alone, each of
    many small ones would take the time of a whole chunk."""
    group: list[tuple[int, Tensor, Tensor]] = []
    for test in tests:
        limit, count = max(TOGETHER, chunk_size(test[1], device)), sum(len(y) for _, _, y in group) + len(test[2])
        if group and (count > limit or group[-1][1].shape[1:] != test[1].shape[1:]):
            yield group
            group = []
        group.append(test)
    if group:
        yield group
