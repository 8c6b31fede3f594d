"""Training and evaluation mode: whether a network differs between them, and evaluation that can be differentiated."""

import functools
import inspect
from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from .modules import evaluating


@functools.cache
def reads_mode(kind: type[nn.Module]) -> bool:
    """Whether the code of a class reads ``training``, as that of batch norm and dropout does."""
    own = kind.__mro__[: kind.__mro__.index(nn.Module)]
    functions = [inspect.unwrap(value) for one in own for value in vars(one).values() if inspect.isfunction(value)]
    return any("training" in function.__code__.co_names for function in functions)


def differs_in_training(model: nn.Module) -> bool:
    """Whether a module that is in training mode may compute something else than in evaluation mode."""
    kinds = {type(module) for module in model.modules() if module.training}
    return any(reads_mode(kind) for kind in kinds)  # type: ignore[arg-type]  # a class is hashable


@contextmanager
def as_tested(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, also for passes that are differentiated later.

    The buffers inside are copies: a later pass in training mode moves the running statistics in place, unnoticed by
    autograd, and the gradient of the pass in here would be computed with the moved ones.
    """
    buffers = [(m, name, value) for m in model.modules() for name, value in m._buffers.items() if value is not None]
    for module, name, value in buffers:
        module._buffers[name] = value.clone()
    try:
        with evaluating(model):
            yield
    finally:
        for module, name, value in buffers:
            module._buffers[name] = value
