"""Registration of methods by name, and what all methods are composed of."""

import difflib
import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, overload

from ..checked import Many, Text, checked
from ..describe import Choice, Kind, Real, Rule, shown
from ..losses.distillation import TEMPERATURE
from ..losses.terms import Loss, Term, as_loss
from ..memory import ExemplarMemory, Memory
from ..networks import Architecture, MultiHead, SmallCNN
from ..recipe.merging import AfterTask, Unmerged
from ..recipe.recipe import Phase, Recipe, Schedule

Build = Callable[..., Recipe]
Weight = Annotated[float, Real(at_least=0)]  # of a term
Temperature = Annotated[float, TEMPERATURE]
Heads = Annotated[str, Choice(("task", "class"))]
_methods: dict[str, Build] = {}
_fixed: dict[str, Sequence[str]] = {}  # the settings that a method sets itself

SHARED = ["heads", "backbone", "memory", "after_task", "predict", *Schedule.__dataclass_fields__]  # by all methods
SHARED.remove("later")  # the method itself
UNMERGED, SMALL_CNN = Unmerged(), SmallCNN()
JOINT = (Phase("joint", shared=1.0, old=1.0, new=1.0),)
WARM_UP_THEN_JOINT = (Phase("warm-up", share=0.2, new=1.0), Phase("joint", share=0.8, shared=1.0, old=1.0, new=1.0))


class UnknownSetting(ValueError):
    """A method was called with a setting that it does not have."""


@overload
def register(build: Build) -> Build: ...


@overload
def register(*, fixed: Sequence[str] = (), either: Sequence[str] = ()) -> Callable[[Build], Build]: ...


def register(
    build: Build | None = None, *, fixed: Sequence[str] = (), either: Sequence[str] = ()
) -> Build | Callable[[Build], Build]:
    """Register a method, a function that returns a ``Recipe``, under its name: a decorator.

    The method is then known by name to ``cl.learn``, ``cl.compare``, the command line and the playground. A setting
    that it does not have is refused with the nearest one that it has; a function with ``**settings`` takes those of
    ``compose`` too, but for the ``fixed`` ones, which it sets itself. Of ``either`` setting or the other only one can
    be given, as the second would take the place of the first. Running its definition again, as a notebook cell does,
    replaces the earlier one.

    Raises:
        ValueError: no function with a name, or a name that another method has.
    """
    fixed, either = Many(Choice(SHARED)).check("fixed", fixed), Many(Text()).check("either", either)
    if build is None:
        return functools.partial(_registered, fixed=fixed, either=either)
    return _registered(build, fixed, either)


