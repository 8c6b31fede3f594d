"""Trains the backbone that comes with cltutor, ``networks.ShapesCNN``, on random outlines, and writes its weights.

    python benchmarks/shapes_cnn.py [--classes 64] [--epochs 6]

Each class is a random outline: a closed curve of a few waves, a polygon, or a band along an open curve, some with a
hole; none is in ``streams.shapes``. Images are rendered as those of ``streams.scenes``, with the ground's family, hue
and all else independent of the class. Weights are stored as float16, 105 kB.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from cltutor.networks.modules import initialise
from cltutor.networks.shapes_cnn import CELLS, CHANNELS, SIDE, WEIGHTS, trunk
from cltutor.seeds import own_settings
from cltutor.streams.grounds import GROUNDS
from cltutor.streams.scenes import _DRAWS, render
from cltutor.streams.shapes import Shape

IMAGES, TEST, BATCH, RATE = 150, 20, 64, 0.05  # of each class; of a step


def outline(random: np.random.Generator) -> Shape:
    """A random shape: closed outlines of points (x, y)."""
    kind = random.integers(3)
    if kind == 2:
        points = band(random)
    else:
        count = 64 if kind == 0 else int(random.integers(4, 9))
        angles = np.sort(random.uniform(0, 2 * np.pi, count)) if kind else np.linspace(0, 2 * np.pi, count, False)
        waves = sum(random.uniform(0, 0.5) / k * np.cos(k * angles + random.uniform(0, 6.3)) for k in range(2, 6))
        radius = 1 + waves if kind == 0 else random.uniform(0.4, 1.0, count)
        points = np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)
    outlines = [points]
    if kind < 2 and random.random() < 0.3:
        outlines.append(points * random.uniform(0.3, 0.6))
    return tuple(tuple(map(tuple, one.tolist())) for one in outlines)


def band(random: np.random.Generator) -> np.ndarray:
    """The outline of a stroke along an open curve that turns at random."""
    turns = np.cumsum(random.normal(0, 0.35) + random.normal(0, 0.25, 24)) + random.uniform(0, 6.3)
    path = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], axis=1), axis=0)
    across = np.stack([-np.sin(turns), np.cos(turns)], axis=1) * random.uniform(1.0, 2.5)
    return np.concatenate([path + across, (path - across)[::-1]])


def pictures(shapes: list[Shape], count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """``count`` images (N, 3, 32, 32) of each shape, on grounds of all families, and their classes (N,)."""
    images, labels = [], []
    for label, shape in enumerate(shapes):
        random = np.random.default_rng([seed, label])
        for ground in range(len(GROUNDS)):
            draws = torch.from_numpy(random.random((count // len(GROUNDS), _DRAWS), dtype=np.float32))
            images.append(render(shape, ground + len(GROUNDS) * int(random.integers(50)), draws, SIDE)[0])
            labels += [label] * len(draws)
    return torch.cat(images), torch.tensor(labels)


def shown(images: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Images as the network sees them, half of them grey, and a quarter at a quarter of the resolution."""
    pixels = (images.float() - 127.5) / 63.75
    grey = torch.rand(len(pixels), generator=random) < 0.5
    pixels[grey] = pixels[grey].mean(dim=1, keepdim=True)
    coarse = torch.rand(len(pixels), generator=random) < 0.25
    small = F.interpolate(pixels[coarse], (8, 8), mode="bilinear", antialias=True)
    pixels[coarse] = F.interpolate(small, (SIDE, SIDE), mode="bilinear", antialias=True)
    return pixels


def train(classes: int, epochs: int) -> tuple[nn.Module, float]:
    """The trained layers, and their accuracy on test images of the shapes that they have learned."""
    shapes = [outline(np.random.default_rng([2026, label])) for label in range(classes)]
    (images, labels), (tests, truth) = pictures(shapes, IMAGES, 0), pictures(shapes, TEST, 1)
    random = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    layers, head = initialise(trunk()), nn.Linear(CHANNELS[-1] * CELLS**2, classes)
    both = nn.Sequential(layers, head).to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(both.parameters(), RATE, momentum=0.9, weight_decay=5e-4)
    steps = epochs * (len(labels) // BATCH)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps)
    for epoch in range(epochs):
        for places in torch.randperm(len(labels), generator=random)[: len(labels) // BATCH * BATCH].split(BATCH):
            loss = F.cross_entropy(both(shown(images[places], random)), labels[places])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(both.parameters(), 1.0)
            optimiser.step()
            pace.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}", flush=True)
    with torch.no_grad():
        found = torch.cat([both((some.float() - 127.5) / 63.75).argmax(dim=1) for some in tests.split(256)])
    return layers, (found == truth).float().mean().item()


@own_settings()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=64, help="random outlines")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="the file of weights")
    chosen = parser.parse_args()
    started = time.perf_counter()
    layers, accuracy = train(chosen.classes, chosen.epochs)
    save_file({name: value.half().contiguous() for name, value in layers.state_dict().items()}, chosen.out)
    seconds, size = time.perf_counter() - started, chosen.out.stat().st_size
    print(f"{100 * accuracy:.1f} % of test images, {size:,} bytes, {seconds:.0f} s")


if __name__ == "__main__":
    main()
