"""How a layer's filters are rebuilt from its knowledge base: DF-CNN, eq. 1 and 2, and the two ablations of the authors'
program, which deconvolve straight to the filters or contract in two steps."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..checked import shaped
from ..describe import Choice, Several, Whole

if TYPE_CHECKING:
    from .dfcnn import DFCNN

SIZE = Several(Whole(at_least=1), length=2)
ACTIVATION = Choice(("relu", None))  # after the deconvolution
INITIALISATIONS = ("he", "glorot")
DECONVOLUTION = {"size": SIZE, "stride": Whole(at_least=1), "activation": ACTIVATION}


def check_kernel(side: int, wanted: int, stride: int) -> None:
    """Refuse a kernel with ``wanted`` positions along a side that ``side`` positions cannot be deconvolved into."""
    lowest, highest = (side - 1) * stride + 1, side * stride
    if not lowest <= wanted <= highest:
        raise ValueError(
            f"A side of {side} positions is deconvolved at stride {stride} into (L - 1) * stride + 1 = {lowest} up to "
            f"L * stride = {highest} positions, not into {wanted}: change knowledge, stride or the kernel."
        )


@shaped(DECONVOLUTION, knowledge="l, m, kb", filters="p, p, kb, c", bias="c or None")
def deconvolve(
    knowledge: Tensor,
    filters: Tensor,
    bias: Tensor | None,
    size: tuple[int, int],
    stride: int,
    activation: str | None = None,
) -> Tensor:
    """The basis D (h, w, c) that ``filters`` V (p, p, c^, c) make of ``knowledge`` L (h^, w^, c^) (DF-CNN, eq. 1).

    A transposed convolution as TensorFlow's "SAME" defines it, which the authors ran: of the whole result, of
    (h^ - 1) * stride + p rows, those in excess of h are cut, the smaller half of them at the start. ``bias`` (c,) is
    added in their program, and no activation follows; without a bias it is eq. 1 as printed. ``size`` is (h, w).
    """
    for length, wanted in zip(knowledge.shape, size, strict=False):
        check_kernel(length, wanted, stride)
    whole = [(length - 1) * stride + len(filters) for length in knowledge.shape[:2]]
    cut = [max(full - wanted, 0) // 2 for full, wanted in zip(whole, size, strict=True)]
    missing = [max(wanted - full, 0) for full, wanted in zip(whole, size, strict=True)]
    maps, taps = knowledge.permute(2, 0, 1).unsqueeze(0), filters.permute(2, 3, 0, 1)
    basis = F.conv_transpose2d(maps, taps, bias, stride, cut, missing)[0, :, : size[0], : size[1]].permute(1, 2, 0)
    return F.relu(basis) if activation == "relu" else basis


@shaped(basis="h, w, c", mixing="c, c_in, c_out")
def contract(basis: Tensor, mixing: Tensor) -> Tensor:
    """The filters W (h, w, c_in, c_out): ``basis`` D (h, w, c) contracted with ``mixing`` U (c, c_in, c_out) over c
    (DF-CNN, eq. 2)."""
    return (basis.flatten(0, 1) @ mixing.flatten(1)).unflatten(0, basis.shape[:2]).unflatten(2, mixing.shape[1:])


def glorot(*shape: int) -> Tensor:
    """A tensor drawn uniformly within sqrt(6 / (fan in + fan out)), TensorFlow's default for a variable of this shape
    (Glorot and Bengio 2010, eq. 16): the fans are the last two sizes, each times all sizes before them."""
    limit = math.sqrt(6 / (math.prod(shape[:-2]) * (shape[-2] + shape[-1])))
    return torch.empty(shape).uniform_(-limit, limit)


class Transfer(nn.Module):
    """A task's own parameters of a layer: ``filters`` V, what ``contracts`` the basis, by name (``mixing`` U), the bias
    of the deconvolution if any, and the convolution's bias."""

    filters: Tensor
    mixing: Tensor
    slicing: Tensor

    def __init__(self, filters: Tensor, contracts: Mapping[str, Tensor], basis_bias: Tensor | None, bias: Tensor):
        super().__init__()
        for name, value in {"filters": filters, **contracts}.items():
            self.register_parameter(name, nn.Parameter(value))
        self.basis_bias = None if basis_bias is None else nn.Parameter(basis_bias)
        self.bias = nn.Parameter(bias)


