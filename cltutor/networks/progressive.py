"""Progressive networks: a column per task that reads the frozen columns before it (Rusu et al. 2016, section 2).

Layer i of column k adds to its own input the activations of the earlier columns' layers i - 1, through an adapter:

    h_i^(k) = f(W_i h_{i-1}^(k) + U_i relu(V_i alpha h_{i-1}^(<k)))
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..describe import choice, whole
from .backbone import BackboneArchitecture, TaskCNN, backbone_field
from .modules import Modules, draw_small
from .network import Architecture
from .separate import ChainNetwork


class Adapter(nn.Module):
    """U relu(V alpha h): the input of a layer from the activations of ``earlier`` columns below it.

    ``below`` is the layer that makes those activations, ``layer`` the one that reads them. V projects the earlier
    columns' n channels each, concatenated, onto n / ``reduction``: of maps, at every position alike (a 1x1
    convolution), also below a fully connected layer, which then reads the flattened projected maps. ``alpha``
    (earlier,) is a learned scalar for each column, initially small and random.
    """

    def __init__(self, below: nn.Conv2d | nn.Linear, layer: nn.Conv2d | nn.Linear, earlier: int, reduction: int):
        super().__init__()
        self.channels = len(below.weight)
        reduced = max(1, self.channels // reduction)
        self.alpha = nn.Parameter(0.01 * (0.5 + torch.rand(earlier)))
        self.project = nn.Linear(earlier * self.channels, reduced)
        self.lateral: nn.Conv2d | nn.Linear
        if isinstance(layer, nn.Conv2d):
            same: dict[str, Any] = {name: getattr(layer, name) for name in ("kernel_size", "stride", "padding")}
            self.lateral = nn.Conv2d(reduced, layer.out_channels, **same, bias=False)
        else:
            positions = layer.in_features // self.channels  # of the maps, 1 where there are none
            self.lateral = nn.Linear(reduced * positions, layer.out_features, bias=False)
        for part in (self.project, self.lateral):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
        nn.init.zeros_(self.project.bias)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """``inputs``, a tensor (N, channels) or (N, channels, h, w) for each earlier column."""
        # alpha scales V instead of the maps, and each column's share of V reads its maps in place: concatenating
        # maps first, as one convolution requires, takes longer than the products.
        positions = inputs[0].movedim(1, -1).shape[:-1]
        rows = [maps.movedim(1, -1).reshape(-1, self.channels) for maps in inputs]
        shares = self.project.weight.split(self.channels, dim=1)
        hidden = torch.addmm(self.project.bias, rows[0], (self.alpha[0] * shares[0]).T)
        for j in range(1, len(rows)):
            hidden = hidden.addmm_(rows[j], (self.alpha[j] * shares[j]).T)
        hidden = hidden.relu_().unflatten(0, positions).movedim(-1, 1)
        return self.lateral(hidden if isinstance(self.lateral, nn.Conv2d) else hidden.flatten(1))


class SeparateAdapters(nn.Module):
    """Adapters as DF-CNN's authors built them: of each of the ``earlier`` columns for itself, sum_j U_j relu(V_j
    (alpha_j h_j) + b_j), where V_j projects n channels onto n / (``reduction`` (earlier + 1)), rounded down, one at
    least. Drawn as their program draws all weights, alpha too (Lifelong-ML/DF-CNN, utils/utils_nn.py)."""

    def __init__(self, below: nn.Conv2d | nn.Linear, layer: nn.Conv2d | nn.Linear, earlier: int, reduction: int):
        super().__init__()
        assert isinstance(layer, nn.Conv2d), "fully connected layers have no adapters there"
        channels = len(below.weight)
        reduced = max(1, channels // (reduction * (earlier + 1)))
        same: dict[str, Any] = {name: getattr(layer, name) for name in ("kernel_size", "stride", "padding")}
        self.alpha = nn.Parameter(nn.init.trunc_normal_(torch.empty(earlier), std=0.05, a=-0.1, b=0.1))
        self.project: Modules[nn.Conv2d] = Modules(nn.Conv2d(channels, reduced, 1) for _ in range(earlier))
        self.lateral: Modules[nn.Conv2d] = Modules(
            nn.Conv2d(reduced, layer.out_channels, **same, bias=False) for _ in range(earlier)
        )
        draw_small(self)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """``inputs``, maps (N, channels, h, w) for each earlier column."""
        columns = zip(inputs, self.alpha, self.project, self.lateral, strict=True)
        parts = [lateral(project(alpha * maps).relu()) for maps, alpha, project, lateral in columns]
        return torch.stack(parts).sum(0)


class Column(nn.Module):
    """A task's own layers, output included, each from the second on with an adapter to the ``earlier`` columns;
    with ``adapters="separate"`` the convolutions alone.

    The output of a layer passes its activation and pooling, then the entry of the next layer, which flattens and
    drops out. Later columns read the activations between the two.
    """

    def __init__(self, chain: Sequence[nn.Module], earlier: int, reduction: int, adapters: str = "joint"):
        super().__init__()
        layers = {i: module for i, module in enumerate(chain) if isinstance(module, nn.Conv2d | nn.Linear)}
        self.layers: Modules[nn.Conv2d | nn.Linear] = Modules(layers.values())
        self.activations, self.entries = nn.ModuleList(), nn.ModuleList()
        for below, layer in zip([-1, *layers], layers, strict=False):
            between = chain[below + 1 : layer]
            entries = (i for i, m in enumerate(between) if isinstance(m, nn.Flatten | nn.modules.dropout._DropoutNd))
            entry = next(entries, len(between))
            self.activations.append(nn.Sequential(*between[:entry]))
            self.entries.append(nn.Sequential(*between[entry:]))
        kind, reading = ADAPTERS[adapters]
        pairs = list(zip(self.layers, self.layers[1:], strict=False)) if earlier else []
        self.adapters: Modules[nn.Module] = Modules(
            kind(below, layer, earlier, reduction) for below, layer in pairs if isinstance(layer, reading)
        )

    def forward(self, pixels: Tensor, earlier: Sequence[Sequence[Tensor]]) -> tuple[list[Tensor], Tensor]:
        """The activations below each layer but the first, h_1 to h_{d-1}, and the logits; ``earlier``, the
        activations of all columns before."""
        maps = self.layers[0](self.entries[0](self.activations[0](pixels)))
        activations: list[Tensor] = []
        for i, layer in enumerate(list(self.layers)[1:]):
            activations.append(self.activations[i + 1](maps))
            maps = layer(self.entries[i + 1](activations[i]))
            if i < len(self.adapters):  # convolutions come first
                maps = maps + self.adapters[i]([column[i] for column in earlier])
        return activations, maps


ADAPTERS = {"joint": (Adapter, nn.Module), "separate": (SeparateAdapters, nn.Conv2d)}


class ProgressiveNetwork(ChainNetwork):
    """A column per task. Head t needs columns 0 to t; a column that does not learn has no graph."""

    isolates: ClassVar[bool] = True

    def __init__(self, description: "Progressive", image_shape: tuple[int, int, int], pretrained: bool):
        super().__init__(description.backbone, image_shape, pretrained)
        self.reduction, self.adapters = description.reduction, description.adapters
        self.columns: Modules[Column] = Modules()

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        self.columns.append(Column(self.next_chain(classes), len(self.columns), self.reduction, self.adapters))
        self.classes.append(classes)

    def parts(self) -> dict[str, list[nn.Module]]:
        return {"shared": [], "old": list(self.columns[:-1]), "new": list(self.columns[-1:])}

    def compute(self, images: Tensor) -> Callable[[int], tuple[Tensor, Tensor]]:
        pixels = self.normalise(images)
        # Each column once. A function that called itself would be a cycle, and keep every batch's maps alive.
        computed: list[tuple[list[Tensor], Tensor]] = []

        def compute(task: int) -> tuple[Tensor, Tensor]:
            for column in self.columns[len(computed) : task + 1]:
                computed.append(column(pixels, [activations for activations, _ in computed]))
            activations, logits = computed[task]
            return activations[-1].flatten(1), logits

        return compute


@dataclass(frozen=True, repr=False)
class Progressive(Architecture):
    """A column for each task, the layers of ``backbone`` and an output (Rusu et al. 2016, section 2).

    From the second column on, every layer but the first also reads all earlier columns, scaled and projected onto its
    own input's channels divided by ``reduction``: the DF-CNN paper says that it halves the dimension (section 4.1);
    projecting earlier columns together is Rusu et al.'s, and keeps what tasks add of the same order. A layer with
    n input channels, m outputs and k weights per pair of channels thus adds, for a task after t others,
    t + t n r + r + r m k parameters, with r = n / ``reduction``.

    ``adapters="separate"`` builds them as the DF-CNN authors' program does: one for each earlier column, in
    convolutions alone, of n / (``reduction`` (t + 1)) channels. Ten tasks of ten classes on 3x32x32 have 3,508,637
    parameters then, and 5,081,029 with "joint".
    """

    needs_task_at_test = True  # to choose the column (Rusu et al. 2016, limitations)

    backbone: BackboneArchitecture = backbone_field(TaskCNN())
    reduction: int = whole(2, at_least=1)
    adapters: str = choice("joint", ADAPTERS)

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> ProgressiveNetwork:
        return ProgressiveNetwork(self, image_shape, pretrained)
