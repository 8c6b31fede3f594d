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
from .registry import JOINT, Heads, Temperature, compose, register


def old_share(batch: Batch) -> float:
    """lambda = n / (n + m), of n old classes and m new ones (Wu et al. 2019, section 3)."""
    classes = batch.context.network.classes
    return sum(classes[: batch.task]) / sum(classes)


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
    """A shared backbone, and for each task a head and the two numbers that correct its logits (Wu et al. 2019, eq. 4)."""

    roles: ClassVar[tuple[str, ...]] = (*ROLES, "bias")
    guards_any_output = False  # it corrects logits that compete in a softmax

    backbone: BackboneArchitecture = backbone_field(SmallCNN())

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> CorrectedNetwork:
        return CorrectedNetwork(self.backbone.build(image_shape, pretrained))


@dataclass(frozen=True, repr=False)
class ValidatedMemory(ExemplarMemory):
    """An exemplar memory in which a ``share`` of each class is held out: networks are trained without these images, and
    the balanced set is made of them (Wu et al. 2019, section 5).

    At least one image of a class is held out. Of a new class as many are held out as will be kept so; which ones is
    drawn, and the others are kept by ``selection``.
    """

    share: float = real(0.1, above=0, at_most=0.5)

    def held(self, classes: int) -> int:
        """How many images of each of ``classes`` classes are held out."""
        return max(1, round(self.share * self.quota(classes)))

    def check(self, stream: Stream) -> None:
        """Refuse a memory, or a class, without an image to train on beside the one that is held out."""
        super().check(stream)
        if self.quota(len(stream.classes)) < 2:
            raise ValueError(
                f"A memory that holds images out needs two of each of {len(stream.classes)} classes: capacity must be "
                f"at least {2 * len(stream.classes)}."
            )
        seen = 0
        for task in stream:
            seen += len(task.classes)
            for label in task.classes:
                if (count := int((task.train.labels == label).sum())) <= self.held(seen):
                    raise ValueError(
                        f"{self.held(seen)} images of class {stream.class_names[label]!r} are held out, and it has "
                        f"{count}: take a smaller capacity or share."
                    )

    def pool(self, stream: Stream, task: int, device: torch.device, state: State) -> Pool:
        """The exemplars of old classes, then the new images; those that are held out are not drawn."""
        pool = super().pool(stream, task, device, state)
        new = pool.labels.cpu()[pool.tasks == task]
        out = self.held_out(new, sum(len(one.classes) for one in stream[: task + 1]), state)
        return pool.choose((~out).nonzero().squeeze(1))

    def balanced(self, pool: Pool, context: Context, state: State) -> Pool:
        """The images that are held out, the same number of each class."""
        labels, classes = context.positions(context.data.train.labels), sum(context.network.classes)
        out, everyone = self.held_out(labels, classes, state), pool.originals()[1].cpu()
        count = int(everyone[out].unique(return_counts=True)[1].min())
        places = out.nonzero().squeeze(1)
        return pool.choose(torch.cat([places[top(everyone[places], label, count)] for label in everyone.unique()]))

    def held_out(self, new: Tensor, classes: int, state: State) -> Tensor:
        """Which images of a pool are held out: of old ones those that were, of ``new`` labels some of each class."""
        own = sample(new, lambda _: self.held(classes), seed=0)
        return torch.cat([state["held"].cpu().bool(), own]) if state else own

    def end_task(self, context: Context, state: State) -> None:
        """Removal, then selection, of images held out and others apart."""
        classes, train = sum(context.network.classes), context.data.train
        few, many = self.held(classes), self.quota(classes) - self.held(classes)
        out = self.held_out(context.positions(train.labels), classes, {})
        chosen = [(~out).nonzero().squeeze(1)[places] for places in self.selected(context, many, ~out).values()]
        chosen += [out.nonzero().squeeze(1)]
        places = torch.cat(chosen)
        new = {
            "images": train.images[places],
            "labels": context.positions(train.labels[places]),
            "tasks": torch.full((len(places),), context.task),
            "held": out[places].to(torch.uint8),
        }
        if state:
            old = {name: value.cpu() for name, value in state.items()}
            stays = [
                (old["held"] == held).nonzero().squeeze(1)[top(old["labels"][old["held"] == held], label, count)]
                for held, count in ((0, many), (1, few))
                for label in old["labels"].unique()
            ]
            new = {name: torch.cat([old[name][torch.cat(stays)], value]) for name, value in new.items()}
        state.update(new)


CORRECTING = Phase("bias", share=1.0, bias=10.0, loss=CrossEntropy(), balanced=True)


@register(fixed=("memory",))
def bic(
    capacity: Annotated[int, rule(ValidatedMemory, "capacity")] = 2000,
    temperature: Temperature = 2.0,
    heads: Heads = "class",
    **settings,
) -> Recipe:
    """Bias correction, BiC: distillation with exemplars, then two numbers for the new logits, learned on held-out images
    of all classes (Wu et al. 2019, "Large Scale Incremental Learning", eq. 4 and 5)."""
    later = (Phase("train", 2.0, JOINT[0].rates), CORRECTING)
    own = {"network": Corrected, "memory": ValidatedMemory(capacity)}
    return compose("bic", shared_loss(temperature), later, heads=heads, **own, **settings)
