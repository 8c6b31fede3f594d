"""What the tests of importances compare with: a loop over single samples, the shared part of an importance, traces."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cltutor.importance import flat
from cltutor.runs.run import Run


def one_by_one(model: nn.Module, images: Tensor, function: Callable[[Tensor, int], Tensor]) -> dict[str, Tensor]:
    """Each sample's gradient of each of the numbers ``function(output, sample)``: name -> (N, numbers, *shape)."""
    model.eval()
    parameters = dict(model.named_parameters())
    found: dict[str, list[Tensor]] = {name: [] for name in parameters}
    for k in range(len(images)):
        numbers = function(model(images[k : k + 1]), k).reshape(-1)
        options = {"retain_graph": True, "materialize_grads": True}
        rows = [torch.autograd.grad(number, list(parameters.values()), **options) for number in numbers]
        for name, *gradients in zip(parameters, *rows, strict=True):
            found[name].append(torch.stack(gradients))
    return {name: torch.stack(values) for name, values in found.items()}


def shared_omega(measure: Callable[..., dict[str, Tensor]], run: Run, after: int, *arguments, **named) -> Tensor:
    """The importance (P,) of the shared parameters of a run's network after a task."""
    network = run.model_after(after)
    omega = measure(network, *arguments, **named)
    return flat([omega[name] for name, _ in network.named_parameters() if name.startswith("backbone.")])


def traces(model: nn.Module) -> list[Tensor]:
    """All that measuring might leave behind."""
    return [
        *(value.clone() for value in model.state_dict().values()),
        *(torch.tensor([p.requires_grad, p.grad is None]) for p in model.parameters()),
        torch.tensor([module.training for module in model.modules()]),
        torch.tensor([len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]),
        torch.get_rng_state(),
    ]
