"""What every network can do, and the standard one: a shared backbone with a head per task.

A network grows by a task, says which of its modules play which role for the newest task ("shared" theta_s, "old"
theta_o, "new" theta_n in LwF's symbols), and maps uint8 images to an ``Output``.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..describe import Part
from .backbone import Backbone, SmallCNN, initialise, linear_of

ROLES = ("shared", "old", "new")  # theta_s, theta_o and theta_n; a network may have more


class Output:
    """What a network says of a batch: features and each task's logits, each computed when first asked for."""

    def __init__(self, features: Tensor, head: Callable[[int], Tensor], tasks: int):
        self.features = features  # (N, D)
        self.maps: Tensor | None = None  # (N, K, h, w) of a watched layer
        self.tasks = tasks
        self._compute, self._heads = head, {}

    def head(self, task: int) -> Tensor:
        """Logits (N, classes of ``task``) of that task's head."""
        if task not in self._heads:
            self._heads[task] = self._compute(task)
        return self._heads[task]

    def over(self, tasks: Iterable[int]) -> Tensor:
        """Logits (N, classes of ``tasks``) of several heads side by side."""
        heads = [self.head(task) for task in tasks]
        return heads[0] if len(heads) == 1 else torch.cat(heads, dim=1)

    @property
    def logits(self) -> Tensor:
        """Logits (N, classes seen) of all heads in order of arrival."""
        return self.over(range(self.tasks))


class Network(nn.Module):
    """The contract between networks and the learner."""

    classes: list[int]  # number of classes of each task learned so far
    separate: ClassVar[bool] = False  # whether each head has a way of its own from the pixels, a pass for every task

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        """Add the parts that a new task of ``classes`` classes needs; ``names``, one a class, for who reads them."""
        raise NotImplementedError

    def begin_phase(self, phase: str, images: Tensor, targets: Tensor) -> None:
        """Called before each phase of a task, whose training ``images`` (N, C, H, W) have the ``targets`` (N,) among
        the newest head's classes: where a network changes its own shape as it learns."""

    def parts(self) -> dict[str, list[nn.Module]]:
        """The modules in each role that the network's description names, as the newest task sees them."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Output:
        raise NotImplementedError

    def continues(self, layer: str) -> bool:
        """Whether ``above`` can go on from ``layer``: whether nothing bypasses it."""
        return False

    def above(self, maps: Tensor, layer: str) -> Output:
        """The output from the maps (N, K, h, w) of ``layer`` on, without the layers below it."""
        raise NotImplementedError

    def response(self, output: Output, task: int | None = None) -> Tensor:
        """F(x; theta), the function whose change counts for an importance (MAS, section 4.1): (N, outputs).

        The logits of ``task``'s head, or of all heads for None. A network without logits of its own answers otherwise.
        """
        return output.logits if task is None else output.head(task)

    def normalise_like(self, images: Tensor) -> None:
        """Take the input statistics from these images (N, C, H, W) uint8."""
        for module in self.modules():
            if isinstance(module, Backbone):
                module.normalise.fit(images)

    def parameters_of(self, role: str) -> list[nn.Parameter]:
        return [parameter for module in self.parts().get(role, ()) for parameter in module.parameters()]

    def train_only(self, roles: Iterable[str]) -> None:
        """Let only these roles learn. All else is frozen whole: no gradient, no dropout, no batch-norm statistics."""
        self.eval().requires_grad_(False)
        for role in roles:
            for module in self.parts().get(role, ()):
                module.train().requires_grad_(True)

    @property
    def draws_random_numbers(self) -> bool:
        """Whether a training step uses random numbers (dropout, stochastic depth)."""
        kinds = {type(module).__name__ for module in self.modules()}
        return any("Drop" in kind or kind == "StochasticDepth" for kind in kinds)


class Architecture(Part):
    """The description of a network: what a recipe names as its ``network``.

    ``roles`` are those that ``Network.parts`` of the built network can have; a phase gives each a learning rate.
    """

    roles: ClassVar[tuple[str, ...]] = ROLES
    guards_any_output = None  # the network itself protects the old tasks, and its heads are made for classes

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> Network:
        """A network without tasks for images (C, H, W); ``pretrained=False`` reads no file of weights.

        Raises:
            ValueError: images or a backbone that do not fit.
        """
        raise NotImplementedError


class MultiHeadNetwork(Network):
    """Shared layers theta_s and one head per task on top."""

    def __init__(self, backbone: Backbone, task_specific_layers: int, hidden: int | None):
        super().__init__()
        self.backbone, self.heads, self.classes = backbone, nn.ModuleList(), []
        self.hidden, self.features = hidden, backbone.width
        own = task_specific_layers - 1
        self.templates: list[Sequence[nn.Module]] = [list(backbone.hidden)[len(backbone.hidden) - own :]]
        if own:
            self.features = linear_of(self.templates[0][0]).in_features
            del backbone.hidden[len(backbone.hidden) - own :]

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        self.heads.append(self.make_head(classes))
        self.classes.append(classes)

    def make_head(self, classes: int) -> nn.Module:
        kept, layers = self.backbone.pretrained_classifier[0], self.templates[0]
        if not self.heads and kept is not None and _width(kept) == classes:
            self.backbone.pretrained_classifier[0] = None
            return nn.Sequential(*layers, kept) if layers else kept
        if self.heads and self.hidden:
            flat = self.backbone.flatten
            return nn.Sequential(
                flat, nn.Linear(self.features, self.hidden), nn.ReLU(), nn.Linear(self.hidden, classes)
            )
        output = self.backbone.make_output(self.backbone.width, classes)
        # Layers below ReLUs are drawn as a backbone's own are, and the output as every head is.
        return nn.Sequential(*(initialise(copy.deepcopy(layer)) for layer in layers), output) if layers else output

    def parts(self) -> dict[str, list[nn.Module]]:
        return {"shared": [self.backbone], "old": list(self.heads[:-1]), "new": list(self.heads[-1:])}

    def continues(self, layer: str) -> bool:
        return self.backbone.after(layer.removeprefix("backbone.")) is not None

    def above(self, maps: Tensor, layer: str) -> Output:
        for module in self.backbone.after(layer.removeprefix("backbone.")):
            maps = module(maps)
        return self.read(maps)

    def forward(self, images: Tensor) -> Output:
        return self.read(self.backbone(images))

    def read(self, features: Tensor) -> Output:
        """What the heads make of the backbone's features."""
        flat = self.backbone.flatten(features)
        return Output(flat, lambda task: self.heads[task](features), len(self.heads))


