"""Memory Aware Synapses: how much the learned function changes with each parameter (MAS, sections 4.1 and 4.2), and
its local, Hebbian form: what fires together is important (section 4.3)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn

from ..checked import checked
from ..describe import Choice, State, Whole, choice, flag, ruled, several
from .base import Importance, images_of, shared_part
from .local import LocalLengths
from .samples import RULES, Responding, mean_over_samples

if TYPE_CHECKING:
    from ..losses.terms import Context
    from ..streams import Stream

SETS = Choice(("train", "test", "both"))
OUTPUTS = Choice(("norm", "vector"))


def squared_norm(outputs: Tensor) -> Tensor:
    """The squared L2 norm (N,) of each output (N, D): section 4.1's scalar in place of a vector."""
    return outputs.square().sum(1)


@checked(output=OUTPUTS, **RULES)
def mas(
    model: nn.Module, images: Tensor, task: int | None = None, output: str = "norm", chunk: int | None = None
) -> dict[str, Tensor]:
    """Omega = 1/N sum_k ||g(x_k)||, the mean over images of each image's own absolute gradient (MAS, eq. 2).

    ``images`` (N, C, H, W), no labels. ``output="norm"``: g is the gradient of the squared L2 norm of the logits, one
    backward pass (section 4.1); ``"vector"``: of the logits themselves, one backward pass each, with their norm
    taken per sample. ``task`` selects one head of a network with a head per task, None all logits. ``chunk`` images
    are in memory at a time (None: 64, on an accelerator up to 512). Exact, not the gradient of a batch; a tensor of its
    shape for every parameter.

    Raises:
        ValueError: no image, no parameter, no such task, an output that is no number, or an answer to an image that
            depends on the images beside it.
    """
    function = squared_norm if output == "norm" else (lambda outputs: outputs)
    return mean_over_samples(Responding(model, task), images, function, chunk=chunk)


@dataclass(frozen=True, repr=False)
class MAS(Importance):
    """Omega of the network's outputs on images, without their labels (MAS, section 4.1).

    ``on`` is "train", "test" or "both" (Table 2). ``classes`` takes only images of these classes, those that will be
    met again (section 5.1, adaptation test): measured once, after the task with these classes, where the paper
    measures them again after each; a task without them adds nothing. Tasks add up; ``average=True`` takes the mean of
    those that were measured.
    """

    output: str = ruled(OUTPUTS, "norm")
    on: str = ruled(SETS, "train")
    classes: tuple[int, ...] | None = several(None, Whole(at_least=0), or_none=True)
    average: bool = flag(False)

    needs_labels: ClassVar[bool | None] = False
    takes_several_labels: ClassVar[bool] = True  # it reads none

    def measure(self, context: "Context", images: Tensor) -> dict[str, Tensor]:
        """Omega of every shared parameter on images (N, C, H, W) uint8 (MAS, eq. 2)."""
        return mas(context.network, images, context.head, self.output)

    def check(self, stream: "Stream") -> None:
        if unknown := sorted(set(self.classes or ()) - set(stream.classes)):
            known = ", ".join(map(str, sorted(stream.classes)))
            raise ValueError(f"classes are labels of the stream, which are {known}, not {unknown[0]}.")

    def of_task(self, context: "Context", state: State) -> Tensor | None:
        images = images_of(context, self.on, self.classes)
        if self.classes and len(images) == 0:
            return None
        return shared_part(self.measure(context, images), context)

    def accumulate(self, before: Tensor | None, new: Tensor, tasks: int) -> Tensor:
        if before is None:
            return new
        return (before * (tasks - 1) + new) / tasks if self.average else before + new


@checked(**RULES)
def mas_local(model: nn.Module, images: Tensor, task: int | None = None, chunk: int | None = None) -> dict[str, Tensor]:
    """Omega_ij = 2/N sum_k y_i^k y_j^k from activations alone, for every parameter (MAS, eq. 6).

    It is the gradient of the squared L2 norm of each layer's output, after its activation, for the input y_j that it is
    given (eq. 4): below a ReLU the product of two activities, for any other activation its own gradient. A bias is the
    weight of a neuron whose activity is 1, and a convolution sums over its positions. Of every sample the absolute
    value is taken, which matters where inputs or outputs are negative. Factor 2 is kept.

    The paper speaks of a linear map and a ReLU; that a norm between the two belongs to the layer, with its own
    parameters, is our choice. ``LocalLengths`` says how layers are found. ``images`` (N, C, H, W); ``task`` selects one
    head of a network with a head per task. Errors as of ``mas``, and where it is not clear what a layer is.
    """
    return mean_over_samples(LocalLengths(model, task), images, lambda lengths: lengths, chunk=chunk)


@dataclass(frozen=True, repr=False)
class LocalMAS(MAS):
    """The Hebbian Omega, from activations alone (MAS, eq. 6); its only ``output`` is the norm."""

    output: str = choice("norm", ("norm",))

    def measure(self, context: "Context", images: Tensor) -> dict[str, Tensor]:
        """Omega of every weight that has a local form, on images (N, C, H, W) uint8 (MAS, eq. 6)."""
        return mas_local(context.network, images, context.head)
