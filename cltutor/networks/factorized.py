"""Deep multi-task representation learning by tensor factorization (Yang and Hospedales 2017, section 3).

The filters of all tasks' convolutions, stacked into a tensor (h, w, c_in, c_out, T), are held as the factors of
Tucker's form or of a tensor train: what is in the factors is shared, and how much, the ranks say.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .backbone import TaskCNN
from .chain import OwnWays, chain_of, check_shape
from .decomposition import from_tensor_train, from_tucker, tensor_train, tucker
from .network import Architecture, Network

FACTORIZED = "factorized"  # the phase that begins with the decomposition


class TuckerFilters(nn.Module):
    """The filters of a layer in all tasks, (h, w, c_in, c_out, T), as a core and a factor for each mode."""

    def __init__(self, core: Tensor, factors: Sequence[Tensor]):
        super().__init__()
        # (r_h r_w r_in r_out, r_T): a core of five modes would be no tensor that can be laid out channels_last.
        self.core = nn.Parameter(core.reshape(-1, core.shape[-1]))
        self.factors = nn.ParameterList(factors)

    @classmethod
    def of(cls, stacked: Tensor, threshold: float) -> "TuckerFilters":
        return cls(*tucker(stacked, threshold))

    @classmethod
    def shaped(cls, state: dict[str, Tensor], prefix: str) -> "TuckerFilters":
        """Filters of the shapes that those under ``prefix`` in ``state`` have."""
        return cls(torch.empty_like(state[f"{prefix}core"]), _empty(state, f"{prefix}factors."))

    def of_task(self, task: int) -> Tensor:
        """(h, w, c_in, c_out): the last mode's factor has a row for each task."""
        core = self.core.reshape([factor.shape[1] for factor in self.factors])
        *shared, tasks = self.factors
        return from_tucker(core, [*shared, tasks[task : task + 1]]).squeeze(-1)


class TrainFilters(nn.Module):
    """The filters of a layer in all tasks, (h, w, c_in, c_out, T), as a tensor train."""

    def __init__(self, cores: Sequence[Tensor]):
        super().__init__()
        self.cores = nn.ParameterList(cores)

    @classmethod
    def of(cls, stacked: Tensor, threshold: float) -> "TrainFilters":
        return cls(tensor_train(stacked, threshold))

    @classmethod
    def shaped(cls, state: dict[str, Tensor], prefix: str) -> "TrainFilters":
        """Filters of the shapes that those under ``prefix`` in ``state`` have."""
        return cls(_empty(state, f"{prefix}cores."))

    def of_task(self, task: int) -> Tensor:
        """(h, w, c_in, c_out): the last core has a slice for each task."""
        *shared, tasks = self.cores
        return from_tensor_train([*shared, tasks[:, task : task + 1]]).squeeze(-1)


KINDS = {"tucker": TuckerFilters, "tensor_train": TrainFilters}


def _empty(state: dict[str, Tensor], prefix: str) -> list[Tensor]:
    """Tensors of the shapes of those named ``prefix``0, ``prefix``1, ... in ``state``."""
    names = [name for name in state if name.startswith(prefix)]
    return [torch.empty_like(state[f"{prefix}{i}"]) for i in range(len(names))]