def _width(classifier: nn.Module) -> int:
    """How many classes an output layer tells apart."""
    layers = [m for m in classifier.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    return layers[-1].weight.shape[0]


@dataclass(frozen=True, repr=False)
class MultiHead(Architecture):
    """A shared backbone with one head per task, the standard network of task- and class-incremental learning.

    ``task_specific_layers`` counts the fully connected layers, output included, that each task has to itself (1 to 3;
    LwF, Table 2a). ``hidden`` gives heads after the first a hidden layer of that many nodes (feature extraction's
    two-layer classifier; LwF, section 3, implementation details).
    """

    guards_any_output = True

    backbone: object = SmallCNN()
    task_specific_layers: int = 1
    hidden: int | None = None

    def __post_init__(self):
        if self.task_specific_layers not in (1, 2, 3):
            raise ValueError(f"task_specific_layers is 1, 2 or 3, not {self.task_specific_layers!r}.")

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> MultiHeadNetwork:
        backbone = self.backbone.build(image_shape, pretrained)
        if self.task_specific_layers - 1 > len(backbone.hidden):
            raise ValueError(
                f"{self.backbone!r} has {len(backbone.hidden)} fully connected layer(s) below its output, too few for "
                f"task_specific_layers={self.task_specific_layers}: use SmallCNN(), AlexNet or VGG."
            )
        return MultiHeadNetwork(backbone, self.task_specific_layers, self.hidden)
