"""Are importances and attention maps exact, for the network of every method and a model of every torchvision family?

Each is compared with a plain way to the same number: MAS, its vector form and Fisher with a loop over single images by
autograd, Grad-CAM with captum's LayerGradCam at the last block, L_AD of a student in training mode with its own copy as
the teacher with zero. Required: an error of at most 1e-4, or a refusal in a sentence.

    python benchmarks/exactness.py [METHOD OR MODEL ...]    all of them by default

Rows are kept in the store as they are measured, so that several processes may share the work, and a run that was
stopped goes on. The table has all that were measured, and names what is missing.
"""

import copy
import gc
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import report
import torch
from captum.attr import LayerGradCam
from searching import STORE
from torch import Tensor, nn

import cltutor as cl
from cltutor.attention import check_distillable, grad_cam, last_block, look
from cltutor.importance import fisher, mas
from cltutor.losses import AttentionDistillation, Batch, Context
from cltutor.networks import MultiHead, Network, Torchvision

ROUNDS, LIMIT = 3, 1e-4  # repetitions of what is timed, the largest error allowed
# One of every family that torchvision classifies with, and the smallest common side of the images that it takes.
FAMILIES = {
    **dict.fromkeys(("alexnet", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet"), 64),
    **dict.fromkeys(("convnext_tiny", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_x_400mf"), 64),
    **dict.fromkeys(("regnet_y_400mf", "resnet18", "resnext50_32x4d", "shufflenet_v2_x0_5", "squeezenet1_1"), 64),
    **dict.fromkeys(("swin_t", "swin_v2_t", "wide_resnet50_2"), 64),
    **{"inception_v3": 96, "vgg11": 32, "vgg11_bn": 32, "maxvit_t": 224, "vit_b_32": 224},
}
Sums = dict[str, Tensor]


def one_by_one(network: Network, images: Tensor, each: Callable[[Tensor, int], Tensor], power: int) -> Sums:
    """The mean over images of the norm (or its square) of each image's own gradient of every number that ``each``
    makes of its logits (1, C) and its place."""
    network.eval().requires_grad_(True)
    parameters = dict(network.named_parameters())
    totals = {name: torch.zeros_like(value) for name, value in parameters.items()}
    for place, image in enumerate(images.split(1)):
        squares = {name: torch.zeros_like(value) for name, value in parameters.items()}
        for value in each(network(image).logits, place).flatten():
            gradients = torch.autograd.grad(value, list(parameters.values()), retain_graph=True, allow_unused=True)
            for name, gradient in zip(parameters, gradients, strict=True):
                if gradient is not None:
                    squares[name] += gradient.square()
        for name, square in squares.items():
            totals[name] += (square if power == 2 else square.sqrt()) / len(images)
    return totals


def gap(found: Sums, expected: Sums) -> float:
    """The largest difference, relative to the largest value of the same tensor."""
    assert found.keys() == expected.keys()
    return max(
        ((found[n] - e).abs().max() / e.abs().max().clamp(min=1e-30)).item() for n, e in expected.items() if e.numel()
    )


def importances(network: Network, images: Tensor) -> Iterator[Callable[[], float]]:
    labels = torch.arange(len(images)) % sum(network.classes)

    def likelihood(logits: Tensor, place: int) -> Tensor:
        return logits.log_softmax(1)[:, labels[place]]

    def norm(logits: Tensor, place: int) -> Tensor:
        return logits.square().sum(1)

    yield lambda: gap(mas(network, images), one_by_one(network, images, norm, 1))
    yield lambda: gap(mas(network, images, output="vector"), one_by_one(network, images, lambda logits, _: logits, 1))
    yield lambda: gap(fisher(network, images, labels), one_by_one(network, images, likelihood, 2))


def maps(network: Network, images: Tensor) -> float:
    network.eval().requires_grad_(True)
    targets = torch.arange(len(images)) % sum(network.classes)
    ours = grad_cam(network, images, targets)
    layer = network.get_submodule(last_block(network, images[:1]))
    captum = LayerGradCam(lambda pixels: network(pixels).logits, layer)
    theirs = captum.attribute(images.double(), targets, relu_attributions=True).detach().squeeze(1)
    return ((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-30)).item()


def distance(network: Network, images: Tensor) -> float:
    """L_AD of a student in training mode, to which its own copy is the teacher."""
    layer = last_block(network, images[:1])
    check_distillable(network, copy.deepcopy(network), images[:1])
    student, teacher = network.train().requires_grad_(True), copy.deepcopy(network).eval().requires_grad_(False)
    teachers = {"task": lambda batch: look(teacher, batch.images, layer)}
    context = Context(student, 1, "class", watched=layer)
    return AttentionDistillation()(Batch(context, images, None, None, [1], None, "class", teachers), {}).item()


def ratio(network: Network, images: Tensor) -> float:
    """The time of ``mas`` over that of one batched forward and backward pass, the median of alternating rounds."""

    def batched() -> None:
        network.eval().requires_grad_(True).zero_grad()
        network(images).logits.square().sum().backward()

    def seconds(work: Callable[[], object]) -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    batched()
    pairs = [(seconds(partial(mas, network, images)), seconds(batched)) for _ in range(ROUNDS)]
    return statistics.median(own / bare for own, bare in pairs)


def measured(name: str, network: Network, images: Tensor) -> list[float | str]:
    """A row: the time, then each number, or the sentence that refuses it."""
    row: list[float | str] = [ratio(network, images)]
    few = images[: len(images) // 4]
    network.double()
    try:
        _ = network(few).logits
    except RuntimeError:  # the networks of DF-CNN's authors standardise images to float32
        network.float()
    for check in (*importances(network, few), partial(maps, network, few), partial(distance, network, few)):
        try:
            row.append(check())
        except ValueError as error:
            row.append(str(error))
    return row


def shown(value: float | str, sentences: list[str]) -> str:
    """A cell of the table; a new sentence is added to ``sentences`` and numbered."""
    if isinstance(value, float):
        return f"{value:.1e}" if value <= LIMIT else f"**{value:.1e}**"
    if value not in sentences:
        sentences.append(value)
    return f"refused ({sentences.index(value) + 1})"


def networks(wanted: list[str]) -> Iterator[tuple[str, Network, Tensor]]:
    """The networks of the wanted methods after two small tasks, and of families with random weights; with images."""
    stream = cl.streams.scenes(tasks=2, per_class=(4, 2))
    images = torch.cat([task.train.images for task in stream])
    images = images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:16]]
    for name in filter(wanted.__contains__, cl.methods.names()):
        yield (
            name,
            cl.learn(stream, cl.methods.get(name), epochs=1, device="cpu", threads=1, progress=False).model,
            images,
        )
    for name, side in FAMILIES.items():
        if name in wanted:
            torch.manual_seed(0)
            network = MultiHead(Torchvision(name)).build((3, side, side))
            for classes in (3, 2):
                network.grow(classes)
            pictures = images[: 16 if side < 200 else 8].float()
            large = nn.functional.interpolate(pictures, (side, side), mode="bilinear").round().to(torch.uint8)
            network.normalise_like(large)
            yield name, network, large


def main() -> int:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    kept = STORE / f"exactness-{cl.__version__}"
    kept.mkdir(parents=True, exist_ok=True)
    every = [*cl.methods.names(), *FAMILIES]
    missing = [name for name in sys.argv[1:] or every if not (kept / name).exists()]
    for name, network, images in networks(missing):
        row = measured(name, network, images)
        (kept / name).write_text(json.dumps(row))
        print(name, *row, flush=True)
        del network
        gc.collect()
    found = {name: json.loads((kept / name).read_text()) for name in every if (kept / name).exists()}
    sentences: list[str] = []
    rows = [
        [f"`{name}`, {FAMILIES[name]} px" if name in FAMILIES else name]
        + [*(shown(value, sentences) for value in numbers), f"{taken:.1f}"]
        for name, (taken, *numbers) in found.items()
    ]
    missing = [name for name in every if name not in found]
    header = ["network of", "MAS", "vector MAS", "Fisher", "Grad-CAM", "L_AD", "time of MAS"]
    refusals = "\n".join(f"{place}. {sentence}" for place, sentence in enumerate(sentences, start=1))
    notes = (
        "Errors are the largest difference over the largest value of the same parameter or map, on 4 images (2 of 224 "
        f"pixels); at most {LIMIT:g} is required. They are measured in float64: in float32 a ReLU whose input is zero "
        "but for rounding may let pass in a batch what it stops in a single image. L_AD is the value itself. The time "
        "is that of `mas` in float32 on four times as many images over a batched forward and backward pass of these, "
        f"the median of {ROUNDS} rounds on one thread; of so few images, those that are checked alone by plain "
        "autograd are a large part (importance_cost.md has the cost for many). Methods: after one epoch on each of two "
        "tasks of scenes. Models of torchvision: random weights, two heads. "
        f"Not measured: {', '.join(missing) or 'none'}.\n\n"
        f"Refused with these sentences:\n\n{refusals}"
    )
    report.write("exactness", "Exactness of importances and attention maps", header, rows, notes, seeds=[0])
    return 0 if not missing and not any("**" in cell for row in rows for cell in row) else 1


if __name__ == "__main__":
    sys.exit(main())
