"""Bias correction: two numbers per task, learned on images held out for it (Wu et al. 2019)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from ..describe import State, real, rule
from ..losses import Batch, Context, CrossEntropy, Distillation
from ..losses.terms import Loss
from ..memory import ExemplarMemory, Pool
from ..memory.exemplars import top
from ..networks import ROLES, Architecture, Backbone, BackboneArchitecture, Output, SmallCNN
from ..networks.backbone import backbone_field
from ..networks.modules import Modules
from ..networks.network import MultiHeadNetwork
from ..recipe.recipe import Phase, Recipe
from ..streams import Stream
from ..streams.stream import sample
from .registry import JOINT, Heads, Temperature, check_kind, compose, register


def old_share(batch: Batch) -> float:
    """lambda = n / (n + m), of n old classes and m new ones (Wu et al. 2019, section 3)."""
    return batch.context.groups(batch.task) / batch.context.groups()


@dataclass(frozen=True, repr=False)
class NewShare(CrossEntropy):
    """(1 - lambda) L_c, cross-entropy weighted by the share of the new classes (Wu et al. 2019, section 3)."""

    def __call__(self, batch: Batch, state: State) -> Tensor:
        return (1 - old_share(batch)) * super().__call__(batch, state)

    def latex(self, heads: str) -> str:
        return rf"(1 - \lambda_t)\,{super().latex(heads)}"


@dataclass(frozen=True, repr=False)
class OldShare(Distillation):
    """lambda L_d, distillation weighted by the share of the old classes (Wu et al. 2019, section 3)."""

    def __call__(self, batch: Batch, state: State) -> Tensor:
        return old_share(batch) * super().__call__(batch, state)

    def formula(self, old: str) -> str:
        return rf"\lambda_t\,{super().formula(old)}"


def shared_loss(temperature: float) -> Loss:
    """(1 - lambda) L_c + lambda L_d, with one softmax over all old classes (Wu et al. 2019, section 3)."""
    return NewShare() + OldShare(temperature, joined=True)


class Correction(nn.Module):
    """q = alpha o + beta on the logits of one task (Wu et al. 2019, eq. 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha, self.beta = nn.Parameter(torch.ones(())), nn.Parameter(torch.zeros(()))

    def forward(self, logits: Tensor) -> Tensor:
        return self.alpha * logits + self.beta


class CorrectedNetwork(MultiHeadNetwork):
    """A head and a correction for each task; the newest correction learns in the role "bias", old ones stay."""

    def __init__(self, backbone: Backbone):
        super().__init__(backbone, task_specific_layers=1, hidden=None)
        self.corrections: Modules[Correction] = Modules()

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        super().grow(classes, names)
        self.corrections.append(Correction())

    def parts(self) -> dict[str, list[nn.Module]]:
        return {**super().parts(), "bias": list(self.corrections[-1:])}

    def read(self, features: Tensor) -> Output:
        plain = super().read(features)
        return Output(plain.features, lambda task: self.corrections[task](plain.head(task)), plain.tasks)


@dataclass(frozen=True, repr=False)
class Corrected(Architecture):
    """A shared backbone, and for each task a head with two numbers that correct its logits (Wu et al. 2019, eq. 4)."""

    roles: ClassVar[tuple[str, ...]] = (*ROLES, "bias")
    guards_any_output = False  # it corrects logits that compete in a softmax

    backbone: BackboneArchitecture = backbone_field(SmallCNN())

    def refuses(self, heads: str) -> str:
        if heads == "class":
            return ""
        return 'heads of different tasks do not compete then, so that there is nothing to correct: use heads="class".'

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> CorrectedNetwork:
        return CorrectedNetwork(self.backbone.build(image_shape, pretrained))


@dataclass(frozen=True, repr=False)
class ValidatedMemory(ExemplarMemory):
    """An exemplar memory in which a ``share`` of each class is held out: networks are trained without these images, and
    the balanced set is made of them (Wu et al. 2019, bias correction and section 6.1).

    At least one image of a class is held out: of new classes too, as many as the memory will keep so. Which ones is
    drawn, and the others are kept by ``selection``.
    """

    share: float = real(0.1, above=0, at_most=0.5)

    def held(self, images: int, classes: int) -> int:
        """How many are held out of the images that are kept of a class with so many ``images``."""
        return max(1, round(self.share * min(images, self.quota(classes))))

    def check(self, stream: Stream) -> None:
        """Refuse a memory, or a class, without an image to train on beside the one that is held out."""
        super().check(stream)
        if self.quota(len(stream.classes)) < 2:
            raise ValueError(
                f"A memory that holds images out needs two of each of {len(stream.classes)} classes: capacity must be "
                f"at least {2 * len(stream.classes)}."
            )
        for task in stream:
            for label in task.classes:
                if int((task.train.labels == label).sum()) < 2:
                    raise ValueError(
                        f"Class {stream.class_names[label]!r} has one training image, and one is held out: give it two."
                    )

    def pool(self, stream: Stream, task: int, device: torch.device, state: State) -> Pool:
        """The exemplars of old classes, then the new images; those that are held out are not drawn."""
        pool = super().pool(stream, task, device, state)
        new, classes = pool.labels.cpu()[pool.tasks == task], sum(len(one.classes) for one in stream[: task + 1])
        return pool.choose((~self.held_out(new, classes, state)).nonzero()[:, 0])

    def balanced(self, pool: Pool, context: Context, state: State) -> Pool:
        """The images that are held out, the same number of each class."""
        new, labels = context.positions(context.data.train.labels), pool.originals()[1].cpu()
        places = self.held_out(new, sum(context.network.classes), state).nonzero()[:, 0]
        fewest = int(labels[places].unique(return_counts=True)[1].min())
        return pool.choose(torch.cat([places[top(labels[places], label, fewest)] for label in labels.unique()]))

    def held_out(self, new: Tensor, classes: int, state: State) -> Tensor:
        """Which images (N,) of a pool are held out: of old ones those that were, of ``new`` (M,) labels some of each
        class.
        """
        own = sample(new, lambda images: self.held(images, classes), seed=0)
        return torch.cat([state["held"].cpu().bool(), own]) if state else own

    def end_task(self, context: Context, state: State) -> None:
        """Removal, then selection, of images held out and others apart."""
        classes, train, labels = sum(context.network.classes), context.data.train, state.get("labels")
        columns = context.positions(train.labels)
        out, chosen = self.held_out(columns, classes, {}), []
        for places in self.selected(context, self.quota(classes) - 1, ~out).values():
            held = (out & (train.labels == train.labels[~out][places[0]])).nonzero()[:, 0]
            chosen += [(~out).nonzero()[:, 0][places[: self.quota(classes) - len(held)]], held]
        new = {
            "images": train.images[torch.cat(chosen)],
            "labels": columns[torch.cat(chosen)],
            "tasks": torch.full((len(torch.cat(chosen)),), context.task),
            "held": out[torch.cat(chosen)].to(torch.uint8),
        }
        if labels is not None:
            old = {name: value.cpu() for name, value in state.items()}
            stays = torch.cat([self.stay(old, label, classes) for label in old["labels"].unique()])
            new = {name: torch.cat([old[name][stays], value]) for name, value in new.items()}
        state.update(new)

    def stay(self, old: State, label: Tensor, classes: int) -> Tensor:
        """The places (M,) of the images of an old class that stay: those chosen first, of each kind its share; of
        ``old`` tensors (M, ...) with an entry for each image, those of ``label``, a scalar.
        """
        mine = old["labels"] == label
        few = self.held(int(mine.sum()), classes)
        held, others = ((mine & (old["held"] == kind)).nonzero()[:, 0] for kind in (1, 0))
        return torch.cat([others[: self.quota(classes) - few], held[:few]])


CORRECTING = Phase("bias", share=1.0, bias=10.0, loss=CrossEntropy(), balanced=True)


@register(either=("capacity", "memory"))
def bic(
    capacity: Annotated[int, rule(ValidatedMemory, "capacity")] = 2000,
    temperature: Temperature = 2.0,
    heads: Heads = "class",
    **settings,
) -> Recipe:
    """Bias correction, BiC: distillation with exemplars, then two numbers for the new logits, learned on images of all
    classes that were held out (Wu et al. 2019, "Large Scale Incremental Learning", eq. 4 and 5), in a third of the
    epochs: a single one leaves none."""
    later = (Phase("train", 2.0, JOINT[0].rates), CORRECTING)
    own = {"network": Corrected, "memory": ValidatedMemory(capacity), **settings}
    check_kind("bic", "memory", own["memory"], ValidatedMemory)  # others have learned from what would correct them
    return compose("bic", shared_loss(temperature), later, heads=heads, **own)
