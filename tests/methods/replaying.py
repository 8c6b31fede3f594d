"""For tests of replay: a batch of a second task, and a memory of images of the first."""

import torch

from cltutor.losses import Batch, Context
from cltutor.networks import MultiHead, SmallCNN

IMAGES = torch.randint(0, 256, (12, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))


def batch_of(heads: str) -> Batch:
    """Four images of the second task, whose one class is column 2, as the network that learns sees them."""
    torch.manual_seed(0)
    network = MultiHead(SmallCNN((4, 4), (8,))).build((1, 8, 8))
    for classes in (2, 1):
        network.grow(classes)
    labels, task_of = torch.full((4,), 2), torch.tensor([0, 0, 1])
    return Batch(Context(network, 1, heads), IMAGES[:4], labels, torch.arange(4), [1], task_of, heads, {}, (7,))


def remembered() -> dict[str, torch.Tensor]:
    """Eight images of the first task, with logits of its two classes; the third came later."""
    logits = torch.cat([torch.linspace(-2, 2, 16).view(8, 2), torch.full((8, 1), torch.nan)], dim=1)
    keys = torch.linspace(0.1, 0.9, 8)
    return {"images": IMAGES[4:], "labels": torch.tensor([0, 1] * 4), "logits": logits, "keys": keys}
