"""Part D of gpu.py: images per second of cltutor's loop and of bare PyTorch loops on one GPU, and of testing."""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

import cltutor as cl
from cltutor.evaluation import answers
from cltutor.networks import Network
from cltutor.training.events import EpochDone

Seconds = Callable[[], float]


def wait(scale: Any) -> float:
    """The time when the device has done all that it was given."""
    if scale.gpu:
        torch.cuda.synchronize()
    return time.perf_counter()


def images_of(scale: Any, count: int) -> cl.streams.Stream:
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % 10
    images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=draw)
    return cl.streams.tensors(images, labels, images[:10], labels[:10], tasks=1, order=None)


def ours(scale: Any, recipe: cl.Recipe, stream: cl.streams.Stream) -> float:
    """Seconds of the second of two epochs, without testing."""
    seconds = []
    for event in cl.train(stream, recipe.with_epochs(2), device=scale.device, test_every=2):
        if isinstance(event, EpochDone):
            seconds.append(event.run.seconds["train"])
    return seconds[1] - seconds[0]


class Bare:
    """What a user would write: ``torch.optim.SGD`` and ``clip_grad_norm_`` around the same network."""

    def __init__(self, scale: Any, backbone: Any, stream: cl.streams.Stream, batch: int, last: bool, tf32: bool):
        self.scale, self.batch, self.precision = scale, batch, "tf32" if tf32 else "ieee"
        layout = torch.channels_last if last else torch.contiguous_format
        network: Network = cl.networks.MultiHead(backbone=backbone).build(stream.image_shape)
        network.grow(10)
        self.network = network.to(scale.device).to(memory_format=layout).train()
        self.images = stream[0].train.images.to(scale.device)
        self.labels = stream.positions(stream[0].train.labels).to(scale.device)
        self.optimiser = torch.optim.SGD(self.network.parameters(), lr=0.01, momentum=0.9, weight_decay=0.0005)

    def step(self, places: torch.Tensor) -> None:
        loss = F.cross_entropy(self.network(self.images[places]).logits, self.labels[places])
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()

    def epoch(self, moved: bool) -> float:
        """Seconds of an epoch; ``moved``: its order goes to the device at once."""
        convolutions: Any = torch.backends.cudnn.conv
        before, convolutions.fp32_precision = convolutions.fp32_precision, self.precision
        started = wait(self.scale)
        order = torch.randperm(len(self.labels))
        for places in (order.to(self.scale.device) if moved else order).split(self.batch):
            self.step(places.to(self.scale.device))
        seconds = wait(self.scale) - started
        convolutions.fp32_precision = before
        return seconds

    def captured(self) -> Seconds:
        """The same epoch as one CUDA graph, replayed for each batch: the ceiling."""
        places = torch.zeros(self.batch, dtype=torch.int64, device=self.scale.device)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step(places)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step(places)

        def epoch() -> float:
            started = wait(self.scale)
            for own in torch.randperm(len(self.labels)).to(self.scale.device).split(self.batch):
                places.copy_(own)
                graph.replay()
            return wait(self.scale) - started

        return epoch


def tables(scale: Any) -> Iterator[tuple[str, list[str], list[list[object]]]]:
    header = ["network, batch", "loop", "images/s", "of the bare loop"]
    words = f"Medians of {scale.rounds} alternating rounds of {scale.steps} steps; no loop rounds but those named TF32."
    for batch in scale.batches:
        stream = images_of(scale, batch * scale.steps)
        recipe = cl.methods.finetune(backbone=scale.backbone, batch_size=batch)
        yield (
            words,
            header,
            timed(scale, f"ResNet-32, {batch}", batch * scale.steps, loops(scale, recipe, stream, batch)),
        )
    stream, dfcnn = images_of(scale, 10 * scale.steps), cl.methods.dfcnn(batch_size=10)
    yield words, header, timed(scale, "dfcnn, 10", 10 * scale.steps, {"cltutor": lambda: ours(scale, dfcnn, stream)})
    if scale.gpu:
        yield "Counted by the profiler.", ["network, batch", "kernel launches per step"], [launches(scale)]
    yield testing(scale)


def loops(scale: Any, recipe: cl.Recipe, stream: cl.streams.Stream, batch: int) -> dict[str, Seconds]:
    def bare(last: bool, tf32: bool) -> Bare:
        return Bare(scale, scale.backbone, stream, batch, last, tf32)

    same, rounding, usual = bare(True, False), bare(True, True), bare(False, True)
    found = {
        "bare": lambda: same.epoch(False),
        "cltutor": lambda: ours(scale, recipe, stream),
        "bare, order on the device": lambda: same.epoch(True),
        "bare, TF32": lambda: rounding.epoch(False),
        "bare, TF32, NCHW": lambda: usual.epoch(False),
    }
    return found | ({"bare, captured": bare(True, False).captured()} if scale.gpu else {})


def timed(scale: Any, what: str, images: int, found: dict[str, Seconds]) -> list[list[object]]:
    rounds = [{name: seconds() for name, seconds in found.items()} for _ in range(scale.rounds + 1)][1:]  # a warm-up
    medians = {name: statistics.median(one[name] for one in rounds) for name in found}
    first = medians.get("bare")
    return [
        [what, name, round(images / value), f"{first / value:.2f}" if first else ""] for name, value in medians.items()
    ]


def launches(scale: Any) -> list[object]:
    batch = scale.batches[1]
    stream = images_of(scale, batch * scale.steps)
    recipe = cl.methods.finetune(backbone=scale.backbone, batch_size=batch)
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CUDA, torch.profiler.ProfilerActivity.CPU]
    ) as p:
        ours(scale, recipe, stream)
    total = sum(one.count for one in p.key_averages() if one.key.startswith("cudaLaunchKernel"))
    return [f"ResNet-32, {batch}", round(total / (2 * scale.steps))]


def testing(scale: Any) -> tuple[str, list[str], list[list[object]]]:
    """Seconds to answer test images in chunks of several sizes."""
    images = images_of(scale, scale.tests)[0].train.images
    network = cl.networks.MultiHead(backbone=scale.backbone).build((3, 32, 32))
    network.grow(10)
    network.to(scale.device).to(memory_format=torch.channels_last)
    usual, rows = (answers.FEWEST, answers.ACCELERATED, answers.PIXELS), []
    for size in (128, 1024, 4096):
        answers.FEWEST = answers.ACCELERATED = size
        answers.PIXELS = 1  # one size on any device
        found = []
        for _ in range(scale.rounds + 1):
            started = wait(scale)
            answers.logits(network, images)
            found.append(wait(scale) - started)
        rows.append([size, round(len(images) / statistics.median(found[1:]))])
    answers.FEWEST, answers.ACCELERATED, answers.PIXELS = usual
    return "Testing in chunks.", ["images at a time", "images/s"], rows
