"""Dynamically expandable networks (DEN): a network that decides task by task which of its units to train again, how
many to add and which to duplicate (Yoon et al. 2018, Algorithms 1 to 4).

A later task is learned in four phases, before each of which the network changes itself: "select", "retrain",
"expand" and "split".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..describe import real, whole
from ..seeds import seeded
from .backbone import BackboneArchitecture, TaskCNN, backbone_field
from .modules import Modules, chunk_of, evaluating
from .network import Architecture
from .separate import SeparateNetwork, chain_of
from .units import Connections, UnitLayer, relevant


class ExpandableNetwork(SeparateNetwork):
    """Hidden layers of units with time stamps, and a head per task on the units that existed when it was learned."""

    def __init__(self, settings: "Expandable", image_shape: tuple[int, int, int], pretrained: bool):
        super().__init__(image_shape)
        backbone = settings.backbone.build(image_shape, pretrained)
        self.normalise, self.chain = backbone.normalise, nn.ModuleList()
        self.heads: Modules[Connections] = Modules()
        self.settings = settings
        self.draw = 0  # seeds the newest task's random numbers
        inputs = image_shape[0]
        for module in chain_of(backbone, repr(settings.backbone)):
            layer = UnitLayer(module, inputs) if isinstance(module, nn.Conv2d | nn.Linear) else module
            inputs = len(layer.bias) if isinstance(layer, UnitLayer) else inputs
            self.chain.append(layer)
        self.layers = [layer for layer in self.chain if isinstance(layer, UnitLayer)]  # hidden ones, from the lowest up
        self.positions = backbone.width // inputs  # inputs of a head per unit: 1, or the positions of a map

    @property
    def masks(self) -> dict[nn.Parameter, Tensor]:
        """Which entries learn, bool and broadcastable, for each parameter of which only a part does."""
        parts = [part for part in (*self.layers, *self.heads) if part.learns is not None]
        return {p: mask for part in parts for p, mask in zip((part.weight, part.bias), part.learns or (), strict=True)}

    @property
    def channels(self) -> Tensor:
        """The image's channels, all of which the lowest layer reads: (C,) bool."""
        return torch.ones(self.image_shape[0], dtype=torch.bool, device=self.heads[-1].bias.device)

    @property
    def newest(self) -> int:
        """The index of the newest task."""
        return len(self.classes) - 1

    def widths(self, task: int) -> list[int]:
        """How many units of each hidden layer ``task`` uses, from the lowest layer up."""
        self.check_task(task)
        return [int(layer.active(task).sum()) for layer in self.layers]

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        """Add a head on all units of the top layer that the new task uses."""
        for part in (*self.layers, *self.heads):
            part.learn_all()
        for layer in self.layers:
            layer.remember()
        self.draw = int(torch.randint(2**62, ()))
        self.classes.append(classes)
        active = self.layers[-1].active(self.newest).cpu()
        head = Connections(nn.Linear(int(active.sum()) * self.positions, classes), int(active.sum()))
        weight = torch.zeros(classes, len(active), self.positions)
        weight[:, active] = head.weight.detach()
        head.become(weight)
        self.heads.append(head)

    def parts(self) -> dict[str, list[nn.Module]]:
        return {"shared": [self.chain], "old": list(self.heads[:-1]), "new": list(self.heads[-1:])}

    def compute_task(self, images: Tensor, task: int) -> tuple[Tensor, Tensor]:
        """Features (N, D) and logits of ``task``, by the units alone that it uses."""
        values, inputs = self.normalise(images), None
        for module in self.chain:
            if isinstance(module, UnitLayer):
                units = module.places(task)
                values, inputs = module(values, units, inputs), units
            else:
                values = module(values)
        return values, self.heads[task](values, None, inputs)

    def begin_phase(self, phase: str, images: Tensor, targets: Tensor) -> None:
        """Choose what learns in ``phase`` of a later task, and add, remove and duplicate units (Algorithms 2 to 4)."""
        for part in (*self.layers, *self.heads):
            part.learn_all()
        if self.newest < 1:
            return
        if phase == "retrain":
            self.learn_relevant()
        elif phase == "expand":
            needed = self.loss(images, targets) > self.settings.loss_threshold
            with seeded(("expand", self.draw)):
                self.expand(self.settings.expansion if needed else 0)
        elif phase == "split":
            self.remove_useless()
            self.split_drifted()

    def learn_relevant(self) -> None:
        """Let only the sub-network S learn on which the newest head's outputs depend (Algorithm 2).

        As in the paper, all weights between units of S learn, also those that are zero.
        """
        head, active = self.heads[-1], [layer.active(self.newest) for layer in self.layers]
        found = relevant(head.links().any(dim=0), [layer.links() for layer in self.layers], active)
        below = self.channels
        for layer, units in zip(self.layers, found, strict=True):
            layer.learn_between(units, below)
            below = units
        head.learn_between(below.new_ones(len(head.bias)), below)

    @torch.no_grad()
    def loss(self, images: Tensor, targets: Tensor) -> float:
        """Mean cross-entropy of the newest head on ``images`` (N, C, H, W) with the ``targets`` (N,)."""
        place, total = self.heads[-1].bias.device, 0.0
        with evaluating(self):
            size = chunk_of(images, place, 128, 2048)
            for chunk, classes in zip(images.split(size), targets.split(size), strict=True):
                logits = self(chunk.to(place)).head(self.newest)
                total += F.cross_entropy(logits, classes.to(place), reduction="sum").item()
        return total / len(images)

    def expand(self, count: int) -> None:
        """Add ``count`` units to every hidden layer and let only the weights to and from them learn (Algorithm 3).

        New units read all units that the task uses; no older unit reads a new one. Their biases stay at zero, so that
        the output of a unit without incoming weights is zero, and removing it changes nothing. With a ``count`` of
        zero only the head learns.
        """
        read, added = self.channels, 0
        for layer in self.layers:
            old, positions = layer.weight, layer.weight[0, 0].numel()
            layer.add_inputs(old.new_zeros(len(old), added, *old.shape[2:]))
            drawn = torch.randn(count, *layer.weight.shape[1:]) * (2 / (int(read.sum()) * positions)) ** 0.5
            drawn[:, ~read.cpu()] = 0.0
            layer.add_units(drawn, torch.zeros(count), self.newest)
            layer.learn_between(torch.arange(len(layer.bias), device=read.device) >= len(old), read, bias=False)
            read, added = layer.active(self.newest), count
        head, known = self.heads[-1], self.heads[-1].weight.shape[1]
        bound = (int(read.sum()) * self.positions) ** -0.5  # the bound with which a new head is initialised
        head.add_inputs((2 * torch.rand(len(head.bias), count, self.positions) - 1) * bound)
        if count:
            columns = torch.arange(len(read), device=read.device) >= known
            head.learn_between(read.new_ones(len(head.bias)), columns, bias=False)

    def remove_useless(self) -> None:
        """Remove the newest units that have no incoming weights and so output zero (Algorithm 3, last lines)."""
        for layer, above in zip(self.layers, [*self.layers[1:], self.heads[-1]], strict=True):
            silent = ~layer.links().any(dim=1) & (layer.bias <= 0)
            kept = ~(silent & (layer.since == self.newest))
            layer.keep_units(kept)
            above.keep_inputs(kept)

    def split_drifted(self) -> None:
        """Duplicate the units whose incoming weights have moved by more than the threshold (Algorithm 4).

        The old one gets its weights from before this task back, for older tasks only; its duplicate keeps the new
        ones. At most ``expansion`` units per layer are split, those that drifted most. Then all units that the task
        uses learn.
        """
        for layer, above in zip(self.layers, [*self.layers[1:], self.heads[-1]], strict=True):
            known, inputs = layer.weight_before.shape[:2]
            moved = (layer.weight.detach()[:known, :inputs] - layer.weight_before).flatten(1).norm(dim=1)
            moved[~layer.active(self.newest)[:known]] = 0.0
            order = moved.argsort(descending=True, stable=True)[: self.settings.expansion]
            drifted = order[moved[order] > self.settings.drift_threshold]
            layer.split(drifted, self.newest)
            above.add_inputs(above.weight.detach()[:, drifted])
        read = self.channels
        for layer in self.layers:
            layer.learn_between(layer.active(self.newest), read)
            read = layer.active(self.newest)


@dataclass(frozen=True, repr=False)
class Expandable(Architecture):
    """The dynamically expandable network (Yoon et al. 2018), of units with time stamps.

    A later task adds ``expansion`` units to every hidden layer if its loss, after selective retraining, is above
    ``loss_threshold`` (tau), and duplicates units whose incoming weights moved by more than ``drift_threshold``
    (sigma, in l2 norm). A task uses only the units that existed when it was learned, with the weights that they then
    had if they have been duplicated since.

    Neither paper names these numbers. Expansion and tau are those that the program of DF-CNN's comparison lists
    (Lifelong-ML/DF-CNN, utils/utils_env_cl.py), sigma that of DEN's own program. The program of the comparison also
    lists a "sparsity_threshold" of 0.98 and 0.01; its network, and so the use of these two, is not public.
    """

    needs_task_at_test = True  # its time stamp chooses the units

    backbone: BackboneArchitecture = backbone_field(TaskCNN())
    expansion: int = whole(16, at_least=1)
    loss_threshold: float = real(0.01, at_least=0)
    drift_threshold: float = real(0.05, at_least=0)

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> ExpandableNetwork:
        return ExpandableNetwork(self, image_shape, pretrained)
