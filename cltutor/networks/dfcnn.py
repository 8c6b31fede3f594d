"""The deconvolutional factorized CNN: each task's filters rebuilt from knowledge that all tasks share.

DF-CNN, section 2, in its symbols: a layer's knowledge base L (h^, w^, c^) is shared; a task's V (p, p, c^, c)
deconvolves it into a basis D (h, w, c) (eq. 1), and its U (c, c_in, c_out) contracts that into the filters
W (h, w, c_in, c_out) (eq. 2). L and the newest task's own parts learn; so an old task's filters change with L.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..describe import Choice, Several, Whole, flag, ruled, several, whole
from .backbone import Backbone, BackboneArchitecture, TaskCNN, backbone_field
from .modules import Modules, Rebuilding
from .network import Architecture
from .separate import SeparateNetwork

ACTIVATION = Choice(("relu", None))  # after the deconvolution


def check_kernel(side: int, wanted: int, stride: int) -> None:
    """Refuse a kernel with ``wanted`` positions along a side that ``side`` positions cannot be deconvolved into."""
    lowest, highest = (side - 1) * stride + 1, side * stride
    if not lowest <= wanted <= highest:
        raise ValueError(
            f"A side of {side} positions is deconvolved at stride {stride} into (L - 1) * stride + 1 = {lowest} up to "
            f"L * stride = {highest} positions, not into {wanted}: change knowledge, stride or the kernel."
        )


def deconvolve(
    knowledge: Tensor,
    filters: Tensor,
    bias: Tensor | None,
    size: tuple[int, int],
    stride: int,
    activation: str | None = None,
) -> Tensor:
    """The basis D (h, w, c) that ``filters`` V (p, p, c^, c) make of ``knowledge`` L (h^, w^, c^) (DF-CNN, eq. 1).

    A transposed convolution as TensorFlow's "SAME" defines it, which the authors ran: of the whole result, of
    (h^ - 1) * stride + p rows, those in excess of h are cut, the smaller half of them at the start. ``bias`` (c,) is
    added in their program, and no activation follows; without a bias it is eq. 1 as printed. ``size`` is (h, w).
    """
    ACTIVATION.check("activation", activation)
    for length, wanted in zip(knowledge.shape, size, strict=False):
        check_kernel(length, wanted, stride)
    whole = [(length - 1) * stride + len(filters) for length in knowledge.shape[:2]]
    cut = [max(full - wanted, 0) // 2 for full, wanted in zip(whole, size, strict=True)]
    missing = [max(wanted - full, 0) for full, wanted in zip(whole, size, strict=True)]
    maps, taps = knowledge.permute(2, 0, 1).unsqueeze(0), filters.permute(2, 3, 0, 1)
    basis = F.conv_transpose2d(maps, taps, bias, stride, cut, missing)[0, :, : size[0], : size[1]].permute(1, 2, 0)
    return F.relu(basis) if activation == "relu" else basis


def contract(basis: Tensor, mixing: Tensor) -> Tensor:
    """The filters W (h, w, c_in, c_out): ``basis`` D (h, w, c) contracted with ``mixing`` U (c, c_in, c_out) over c
    (DF-CNN, eq. 2)."""
    return (basis.flatten(0, 1) @ mixing.flatten(1)).unflatten(0, basis.shape[:2]).unflatten(2, mixing.shape[1:])


class Transfer(nn.Module):
    """A task's own parameters of a layer: V, the bias of the deconvolution if any, U, and the convolution's bias."""

    def __init__(self, filters: Tensor, bias: Tensor | None, mixing: Tensor):
        super().__init__()
        self.filters, self.mixing = nn.Parameter(filters), nn.Parameter(mixing)
        self.basis_bias = None if bias is None else nn.Parameter(bias)
        self.bias = nn.Parameter(torch.zeros(mixing.shape[2]))


class KnowledgeLayer(nn.Module):
    """A convolution whose filters are rebuilt for each task from its knowledge base L (h^, w^, c^)."""

    def __init__(
        self, replaced: nn.Conv2d, knowledge: tuple[int, int], deconvolution: tuple[int, int], options: "DFCNN"
    ):
        super().__init__()
        height, width = replaced.kernel_size
        self.size, self.stride, self.padding = (height, width), replaced.stride, replaced.padding
        self.channels = replaced.in_channels, replaced.out_channels
        (side, self.shared), (self.taps, self.basis) = knowledge, deconvolution
        self.step, self.activation, self.biased = options.stride, options.activation, options.bias
        for length in self.size:
            check_kernel(side, length, self.step)
        self.knowledge = nn.Parameter(torch.randn(side, side, self.shared) / math.sqrt(self.shared))

    @torch.no_grad()
    def draw(self) -> Transfer:
        """A new task's parameters, initialised so that feature maps keep their mean square (He et al. 2015, eq. 10).

        U has the variance 2 / (h w c_in) of a plain filter, and V the scale at which maps that are equal everywhere
        keep their mean square, whatever the current L and the activation: a basis without negative values, after a
        ReLU, would else raise the signal over a hundredfold in four layers. Biases start at zero. This is our choice;
        the authors use Glorot's uniform, for an optimiser with one rate per parameter.
        """
        knowledge, (depth, maps) = self.knowledge.cpu(), self.channels
        filters = torch.randn(self.taps, self.taps, self.shared, self.basis)
        basis = deconvolve(knowledge, filters, None, self.size, self.step, self.activation)
        length = basis.sum((0, 1)).norm() / math.sqrt(math.prod(self.size))
        filters /= length.clamp(min=torch.finfo(filters.dtype).tiny)
        mixing = torch.randn(self.basis, depth, maps) * math.sqrt(2 / (math.prod(self.size) * depth))
        return Transfer(filters, torch.zeros(self.basis) if self.biased else None, mixing)

    def deconvolved(self, own: Transfer, knowledge: Tensor | None = None) -> Tensor:
        """D (h, w, c) of a task with the parameters ``own``, from L or from another ``knowledge`` (h^, w^, c^)."""
        source = self.knowledge if knowledge is None else knowledge
        return deconvolve(source, own.filters, own.basis_bias, self.size, self.step, self.activation)

    def rebuilt(self, own: Transfer) -> Tensor:
        """W (h, w, c_in, c_out) of a task with the parameters ``own``."""
        return contract(self.deconvolved(own), own.mixing)

    def forward(self, maps: Tensor, filters: Tensor, bias: Tensor) -> Tensor:
        return F.conv2d(maps, filters.permute(3, 2, 0, 1), bias, self.stride, self.padding)


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
                f"{description.backbone!r} has {len(convolutions)} convolution(s): knowledge and deconvolution need a "
                f"pair (size, channels) for each, and have {len(sizes[0])} and {len(sizes[1])}."
            )
        for (i, replaced), knowledge, deconvolution in zip(convolutions.items(), *sizes, strict=True):
            trunk[i] = KnowledgeLayer(replaced, knowledge, deconvolution, description)
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
            basis, mixing = place.deconvolved(own), own.mixing.flatten(1)
            changes = [basis - place.deconvolved(own, place.knowledge * (1 - channel)) for channel in alone]
            norms = torch.stack([torch.linalg.norm(change.flatten(0, 1) @ mixing) for change in changes])
            rows.append(norms / norms.sum().clamp(min=torch.finfo(norms.dtype).tiny))
        return torch.stack(rows) if rows else alone[:0]

    @torch.no_grad()
    def without(self, channels: Mapping[int, Sequence[int]]) -> "DFCNNNetwork":
        """A copy in which ``channels`` (layer -> channels of its L) are zero, for all tasks."""
        changed = copy.deepcopy(self)
        changed.cached = None
        for layer, off in channels.items():
            place = changed.layer(layer)
            if wrong := [channel for channel in off if not 0 <= channel < place.shared]:
                raise ValueError(
                    f"The knowledge base of layer {layer} has channels 0 to {place.shared - 1}; there is no channel "
                    f"{wrong[0]}."
                )
            place.knowledge[..., list(off)] = 0
        return changed

    def layer(self, layer: int) -> KnowledgeLayer:
        self.check_layer(layer, self.layers)
        return self.knowledge_layers[layer]

    def transfer(self, layer: int, task: int) -> Transfer:
        self.check_task(task)
        return self.tasks[task].transfers[layer]


PAIR = Several(Whole(at_least=1), length=2)  # (size, channels)


@dataclass(frozen=True, repr=False)
class DFCNN(Architecture):
    """The deconvolutional factorized CNN (DF-CNN, section 2; sizes from the authors' program for CIFAR-100).

    For each convolution of the ``backbone``, ``knowledge`` is the spatial size and the channels c^ of the knowledge
    base L, and ``deconvolution`` the spatial size p of V and the channels c of the basis. The deconvolution is linear
    with a ``bias``, as in the authors' program; ``bias=False`` is eq. 1 as printed, and ``activation="relu"`` ours.
    Fully connected layers belong to each task (Figure 1). Ten tasks of ten classes on 3x32x32 have 7,963,252
    parameters.
    """

    works_pretrained = False  # filters are rebuilt: none is taken over from a file

    backbone: BackboneArchitecture = backbone_field(TaskCNN())
    knowledge: tuple[tuple[int, int], ...] = several(((2, 16), (2, 24), (2, 32), (2, 36)), PAIR)
    deconvolution: tuple[tuple[int, int], ...] = several(((3, 24), (3, 48), (3, 64), (3, 72)), PAIR)
    stride: int = whole(2, at_least=1)
    activation: str | None = ruled(ACTIVATION, None)
    bias: bool = flag(True)  # after the deconvolution

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> DFCNNNetwork:
        return DFCNNNetwork(self, image_shape)
