"""The deconvolutional factorized CNN: each task's filters rebuilt from knowledge that all tasks share.

DF-CNN, section 2, in its symbols: a layer's knowledge base L (h^, w^, c^) is shared; a task's V (p, p, c^, c)
deconvolves it into a basis D (h, w, c) (eq. 1), and its U (c, c_in, c_out) contracts that into the filters
W (h, w, c_in, c_out) (eq. 2). L and the newest task's own parts learn; so an old task's filters change with L.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from ..checked import Many, Table
from ..describe import Several, Whole, choice, flag, ruled, several, whole
from .backbone import Backbone, BackboneArchitecture, TaskCNN, backbone_field
from .knowledge import ACTIVATION, INITIALISATIONS, DirectLayer, KnowledgeLayer, Transfer, TwiceContractedLayer
from .modules import Modules, Rebuilding
from .network import Architecture
from .separate import SeparateNetwork


class TaskPart(nn.Module):
    """A task's own parameters: a ``Transfer`` for each layer, the fully connected layers and the head."""

    def __init__(self, transfers: Sequence[Transfer], hidden: nn.ModuleList, head: nn.Module):
        super().__init__()
        self.transfers: Modules[Transfer] = Modules(transfers)
        self.hidden, self.head = hidden, head


class DFCNNNetwork(SeparateNetwork, Rebuilding):
    """A knowledge base for each convolution, from which every task rebuilds its filters."""

    def __init__(self, description: "DFCNN", image_shape: tuple[int, int, int]):
        super().__init__(image_shape)
        self.description, self.backbone = description, self.build_backbone(description)
        self.knowledge_layers = [layer for layer in self.backbone.trunk.modules() if isinstance(layer, KnowledgeLayer)]
        self.layers = len(self.knowledge_layers)  # the arguments ``layer`` count them from 0
        self.tasks: Modules[TaskPart] = Modules()

    def build_backbone(self, description: "DFCNN") -> Backbone:
        """The backbone with its convolutions replaced, and without the fully connected layers, which each task has."""
        backbone = description.backbone.build(self.image_shape, pretrained=False)
        trunk = backbone.trunk if isinstance(backbone.trunk, nn.Sequential) else nn.Sequential()
        weighted = {i: module for i, module in enumerate(trunk) if next(module.parameters(), None) is not None}
        convolutions = {i: module for i, module in weighted.items() if isinstance(module, nn.Conv2d)}
        if not convolutions or len(weighted) > len(convolutions):
            raise ValueError(
                f"A DF-CNN rebuilds the filters of a plain sequence of convolutions, and {description.backbone!r} has "
                "other layers with weights: use TaskCNN() or SmallCNN()."
            )
        sizes = description.knowledge, description.deconvolution
        if {len(pairs) for pairs in sizes} != {len(convolutions)}:
            raise ValueError(
                f"{description.backbone!r} has {len(convolutions)} convolution(s): knowledge and deconvolution need "
                f"sizes for each, and have {len(sizes[0])} and {len(sizes[1])}."
            )
        for (i, replaced), knowledge, deconvolution in zip(convolutions.items(), *sizes, strict=True):
            trunk[i] = description.layer(replaced, knowledge, deconvolution, description)
        backbone.hidden = Modules()
        return backbone

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        own = self.description.backbone.build(self.image_shape, pretrained=False)
        transfers = [layer.draw() for layer in self.knowledge_layers]
        self.tasks.append(TaskPart(transfers, own.hidden, own.make_output(own.width, classes)))
        self.classes.append(classes)

    def parts(self) -> dict[str, list[nn.Module]]:
        return {"shared": [self.backbone], "old": list(self.tasks[:-1]), "new": list(self.tasks[-1:])}

    def compute_task(self, images: Tensor, task: int) -> tuple[Tensor, Tensor]:
        own, rebuilt = self.tasks[task], iter(self.rebuilt(task))
        # channels_last is fastest, and only a plain CNN's own filters bring it about. By permutations, as importances
        # run images one by one in a vmap, which has no memory formats.
        maps = self.backbone.normalise(images).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
        for module in cast(nn.Sequential, self.backbone.trunk):  # as ``build_backbone`` has checked
            maps = module(maps, *next(rebuilt)) if isinstance(module, KnowledgeLayer) else module(maps)
        for layer in own.hidden:
            maps = layer(maps)
        return maps, own.head(maps)

    def rebuilt(self, task: int) -> list[tuple[Tensor, Tensor]]:
        """Filters W (h, w, c_in, c_out) and bias (c_out,) of each layer for a task."""
        pairs = list(zip(self.knowledge_layers, self.tasks[task].transfers, strict=True))
        return self.once(task, lambda: [(layer.rebuilt(own), own.bias) for layer, own in pairs])

    def knowledge_base(self, layer: int) -> Tensor:
        """L (h^, w^, c^) of a layer."""
        return self.layer(layer).knowledge

    def basis(self, layer: int, task: int) -> Tensor:
        """D_t (h, w, c) of a layer for a task that has been learned (eq. 1), with its graph."""
        return self.layer(layer).deconvolved(self.transfer(layer, task))

    def filters(self, layer: int, task: int) -> Tensor:
        """W_t (h, w, c_in, c_out) of a layer for a task that has been learned (eq. 2), with its graph."""
        return self.layer(layer).rebuilt(self.transfer(layer, task))

    @torch.no_grad()
    def shares(self, layer: int) -> Tensor:
        """The share (tasks, c^) of each knowledge-base channel in each task's filters, summing to one per task.

        The Frobenius norm of the change of W_t when the channel is set to zero, over the sum for all channels.
        """
        place, rows = self.layer(layer), []
        alone = torch.eye(place.shared, device=place.knowledge.device)
        for task in range(len(self.tasks)):
            own = self.transfer(layer, task)
            whole = place.rebuilt(own)
            changes = [whole - place.rebuilt(own, place.knowledge * (1 - channel)) for channel in alone]
            norms = torch.stack([change.norm() for change in changes])
            rows.append(norms / norms.sum().clamp(min=torch.finfo(norms.dtype).tiny))
        return torch.stack(rows) if rows else alone[:0]

    @torch.no_grad()
    def stages(self, layer: int, task: int, off: Sequence[int] = ()) -> tuple[Tensor, Tensor, Tensor]:
        """L, D_t and W_t of a layer, from L whose channels ``off`` are zero."""
        place, own = self.layer(layer), self.transfer(layer, task)
        self.check_channels(layer, off)
        knowledge = place.knowledge.clone()
        knowledge[..., list(off)] = 0
        basis = place.deconvolved(own, knowledge)
        return knowledge, basis, place.contracted(basis, own)

    @torch.no_grad()
    def contributions(
        self, layer: int, task: int, kernels: Sequence[int], off: Sequence[int] = ()
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What a task's basis and some of its kernels are made of: how much they change without one of their parts.

        kernels: K places in W, flattened (c_in * c_out); off: channels of L that are zero. The norm of the change of
        each basis channel (c^, c) and of each kernel (c^, K) when a channel of L is zero, and of each kernel (c, K)
        when a channel of the basis is.
        """
        place, own = self.layer(layer), self.transfer(layer, task)
        knowledge, basis, _ = self.stages(layer, task, off)
        alone = torch.eye(place.shared, device=knowledge.device)
        changes = torch.stack([basis - place.deconvolved(own, knowledge * (1 - channel)) for channel in alone])
        one_by_one = torch.eye(basis.shape[2], device=basis.device).unsqueeze(1)
        mixing = place.contracted(one_by_one, own).flatten(1)[:, list(kernels)]  # contracting is linear
        positions = changes.flatten(1, 2)
        of_basis = mixing.abs() * basis.norm(dim=(0, 1)).unsqueeze(1)
        return positions.norm(dim=1), (positions @ mixing).norm(dim=1), of_basis

    @torch.no_grad()
    def without(self, channels: Mapping[int, Sequence[int]]) -> "DFCNNNetwork":
        """A copy in which ``channels`` (layer -> channels of its L) are zero, for all tasks."""
        changed = copy.deepcopy(self)
        changed.cached = None
        channels = Table(Many(Whole()), Whole()).check("channels", channels)
        for layer, off in channels.items():
            changed.check_channels(layer, off)
            changed.layer(layer).knowledge[..., list(off)] = 0
        return changed

    def check_channels(self, layer: int, channels: Sequence[int]) -> None:
        """Refuse channels that the knowledge base of a layer has not."""
        shared = self.layer(layer).shared
        if wrong := [channel for channel in channels if not 0 <= channel < shared]:
            raise ValueError(
                f"The knowledge base of layer {layer} has channels 0 to {shared - 1}; there is no channel {wrong[0]}."
            )

    def layer(self, layer: int) -> KnowledgeLayer:
        self.check_layer(layer, self.layers)
        return self.knowledge_layers[layer]

    def transfer(self, layer: int, task: int) -> Transfer:
        self.check_task(task)
        return self.tasks[task].transfers[layer]


COUNT = Whole(at_least=1)
PAIR = Several(COUNT, length=2)  # (size, channels)


@dataclass(frozen=True, repr=False)
class DFCNN(Architecture):
    """The deconvolutional factorized CNN (DF-CNN, section 2; sizes from the authors' program for CIFAR-100).

    For each convolution of the ``backbone``, ``knowledge`` is the spatial size and the channels c^ of the knowledge
    base L, and ``deconvolution`` the spatial size p of V and the channels c of the basis. The deconvolution is linear
    with a ``bias``, as in the authors' program; ``bias=False`` is eq. 1 as printed, and ``activation="relu"`` ours.
    ``initialisation``: "he", ours, for one rate for all weights, or "glorot", the authors'. Fully connected layers
    belong to each task (Figure 1). Ten tasks of ten classes on 3x32x32 have 7,963,252 parameters.
    """

    works_pretrained = False  # filters are rebuilt: none is taken over from a file
    needs_task_at_test = True  # to rebuild the filters of its own CNN_t
    layer: ClassVar[type[KnowledgeLayer]] = KnowledgeLayer

    backbone: BackboneArchitecture = backbone_field(TaskCNN())
    knowledge: tuple[tuple[int, ...], ...] = several(((2, 16), (2, 24), (2, 32), (2, 36)), PAIR)
    deconvolution: tuple[tuple[int, ...], ...] = several(((3, 24), (3, 48), (3, 64), (3, 72)), PAIR)
    stride: int = whole(2, at_least=1)
    activation: str | None = ruled(ACTIVATION, None)
    bias: bool = flag(True)  # after the deconvolution
    initialisation: str = choice("he", INITIALISATIONS)

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> DFCNNNetwork:
        return DFCNNNetwork(self, image_shape)


@dataclass(frozen=True, repr=False)
class DFCNNDirect(DFCNN):
    """The ablation without a contraction, DF-CNN.direct: V, of which ``deconvolution`` has the spatial size alone,
    makes the filters in one step (DF-CNN, section 2.2; Lifelong-ML/DF-CNN, utils/utils_env_cl.py)."""

    layer = DirectLayer

    knowledge: tuple[tuple[int, ...], ...] = several(((2, 24), (2, 48), (2, 64), (2, 72)), PAIR)
    deconvolution: tuple[tuple[int, ...], ...] = several(((3,), (3,), (3,), (3,)), Several(COUNT, length=1))


@dataclass(frozen=True, repr=False)
class DFCNNTC2(DFCNN):
    """The ablation that contracts twice, DF-CNN.tc2: ``knowledge`` is the spatial size, the number of slices, which are
    contracted to the input channels, and the channels of each; the basis is contracted to the output channels (DF-CNN,
    section 2.2; Lifelong-ML/DF-CNN, utils/utils_env_cl.py)."""

    layer = TwiceContractedLayer

    knowledge: tuple[tuple[int, ...], ...] = several(
        ((2, 2, 12), (2, 12, 12), (2, 12, 24), (2, 24, 24)), Several(COUNT, length=3)
    )
    deconvolution: tuple[tuple[int, ...], ...] = several(((3, 24), (3, 24), (3, 48), (3, 48)), PAIR)
