"""Steps after a task, which make the network to test from the one that was trained.

Incremental Moment Matching merges the models of all tasks (Lee et al. 2017, section 3). Only the shared parameters (and
the statistics of batch-norm layers, by their mean) are merged, heads are not. Sums over tasks are kept, so that memory
does not grow with them.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..describe import Part, State, real
from ..importance import fisher, flat
from ..importance.base import shared_part
from ..losses.terms import Context
from ..networks import Network
from ..networks.counting import check_shape, check_shared

__all__ = ["AfterTask", "MeanMerge", "ModeMerge", "Restart", "Unmerged"]


@dataclass(frozen=True, repr=False)
class AfterTask(Part):
    """A step after a task is learned: it makes the network to test from the one that was trained."""

    def tested(self, network: Network, state: State) -> Network:
        """The network to test after a task; the one that was trained, changed in place, if the next task is to start
        from it."""
        return network

    def trained(self, network: Network, state: State) -> Network:
        """The network to go on training, given the one that was tested: the opposite of ``tested``, on resuming."""
        return network


@dataclass(frozen=True, repr=False)
class Unmerged(AfterTask):
    """The network that was trained is the one that is tested, as where a paper names no step after
    a task; the name is our own."""

    takes_several_labels: ClassVar[bool] = True


@dataclass(frozen=True, repr=False)
class Restart(AfterTask):
    """Every task begins with the network as it was first initialised, with the heads for all tasks so far.

    With all images of all tasks it trains a non-incremental model (the upper bound in EEIL, sections 6.1 and 7).
    ValueError, before training, for a network that changes its shape while it learns a task.
    """

    def fits(self, network: Network, shared: Sequence[int]) -> None:
        check_shape("A restart", network)

    def begin_task(self, context: Context, state: State) -> None:
        for name, value in context.network.state_dict().items():
            state.setdefault(name, value.clone())

    def tested(self, network: Network, state: State) -> Network:
        tested = copy.deepcopy(network)
        self.trained(network, state)
        return tested

    def trained(self, network: Network, state: State) -> Network:
        network.load_state_dict(state)
        return network


@dataclass(frozen=True, repr=False)
class MeanMerge(AfterTask):
    """Mean-IMM: theta = sum_t alpha_t theta_t with alpha_t = 1 / T (Lee et al. 2017, eq. 2)."""

    def fits(self, network: Network, shared: Sequence[int]) -> None:
        check_shared("A merge", network, shared)

    def begin_task(self, context: Context, state: State) -> None:
        now = len(context.flat_shared()) if state else 0
        if state and len(state["latest"]) != now:
            raise ValueError(
                f"A merge needs a network that keeps its shared parameters: there were {len(state['latest'])}, "
                f"now there are {now}."
            )

    def end_task(self, context: Context, state: State) -> None:
        here = context.flat_shared()
        weight = self.weight(context)
        state["latest"], state["buffers"] = here, floats_of(context.network)
        add(state, "weighted", weight * here)
        add(state, "weights", weight)
        add(state, "statistics", state["buffers"])
        state["tasks"] = torch.tensor(context.task + 1)

    def weight(self, context: Context) -> Tensor:
        """What each shared parameter (P,) of this task's model counts."""
        return torch.ones_like(context.flat_shared())

    def tested(self, network: Network, state: State) -> Network:
        merged = copy.deepcopy(network)
        put(merged, state["weighted"] / state["weights"], state["statistics"] / state["tasks"])
        return merged

    def trained(self, network: Network, state: State) -> Network:
        put(network, state["latest"], state["buffers"])
        return network


@dataclass(frozen=True, repr=False)
class ModeMerge(MeanMerge):
    """Mode-IMM: theta = (sum_t F_t)^-1 sum_t F_t theta_t, F the Fisher diagonal (Lee et al. 2017, eq. 6).

    ``damping`` is added to each F_t, so that a parameter that no task needs takes the mean.
    """

    damping: float = real(1e-8, at_least=0)

    needs_labels: ClassVar[bool | None] = False
    guards_any_output: ClassVar[bool | None] = False  # its Fisher needs probabilities

    def weight(self, context: Context) -> Tensor:
        images = context.data.train.images
        omega = fisher(context.network, images, task=context.head, seed=(context.seed, context.task))
        return shared_part(omega, context) + self.damping


def add(state: State, name: str, value: Tensor) -> None:
    state[name] = state[name] + value if name in state else value


def floats_of(network: Network) -> Tensor:
    """The shared modules' running statistics as one vector; the input's normalisation among them stays as it is."""
    values = [b for module in network.parts()["shared"] for b in module.buffers() if b.is_floating_point()]
    return flat(values).clone() if values else torch.zeros(0)


@torch.no_grad()
def put(network: Network, parameters: Tensor, buffers: Tensor) -> None:
    """Copy the shared parameters and statistics back, each from its flat vector."""
    shared = network.parameters_of("shared")
    statistics = [b for module in network.parts()["shared"] for b in module.buffers() if b.is_floating_point()]
    for vector, places in ((parameters, shared), (buffers, statistics)):
        for place, value in zip(places, vector.split([p.numel() for p in places]), strict=True):
            place.copy_(value.view_as(place))