class KnowledgeLayer(nn.Module):
    """A convolution whose filters are rebuilt for each task from its knowledge base L (h^, w^, c^): a deconvolution
    (eq. 1), then a contraction (eq. 2)."""

    slices = 1  # of the channels of L, each deconvolved alike
    equation = "W = D • U"

    def __init__(
        self, replaced: nn.Conv2d, knowledge: tuple[int, ...], deconvolution: tuple[int, ...], options: "DFCNN"
    ):
        super().__init__()
        height, width = replaced.kernel_size
        self.size, self.strides, self.padding = (height, width), replaced.stride, replaced.padding
        self.channels = replaced.in_channels, replaced.out_channels
        (side, self.depth), (self.taps, self.basis) = knowledge, deconvolution
        self.step, self.activation, self.biased = options.stride, options.activation, options.bias
        self.initialisation, self.shared = options.initialisation, self.slices * self.depth
        for length in self.size:
            check_kernel(side, length, self.step)
        if self.initialisation == "glorot":
            drawn = glorot(self.slices, side, side, self.depth).permute(1, 2, 0, 3).flatten(2)
        else:
            drawn = torch.randn(side, side, self.shared) / math.sqrt(self.shared)
        self.knowledge = nn.Parameter(drawn)

    @torch.no_grad()
    def draw(self) -> Transfer:
        """A new task's parameters.

        "he", our choice: feature maps keep their mean square (He et al. 2015, eq. 10). U has the variance
        2 / (h w c_in) of a plain filter, and V the scale at which maps that are equal everywhere keep their mean
        square, whatever the current L and the activation: a basis without negative values, after a ReLU, would else
        raise the signal over a hundredfold in four layers. Biases start at zero.

        "glorot", the authors': all parameters alike by TensorFlow's default, biases too, for an optimiser whose steps
        hardly depend on a gradient's length. A task's own bias then makes nine tenths of a filter's energy.
        """
        shape, maps = (self.taps, self.taps, self.depth, self.basis), self.channels[1]
        if self.initialisation == "glorot":
            bias = glorot(1, self.basis)[0] if self.biased else None
            contracts = {name: glorot(*sizes) for name, sizes in self.contracts().items()}
            return Transfer(glorot(*shape), contracts, bias, glorot(1, maps)[0])
        filters = torch.randn(shape)
        basis = self.deconvolved(Transfer(filters, {}, None, torch.zeros(0)), self.knowledge.cpu())
        filters /= (basis.sum((0, 1)).norm() / self.length()).clamp(min=torch.finfo(filters.dtype).tiny)
        deviation = math.sqrt(2 / (math.prod(self.size) * self.channels[0]))
        sizes = self.contracts()
        contracts = {name: torch.randn(*sizes[name]) * deviation ** (1 / len(sizes)) for name in sizes}
        return Transfer(filters, contracts, torch.zeros(self.basis) if self.biased else None, torch.zeros(maps))

    def contracts(self) -> dict[str, tuple[int, ...]]:
        """The sizes of what contracts the basis, by name."""
        return {"mixing": (self.basis, *self.channels)}

    def length(self) -> float:
        """The norm over channels of a newly drawn basis that is summed over its positions."""
        return math.sqrt(math.prod(self.size))

    def contracted(self, basis: Tensor, own: Transfer) -> Tensor:
        """W (h, w, c_in, c_out) from the basis D (h, w, c)."""
        return contract(basis, own.mixing)

    def deconvolved(self, own: Transfer, knowledge: Tensor | None = None) -> Tensor:
        """D (h, w, c) of a task with the parameters ``own``, from L or from another ``knowledge`` (h^, w^, c^)."""
        source = self.knowledge if knowledge is None else knowledge
        return deconvolve(source, own.filters, own.basis_bias, self.size, self.step, self.activation)

    def rebuilt(self, own: Transfer, knowledge: Tensor | None = None) -> Tensor:
        """W (h, w, c_in, c_out) of a task with the parameters ``own``, from L or from another ``knowledge``."""
        return self.contracted(self.deconvolved(own, knowledge), own)

    def forward(self, maps: Tensor, filters: Tensor, bias: Tensor) -> Tensor:
        return F.conv2d(maps, filters.permute(3, 2, 0, 1), bias, self.strides, self.padding)


class DirectLayer(KnowledgeLayer):
    """Without a contraction: the basis has a channel for each pair of an input and an output channel, and is W."""

    equation = "W = D"

    def __init__(
        self, replaced: nn.Conv2d, knowledge: tuple[int, ...], deconvolution: tuple[int, ...], options: "DFCNN"
    ):
        super().__init__(replaced, knowledge, (*deconvolution, replaced.in_channels * replaced.out_channels), options)

    def contracts(self) -> dict[str, tuple[int, ...]]:
        return {}

    def length(self) -> float:
        return math.sqrt(2 * self.channels[1])

    def contracted(self, basis: Tensor, own: Transfer) -> Tensor:
        return basis.unflatten(2, self.channels)


class TwiceContractedLayer(KnowledgeLayer):
    """With two contractions. L consists of ``slices``, which V deconvolves alike; what they become is contracted over
    the slices to the input channels, and over the basis to the output channels."""

    equation = "W = D • U1 • U2"

    def __init__(
        self, replaced: nn.Conv2d, knowledge: tuple[int, ...], deconvolution: tuple[int, ...], options: "DFCNN"
    ):
        side, self.slices, depth = knowledge
        super().__init__(replaced, (side, depth), deconvolution, options)

    def contracts(self) -> dict[str, tuple[int, ...]]:
        return {"slicing": (self.slices, self.channels[0]), "mixing": (self.basis, self.channels[1])}

    def contracted(self, basis: Tensor, own: Transfer) -> Tensor:
        slices = basis.unflatten(2, (self.slices, self.basis))
        return torch.einsum("hwik,ia,kb->hwab", slices, own.slicing, own.mixing)

    def deconvolved(self, own: Transfer, knowledge: Tensor | None = None) -> Tensor:
        source = self.knowledge if knowledge is None else knowledge
        slices = [super(TwiceContractedLayer, self).deconvolved(own, one) for one in source.split(self.depth, 2)]
        return torch.cat(slices, 2)
