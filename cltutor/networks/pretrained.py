"""Any torchvision classifier as a backbone, with weights from a local file where the user has one."""

import copy
import difflib
import os
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from ..describe import Described, Kind, Name, flag, ruled
from .backbone import Backbone, BackboneArchitecture, Normalise


@dataclass(frozen=True, repr=False)
class Torchvision(Described, BackboneArchitecture):
    """A torchvision classifier by ``name``; ``weights`` is a local file with its state dict, or None for random ones.

    With weights, a first task of as many classes as the file's classifier keeps that classifier as its head. Logits of
    SqueezeNet pass a ReLU; ``rectified=False`` leaves it out of new heads, which a loss with a sigmoid needs: where no
    logit is negative, no class is less likely than not, and such a loss drives them all to zero.
    """

    name: str = ruled(Kind('the name of a classifier, such as "resnet18"', Name().accepts))
    weights: str | None = ruled(
        Kind('the path of a file, such as "weights.pth"', Name(4096).accepts, or_none=True), None
    )
    rectified: bool = flag(True)

    files: ClassVar[tuple[str, ...]] = ("weights",)  # fields that name a file whose contents decide the numbers

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> Backbone:
        """``pretrained=False`` skips the file: a saved run has its own weights."""
        weights = self.weights if pretrained else None
        model = make_model(self.name, classes=1000) if weights is None else load_model(self.name, weights)
        # What torchvision's classification weights were trained with: ImageNet's mean and deviation.
        normalise = Normalise((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), fixed=self.weights is not None)
        return split(model, normalise, weights is not None, self.rectified)


@dataclass(frozen=True, repr=False)
class ResNet34(Described, BackboneArchitecture):
    """ResNet-34 (He et al. 2016, Table 1) for images of 32 pixels: its first convolution is 3x3 with stride 1, and
    there is no max-pool, so that the last maps have 4x4 positions.

    LwM, section 5.4, names the network for iCIFAR-100 and not its stem. ImageNet's would leave one position, where
    attention has nothing to compare.
    """

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> Backbone:
        depth = image_shape[0]
        model = make_model("resnet34", classes=1000)
        model.conv1, model.maxpool = nn.Conv2d(depth, 64, 3, padding=1, bias=False), nn.Identity()
        nn.init.kaiming_normal_(model.conv1.weight, mode="fan_out", nonlinearity="relu")
        return split(model, Normalise([0.0] * depth, [1.0] * depth), keep_classifier=False)


def load_model(name: str, path: str) -> nn.Module:
    """The classifier ``name`` with the state dict in ``path``, read without executing anything, and its classes."""
    place = os.path.expanduser(path)
    if not os.path.isfile(place):
        raise ValueError(f"There is no weights file {path}: give the path of a saved state dict.")
    try:
        state = torch.load(place, map_location="cpu", weights_only=True)
    except Exception as error:  # what torch.load raises for another kind of file depends on its bytes
        raise ValueError(f"{path} contains no weights: give the path of a saved state dict.") from error
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{path} contains no state dict: save one with torch.save(model.state_dict(), path).")
    output = list(state.values())[-1]
    model = make_model(name, classes=len(output) if output.ndim else 1000)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"The weights in {path} are not those of torchvision's {name}.") from error
    return model


def make_model(name: str, classes: int) -> nn.Module:
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        near = difflib.get_close_matches(name, known, 3) or known[:3]
        raise ValueError(f"torchvision has no classifier {name!r}; did you mean {', '.join(near)}?")
    extra = {"init_weights": True, "aux_logits": False} if name in ("googlenet", "inception_v3") else {}
    return models.get_model(name, weights=None, num_classes=classes, **extra)


def split(model: nn.Module, normalise: Normalise, keep_classifier: bool, rectified: bool = True) -> Backbone:
    """Take the model apart into trunk, fully connected hidden layers and output layer."""
    classifier = getattr(model, "classifier", None)
    if isinstance(classifier, nn.Sequential) and isinstance(classifier[1], nn.Conv2d):
        trunk = cast(nn.Module, model.features)
        return split_convolutional(trunk, classifier, normalise, keep_classifier, rectified)
    path, output = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    parent, _, leaf = path.rpartition(".")
    hidden: list[nn.Sequential] = []
    if parent == "classifier" and isinstance(classifier, nn.Sequential):
        before = list(classifier)[: int(leaf)]
        starts = [i for i, module in enumerate(before) if isinstance(module, nn.Linear)]
        ends = [*starts[1:], len(before)]  # one too many where there is no hidden layer at all
        hidden = [nn.Sequential(*before[a:b]) for a, b in zip(starts, ends, strict=False)]
        model.classifier = nn.Sequential(*before[: starts[0] if starts else len(before)])
    else:
        setattr(model.get_submodule(parent), leaf, nn.Identity())
    return Backbone(normalise, model, hidden, output.in_features, classifier=output if keep_classifier else None)


def split_convolutional(
    trunk: nn.Module, classifier: nn.Sequential, normalise: Normalise, keep_classifier: bool, rectified: bool
) -> Backbone:
    """SqueezeNet: the classifier is a 1x1 convolution, a ReLU and a mean over positions, and so is every head."""

    def make_output(width: int, classes: int) -> nn.Module:
        head = copy.deepcopy(classifier)
        head[1] = nn.Conv2d(width, classes, 1)
        if not rectified:
            head[2] = nn.Identity()
        return nn.Sequential(*head, nn.Flatten())

    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    pretrained = nn.Sequential(*classifier, nn.Flatten()) if keep_classifier else None
    width = cast(nn.Conv2d, classifier[1]).in_channels
    return Backbone(normalise, trunk, [], width, make_output, pretrained, flatten=pool)
