"""Layers made of units that are added and removed: each unit belongs to a range of tasks.

A unit is a channel of a convolution or a node of a fully connected layer. The tasks ``since <= t < until`` use it:
``since`` is the time stamp z of dynamically expandable networks (Yoon et al. 2018, section 3, timestamped inference),
and a unit that was split ends where its duplicate begins.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

NEVER = 2**62  # ``until`` of a unit without an end


class Connections(nn.Module):
    """The weights between units and those below: ``weight`` (units, inputs, kh, kw), or (units, inputs, positions) of
    a fully connected layer, whose inputs may be the flattened maps of a convolution; ``bias`` (units,).

    ``inputs`` counts the channels or nodes below. Where ``learns`` is False there is no gradient.
    """

    weight_learns: Tensor | None
    bias_learns: Tensor | None

    def __init__(self, layer: nn.Conv2d | nn.Linear, inputs: int):
        super().__init__()
        self.convolution: dict[str, Any] | None = None
        shape: tuple[int, ...] = (len(layer.weight), inputs, -1)
        if isinstance(layer, nn.Conv2d):
            if layer.groups != 1:
                raise ValueError(
                    "Units are added one by one, and a convolution in groups does not allow it: use TaskCNN()."
                )
            self.convolution = {name: getattr(layer, name) for name in ("stride", "padding", "dilation")}
            shape = layer.weight.shape
        bias = torch.zeros(len(layer.weight)) if layer.bias is None else layer.bias.detach().clone()
        self.weight, self.bias = nn.Parameter(layer.weight.detach().reshape(shape).clone()), nn.Parameter(bias)
        self.register_buffer("weight_learns", None, persistent=False)
        self.register_buffer("bias_learns", None, persistent=False)

    def forward(self, values: Tensor, units: Tensor | None = None, inputs: Tensor | None = None) -> Tensor:
        """The output of ``units`` for ``values`` of ``inputs`` alone; both are indices, None for all."""
        weight: Tensor = self.weight
        bias: Tensor = self.bias
        if self.learns is not None:  # the value is the same: a frozen weight only has no gradient
            weight = torch.where(self.learns[0], weight, weight.detach())
            bias = torch.where(self.learns[1], bias, bias.detach())
        if units is not None:
            weight, bias = weight.index_select(0, units), bias.index_select(0, units)
        if inputs is not None:
            weight = weight.index_select(1, inputs)
        if self.convolution is None:
            return F.linear(values, weight.flatten(1), bias)
        return F.conv2d(values, weight.contiguous(memory_format=torch.channels_last), bias, **self.convolution)

    @property
    def learns(self) -> tuple[Tensor, Tensor] | None:
        """Where weight (units, inputs, 1...) and bias (units,) learn, bool; None: everywhere. Not saved."""
        if self.weight_learns is None or self.bias_learns is None:
            return None
        return self.weight_learns, self.bias_learns

    def learn_all(self) -> None:
        self.weight_learns = self.bias_learns = None

    def learn_between(self, units: Tensor, inputs: Tensor, bias: bool = True) -> None:
        """Let only the weights from ``inputs`` (inputs,) to ``units`` (units,), both bool, and ``bias`` learn."""
        weights = units.unsqueeze(1) & inputs
        positions = [1] * (self.weight.dim() - 2)
        self.weight_learns, self.bias_learns = weights.reshape(*weights.shape, *positions), units & bias

    def links(self) -> Tensor:
        """Whether each unit reads each input with a weight that is not zero: (units, inputs)."""
        return (self.weight.detach() != 0).flatten(2).any(dim=2)

    @torch.no_grad()
    def become(self, weight: Tensor, bias: Tensor | None = None) -> None:
        """Replace the values, with any numbers of units and inputs; all of them learn."""
        self.weight = nn.Parameter(weight.to(self.weight))
        self.learn_all()
        if bias is not None:
            self.bias = nn.Parameter(bias.to(self.bias))

    def add_inputs(self, weight: Tensor) -> None:
        """Read more inputs, by ``weight`` (units, inputs added, ...)."""
        self.become(torch.cat([self.weight, weight.to(self.weight)], dim=1))

    def keep_inputs(self, kept: Tensor) -> None:
        """Forget the inputs that are not ``kept`` (inputs,) bool."""
        self.become(self.weight[:, kept])

    def _load_from_state_dict(self, state: dict[str, Tensor], prefix: str, *rest) -> None:
        """Take the numbers of units and inputs from the state; then load it."""
        for name, value in [*self.named_parameters(recurse=False), *self.named_buffers(recurse=False)]:
            saved = state.get(prefix + name)
            if saved is not None and saved.dim() == value.dim() and saved.shape[2:] == value.shape[2:]:
                empty = value.detach().new_empty(saved.shape)
                setattr(self, name, nn.Parameter(empty) if isinstance(value, nn.Parameter) else empty)
        super()._load_from_state_dict(state, prefix, *rest)


class UnitLayer(Connections):
    """A hidden layer, whose units the tasks ``since`` (units,) <= t < ``until`` (units,) use."""

    since: Tensor
    until: Tensor
    weight_before: Tensor
    bias_before: Tensor

    def __init__(self, layer: nn.Conv2d | nn.Linear, inputs: int):
        super().__init__(layer, inputs)
        self.register_buffer("since", torch.zeros(len(self.bias), dtype=torch.int64))
        self.register_buffer("until", torch.full((len(self.bias),), NEVER))
        self.found: dict[int, tuple[list[tuple[Tensor, int]], Tensor | None]] = {}  # by task, see ``places``
        self.remember()

    def remember(self) -> None:
        """Remember the current weight and bias, W^{t-1}, until the next call; they are not saved."""
        self.register_buffer("weight_before", self.weight.detach().clone(), persistent=False)
        self.register_buffer("bias_before", self.bias.detach().clone(), persistent=False)

    def active(self, task: int) -> Tensor:
        """Whether ``task`` uses each unit: (units,) bool."""
        return (self.since <= task) & (task < self.until)

    def places(self, task: int) -> Tensor | None:
        """The places (n,) of the units that ``task`` uses, None for all: found once, since the CPU waits for a GPU to
        find them, and anew when time stamps have changed."""
        stamps = [(one, one._version) for one in (self.since, self.until)]
        known, places = self.found.get(task, ([], None))
        if [(id(one), version) for one, version in known] != [(id(one), version) for one, version in stamps]:
            active = self.active(task)
            places = None if active.all() else active.nonzero()[:, 0]
            self.found[task] = stamps, places
        return places

    @torch.no_grad()
    def add_units(self, weight: Tensor, bias: Tensor, task: int) -> None:
        """Add units, last in order, with ``weight`` (units added, inputs, ...) and the time stamp ``task``."""
        count = len(bias)
        self.become(torch.cat([self.weight, weight.to(self.weight)]), torch.cat([self.bias, bias.to(self.bias)]))
        self.since = torch.cat([self.since, self.since.new_full((count,), task)])
        self.until = torch.cat([self.until, self.until.new_full((count,), NEVER)])

    @torch.no_grad()
    def keep_units(self, kept: Tensor) -> None:
        """Remove the units that are not ``kept`` (units,) bool."""
        self.become(self.weight[kept], self.bias[kept])
        self.since, self.until = self.since[kept], self.until[kept]

    @torch.no_grad()
    def split(self, units: Tensor, task: int) -> None:
        """Duplicate ``units`` (indices): the duplicates keep the current weights from ``task`` on, and the units get
        the remembered ones back, for the tasks before it."""
        before = self.weight_before[units]
        self.add_units(self.weight[units], self.bias[units], task)
        self.until[units] = task
        self.weight[units] = 0.0  # old tasks do not read inputs added since
        self.weight[units, : before.shape[1]] = before
        self.bias[units] = self.bias_before[units]


def relevant(head: Tensor, links: list[Tensor], active: list[Tensor]) -> list[Tensor]:
    """The units of each layer that a task depends on, found breadth-first from its head down (Yoon et al. 2018,
    Algorithm 2): (units,) bool, from the lowest layer up.

    ``head`` (inputs,): whether any output reads a unit of the top layer; ``links`` (units, inputs) of each hidden
    layer, from the lowest up: whether a unit reads an input; ``active`` (units,) leaves out units of other tasks.
    """
    reached = [head & active[-1]]
    for layer in range(len(links) - 1, 0, -1):
        below = links[layer][reached[0]].any(dim=0)
        reached.insert(0, below & active[layer - 1])
    return reached
