"""Network expansion: new nodes in the top layers for every task (LwF, section 4.2 and Figure 6b).

New nodes copy existing ones as Net2Net does (Chen et al. 2016): a new node first computes the same as the node that it
copies. Original nodes read new ones with weight zero at first, so no old output changes by growing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..describe import real
from .backbone import Backbone, BackboneArchitecture, SmallCNN, backbone_field
from .modules import Modules, linear_of
from .network import Architecture, Network, Output


class WideningLinear(nn.Module):
    """A fully connected layer that can gain inputs and nodes.

    ``blocks[k]`` (nodes added at stage k, inputs known then) are the weights of the nodes added at stage k, and
    ``cross[k-1]`` (nodes older than k, inputs added at k) those of older nodes for newer inputs.
    """

    def __init__(self, layer: nn.Linear):
        super().__init__()
        self.blocks = nn.ParameterList([layer.weight])
        self.biases = nn.ParameterList([layer.bias])
        self.cross = nn.ParameterList()

    def dense(self) -> tuple[Tensor, Tensor]:
        """The whole weight matrix (nodes, inputs) and bias (nodes,)."""
        weight = self.blocks[0]
        for cross, block in zip(self.cross, self.blocks[1:], strict=True):
            weight = torch.cat([torch.cat([weight, cross], dim=1), block])
        return weight, torch.cat(list(self.biases))

    def forward(self, features: Tensor) -> Tensor:
        return F.linear(features, *self.dense())

    @torch.no_grad()
    def widen(self, nodes: int, copied_inputs: Tensor) -> Tensor:
        """Add ``nodes`` nodes above inputs of which the last ``len(copied_inputs)`` copy the inputs given there.

        Returns the node that each new one copies, which are the ``copied_inputs`` of the layer above.
        """
        weight, bias = self.dense()
        source = torch.randint(len(weight), (nodes,)).to(weight.device)  # the same on every device
        times = torch.ones(weight.shape[1], device=weight.device)
        times.scatter_add_(0, copied_inputs, torch.ones_like(copied_inputs, dtype=times.dtype))
        shared_out = weight[source] / times  # an input and its copies share its weight: the sum stays
        self.cross.append(nn.Parameter(weight.new_zeros(len(weight), len(copied_inputs))))
        self.blocks.append(nn.Parameter(torch.cat([shared_out, shared_out[:, copied_inputs]], dim=1)))
        self.biases.append(nn.Parameter(bias[source].clone()))
        return source


class WideningNetwork(Network):
    """A backbone whose fully connected layers gain ``share`` of their first width with every task, heads on top."""

    def __init__(self, backbone: Backbone, share: float):
        super().__init__()
        self.backbone, self.classes = backbone, []
        self.heads: Modules[WideningLinear] = Modules()
        self.extra = []  # nodes that each layer gains with a task
        for layer in backbone.hidden:
            linear = linear_of(layer)
            self.extra.append(max(1, round(share * linear.out_features)))
            layer[list(layer).index(linear)] = WideningLinear(linear)
        self.layers = [m for m in backbone.hidden.modules() if isinstance(m, WideningLinear)]  # from the lowest up

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        width = self.backbone.width
        if self.heads:
            copied = torch.empty(0, dtype=torch.int64, device=self.heads[0].blocks[0].device)
            for layer, extra in zip(self.layers, self.extra, strict=True):
                copied = layer.widen(extra, copied)
            for head in self.heads:
                head.widen(0, copied)
            width = self.layers[-1].dense()[0].shape[0]
        output = self.backbone.pretrained_classifier[0]
        if self.heads or not isinstance(output, nn.Linear) or output.out_features != classes:
            output = nn.Linear(width, classes)
        self.heads.append(WideningLinear(output))
        self.classes.append(classes)

    def parts(self) -> dict[str, list[nn.Module]]:
        """The newest nodes and head are new; the weights with which older nodes read newer ones belong to the older."""
        if len(self.heads) == 1:
            return {"shared": [self.backbone], "old": [], "new": [self.heads[0]]}
        newest = [nn.ParameterList([layer.blocks[-1], layer.biases[-1]]) for layer in self.layers]
        older = [nn.ParameterList([*layer.blocks[:-1], *layer.biases[:-1], *layer.cross]) for layer in self.layers]
        others = [m for layer in self.backbone.hidden for m in layer if not isinstance(m, WideningLinear)]
        return {
            "shared": [self.backbone.normalise, self.backbone.trunk, *older, *others],
            "old": list(self.heads[:-1]),
            "new": [*newest, self.heads[-1]],
        }

    def forward(self, images: Tensor) -> Output:
        features = self.backbone(images)
        return Output(features, lambda task: self.heads[task](features), len(self.heads))


@dataclass(frozen=True, repr=False)
class Widening(Architecture):
    """A network that widens: every task adds ``share`` of each fully connected layer's first width (1,024 nodes for
    AlexNet's 4,096 in LwF, section 4.2)."""

    backbone: BackboneArchitecture = backbone_field(SmallCNN())
    share: float = real(0.25, above=0)

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> WideningNetwork:
        backbone = self.backbone.build(image_shape, pretrained)
        if not backbone.hidden:
            raise ValueError(
                f"{self.backbone!r} has no fully connected layer below its output to widen: "
                "use SmallCNN(), AlexNet or VGG."
            )
        return WideningNetwork(backbone, self.share)
