"""How a method is entered under its name, and what all methods are composed of."""

import difflib
import functools
import inspect
from collections.abc import Callable

from ..losses.terms import Loss, Term
from ..memory import Everything, ExemplarMemory
from ..networks import MultiHead, SmallCNN
from ..recipe.merging import Unmerged
from ..recipe.recipe import Phase, Recipe, Schedule

_METHODS: dict[str, Callable[..., Recipe]] = {}

UNMERGED = Unmerged()
JOINT = (Phase("joint", shared=1.0, old=1.0, new=1.0),)
WARM_UP_THEN_JOINT = (Phase("warm-up", share=0.2, new=1.0), Phase("joint", share=0.8, shared=1.0, old=1.0, new=1.0))


def method(build: Callable[..., Recipe]) -> Callable[..., Recipe]:
    """Enter a method under its name; a setting that it does not have is refused with the nearest one that it has."""
    own = [name for name in inspect.signature(build).parameters if name != "settings"]
    schedule = [name for name in Schedule.__dataclass_fields__ if name != "later"]  # the method itself
    known = list(dict.fromkeys([*own, "heads", "backbone", "memory", "predict", *schedule]))

    @functools.wraps(build)
    def checked(*values, **settings) -> Recipe:
        for setting in settings:
            if setting not in known:
                near = difflib.get_close_matches(setting, known, 1) or [", ".join(known)]
                raise ValueError(f"{build.__name__} has no setting {setting!r}; did you mean {near[0]}?")
        try:
            return build(*values, **settings)
        except TypeError as error:
            if "multiple values for keyword argument" not in str(error):
                raise
            raise ValueError(
                f"{build.__name__} has a {str(error).split(chr(39))[1]} of its own: leave it out."
            ) from error

    _METHODS[build.__name__] = checked
    return checked


def names() -> list[str]:
    """The names of all methods."""
    return list(_METHODS)


def get(recipe: Recipe | str) -> Recipe:
    """The recipe itself, or the method of that name with its paper's settings."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe not in _METHODS:
        near = difflib.get_close_matches(str(recipe), names(), 1) or [", ".join(names())]
        raise ValueError(f"There is no method {recipe!r}; did you mean {near[0]}?")
    return _METHODS[recipe]()


def compose(
    name: str,
    loss: Term | Loss,
    later: tuple[Phase, ...],
    *,
    network: Callable[..., object] = MultiHead,
    memory: Everything | ExemplarMemory | None = None,
    heads: str = "task",
    backbone: object = SmallCNN(),
    merge: Unmerged = UNMERGED,
    predict: str = "logits",
    **settings,
) -> Recipe:
    schedule = Schedule(later=later, **settings)
    return Recipe(name, loss, network(backbone=backbone), memory, schedule, heads, merge, predict)
