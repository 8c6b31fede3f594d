"""A network with an under-complete autoencoder for each task, for Encoder Based Lifelong Learning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..describe import whole
from .backbone import Backbone, BackboneArchitecture, SmallCNN, backbone_field
from .modules import Modules
from .network import ROLES, Architecture, MultiHeadNetwork


class Autoencoder(nn.Module):
    """Features (N, D) to a code (N, size) below a sigmoid, and linearly back (Triki et al. 2017, section 3.2)."""

    def __init__(self, features: int, size: int):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(features, size), nn.Linear(size, features)

    def code(self, features: Tensor) -> Tensor:
        return torch.sigmoid(self.encoder(features))

    def forward(self, features: Tensor) -> Tensor:
        return self.decoder(self.code(features))


class EncodedNetwork(MultiHeadNetwork):
    """A head and an autoencoder of the shared features for each task; the newest one learns in the role "code"."""

    def __init__(self, backbone: Backbone, size: int):
        super().__init__(backbone, task_specific_layers=1, hidden=None)
        self.size = size
        self.autoencoders: Modules[Autoencoder] = Modules()

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        super().grow(classes, names)
        self.autoencoders.append(Autoencoder(self.features, self.size))

    def parts(self) -> dict[str, list[nn.Module]]:
        return {**super().parts(), "code": list(self.autoencoders[-1:])}


@dataclass(frozen=True, repr=False)
class Encoded(Architecture):
    """A shared backbone, a head and an autoencoder with a code of ``size`` numbers per task (Rannen et al. 2017)."""

    roles: ClassVar[tuple[str, ...]] = (*ROLES, "code")
    works_pretrained = False  # the first task requires an autoencoder, too, which no file of weights has

    backbone: BackboneArchitecture = backbone_field(SmallCNN())
    size: int = whole(16, at_least=1)

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> EncodedNetwork:
        backbone = self.backbone.build(image_shape, pretrained)
        if not isinstance(backbone.flatten, nn.Identity):
            raise ValueError(f"{self.backbone!r} has maps below its output, and an autoencoder here encodes vectors.")
        if self.size >= backbone.width:
            raise ValueError(
                f"An under-complete code of {backbone.width} features has 1 to {backbone.width - 1} numbers, "
                f"not {self.size!r}."
            )
        return EncodedNetwork(backbone, self.size)
