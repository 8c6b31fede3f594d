"""Damage as a test of an importance: a network can lose unimportant weights, and cannot lose important ones."""

import copy
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from ..checked import Many, Table, Tensors, checked
from ..describe import Choice, Real, Whole
from ..networks import Network
from ..networks.maps import readable
from ..seeds import generator

WHICH = ("least", "random", "most")
HOW = ("prune", "perturb")
SHARE = Real(at_least=0, at_most=1)
RULES = {
    "omega": Table(Tensors()),
    "which": Choice(WHICH),
    "how": Choice(HOW),
    "seed": Whole(at_least=0),
    "strength": Real(at_least=0, at_most=1e6),
}


@checked
def shared_weights(network: Network) -> dict[str, Tensor]:
    """The shared parameters of two dimensions or more by the parameters' name: the weights of linear and convolutional
    layers."""
    shared = {id(parameter) for parameter in network.parameters_of("shared")}
    return {name: p for name, p in network.named_parameters() if id(p) in shared and p.dim() > 1}


@checked
def layer_names(network: Network) -> dict[str, str]:
    """What a reader calls the layers of `shared_weights`, by parameter: "conv 2", "hidden 1"; a weight that is neither
    of a convolution nor of a linear layer keeps its own name."""
    layers = {name: name.rpartition(".")[0] for name in shared_weights(network)}
    plain = (nn.Conv2d, nn.Linear)
    words = readable(network, [layer for layer in layers.values() if isinstance(network.get_submodule(layer), plain)])
    return {name: words.get(layer, name) for name, layer in layers.items()}


@checked(values=Tensors("P"))
def by_name(network: Network, values: Tensor) -> dict[str, Tensor]:
    """A flat vector (P,) over the shared parameters, such as an anchor keeps, as a tensor of its shape for each;
    ValueError for another length."""
    shared = network.parameters_of("shared")
    if len(values) != sum(p.numel() for p in shared):
        raise ValueError(
            f"The network has {sum(p.numel() for p in shared)} shared parameters, not {tuple(values.shape)}."
        )
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    parts = values.split([p.numel() for p in shared])
    return {names[id(p)]: part.view_as(p) for p, part in zip(shared, parts, strict=True)}


@checked(share=SHARE, **RULES)
def damage(
    network: Network,
    omega: Mapping[str, Tensor],
    share: float,
    which: str = "least",
    seed: int = 0,
    how: str = "prune",
    strength: float = 1.0,
) -> Network:
    """A copy of ``network`` in which a ``share`` (0 to 1) of the shared weights of each layer is damaged.

    ``which``: the "least" or the "most" important by ``omega`` (parameter name -> tensor of its shape), ranked in each
    layer by itself, or "random" ones drawn from ``seed``. ``how``: "prune" sets them to zero; "perturb" adds Gaussian
    noise, drawn from ``seed``, of ``strength`` times the standard deviation of the layer's weights. Weights only:
    biases and normalisation layers have too few parameters for a meaningful share, and stay as they are.

    Of a layer of n weights, ``round(share * n)`` are damaged; of equally important ones those that come first. A larger
    share damages all that a smaller one does.

    Raises:
        ValueError: an unknown word, a share outside 0 to 1, or an omega that lacks a layer or has another shape.
    """
    return next(damages(network, omega, [share], which, seed, how, strength))


@checked(shares=Many(SHARE), **RULES)
def damages(
    network: Network,
    omega: Mapping[str, Tensor],
    shares: Sequence[float],
    which: str = "least",
    seed: int = 0,
    how: str = "prune",
    strength: float = 1.0,
) -> Iterator[Network]:
    """``damage`` for each of ``shares``, with the weights ranked once; ``omega`` has a tensor of its shape for each."""
    check(network, omega)
    orders = {name: ranked(omega[name], which, name, seed) for name in shared_weights(network)}
    for share in shares:
        damaged = copy.deepcopy(network)
        for name, weight in shared_weights(damaged).items():
            places = orders[name][: round(share * weight.numel())].to(weight.device)
            flat = weight.data.view(-1)
            if how == "prune":
                flat[places] = 0
            else:
                noise = torch.randn(weight.numel(), generator=generator("damage", name, seed)).to(weight)
                flat[places] += strength * weight.data.std() * noise[places]
        yield damaged


def ranked(omega: Tensor, which: str, name: str, seed: int) -> Tensor:
    """The places (n,) of a layer's weights in the order in which they are damaged."""
    if which == "random":
        return torch.randperm(omega.numel(), generator=generator("damaged", name, seed))
    return omega.flatten().argsort(descending=which == "most", stable=True)


def check(network: Network, omega: Mapping[str, Tensor]) -> None:
    for name, weight in shared_weights(network).items():
        if name in omega and omega[name].isnan().any():
            raise ValueError(f"omega has nan for {name}, which has no rank.")
        if name not in omega:
            raise ValueError(f"omega has nothing for {name}: give an importance of the same network.")
        if omega[name].shape != weight.shape:
            raise ValueError(f"omega has the shape {tuple(omega[name].shape)} for {name}, not {tuple(weight.shape)}.")
