"""Duplicate and fine-tune: a whole network for every task (LwF, section 1 and Figure 1)."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from .backbone import BackboneArchitecture, SmallCNN, backbone_field
from .modules import Modules
from .network import Architecture, MultiHeadNetwork, Network, Output


class CopiedNetwork(Network):
    """One single-task network per task; each starts from the original one's shared layers as they stand."""

    def __init__(self, original: MultiHeadNetwork):
        super().__init__()
        self.classes = []
        self.copies: Modules[MultiHeadNetwork] = Modules([original])

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        if self.classes:
            backbone = copy.deepcopy(self.copies[0].backbone)
            backbone.pretrained_classifier = [None]  # its outputs are classes of the first task only
            self.copies.append(MultiHeadNetwork(backbone, task_specific_layers=1, hidden=None))
        self.copies[-1].grow(classes, names)
        self.classes.append(classes)

    def parts(self) -> dict[str, list[nn.Module]]:
        newest = self.copies[-1].parts()
        return {"shared": newest["shared"], "old": list(self.copies[:-1]), "new": newest["new"]}

    def forward(self, images: Tensor) -> Output:
        newest, last = self.copies[-1](images), len(self.copies) - 1

        def head(task: int) -> Tensor:
            return (newest if task == last else self.copies[task](images)).head(0)

        return Output(newest.features, head, last + 1)


@dataclass(frozen=True, repr=False)
class Copies(Architecture):
    """A copy of the first task's network for every later task (LwF, Figure 1): testing takes a pass per task."""

    backbone: BackboneArchitecture = backbone_field(SmallCNN())

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> CopiedNetwork:
        return CopiedNetwork(MultiHeadNetwork(self.backbone.build(image_shape, pretrained), 1, None))
