"""The data of the importance explorer: importances and damaged accuracies, measured while one network learns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..importance import by_name, fisher, mas, mas_local, shared_weights
from ..importance.damage import HOW, WHICH
from ..networks import Network
from ..runs.per_class import damaged_accuracy
from ..runs.run import Run
from ..streams import Stream
from ..training.events import Event, TaskDone

METHODS = ("mas", "mas_local", "ewc", "si")
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
DRAWS = 3  # of random weights or noise: one alone may be lucky

Omega = dict[str, Tensor]


@dataclass(frozen=True)
class Measuring(Event):
    """Something is being measured, between two tasks."""

    words: str


@dataclass
class Exploration:
    """After every task: the network, each method's Omega of this task and of all so far, and accuracies under damage.

    One network learns with Synaptic Intelligence, whose importance is only there while a network is trained; MAS, its
    local form and EWC's Fisher are measured on that very network, so that all four rank the same weights. Of a finished
    run only these three can be measured: how its steps changed the loss is not recorded. ``methods``: those measured.
    ``curves[task][method, how]``: "least", "random", "most" -> (R, S, T) at ``SHARES``, ranked by the accumulated
    Omega, of R draws where chance has a part.
    """

    stream: Stream
    methods: tuple[str, ...] = METHODS
    networks: list[Network] = field(default_factory=list)
    own: list[dict[str, Omega]] = field(default_factory=list)
    summed: list[dict[str, Omega]] = field(default_factory=list)
    curves: list[dict[tuple[str, str], dict[str, np.ndarray]]] = field(default_factory=list)

    def events(self, learning: Iterator[Event]) -> Iterator[Event]:
        """Learn and measure; an event at every step of either."""
        for event in learning:
            if isinstance(event, TaskDone):
                yield from self._measure(event)
            yield event

    def of_run(self, run: Run) -> Iterator[Event]:
        """Measure the networks of a finished run; an event at every step."""
        for task in range(run.learned):
            event = TaskDone(run, task, (task + 1) / len(run.tasks))
            yield from self._measure(event)
            yield event

    def _measure(self, event: TaskDone) -> Iterator[Event]:
        """Importances and damage after a task; a task that was not measured to its end leaves nothing."""
        task, run = event.task, event.run
        network, images = run.model_after(task), self.stream[task].train.images
        head = task if run.recipe.heads == "task" else None

        def measuring(words: str) -> Measuring:
            return Measuring(run, task, event.progress, f"{words} after task {task + 1} of {len(self.stream)}")

        yield measuring("measuring importance")
        own = {
            "mas": mas(network, images, head),
            "mas_local": mas_local(network, images, head),
            "ewc": fisher(network, images, task=head, seed=(run.seed, task)),
        }
        summed = self._added(own)
        if "si" in self.methods:  # SI's importance is a sum over tasks already
            summed["si"] = by_name(network, run.part_states["Anchor"]["importance"][0])
            earlier = self.summed[-1]["si"] if self.summed else {}
            own["si"] = {name: (value - earlier.get(name, 0)).clamp(min=0) for name, value in summed["si"].items()}
        curves = {(method, how): {} for method in self.methods for how in HOW}
        for method, how in curves:
            for which in WHICH:
                yield measuring(f"damaging the network ({how}, {which} by {method})")
                known = curves[METHODS[0], how].get(which) if which == "random" else None  # no ranking counts
                if known is None:
                    known = draws(network, self.stream, summed[method], SHARES, which, how)
                curves[method, how][which] = known
        self._keep(network, own, summed, curves)

    def _added(self, own: dict[str, Omega]) -> dict[str, Omega]:
        """Importances add up over tasks; a new head had none before."""
        before = self.summed[-1] if self.summed else {}
        return {
            method: {name: value + before.get(method, {}).get(name, 0) for name, value in omega.items()}
            for method, omega in own.items()
        }

    def _keep(self, *found: Any) -> None:
        for kept, new in zip((self.networks, self.own, self.summed, self.curves), found, strict=True):
            kept.append(new)

    def held(self) -> dict[str, Any]:
        """All of it as arrays by name, by task."""
        held = {}
        for task, (network, own, curves) in enumerate(zip(self.networks, self.own, self.curves, strict=True)):
            layers = list(shared_weights(network))
            omegas = {method: {name: rooted(omega[name].numpy()) for name in layers} for method, omega in own.items()}
            found = {f"{method} {how}": by_which for (method, how), by_which in curves.items()}
            held[str(task)] = {"network": dict(network.state_dict()), "own": omegas, "curves": found}
        return held

    def restore(self, held: dict[str, Any], networks: Sequence[Network]) -> None:
        """Take over what `held` gave; ``networks``: of each task, untrained."""
        for task, network in enumerate(networks):
            found = held[str(task)]
            network.load_state_dict({name: torch.from_numpy(value) for name, value in found["network"].items()})
            own = {method: {name: squared(**one) for name, one in by.items()} for method, by in found["own"].items()}
            curves = {tuple(name.rsplit(" ", 1)): by_which for name, by_which in found["curves"].items()}
            self._keep(network.eval().requires_grad_(False), own, self._added(own), curves)


def rooted(omega: np.ndarray) -> dict[str, np.ndarray]:
    """An importance in half precision: the root of each weight's share of the largest, as small ones need order too."""
    largest = omega.max(keepdims=True).reshape(1)
    return {"largest": largest, "root": np.sqrt(omega / (largest if largest > 0 else 1)).astype(np.float16)}


def squared(largest: np.ndarray, root: np.ndarray) -> Tensor:
    """The importance of which `rooted` was made."""
    return torch.from_numpy(largest * root.astype(np.float32) ** 2)


def draws(network: Network, stream: Stream, omega: Omega, shares: Sequence[float], which: str, how: str) -> np.ndarray:
    """Accuracies (R, S, T) of the damaged network: of one draw where the damage is not random, else of several."""
    several = range(DRAWS if which == "random" or how == "perturb" else 1)
    return np.stack([damaged_accuracy(network, stream, omega, shares, which, seed, how) for seed in several])
