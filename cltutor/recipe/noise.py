"""Noise on the gradients that fades as a task is learned (Neelakantan et al. 2015), as EEIL trains with it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..describe import Described, Whole, choice, real
from ..seeds import seed_of

__all__ = ["GradientNoise"]


STEP, BATCH = Whole(at_least=0), Whole(at_least=1)


@dataclass(frozen=True, repr=False)
class GradientNoise(Described):
    """Gaussian noise on every gradient, drawn anew at every update, that fades as a task is learned (EEIL, section 5).

    ``form="variance"``: of variance eta / (1 + step)^gamma, where ``step`` counts the updates of a task from 0, over
    all phases (the paper's reference 21, section 3). ``form="deviation"``: of deviation eta / (1 + epoch)^gamma, where
    ``epoch`` counts from 1, over all phases (the authors' program).

    The formula is that of a gradient summed over the batch, as MatConvNet, which the paper used, hands it out; here
    losses are averaged, so the deviation is divided by the batch. On an averaged gradient, eta = 0.3 would be noise of
    norm 370 on a network of 460,000 parameters.
    """

    eta: float = real(0.3, at_least=0)
    gamma: float = real(0.55, at_least=0)
    form: str = choice("variance", ("variance", "deviation"))

    def deviation(self, step: int, batch: int, epoch: int = 0) -> float:
        """Standard deviation on the gradient averaged over ``batch`` images; ``epoch`` counts from 0."""
        step, batch, epoch = STEP.check("step", step), BATCH.check("batch", batch), STEP.check("epoch", epoch)
        if self.form == "deviation":
            return self.eta * (2 + epoch) ** -self.gamma / batch
        return (self.eta * (1 + step) ** -self.gamma) ** 0.5 / batch  # no overflow, however large gamma

    def add(
        self, gradients: Sequence[Tensor], step: int, batch: int, key: tuple[int | str, ...], epoch: int = 0
    ) -> None:
        """Add the noise of ``step`` in ``epoch`` to ``gradients``, tensors of any shape, in place, drawn from ``key``
        and the step.
        """
        if not gradients:  # a batch of old images, while a new head learns alone
            return
        # One draw for all parameters, made where they are: a copy from the CPU would hold up a GPU.
        place = gradients[0].device
        source = torch.Generator(place).manual_seed(seed_of((*key, step)))
        noise = torch.randn(sum(g.numel() for g in gradients), generator=source, device=place)
        pieces = noise.split([g.numel() for g in gradients])
        pieces = [piece.view_as(gradient) for piece, gradient in zip(pieces, gradients, strict=True)]
        torch._foreach_add_(list(gradients), pieces, alpha=self.deviation(step, batch, epoch))
