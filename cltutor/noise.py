"""Noise on the gradients that fades as a task is learned (Neelakantan et al. 2015), as EEIL trains with it."""

from dataclasses import dataclass

import torch

from .describe import Described
from .losses.terms import Context, Kept, Part
from .seeds import seed_of

__all__ = ["GradientNoise"]


@dataclass(frozen=True, repr=False)
class GradientNoise(Described, Part):
    """Gaussian noise of variance eta / (1 + step)^gamma on every gradient (EEIL, section 5, with its reference 21).

    ``step`` counts updates from 0 in every task, over all its phases. The first task gets noise too: EEIL names it
    among the settings of all training, beside weight decay, and calls the first classes a training step as well.

    The noise is that of the formula on the gradient at hand, which is averaged over a batch. The authors' program
    adds it to the gradient summed over the batch of 128 instead (and takes the formula for the standard deviation,
    with epochs for steps): ``GradientNoise(eta=0.3 / 128**2)`` is the formula on that sum. It matters: a network of
    460,000 parameters gets noise of norm 370 at first with eta = 0.3, and of norm 3 with this.
    """

    eta: float = 0.3
    gamma: float = 0.55

    def __post_init__(self) -> None:
        for name in ("eta", "gamma"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} of the noise is a finite number from 0 up, not {getattr(self, name)!r}.")

    def begin_task(self, context: Context, kept: Kept) -> None:
        kept["step"] = torch.tensor(0)  # on the CPU, so that no step waits for a GPU to read it

    def before_step(self, context: Context, kept: Kept) -> None:
        step = int(kept["step"])
        gradients = [p.grad for p in context.network.parameters() if p.grad is not None]
        if gradients:
            # One draw for all parameters, made where they are: a copy from the CPU would hold up a GPU.
            place = gradients[0].device
            source = torch.Generator(place).manual_seed(seed_of(("noise", context.seed, context.task, step)))
            noise = torch.randn(sum(g.numel() for g in gradients), generator=source, device=place)
            pieces = noise.split([g.numel() for g in gradients])
            deviation = (self.eta * (1 + step) ** -self.gamma) ** 0.5  # no overflow, however large gamma
            torch._foreach_add_(
                gradients, [n.view_as(g) for n, g in zip(pieces, gradients, strict=True)], alpha=deviation
            )
        kept["step"] = kept["step"] + 1
