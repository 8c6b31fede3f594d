"""What every network can do, and the standard one: a shared backbone with a head per task.

A network grows by a task, assigns its modules to roles for the newest task ("shared" theta_s, "old" theta_o, "new"
theta_n in LwF's symbols), and maps uint8 images to an ``Output``.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from ..checked import Many, Text
from ..describe import Part, Whole, shown, whole
from .backbone import Backbone, BackboneArchitecture, Normalise, SmallCNN, backbone_field, check_building
from .modules import linear_of, side_by_side

if TYPE_CHECKING:
    from ..streams import Stream

MOST_CLASSES = 100_000  # of a task: more is a mistake that would fill the memory
CLASSES, NAMES, TASKS = Whole(at_least=1, at_most=MOST_CLASSES), Many(Text()), Many(Whole())
ROLES = ("shared", "old", "new")  # theta_s, theta_o and theta_n; a network may have more


class Output:
    """What a network computes of a batch: features and each task's logits, each computed when first used.

    ``joint(tasks)`` computes several heads of so many ``classes`` each side by side, where that is faster than
    ``head(task)`` for one after the other. ``maps`` (N, K, h, w) are those of a watched layer, where one is watched.
    """

    maps: Tensor | None = None

    def __init__(
        self,
        features: Tensor | Callable[[], Tensor],
        head: Callable[[int], Tensor],
        tasks: int,
        joint: Callable[[Sequence[int]], Tensor] | None = None,
        classes: Sequence[int] = (),
    ):
        self._features, self.tasks, self._compute = features, tasks, head
        self._joint, self._classes = joint, classes
        self._heads: dict[int, Tensor] = {}
        self._whole: Tensor | None = None

    @property
    def features(self) -> Tensor:
        """(N, D) of the top layer below the heads."""
        return self._features if isinstance(self._features, Tensor) else self._features()

    def head(self, task: int) -> Tensor:
        """Logits (N, classes of ``task``) of that task's head; ValueError for a task that was not learned."""
        if type(task) is not int:
            task = Whole().check("task", task)
        if task not in self._heads:
            if not 0 <= task < self.tasks:
                raise ValueError(f"This network has {self.tasks} head(s), counted from 0; there is no task {task}.")
            self._heads[task] = self._compute(task) if self._whole is None else self._part(range(task, task + 1))
        return self._heads[task]

    def over(self, tasks: Iterable[int]) -> Tensor:
        """Logits (N, classes of ``tasks``) of several heads side by side; ValueError for none."""
        tasks = tasks if isinstance(tasks, range) else TASKS.check("tasks", tasks)
        if not tasks:
            raise ValueError("Logits need one head or more: let the network grow by a task first.")
        known = self._whole is None and not self._heads.keys().isdisjoint(tasks)
        if self._joint is None or known or len(tasks) == 1 or not 0 <= min(tasks) <= max(tasks) < self.tasks:
            heads = [self.head(task) for task in tasks]
            return heads[0] if len(heads) == 1 else torch.cat(heads, dim=1)
        if tasks == range(self.tasks) and self._whole is None:
            self._whole = self._joint(tasks)
        return self._joint(tasks) if self._whole is None or not isinstance(tasks, range) else self._part(tasks)

    def _part(self, tasks: range) -> Tensor:
        """The columns of neighbouring ``tasks`` among those of all."""
        assert self._whole is not None, "only once all heads were computed"
        if len(tasks) == self.tasks:
            return self._whole
        first = sum(self._classes[: tasks.start])
        return self._whole[:, first : first + sum(self._classes[tasks.start : tasks.stop])]

    @property
    def logits(self) -> Tensor:
        """Logits (N, classes seen) of all heads in order of arrival."""
        return self.over(range(self.tasks))


