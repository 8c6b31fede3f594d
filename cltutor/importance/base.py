"""What all importances share: when they are computed, on which images, and how those of several tasks add up; and the
one in which every parameter matters alike."""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ..checked import Table, Tensors, checked
from ..describe import Part, State, Whole, shown
from ..streams.mapped import joined, taken

if TYPE_CHECKING:
    from ..losses.terms import Context


class Importance(Part):
    """One number per shared parameter, Omega, for an ``Anchor``.

    ``context`` is where the run stands: its network, the task just learned with its images, the shared parameters.
    """

    symbol: ClassVar[str] = r"\Omega_k"
    separate: ClassVar[bool] = False  # one penalty per task instead of one for all tasks

    def of_task(self, context: "Context", state: State) -> Tensor | None:
        """Omega (P,) of the task just learned, over the flat vector of shared parameters; None where there is nothing
        to measure, and what is known stays as it is."""
        raise NotImplementedError

    def accumulate(self, before: Tensor | None, new: Tensor, tasks: int) -> Tensor:
        """Omega (P,) of ``tasks`` tasks that were measured, from ``before`` (P,), None at first, and ``new`` (P,) of
        the last: a sum over them (MAS, section 4.2).
        """
        return new if before is None else before + new


@dataclass(frozen=True, repr=False)
class Uniform(Importance):
    """Omega_k = 1 for every parameter, after any number of tasks (LwF, section 4.2; IMM, Lee et al. 2017)."""

    takes_several_labels: ClassVar[bool] = True

    symbol: ClassVar[str] = ""

    def of_task(self, context: "Context", state: State) -> Tensor:
        return torch.ones_like(context.flat_shared())

    def accumulate(self, before: Tensor | None, new: Tensor, tasks: int) -> Tensor:
        return new


@checked(omega=Table(Tensors()), seen=Whole(at_least=0), new=Table(Tensors()), count=Whole(at_least=1))
def running_mean(omega: dict[str, Tensor], seen: int, new: dict[str, Tensor], count: int) -> dict[str, Tensor]:
    """``omega`` (one number for each parameter) over ``seen`` images and ``new`` (one number for each parameter) over
    ``count`` more, as one Omega (MAS, section 4.1: the online update); ValueError where they differ in parameters.

    As if all images had been measured together, provided that the network has not changed in between.
    """
    if differing := [n for n in omega | new if n not in omega or n not in new or omega[n].shape != new[n].shape]:
        raise ValueError(f"The two Omegas differ in parameters, or in their shapes: {', '.join(map(str, differing))}.")
    return {name: (seen * value + count * new[name]) / (seen + count) for name, value in omega.items()}


def flat(values: Iterable[Tensor]) -> Tensor:
    """``values``, tensors of any shape, as one vector (P,); ValueError for none."""
    parts = list(values) if isinstance(values, Iterable) and not isinstance(values, Tensor | Set) else []
    if not parts or not all(isinstance(part, Tensor) for part in parts):
        raise ValueError(f"values are a list of one tensor or more, not {shown(values)}.")
    return torch.cat([part.reshape(-1) for part in parts])


def shared_part(omega: dict[str, Tensor], context: "Context") -> Tensor:
    """The shared parameters' part of an importance by name, flat (P,)."""
    names = {id(parameter): name for name, parameter in context.network.named_parameters()}
    return flat([omega[names[id(parameter)]] for parameter in context.shared])


def images_of(context: "Context", on: str, classes: tuple[int, ...] | None) -> Tensor:
    """The task's "train" images, its "test" images or "both", (N, C, H, W) uint8; only of ``classes`` if given."""
    task = context.data
    splits = {"train": [task.train], "test": [task.test], "both": [task.train, task.test]}[on]
    images, labels = joined([split.images for split in splits]), torch.cat([split.labels for split in splits])
    return taken(images, torch.isin(labels, torch.tensor(classes)).nonzero()[:, 0]) if classes else images
