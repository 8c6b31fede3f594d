"""The recipes that claims compare, by the names that rows give them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

from ... import methods
from ...importance import MAS, LocalMAS, PathIntegral
from ...importance.base import Importance
from ...losses import Anchor, AttentionDistillation, EmbeddingDistance
from ...losses.terms import Loss
from ...methods.registry import of_size
from ...networks import FactEmbedding, SmallCNN
from ...recipe import parser
from ...recipe.recipe import Phase, Recipe, Schedule
from .extras import subset
from .settings import first_class, setting_of

NETWORK = SmallCNN((16, 16, 32), (64,))  # of every side that names no other, so that a run takes seconds
WARM_UP = 0.2  # of a later task's epochs, in which the new head alone learns (LwF, section 3; the share is ours)
Settings = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """A recipe on a stream: a method with ``settings``, changed by ``change``, a name of ``CHANGES``.

    ``weights``: the values of each setting that is searched at the common rate. ``published``: those that the paper
    gives. Both replace what is in ``settings``.
    """

    label: str
    method: str
    setting: str
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    change: str = ""
    warm_up: bool = False
    weights: Mapping[str, tuple[float, ...]] = field(default_factory=dict, hash=False)
    published: Mapping[str, float] = field(default_factory=dict, hash=False)

    def recipe(self, rate: float, trial: int, chosen: Mapping[str, float] | None = None) -> Recipe:
        """The recipe at a learning rate and with chosen weights, in a trial."""
        depends = "first class" in self.settings.values()
        return _recipe(self, rate, trial if depends else 0, tuple((chosen or {}).items()))


@lru_cache(maxsize=4096)  # a search asks for the same recipe for every class order
def _recipe(side: Side, rate: float, trial: int, chosen: tuple[tuple[str, float], ...]) -> Recipe:
    setting = setting_of(side.setting)
    settings: Settings = {"learning_rate": rate, "epochs": setting.epochs, "batch_size": setting.batch}
    settings["backbone"] = NETWORK
    build = OF_FACTS.get(side.method) or methods.named(side.method)
    settings |= {} if side.method in OF_FACTS else of_size(side.method, setting.capacity)
    settings |= {name: _value(value, trial) for name, value in side.settings.items()}
    recipe = build(**{**settings, **dict(chosen)})
    recipe = CHANGES[side.change](recipe) if side.change else recipe
    return warmed_up(recipe) if side.warm_up else recipe


def _value(value: Any, trial: int) -> Any:
    """A setting as a row writes it: a description as its code, or what depends on the trial by name."""
    if value == "first class":
        return first_class(trial)
    if value == "facts to keep":
        return subset()
    if isinstance(value, list):
        return tuple(_value(each, trial) for each in value)
    return parser.read(value) if isinstance(value, str) and value.endswith(")") else value


def warmed_up(recipe: Recipe) -> Recipe:
    """The recipe with the warm-up of LwF: first the new head of a later task learns alone."""
    later = recipe.schedule.later
    share = sum(phase.share for phase in later) * WARM_UP / (1 - WARM_UP)
    phases = (Phase("warm-up", share, new=1.0), *later)
    return replace(recipe, schedule=replace(recipe.schedule, later=phases))


def with_l2_maps(recipe: Recipe) -> Recipe:
    """Attention distillation by the squared distance of the maps (LwM, section 4.1)."""
    terms = (
        (w, replace(t, distance="l2") if isinstance(t, AttentionDistillation) else t) for w, t in recipe.loss.terms
    )
    return replace(recipe, loss=Loss(tuple(terms)))


def without_temporary(recipe: Recipe) -> Recipe:
    """Balanced fine-tuning by the loss of training, in which nothing teaches the new head (EEIL, section 4)."""
    later = tuple(replace(phase, loss=None) for phase in recipe.schedule.later)
    return replace(recipe, schedule=replace(recipe.schedule, later=later))


def at_one_rate(recipe: Recipe) -> Recipe:
    """Every role at the rate itself: feature extraction is published at five times the rate of the others."""
    later = tuple(replace(phase, rates=dict.fromkeys(phase.rates, 1.0)) for phase in recipe.schedule.later)
    return replace(recipe, schedule=replace(recipe.schedule, later=later))


CHANGES: dict[str, Callable[[Recipe], Recipe]] = {
    "l2 maps": with_l2_maps,
    "no temporary distillation": without_temporary,
    "one rate": at_one_rate,
}


def of_facts(
    name: str, importance: Callable[..., Importance] | None = None, lam: float = 5.0, on: str = "", **settings: Any
) -> Recipe:
    """Fact learning without labels or a softmax, where every layer is shared; lambda is 5 (MAS, section 5.2)."""
    own = {"classes": settings.pop("classes")} if "classes" in settings else {}
    network = FactEmbedding(settings.pop("backbone", NETWORK))
    own |= {"on": on} if on else {}
    loss: Any = EmbeddingDistance()
    loss = loss + lam / 2 * Anchor(importance(**own)) if importance else loss
    learn_all = (Phase(shared=1.0),)
    schedule = Schedule(later=learn_all, first=learn_all, **settings)
    return Recipe(name, loss, network, schedule=schedule, heads="class")


OF_FACTS: dict[str, Callable[..., Recipe]] = {
    "facts finetune": partial(of_facts, "finetune"),
    "facts si": partial(of_facts, "si", PathIntegral),
    "facts mas": partial(of_facts, "mas", MAS),
    "facts mas_local": partial(of_facts, "mas_local", LocalMAS),
}