class Network(nn.Module):
    """The contract between networks and the training loop."""

    classes: list[int]  # number of classes of each task learned so far
    separate: ClassVar[bool] = False  # whether each head needs a forward pass of its own from the pixels
    isolates: ClassVar[bool] = False  # whether each head reads nothing but old modules and its own task's
    made_by: ClassVar[str] = "the model of a run"

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if grow := vars(cls).get("grow"):

            @wraps(grow)
            def checked_grow(self: Network, classes: int, names: Sequence[str] = ()) -> None:
                classes, names = CLASSES.check("classes", classes), NAMES.check("names", names)
                if names and len(names) != classes:
                    raise ValueError(f"names are one for each of {classes} classes, or none, not {len(names)}.")
                grow(self, classes, names)

            cls.grow = checked_grow  # type: ignore[method-assign]

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        """Add the parts that a new task of ``classes`` classes needs; ``names``, one per class, may be used."""
        raise NotImplementedError

    def begin_phase(self, phase: str, images: Tensor, targets: Tensor) -> None:
        """Called before each phase of a task, whose training ``images`` (N, C, H, W) have the ``targets`` (N,) among
        the newest head's classes: here a network can change its own shape."""

    def parts(self) -> dict[str, list[nn.Module]]:
        """The modules in each role that the network's description names, as the newest task sees them."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Output:
        """What the network computes of ``images`` (N, C, H, W)."""
        raise NotImplementedError

    def continues(self, layer: str) -> bool:
        """Whether ``above`` can continue from ``layer``, because nothing bypasses it."""
        return False

    def above(self, maps: Tensor, layer: str) -> Output:
        """The output computed from the maps (N, K, h, w) of ``layer``, without the layers below it."""
        raise NotImplementedError

    def response(self, output: Output, task: int | None = None) -> Tensor:
        """F(x; theta), the function whose change counts for an importance (MAS, section 4.1): (N, outputs).

        The logits of ``task``'s head, or of all heads for None; a network without logits overrides it.
        """
        return output.logits if task is None else output.head(task)

    def normalise_like(self, images: Tensor) -> None:
        """Take the input statistics from these images (N, C, H, W) uint8."""
        for module in self.modules():
            if isinstance(module, Normalise):
                module.fit(images)

    def parameters_of(self, role: str) -> list[nn.Parameter]:
        """The parameters in a role; ValueError for a role that this network does not have."""
        return [parameter for module in self.modules_of(role) for parameter in module.parameters()]

    def modules_of(self, role: str) -> list[nn.Module]:
        """The modules in a role; ValueError for a role that this network does not have."""
        parts = self.parts()
        if not isinstance(role, str) or role not in parts:
            raise ValueError(f"This network has the roles {', '.join(parts)}; there is no role {shown(role)}.")
        return parts[role]

    def train_only(self, roles: Iterable[str]) -> None:
        """Let only these roles learn. All else is frozen: no gradient, no dropout, no batch-norm statistics."""
        modules = [module for role in Many(Text()).check("roles", roles) for module in self.modules_of(role)]
        self.eval().requires_grad_(False)
        for module in modules:
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
    # None: the network itself protects the old tasks, and its heads are made for classes.
    guards_any_output: ClassVar[bool | None] = None
    takes_returning: ClassVar[bool] = False  # learns a task that brings no new class and adds no head

    def check(self, stream: "Stream") -> None:
        """Refuse a stream whose classes return, where the network must grow at every task."""
        if stream.returning and not self.takes_returning:
            raise ValueError(
                f"{type(self).__name__} grows at every task, and classes of this stream return to outputs that they "
                'have: use MultiHead(), or a stream that gives them new ones, outputs="new".'
            )

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        check_building(cls)

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> Network:
        """A network without tasks for images (C, H, W); ``pretrained=False`` reads no file of weights. ValueError for
        images or a backbone that do not fit."""
        raise NotImplementedError


class MultiHeadNetwork(Network):
    """Shared layers theta_s and one head per task on top."""

    def __init__(self, backbone: Backbone, task_specific_layers: int, hidden: int | None):
        super().__init__()
        self.backbone, self.heads, self.classes = backbone, nn.ModuleList(), []
        self.hidden, self.features = hidden, backbone.width
        own = task_specific_layers - 1
        self.templates = [list(backbone.hidden)[len(backbone.hidden) - own :]]  # in a list: not this module's own
        if own:
            self.features = linear_of(self.templates[0][0]).in_features
            del backbone.hidden[len(backbone.hidden) - own :]

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        self.heads.append(self.make_head(classes))
        self.classes.append(classes)

    def make_head(self, classes: int) -> nn.Module:
        pretrained, layers = self.backbone.pretrained_classifier[0], self.templates[0]
        if not self.heads and pretrained is not None and len(next(pretrained.parameters())) == classes:
            self.backbone.pretrained_classifier[0] = None
            return nn.Sequential(*layers, pretrained) if layers else pretrained
        if self.heads and self.hidden:
            above = nn.Linear(self.features, self.hidden), nn.ReLU(), nn.Linear(self.hidden, classes)
            return nn.Sequential(self.backbone.flatten, *above)
        output = self.backbone.make_output(self.backbone.width, classes)
        # Layers below ReLUs are initialised as in a backbone, and the output as in every head.
        own = [self.backbone.draw(copy.deepcopy(layer)) for layer in layers]
        return nn.Sequential(*own, output) if layers else output

    def parts(self) -> dict[str, list[nn.Module]]:
        return {"shared": [self.backbone], "old": list(self.heads[:-1]), "new": list(self.heads[-1:])}

    def continues(self, layer: str) -> bool:
        return self.backbone.after(layer.removeprefix("backbone.")) is not None

    def above(self, maps: Tensor, layer: str) -> Output:
        modules = self.backbone.after(layer.removeprefix("backbone."))
        if modules is None:
            raise ValueError(f"{layer} has no plain sequence of layers above it.")
        for module in modules:
            maps = module(maps)
        return self.read(maps)

    def forward(self, images: Tensor) -> Output:
        return self.read(self.backbone(images))

    def read(self, features: Tensor) -> Output:
        """The heads' logits from the backbone's features."""
        flat = self.backbone.flatten(features)
        heads = list(self.heads)  # a ModuleList looks up an item ten times slower than a list

        def joint(tasks: Sequence[int]) -> Tensor:
            return side_by_side([heads[task] for task in tasks], features)

        return Output(flat, lambda task: heads[task](features), len(heads), joint, self.classes)


@dataclass(frozen=True, repr=False)
class MultiHead(Architecture):
    """A shared backbone with one head per task, the standard network of task- and class-incremental learning.

    ``task_specific_layers`` counts the fully connected layers, output included, that belong to each task (LwF, Table
    2a). ``hidden`` gives heads after the first a hidden layer of that many nodes (feature extraction's two-layer
    classifier; LwF, section 3, implementation details).
    """

    guards_any_output = True
    takes_returning = True
    takes_several_labels = True

    backbone: BackboneArchitecture = backbone_field(SmallCNN())
    task_specific_layers: int = whole(1, at_least=1, at_most=3)
    hidden: int | None = whole(None, at_least=1, or_none=True)

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> MultiHeadNetwork:
        backbone = self.backbone.build(image_shape, pretrained)
        if self.task_specific_layers - 1 > len(backbone.hidden):
            raise ValueError(
                f"{self.backbone!r} has {len(backbone.hidden)} fully connected layer(s) below its output, too few for "
                f"task_specific_layers={self.task_specific_layers}: use SmallCNN(), AlexNet or VGG."
            )
        return MultiHeadNetwork(backbone, self.task_specific_layers, self.hidden)
