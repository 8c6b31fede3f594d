"""Keeping the weights: a quadratic pull of the shared parameters back to their values after the last task."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import ClassVar

import torch
from torch import Tensor

from ..checked import shaped
from ..describe import Kind, State, ruled
from ..importance import Importance, Uniform
from ..networks import Network
from ..networks.counting import check_shared
from ..streams import Stream
from .terms import Batch, Context, Term


@shaped(parameters="P", anchored="R?, P", importance="R?, P")
def anchor(parameters: Tensor, anchored: Tensor, importance: Tensor) -> Tensor:
    """sum_k Omega_k (theta_k - theta*_k)^2 over flat vectors (P,) of parameters (MAS, eq. 3; L2: LwF, section 4.2).

    ``anchored`` and ``importance`` may have one row per task (R, P); the penalties of the tasks add up.
    """
    return (importance * (parameters - anchored).square()).sum()


class Pull(torch.autograd.Function):
    """The same sum over the shared parameters as they are, each with its part of theta* and of Omega: a flat vector of
    them, made anew in every step, would be copied forth and back."""

    @staticmethod
    def forward(ctx, anchored, importance, *parameters):
        ctx.anchored, ctx.importance = anchored, importance
        ctx.save_for_backward(*parameters)
        away = torch._foreach_sub(parameters, anchored)
        weighted = torch._foreach_mul(torch._foreach_mul(away, importance), away)
        return torch.stack(torch._foreach_norm(weighted, 1)).sum()  # none is negative

    @staticmethod
    def backward(ctx, gradient):
        away = torch._foreach_sub(ctx.saved_tensors, ctx.anchored)
        return None, None, *torch._foreach_mul(torch._foreach_mul(away, ctx.importance), 2 * gradient)


@dataclass(frozen=True, repr=False)
class Anchor(Term):
    """sum_k Omega_k (theta_k - theta*_k)^2 over the shared parameters; theta* is their value after the last task.

    ``lam / 2 * Anchor(importance=MAS())`` is MAS, eq. 3; with Omega = 1 it is the L2 soft constraint of LwF, section
    4.2. An importance with ``separate`` tasks (EWC's Fisher) pulls to the end of each task by that task's Omega.
    """

    importance: Importance = ruled(
        Kind("an importance, such as MAS()", lambda value: isinstance(value, Importance)), Uniform()
    )

    first_task: ClassVar[int] = 1

    @property
    def needs_labels(self) -> bool | None:
        return self.importance.needs_labels

    @property
    def takes_several_labels(self) -> bool:  # type: ignore[override]  # the importance says it
        """Whether it works where images have several labels."""
        return self.importance.takes_several_labels

    @property
    def works_pretrained(self) -> bool:
        return self.importance.works_pretrained

    @property
    def guards_any_output(self) -> bool | None:
        return self.importance.guards_any_output

    def acts(self, hook: str) -> bool:
        updates = ("before_backward", "before_update", "after_update")
        return self.importance.acts(hook) if hook in updates else super().acts(hook)

    def check(self, stream: Stream) -> None:
        self.importance.check(stream)

    def fits(self, network: Network, shared: Sequence[int]) -> None:
        check_shared("An anchor", network, shared)

    def begin_task(self, context: Context, state: State) -> None:
        if "anchor" in state and state["anchor"].shape[1] != len(context.flat_shared()):
            raise ValueError(
                f"An anchor needs a network that keeps its shared parameters: there were {state['anchor'].shape[1]}, "
                f"now there are {len(context.flat_shared())}."
            )
        self.importance.begin_task(context, state)

    def before_backward(self, batch: Batch, state: State) -> None:
        self.importance.before_backward(batch, state)

    def before_update(self, batch: Batch, state: State) -> None:
        self.importance.before_update(batch, state)

    def after_update(self, batch: Batch, state: State) -> None:
        self.importance.after_update(batch, state)

    def end_task(self, context: Context, state: State) -> None:
        here = context.flat_shared().unsqueeze(0)
        new = self.importance.of_task(context, state)
        if new is None:
            new = torch.zeros_like(here[0])
            state["skipped"] = state.get("skipped", torch.tensor(0)) + 1
            if "importance" in state:
                state["anchor"] = here
                return
        if new.shape != here[0].shape:
            raise ValueError(f"Omega has the shape {tuple(new.shape)}, the shared parameters {tuple(here[0].shape)}.")
        if new.min() < 0:
            raise ValueError(f"Omega weights a squared distance, so that it is 0 or more, not {new.min().item():g}.")
        if self.importance.separate and "anchor" in state:
            state["anchor"] = torch.cat([state["anchor"], here])
            state["importance"] = torch.cat([state["importance"], new.unsqueeze(0)])
        else:
            before = state["importance"][0] if "importance" in state else None
            state["anchor"] = here
            measured = context.task + 1 - int(state.get("skipped", 0))
            state["importance"] = self.importance.accumulate(before, new, measured).unsqueeze(0)

    def __call__(self, batch: Batch, state: State) -> Tensor:
        parameters, prepared = batch.context.shared, batch.context.prepared
        key = id(state["anchor"]), id(state["importance"])
        if key not in prepared:
            rows = zip(state["anchor"], state["importance"], strict=True)
            prepared[key] = [(in_shape(stars, parameters), in_shape(omega, parameters)) for stars, omega in rows]
        return reduce(add, (Pull.apply(stars, omega, *parameters) for stars, omega in prepared[key]))

    def undone(self, state: State, pace: float) -> float:
        return -torch.expm1(-2 * pace * state["importance"].sum(0)).mean().item()

    def curvature(self, state: State) -> float:
        return 2 * state["importance"].sum(0).max().item()

    def latex(self, heads: str) -> str:
        if self.importance.separate:
            return rf"\sum_{{o < t}} \sum_k {self.importance.symbol}^o(\theta_{{s,k}} - \theta_{{s,k}}^{{*o}})^2"
        return rf"\sum_k {self.importance.symbol}(\theta_{{s,k}} - \theta_{{s,k}}^*)^2"


def in_shape(values: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    """A flat vector (P,) cut into the shapes of ``parameters`` and their layouts in memory."""
    pieces = values.split([p.numel() for p in parameters])
    return [torch.empty_like(p, dtype=v.dtype).copy_(v.view(p.shape)) for v, p in zip(pieces, parameters, strict=True)]