class FactorizedNetwork(Network):
    """A network for each task, whose filters are its own until a phase named "factorized" begins.

    Then the filters of all tasks are stacked and decomposed, layer by layer, and their factors ("shared") learn with
    the tasks' biases, fully connected layers and outputs. When the network grows, every task has its rebuilt filters
    for its own again.
    """

    separate = True

    def __init__(self, description: "TensorFactorization", image_shape: tuple[int, int, int], pretrained: bool):
        super().__init__()
        self.description, self.image_shape = description, image_shape
        first = description.backbone.build(image_shape, pretrained)
        chain_of(first, repr(description.backbone))
        self.normalise, self.tasks, self.factors, self.classes = first.normalise, nn.ModuleList(), nn.ModuleList(), []
        self.first = [first]  # drawn with the network, so that the first task starts as it would in any other network

    def normalise_like(self, images: Tensor) -> None:
        self.normalise.fit(images)

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        self.rebuild()
        backbone = self.first.pop() if self.first else self.description.backbone.build(self.image_shape, False)
        chain = chain_of(backbone, repr(self.description.backbone))
        self.tasks.append(nn.Sequential(*chain, backbone.make_output(backbone.width, classes)))
        self.classes.append(classes)

    def convolutions(self, task: int) -> list[nn.Conv2d]:
        """The convolutions of a task, from the pixels on; without weights of their own while filters are factorized."""
        return [module for module in self.tasks[task] if isinstance(module, nn.Conv2d)]

    @property
    def layers(self) -> int:
        """How many convolutions each task has."""
        return len(self.convolutions(0))

    def filters(self, layer: int, task: int) -> Tensor:
        """W_t (h, w, c_in, c_out) of the convolution ``layer``, with its graph; both count from 0."""
        if not 0 <= task < len(self.tasks):
            raise ValueError(f"This network has learned {len(self.tasks)} task(s), from 0 on; there is no task {task}.")
        if not 0 <= layer < self.layers:
            raise ValueError(f"This network has {self.layers} convolutions, from 0 on; there is no layer {layer}.")
        if self.factors:
            return self.factors[layer].of_task(task)
        return self.convolutions(task)[layer].weight.permute(2, 3, 1, 0)

    def begin_phase(self, phase: str, images: Tensor, targets: Tensor) -> None:
        if phase == FACTORIZED and not self.factors:
            self.factorize()

    @torch.no_grad()
    def factorize(self) -> None:
        """Decompose every layer's stacked filters; in double precision, whose rounding is far below any threshold."""
        kind, parts = KINDS[self.description.kind], []
        for layer in range(self.layers):
            stacked = torch.stack([self.filters(layer, task) for task in range(len(self.tasks))], dim=-1)
            held = kind.of(stacked.cpu().double(), self.description.threshold)
            parts.append(held.to(stacked.device, stacked.dtype))
        self.hold(parts)

    def hold(self, parts: Sequence[nn.Module]) -> None:
        """Take these factorized filters, one module a layer, in place of the tasks' own."""
        self.factors = nn.ModuleList(parts)
        for task in range(len(self.tasks)):
            for convolution in self.convolutions(task):
                convolution.weight = None

    @torch.no_grad()
    def rebuild(self) -> None:
        """Give every task its filters, as the factors have them, for its own; where there are factors."""
        if not self.factors:
            return
        place = next(self.factors.parameters()).device
        self.factors.cpu()  # every device rebuilds alike, so that a run resumed on another one goes on alike
        for task in range(len(self.tasks)):
            for layer, convolution in enumerate(self.convolutions(task)):
                weight = self.filters(layer, task).permute(3, 2, 0, 1).contiguous()
                convolution.weight = nn.Parameter(weight.to(place))
        self.factors = nn.ModuleList()

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest) -> None:
        """Take the form, and with it the ranks, that the state has; then load it."""
        self.rebuild()
        place = f"{prefix}factors."
        if any(name.startswith(place) for name in state_dict):
            kind, device = KINDS[self.description.kind], self.normalise.mean.device
            self.hold([kind.shaped(state_dict, f"{place}{layer}.").to(device) for layer in range(self.layers)])
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def parts(self) -> dict[str, list[nn.Module]]:
        return {"shared": list(self.factors), "old": list(self.tasks[:-1]), "new": list(self.tasks[-1:])}

    def forward(self, images: Tensor) -> OwnWays:
        check_shape(images, self.image_shape)
        pixels = self.normalise(images)

        def way(task: int) -> tuple[Tensor, Tensor]:
            features, layer = pixels, 0
            *chain, output = self.tasks[task]
            for module in chain:
                if isinstance(module, nn.Conv2d):
                    weight = self.filters(layer, task).permute(3, 2, 0, 1)
                    features = F.conv2d(features, weight, module.bias, module.stride, module.padding)
                    layer += 1
                else:
                    features = module(features)
            return features, output(features)

        return OwnWays(way, len(self.tasks))


@dataclass(frozen=True, repr=False)
class TensorFactorization(Architecture):
    """The layers of ``backbone`` for each task, their filters factorized over all tasks (Yang and Hospedales 2017).

    ``kind`` is "tucker" or "tensor_train"; ``threshold`` the relative error of the decomposition that starts the
    factorized phase, 1e-3 in the DF-CNN paper's comparison, from which the ranks follow. Biases, fully connected
    layers and outputs are each task's own, as in all networks that the DF-CNN paper compares (section 4.1).
    A layer with ranks r costs, in Tucker's form, the core's r_h r_w r_in r_out r_T parameters and n_k r_k for each mode
    of size n_k; as a train, r_{k-1} n_k r_k for each mode.
    """

    backbone: object = TaskCNN()
    kind: str = "tucker"
    threshold: float = 1e-3

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, not {self.kind!r}.")
        if not 0 <= self.threshold < 1:
            raise ValueError(f"threshold is a relative error, from 0 up and below 1, not {self.threshold!r}.")

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> FactorizedNetwork:
        return FactorizedNetwork(self, image_shape, pretrained)