def _registered(build: Build, fixed: Sequence[str], either: Sequence[str]) -> Build:
    name = getattr(build, "__name__", "")
    if not inspect.isfunction(build) or not name.isidentifier():
        raise ValueError(f"register takes a function with a name, made with def, not {shown(build)}.")
    before = _methods.get(name)
    if before is not None and (before.__module__, before.__qualname__) != (build.__module__, build.__qualname__):
        raise ValueError(f"There is already a method {name!r} in {before.__module__}: give yours another name.")
    known, make = _settings_of(build), checked(build)
    if unknown := [setting for setting in either if setting not in known]:
        raise ValueError(f"either names settings of {name}, which has no {unknown[0]!r}.")

    @functools.wraps(build)
    def method(*values: Any, **settings: Any) -> Recipe:
        for setting in settings:
            if setting in fixed:
                raise UnknownSetting(f"{name} has its own {setting}: leave it out.")
            if setting not in known:
                near = difflib.get_close_matches(setting, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"its settings are {', '.join(known)}."
                raise UnknownSetting(f"{name} has no setting {setting!r}; {hint}")
        if either and {*known[: len(values)], *settings}.issuperset(either):
            raise ValueError(f"{name} takes {' or '.join(either)}, not both.")
        recipe = make(*values, **settings)
        if not isinstance(recipe, Recipe):
            raise ValueError(f"A method returns a Recipe, and {name} returned {shown(recipe)}.")
        return recipe

    _methods[name], _fixed[name] = method, fixed
    return method


def _settings_of(build: Build) -> list[str]:
    """The names of all settings that a method takes."""
    parameters = inspect.signature(build).parameters.values()
    own = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
    if len(own) == len(parameters):
        return own
    return list(dict.fromkeys([*own, *SHARED]))


def usual_heads(name: str) -> str | None:
    """The ``heads`` of the method of that name where none are given; None if there is no such method or choice."""
    if name not in _methods or "heads" in _fixed[name]:
        return None
    given = inspect.signature(_methods[name]).parameters.get("heads")
    return given.default if given else "task" if "heads" in _settings_of(_methods[name]) else None


def names() -> list[str]:
    """The names of all methods, those of your own last."""
    return list(_methods)


def named(name: str) -> Build:
    """The method of that name: a function from its settings to a recipe. ValueError for an unknown name."""
    if not isinstance(name, str):
        raise ValueError(f"A method is named by its text, such as 'lwf', not {shown(name)}.")
    if name not in _methods:
        near = difflib.get_close_matches(name[:80], names(), 1)
        words = f"did you mean {near[0]}?" if near else f"cl.methods.names() lists the {len(_methods)} that there are."
        raise ValueError(f"There is no method {shown(name)}; {words}")
    return _methods[name]


def get(recipe: Recipe | str) -> Recipe:
    """The recipe itself, or the method of that name with its paper's settings; ValueError for any other object."""
    if not isinstance(recipe, Recipe) and type(recipe).__name__ == Recipe.__name__:
        raise ValueError(
            "This recipe is older than cltutor, which was loaded again: make it anew, or restart the kernel."
        )
    return recipe if isinstance(recipe, Recipe) else named(recipe)()


def of_size(name: str, capacity: int) -> dict[str, Any]:
    """The settings with which the method of that name keeps ``capacity`` images in its own kind of memory; none for a
    method that keeps none, or all."""
    if "capacity" in inspect.signature(named(name)).parameters:
        return {"capacity": capacity}
    memory = get(name).memory
    return {"memory": replace(memory, capacity=capacity)} if isinstance(memory, ExemplarMemory) else {}


class MethodName(Rule):
    """A recipe, or the name of a method, which becomes the method's recipe."""

    words = "a Recipe, or the name of a method, such as 'lwf'"

    def accepts(self, value: Any) -> bool:
        """Whether it is a recipe or a text; `check` finds the method."""
        return isinstance(value, Recipe | str)

    def check(self, name: str, value: Any) -> Recipe:
        return get(value)


def check_kind(method: str, setting: str, value: Any, kind: type) -> None:
    """Refuse a setting of another kind than the one without which the method would be another."""
    if not isinstance(value, kind):
        raise ValueError(f"{method} is made of {kind.__name__}(), its {setting}; {shown(value)} would make it another.")


def makes_networks(value: Any) -> bool:
    if isinstance(value, type):
        return issubclass(value, Architecture)
    made = isinstance(value, functools.partial) or inspect.isfunction(value)
    return made and "backbone" in inspect.signature(value).parameters


@checked(network=Kind("a network such as MultiHead, or a function of its backbone", makes_networks))
def compose(
    name: str,
    loss: Term | Loss,
    later: tuple[Phase, ...],
    *,
    network: Callable[..., Architecture] = MultiHead,
    memory: Memory | None = None,
    heads: str = "task",
    backbone: Any = SMALL_CNN,
    after_task: AfterTask = UNMERGED,
    predict: str = "logits",
    **settings: Any,
) -> Recipe:
    """A recipe of a method: its loss and phases, and the settings that every method takes.

    ``network`` makes the network from ``backbone=``, such as ``functools.partial(Widening, share=0.25)``; ``settings``
    are fields of ``Schedule``.
    """
    schedule = Schedule(later=later, **settings)
    return Recipe(name, as_loss(loss), network(backbone=backbone), memory, schedule, heads, after_task, predict)
