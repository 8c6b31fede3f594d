"""Weight aligning: after a task the new class weights get the mean length of the old ones (Zhao et al. 2020)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import nn

from ..describe import State, rule
from ..losses import Context
from ..memory import ExemplarMemory
from ..networks import Network
from ..networks.network import MultiHeadNetwork
from ..recipe.merging import AfterTask
from ..recipe.recipe import Recipe
from .bic import shared_loss
from .registry import JOINT, Heads, Temperature, compose, register


def check_heads(network: Network) -> None:
    """Refuse, with a ValueError, a network whose heads are more than one fully connected layer each."""
    if not isinstance(network, MultiHeadNetwork) or not all(isinstance(head, nn.Linear) for head in network.heads):
        raise ValueError(
            f"This needs heads that are one fully connected layer each, and those of {type(network).__name__} are not: "
            "use MultiHead()."
        )


@dataclass(frozen=True, repr=False)
class WeightAligning(AfterTask):
    """Scale the newest head's weights to the mean length of the old ones (Zhao et al. 2020, weight aligning).

    The rows of a head are the weight vectors of its classes; biases stay. The next task goes on from the aligned
    weights. The paper keeps class weights from below zero while they learn; here they are free, as in all methods,
    since the length alone is aligned. A task without a new class aligns nothing. ValueError, before training, for a
    network whose heads are more than one fully connected layer.
    """

    guards_any_output: ClassVar[bool | None] = False  # it aligns logits that compete in a softmax

    def refuses(self, heads: str) -> str:
        if heads == "class":
            return ""
        return 'heads of different tasks do not compete then, so that there is nothing to align: use heads="class".'

    def fits(self, network: Network, shared: Sequence[int]) -> None:
        check_heads(network)

    def begin_task(self, context: Context, state: State) -> None:
        state["old"] = torch.tensor(context.old_heads)

    def tested(self, network: Network, state: State) -> Network:
        *old, new = [head.weight for head in network.heads]  # type: ignore[union-attr]  # fits has checked it
        if old and int(state.get("old", len(old))) == len(old):  # else the task's classes have returned to old heads
            with torch.no_grad():
                length = torch.cat([weight.norm(dim=1) for weight in old]).mean()
                new.mul_(length / new.norm(dim=1).mean())
        return network


@register(fixed=("after_task",), either=("capacity", "memory"))
def wa(
    capacity: Annotated[int, rule(ExemplarMemory, "capacity")] = 2000,
    temperature: Temperature = 2.0,
    heads: Heads = "class",
    **settings,
) -> Recipe:
    """Weight aligning: distillation with exemplars, then new class weights as long as old ones (Zhao et al. 2020,
    "Maintaining Discrimination and Fairness in Class Incremental Learning", weight aligning)."""
    own = {"memory": ExemplarMemory(capacity), "after_task": WeightAligning()}
    return compose("wa", shared_loss(temperature), JOINT, heads=heads, **{**own, **settings})
