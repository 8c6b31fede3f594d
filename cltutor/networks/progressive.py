"""Progressive networks: a column per task that reads the frozen columns before it (Rusu et al. 2016, section 2).

Layer i of column k adds to its own input what the earlier columns' layers i - 1 say, through an adapter:

    h_i^(k) = f(W_i h_{i-1}^(k) + U_i relu(V_i alpha h_{i-1}^(<k)))

The DF-CNN paper compares them with adapters that halve the dimension of the features (section 4.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .backbone import TaskCNN
from .chain import OwnWays, chain_of, check_shape
from .network import Architecture, Network

SMALL = 0.01  # about what alpha starts with


class Adapter(nn.Module):
    """U relu(V alpha h): what a layer hears of the activations of ``earlier`` columns below it.

    ``below`` is the layer that makes those activations, ``layer`` the one that hears them. V projects the earlier
    columns' n channels each, side by side, onto n / ``reduction``: of maps, those of every position alike (a 1x1
    convolution), also under a fully connected layer, which then reads the projected maps in one row. ``alpha``
    (earlier,) is a learned scalar for each column, which first is small and random.
    """

    def __init__(self, below: nn.Conv2d | nn.Linear, layer: nn.Conv2d | nn.Linear, earlier: int, reduction: int):
        super().__init__()
        self.channels = len(below.weight)
        kept = max(1, self.channels // reduction)
        self.alpha = nn.Parameter(SMALL * (0.5 + torch.rand(earlier)))
        self.project = nn.Linear(earlier * self.channels, kept)
        if isinstance(layer, nn.Conv2d):
            size, stride, padding = layer.kernel_size, layer.stride, layer.padding
            self.lateral = nn.Conv2d(kept, layer.out_channels, size, stride, padding, bias=False)
        else:
            positions = layer.in_features // self.channels  # of the maps, 1 where there are none
            self.lateral = nn.Linear(kept * positions, layer.out_features, bias=False)
        for part in (self.project, self.lateral):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
        nn.init.zeros_(self.project.bias)

    def forward(self, heard: Sequence[Tensor]) -> Tensor:
        """``heard``, a tensor (N, channels) or (N, channels, h, w) for each earlier column."""
        # alpha scales V instead of the maps, and each column's share of V reads its maps where they lie: putting maps
        # side by side first, as one convolution would want them, takes longer than the products.
        positions = heard[0].movedim(1, -1).shape[:-1]
        rows = [maps.movedim(1, -1).reshape(-1, self.channels) for maps in heard]
        shares = self.project.weight.split(self.channels, dim=1)
        hidden = torch.addmm(self.project.bias, rows[0], (self.alpha[0] * shares[0]).T)
        for j in range(1, len(rows)):
            hidden = hidden.addmm_(rows[j], (self.alpha[j] * shares[j]).T)
        hidden = hidden.relu_().unflatten(0, positions).movedim(-1, 1)
        return self.lateral(hidden if isinstance(self.lateral, nn.Conv2d) else hidden.flatten(1))


class Column(nn.Module):
    """A task's own layers, output included, each from the second on with an adapter to the ``earlier`` columns.

    What a layer gives passes its activation and pooling, then the entry of the next layer, which flattens and drops
    out. Later columns hear what lies between the two.
    """

    def __init__(self, chain: Sequence[nn.Module], earlier: int, reduction: int):
        super().__init__()
        self.layers, self.activations, self.entries = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        activation, entry = [], []
        for module in chain:
            if isinstance(module, nn.Conv2d | nn.Linear):
                self.layers.append(module)
                self.activations.append(nn.Sequential(*activation))
                self.entries.append(nn.Sequential(*entry))
                activation, entry = [], []
            elif entry or isinstance(module, nn.Flatten | nn.modules.dropout._DropoutNd):
                entry.append(module)
            else:
                activation.append(module)
        pairs = zip(self.layers, self.layers[1:], strict=False) if earlier else ()
        self.adapters = nn.ModuleList(Adapter(below, layer, earlier, reduction) for below, layer in pairs)

    def forward(self, pixels: Tensor, earlier: Sequence[Sequence[Tensor]]) -> tuple[list[Tensor], Tensor]:
        """What each layer but the first hears, h_1 to h_{d-1}, and the logits; ``earlier``, the same of all columns
        before."""
        maps, heard = pixels, []
        for i, layer in enumerate(self.layers):
            maps = self.activations[i](maps)
            if i:
                heard.append(maps)
            maps = layer(self.entries[i](maps))
            if i and earlier:
                maps = maps + self.adapters[i - 1]([column[i - 1] for column in earlier])
        return heard, maps


class ProgressiveNetwork(Network):
    """A column per task. Head t needs columns 0 to t; a column that does not learn has no graph."""

    separate = True

    def __init__(self, backbone: object, image_shape: tuple[int, int, int], reduction: int, pretrained: bool):
        super().__init__()
        first = backbone.build(image_shape, pretrained)
        chain_of(first, repr(backbone))
        self.normalise, self.columns, self.classes = first.normalise, nn.ModuleList(), []
        self.backbone, self.image_shape, self.reduction = backbone, image_shape, reduction
        self.first = [first]  # drawn with the network, so that the first column is what any other network starts with

    def normalise_like(self, images: Tensor) -> None:
        self.normalise.fit(images)

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        backbone = self.first.pop() if self.first else self.backbone.build(self.image_shape, pretrained=False)
        chain = [*chain_of(backbone, repr(self.backbone)), backbone.make_output(backbone.width, classes)]
        self.columns.append(Column(chain, len(self.columns), self.reduction))
        self.classes.append(classes)

    def parts(self) -> dict[str, list[nn.Module]]:
        return {"shared": [], "old": list(self.columns[:-1]), "new": list(self.columns[-1:])}

    def forward(self, images: Tensor) -> OwnWays:
        check_shape(images, self.image_shape)
        pixels = self.normalise(images)

        # Each column once. A function that called itself would be a cycle, and keep every batch's maps alive.
        made: list[tuple[list[Tensor], Tensor]] = []

        def way(task: int) -> tuple[Tensor, Tensor]:
            for column in self.columns[len(made) : task + 1]:
                made.append(column(pixels, [heard for heard, _ in made]))
            heard, logits = made[task]
            return heard[-1].flatten(1), logits

        return OwnWays(way, len(self.columns))


@dataclass(frozen=True, repr=False)
class Progressive(Architecture):
    """A column for each task, the layers of ``backbone`` and an output (Rusu et al. 2016, section 2).

    From the second column on, every layer but the first also hears all earlier columns, scaled and projected onto its
    own input's channels divided by ``reduction``: the DF-CNN paper says that it halves the dimension (section 4.1);
    that earlier columns are projected together is Rusu et al.'s, and keeps what a task adds of one order. A layer with
    n input channels, m outputs and k weights per pair of channels thus adds, for a task after t others,
    t + t n r + r + r m k parameters, with r = n / ``reduction``.
    """

    backbone: object = TaskCNN()
    reduction: int = 2

    def __post_init__(self):
        if not isinstance(self.reduction, int) or self.reduction < 1:
            raise ValueError(f"reduction is a whole number from 1 up, not {self.reduction!r}.")

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> ProgressiveNetwork:
        return ProgressiveNetwork(self.backbone, image_shape, self.reduction, pretrained)
