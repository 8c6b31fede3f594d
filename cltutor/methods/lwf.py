"""Learning without Forgetting and the methods that its paper compares (LwF, sections 1 to 4, Figure 1)."""

from functools import partial
from typing import Annotated

from ..describe import rule
from ..losses import CrossEntropy, Distillation
from ..memory import Everything
from ..networks import Copies, MultiHead, Widening
from ..recipe.merging import Restart
from ..recipe.recipe import Phase, Recipe
from .registry import JOINT, WARM_UP_THEN_JOINT, Heads, Temperature, Weight, compose, register


def fine_tuning(shared: float, heads: str) -> tuple[Phase, ...]:
    """theta_s and theta_n learn, theta_o is fixed (LwF, section 1); a single head for all classes learns as a whole."""
    return (Phase(shared=shared, old=1.0 if heads == "class" else 0.0, new=1.0),)


@register
def finetune(heads: Heads = "task", **settings) -> Recipe:
    """Fine-tuning: continue training on the new task (LwF, section 1)."""
    return compose("finetune", CrossEntropy(), fine_tuning(1.0, heads), heads=heads, **settings)


@register
def finetune_slow(heads: Heads = "task", **settings) -> Recipe:
    """Fine-tuning with a tenth of the learning rate on the shared weights (LwF, section 4.2, Table 2d)."""
    return compose("finetune_slow", CrossEntropy(), fine_tuning(0.1, heads), heads=heads, **settings)


@register
def feature_extraction(hidden: int = 4096, **settings) -> Recipe:
    """A two-layer classifier on frozen features, at five times the rate (LwF, section 3, implementation details)."""
    network = partial(MultiHead, hidden=hidden)
    return compose("feature_extraction", CrossEntropy(), (Phase(new=5.0),), network=network, **settings)


@register
def duplicate(**settings) -> Recipe:
    """A fine-tuned copy of the first network for every task (LwF, section 1 and Figure 1).

    Under ``heads="class"`` the newest copy learns to give its own images larger outputs than the older copies do, and
    these, which are frozen, learn nothing: it shows what a network for each task is worth where no task is given.
    """
    return compose("duplicate", CrossEntropy(), (Phase(shared=1.0, new=1.0),), network=Copies, **settings)


@register(fixed=("memory",))
def joint(heads: Heads = "task", restart: bool = False, **settings) -> Recipe:
    """Joint training on all tasks so far, the upper bound: under ``heads="task"`` as many images of each task, in
    alternating batches that each feed their own head (LwF, section 3); under ``heads="class"`` all images shuffled.

    Each task goes on from the network of the one before (LwF starts from the original network), so that the last model
    has had the updates of all tasks. ``restart=True`` initialises the network anew before each task: a non-incremental
    model on all classes so far (the upper bound of EEIL, section 6.1); it is a step after each task itself, and with
    another one a ValueError.
    """
    memory = Everything(interleaved=heads == "task")
    if restart:
        if "after_task" in settings:
            raise ValueError("restart is itself a step after a task: leave out after_task, or restart.")
        settings["after_task"] = Restart()
    return compose("joint", CrossEntropy(), JOINT, memory=memory, heads=heads, **settings)


@register
def lwf(
    temperature: Temperature = 2.0,
    lam: Weight = 1.0,
    loss: Annotated[str, rule(Distillation, "kind")] = "softmax",
    task_specific_layers: int = 1,
    joined: bool = False,
    **settings,
) -> Recipe:
    """Learning without Forgetting: warm-up of the new head, then all weights, while the old heads keep their
    outputs (LwF, section 3). ``loss`` is one of Table 2c's, ``task_specific_layers`` as in Table 2a.

    The old outputs are one softmax for each old task (the paper). ``joined=True``, with ``heads="class"``, makes them
    one over all old classes (common class-incremental versions, such as FACIL's).
    """
    terms = CrossEntropy() + lam * Distillation(temperature, kind=loss, joined=joined)
    network = partial(MultiHead, task_specific_layers=task_specific_layers)
    return compose("lwf", terms, WARM_UP_THEN_JOINT, network=network, **settings)


@register
def expansion(share: float = 0.25, **settings) -> Recipe:
    """Network expansion: new nodes in the top layers learn, the rest is frozen (LwF, section 4.2, Figure 6b)."""
    network = partial(Widening, share=share)
    return compose("expansion", CrossEntropy(), (Phase(new=1.0),), network=network, **settings)


@register
def expansion_lwf(share: float = 0.25, temperature: Temperature = 2.0, lam: Weight = 1.0, **settings) -> Recipe:
    """Network expansion with Learning without Forgetting: all nodes learn (LwF, section 4.2, Table 2b)."""
    terms, network = CrossEntropy() + lam * Distillation(temperature), partial(Widening, share=share)
    return compose("expansion_lwf", terms, WARM_UP_THEN_JOINT, network=network, **settings)
