"""PackNet: several tasks in one network, each in weights that earlier ones did not need (Mallya and Lazebnik 2018)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..describe import real, rule
from ..losses import CrossEntropy
from ..networks import Architecture, Backbone, BackboneArchitecture, SmallCNN
from ..networks.backbone import backbone_field
from ..networks.network import MultiHeadNetwork
from ..networks.separate import SeparateNetwork
from ..recipe.recipe import Phase, Recipe
from ..seeds import apart
from ..streams import Stream
from .registry import Heads, compose, register

FREE = 2**15 - 1  # the owner of a weight that no task has


class PackedNetwork(SeparateNetwork):
    """One backbone in which every parameter belongs to a task or is free (Mallya and Lazebnik 2018, approach).

    Task t computes with the parameters of tasks 0 to t; all others count as zero. ``kept`` has a copy of what earlier
    tasks own, zero elsewhere, and only what the newest task owns is read from the backbone's own parameters: neither
    weight decay nor momentum reaches what is kept.
    """

    isolates: ClassVar[bool] = True

    def __init__(self, backbone: Backbone, image_shape: tuple[int, int, int], pruned: float):
        super().__init__(image_shape)
        self.inner, self.pruned = MultiHeadNetwork(backbone, 1, None), pruned
        self.names = [name for name, _ in backbone.named_parameters()]
        for name, parameter in backbone.named_parameters():
            self.register_buffer(self.buffer("kept", name), torch.zeros_like(parameter, requires_grad=False))
            owner = torch.full(parameter.shape, FREE, dtype=torch.int16)
            self.register_buffer(self.buffer("owner", name), owner)

    def buffer(self, kind: str, name: str) -> str:
        return f"{kind}_{name.replace('.', '_')}"

    def of(self, name: str) -> tuple[Tensor, Tensor, Tensor]:
        """A parameter of the backbone, the kept values of the same shape, and the task that each belongs to."""
        kept, owner = (self.get_buffer(self.buffer(kind, name)) for kind in ("kept", "owner"))
        return attrgetter(name)(self.inner.backbone), kept, owner  # torch.func may stand something else in for it

    @torch.no_grad()
    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        """What the last task has learned is kept; the new one gets all that is free."""
        newest = len(self.classes)
        for name in self.names:
            parameter, kept, owner = self.of(name)
            kept.copy_(torch.where(owner == newest - 1, parameter, kept))
            owner[owner == FREE] = newest
        self.inner.grow(classes, names)
        self.classes.append(classes)

    @torch.no_grad()
    def begin_phase(self, phase: str, images: Tensor, targets: Tensor) -> None:
        """Before "retrain", set the smallest weights of each layer free, a share ``pruned`` of the newest task's.

        Biases are never set free, so that they stay as the first task leaves them (approach).
        """
        newest = len(self.classes) - 1
        for parameter, _, owner in map(self.of, self.names if phase == "retrain" else ()):
            if parameter.dim() > 1:
                own = owner == newest
                sizes = parameter.abs().masked_fill(~own, float("inf")).flatten()
                smallest = torch.zeros_like(sizes, dtype=torch.bool)
                smallest[sizes.argsort(stable=True)[: int(self.pruned * int(own.sum()))]] = True
                owner[smallest.view(owner.shape)] = FREE
                parameter.masked_fill_(owner == FREE, 0.0)

    def effective(self, task: int) -> dict[str, Tensor]:
        """The backbone's parameters as ``task`` sees them, by name."""
        found, newest = {}, task == len(self.classes) - 1
        for name in self.names:
            parameter, kept, owner = self.of(name)
            found[name] = torch.where(owner == task, parameter, kept) if newest else kept * (owner <= task)
        return found

    def compute_task(self, images: Tensor, task: int) -> tuple[Tensor, Tensor]:
        self.check_task(task)
        features = functional_call(self.inner.backbone, self.effective(task), (images,))
        return self.inner.backbone.flatten(features), self.inner.heads[task](features)

    def parts(self) -> dict[str, list[nn.Module]]:
        return self.inner.parts()


@dataclass(frozen=True, repr=False)
class Packed(Architecture):
    """Several tasks packed into one backbone: after each a share ``pruned`` of its weights, the smallest of each layer,
    is set free for the next (Mallya and Lazebnik 2018, approach). Each task has a head of its own, and an image is
    classified with the weights of its own task: the paper predicts one task at a time, as filters that are read through
    the mask of another task answer something else. So this is a network for ``heads="task"`` alone."""

    needs_task_at_test = True

    backbone: BackboneArchitecture = backbone_field(SmallCNN())
    pruned: float = real(0.75, above=0, below=1)

    def check(self, stream: Stream) -> None:
        """Refuse a stream with so many tasks that one of them would find no weight left in some layer, and a first task
        that a pretrained network knows: pruned and not trained again, it would be forgotten."""
        super().check(stream)
        if not len(stream[0].train):
            raise ValueError("A task is trained again after pruning, and task 0 has no training images: give it some.")
        with apart():
            backbone = self.build(stream.image_shape, pretrained=False).inner.backbone
        smallest = left = min(p.numel() for p in backbone.parameters() if p.dim() > 1)
        for task in range(1, len(stream)):
            left = int(self.pruned * left)
            if left < 1:
                raise ValueError(
                    f"No weights are left for task {task}: the smallest layer has {smallest}, of which each task "
                    f"leaves {100 * self.pruned:g} % of those it finds; raise pruned, or take a larger backbone."
                )

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> PackedNetwork:
        backbone = self.backbone.build(image_shape, pretrained)
        other = [m for m in backbone.modules() if m._parameters and not isinstance(m, nn.Conv2d | nn.Linear)]
        if other:
            raise ValueError(
                f"{self.backbone!r} has a {type(other[0]).__name__}, and here only convolutions and fully connected "
                "layers are divided among tasks: use SmallCNN()."
            )
        return PackedNetwork(backbone, image_shape, self.pruned)


PRUNING = Phase("train", 2.0, shared=1.0, new=1.0), Phase("retrain", 1.0, shared=1.0, new=1.0)


@register(fixed=("first",))
def packnet(pruned: Annotated[float, rule(Packed, "pruned")] = 0.75, heads: Heads = "task", **settings) -> Recipe:
    """PackNet: train, prune, train again what is left, and keep it for good (Mallya and Lazebnik 2018, "PackNet: Adding
    Multiple Tasks to a Single Network by Iterative Pruning"). With a single epoch nothing is trained again."""
    network = partial(Packed, pruned=pruned)
    return compose("packnet", CrossEntropy(), PRUNING, network=network, first=PRUNING, heads=heads, **settings)
