"""What a layer is: a linear map, its norm and its activation, found by following the tensors of a forward pass (MAS,
section 4.3)."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .layers import has_closed_form
from .samples import Responding, vector
from .tape import own_parameters

NORM = re.compile("(batch|instance|layer|group|rms|local_response)_norm")
ACTIVATION = re.compile(
    "(leaky_|r)?relu6?|[csg]?elu|silu|mish|threshold|clamp(_min)?|clip|(log_?)?(sigmoid|softmax)|softplus|softsign|tanh"
    "|hard(tanh|swish|sigmoid|shrink)|softshrink|tanhshrink"
)
# What may stand between a layer and its activation, and what ends a layer: the next one, or a branch.
PASS = re.compile(
    "(un)?flatten|reshape|view|permute|transpose|movedim|(un)?squeeze|contiguous|clone|detach|to|float|double|pad"
    "|interpolate|.*dropout[123]?d?|stochastic_depth|.*_pool[12]d(_with_indices)?|mean|amax"
)
END = re.compile("linear|conv[12]d|matmul|mm|bmm|addmm|einsum|add|r?sub|(con)?cat|concatenate|stack|sum")


@dataclass
class Layer:
    """A layer as far as it was followed: ``output`` is its own, ``tip`` the newest tensor made of it alone."""

    name: str
    output: Tensor
    tip: Tensor
    active: bool = False  # its activation was found
    branched: bool = False  # its tip goes to something that is not its norm or activation


class LocalLengths(Responding):
    """The squared L2 norms of the outputs of all layers, each for its given input, added up: (N, 1) (MAS, eq. 4).

    A layer is a linear map (``nn.Linear``, ``nn.Conv2d``), the norm that follows it, and the activation that follows
    these, in whatever form it is called; reshaping, dropout and pooling may stand between. A norm that follows no
    linear map is a layer with the activation that follows it. Every layer reads a constant.

    Raises:
        ValueError: a parameter that no layer uses by being called, or a layer whose activation is not clear.
    """

    def __init__(self, model: nn.Module, task: int | None):
        super().__init__(model, task)
        self.layers = {module: name for name, module in model.named_modules() if has_closed_form(module)}
        known = {id(parameter) for layer in self.layers for parameter in own_parameters(layer).values()}
        for name, module in model.named_modules():
            if any(id(parameter) not in known for parameter in module.parameters(recurse=False)):
                raise ValueError(f"Local importance has no rule for {name or 'the model'} ({type(module).__name__}).")

    def forward(self, images: Tensor) -> Tensor:
        follower = Follower(dict(self.model.named_parameters()))
        hooks = [layer.register_forward_pre_hook(follower.enter) for layer in self.layers]
        hooks += [layer.register_forward_hook(follower.leaving(name)) for layer, name in self.layers.items()]
        try:
            with follower:
                vector(self.model, self.model(images), self.task, len(images))
        finally:
            for hook in hooks:
                hook.remove()
        lengths = [layer.output.reshape(len(images), -1).square().sum(1) for layer in follower.layers]
        return sum(lengths, next(self.model.parameters()).new_zeros(len(images))).unsqueeze(1)


class Follower(TorchFunctionMode):
    """Follows the tensors that a model computes from the outputs of its layers."""

    def __init__(self, parameters: dict[str, nn.Parameter]):
        super().__init__()
        self.parameters = {id(parameter): name for name, parameter in parameters.items()}
        self.layers: list[Layer] = []
        self.followed: dict[int, Layer] = {}
        self.alive: list[Tensor] = []  # an id names a tensor only as long as the tensor lives
        self.inside = 0  # layers whose own computation is under way
        self.claimed: Layer | None = None  # the layer whose norm that is

    def enter(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """A norm of a layer goes on with it; any other layer reads a constant."""
        self.inside += 1
        layer = self.followed.get(id(inputs[0]))
        is_norm = not isinstance(module, nn.Linear | nn.Conv2d)
        self.claimed = layer if is_norm and layer and not layer.active else None
        if layer and not self.claimed:
            self.use(layer, inputs[0], "linear")
        return inputs if self.claimed else (inputs[0].detach(), *inputs[1:])

    def leaving(self, name: str) -> Callable[..., None]:
        def leave(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self.inside -= 1
            if self.claimed:
                self.go_on(self.claimed, inputs[0], output, "batch_norm")
            else:
                self.layers.append(Layer(name, output, output))
                self.follow(self.layers[-1], output)
            self.claimed = None

        return leave

    def follow(self, layer: Layer, tensor: Tensor) -> None:
        self.followed[id(tensor)] = layer
        self.alive.append(tensor)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.inside:
            return func(*args, **kwargs)
        given, name = list(tensors((*args, *kwargs.values()))), func.__name__.strip("_")
        read = [(layer, tensor) for tensor in given if (layer := self.followed.get(id(tensor)))]
        if END.fullmatch(name) and func.__name__.endswith("_"):
            for layer, tensor in read:  # in place: what was the layer's output is kept
                layer.output = tensor.clone() if tensor is layer.output else layer.output
        result = func(*args, **kwargs)
        made = next(tensors((result,)), None)
        if made is None or not made.is_floating_point() and name not in ("gt", "ge", "lt", "le", "sign"):
            return result  # a shape, or another fact
        for tensor in given:
            if id(tensor) in self.parameters:
                self.refuse(self.parameters[id(tensor)].rpartition(".")[0] or "the model", f"{name} reads its weight")
        for layer, tensor in read:
            self.go_on(layer, tensor, made, name)
        return result

    def go_on(self, layer: Layer, tensor: Tensor, made: Tensor, name: str) -> None:
        """``name`` makes a tensor of a layer's: its norm, its activation, or something else."""
        if NORM.fullmatch(name) or ACTIVATION.fullmatch(name):
            if layer.active or layer.branched or tensor is not layer.tip:
                self.refuse(layer.name, f"its output goes to {name} and elsewhere")
            layer.output = layer.tip = made
            layer.active = not NORM.fullmatch(name)
            if layer.active:
                self.followed.pop(id(made), None)
            else:
                self.follow(layer, made)
        elif PASS.fullmatch(name):
            if made is not tensor:
                self.use(layer, tensor, name, branches=tensor is not layer.tip)
                layer.tip = made
                self.follow(layer, made)
        else:
            self.use(layer, tensor, name)
            self.followed.pop(id(made), None)  # made in place: it is not the layer's any more

    def use(self, layer: Layer, tensor: Tensor, name: str, branches: bool = True) -> None:
        """A layer's tensor goes to an operation that is neither its norm nor its activation."""
        if not (END.fullmatch(name) or PASS.fullmatch(name)):
            self.refuse(layer.name, f"what {name} makes of its output is not known to be its activation")
        if layer.active:
            self.refuse(layer.name, f"its output goes to its activation and to {name}")
        layer.branched = layer.branched or branches

    def refuse(self, layer: str, why: str) -> None:
        raise ValueError(f"Local importance cannot tell what the layer {layer} computes: {why}.")


def tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    """The tensors among arguments, lists of them included."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors(value)
