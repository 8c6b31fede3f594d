"""Deep multi-task representation learning by tensor factorization (Yang and Hospedales 2017, section 3).

The filters of all tasks' convolutions, stacked into a tensor (h, w, c_in, c_out, T), are represented by the factors of
Tucker's form or of a tensor train: tasks share the factors, and the ranks determine how much they share.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..describe import choice, real
from .backbone import BackboneArchitecture, TaskCNN, backbone_field
from .decomposition import from_tensor_train, from_tucker, tensor_train, tucker
from .modules import Modules
from .network import Architecture
from .separate import ChainNetwork


class TuckerFilters(nn.Module):
    """The filters of a layer in all tasks, (h, w, c_in, c_out, T), as a core and a factor for each mode."""

    def __init__(self, core: Tensor, *factors: Tensor):
        super().__init__()
        # (r_h r_w r_in r_out, r_T): a core of five modes could not be converted to channels_last.
        self.core = nn.Parameter(core.reshape(-1, core.shape[-1]))
        self.factors = nn.ParameterList(factors)

    @classmethod
    def of(cls, stacked: Tensor, threshold: float) -> "TuckerFilters":
        core, factors = tucker(stacked, threshold)
        return cls(core, *factors)

    def of_task(self, task: int) -> Tensor:
        """(h, w, c_in, c_out): the last mode's factor has a row for each task."""
        core = self.core.reshape([factor.shape[1] for factor in self.factors])
        *shared, tasks = self.factors
        return from_tucker(core, [*shared, tasks[task : task + 1]]).squeeze(-1)


class TrainFilters(nn.Module):
    """The filters of a layer in all tasks, (h, w, c_in, c_out, T), as a tensor train."""

    def __init__(self, *cores: Tensor):
        super().__init__()
        self.cores = nn.ParameterList(cores)

    @classmethod
    def of(cls, stacked: Tensor, threshold: float) -> "TrainFilters":
        return cls(*tensor_train(stacked, threshold))

    def of_task(self, task: int) -> Tensor:
        """(h, w, c_in, c_out): the last core has a slice for each task."""
        *shared, tasks = self.cores
        return from_tensor_train([*shared, tasks[:, task : task + 1]]).squeeze(-1)


Filters = TuckerFilters | TrainFilters
KINDS: dict[str, type[Filters]] = {"tucker": TuckerFilters, "tensor_train": TrainFilters}


class FactorizedNetwork(ChainNetwork):
    """A network for each task, with its own filters until a phase named "factorized" begins.

    Then the filters of all tasks are stacked and decomposed, layer by layer, and their factors ("shared") learn with
    the tasks' biases, fully connected layers and outputs. When the network grows, every task gets its rebuilt filters
    back.
    """

    def __init__(self, description: "TensorFactorization", image_shape: tuple[int, int, int], pretrained: bool):
        super().__init__(description.backbone, image_shape, pretrained)
        self.description = description
        self.tasks: Modules[nn.Sequential] = Modules()
        self.factors: Modules[Filters] = Modules()

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        self.rebuild()
        self.tasks.append(nn.Sequential(*self.next_chain(classes)))
        self.classes.append(classes)

    def convolutions(self, task: int) -> list[nn.Conv2d]:
        """The convolutions of a task, from the pixels on; without weights while filters are factorized."""
        return [module for module in self.tasks[task] if isinstance(module, nn.Conv2d)]

    @property
    def layers(self) -> int:
        """How many convolutions each task has."""
        return len(self.convolutions(0))

    def filters(self, layer: int, task: int) -> Tensor:
        """W_t (h, w, c_in, c_out) of the convolution ``layer``, with its graph; both count from 0."""
        self.check_task(task)
        self.check_layer(layer, self.layers)
        if self.factors:
            return self.factors[layer].of_task(task)
        return self.convolutions(task)[layer].weight.permute(2, 3, 1, 0)

    @torch.no_grad()
    def begin_phase(self, phase: str, images: Tensor, targets: Tensor) -> None:
        """Before the phase "factorized", decompose every layer's stacked filters; in double precision, whose rounding
        is far below any threshold."""
        if phase != "factorized" or self.factors:
            return
        kind, parts = KINDS[self.description.kind], []
        for layer in range(self.layers):
            stacked = torch.stack([self.filters(layer, task) for task in range(len(self.tasks))], dim=-1)
            filters = kind.of(stacked.cpu().double(), self.description.threshold)
            parts.append(filters.to(stacked.device, stacked.dtype))
        self.replace_filters(parts)

    def replace_filters(self, parts: Sequence[Filters]) -> None:
        """Use these factorized filters, one module per layer, in place of the tasks' own."""
        self.factors = Modules(parts)
        for task in range(len(self.tasks)):
            for convolution in self.convolutions(task):
                convolution.register_parameter("weight", None)

    @torch.no_grad()
    def rebuild(self) -> None:
        """Give every task filters of its own again, computed from the factors, where there are factors."""
        if not self.factors:
            return
        place = next(self.factors.parameters()).device
        self.factors.cpu()  # every device rebuilds alike, so that a run resumed on another one continues alike
        for task in range(len(self.tasks)):
            for layer, convolution in enumerate(self.convolutions(task)):
                weight = self.filters(layer, task).permute(3, 2, 0, 1).contiguous()
                convolution.weight = nn.Parameter(weight.to(place))
        self.factors = Modules()

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest) -> None:
        """Take the form that the state has, and with it the ranks; then load it."""
        self.rebuild()
        if any(name.startswith(f"{prefix}factors.") for name in state_dict):
            # By name: a core comes before its factors, and there are fewer than ten of them.
            saved = sorted(state_dict.items())
            layers = [[v for n, v in saved if n.startswith(f"{prefix}factors.{i}.")] for i in range(self.layers)]
            self.replace_filters([KINDS[self.description.kind](*map(torch.empty_like, parts)) for parts in layers])
            self.factors.to(self.normalise.mean.device)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def parts(self) -> dict[str, list[nn.Module]]:
        return {"shared": list(self.factors), "old": list(self.tasks[:-1]), "new": list(self.tasks[-1:])}

    def compute_task(self, images: Tensor, task: int) -> tuple[Tensor, Tensor]:
        features, layer = self.normalise(images), 0
        modules = list(self.tasks[task])
        for module in modules[:-1]:
            if isinstance(module, nn.Conv2d):
                weight = self.filters(layer, task).permute(3, 2, 0, 1)
                features = F.conv2d(features, weight, module.bias, module.stride, module.padding)
                layer += 1
            else:
                features = module(features)
        return features, modules[-1](features)


@dataclass(frozen=True, repr=False)
class TensorFactorization(Architecture):
    """The layers of ``backbone`` for each task, their filters factorized over all tasks (Yang and Hospedales 2017).

    ``threshold`` is the relative error of the decomposition that starts the factorized phase, 1e-3 in the DF-CNN
    paper's comparison, and determines the ranks. Biases, fully connected layers and outputs are each task's own, as in
    all networks that the DF-CNN paper compares (section 4.1).
    """

    backbone: BackboneArchitecture = backbone_field(TaskCNN())
    kind: str = choice("tucker", KINDS)
    threshold: float = real(1e-3, at_least=0, below=1)

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> FactorizedNetwork:
        return FactorizedNetwork(self, image_shape, pretrained)
