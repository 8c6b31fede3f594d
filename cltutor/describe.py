"""Frozen descriptions: dataclasses that print as the code that makes them, and check their fields where these are
declared: ``temperature: float = real(2.0, above=0)``. ``Part`` is a description with a life in a run."""

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from .rules import Choice, Flag, Kind, Location, Name, Real, Rule, Several, Whole, plain_number, shown

if TYPE_CHECKING:
    from torch import Tensor

    from .losses.terms import Batch, Context
    from .networks import Network
    from .streams import Stream

# The rules, too: a module that declares fields imports both from here.
__all__ = [
    "Choice",
    "Described",
    "Flag",
    "HOOKS",
    "Kind",
    "Location",
    "Name",
    "Part",
    "Real",
    "Rule",
    "Several",
    "State",
    "Whole",
    "choice",
    "flag",
    "real",
    "rule",
    "ruled",
    "several",
    "shown",
    "whole",
]
State = dict[str, "Tensor"]


class Described:
    """A frozen dataclass whose ``repr`` is the call that makes it, defaults left out.

    Raises:
        ValueError: a field outside the rule that it declares, in one sentence with the right values.
    """

    def __post_init__(self) -> None:
        for one in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            if rule := one.metadata.get("rule"):
                object.__setattr__(self, one.name, rule.check(one.name, getattr(self, one.name)))

    def __repr__(self) -> str:
        own = fields(self)  # type: ignore[arg-type]
        given = [f"{f.name}={plain_number(getattr(self, f.name))!r}" for f in own if getattr(self, f.name) != f.default]
        return f"{type(self).__name__}({', '.join(given)})"


def ruled(rule: Rule, default: Any = MISSING) -> Any:
    """A dataclass field that keeps a rule."""
    return field(default=default, metadata={"rule": rule})


def rule(kind: type[Described], name: str) -> Any:
    """The rule of a field, for the argument of a function that sets it."""
    return kind.__dataclass_fields__[name].metadata["rule"]  # type: ignore[attr-defined]  # every one is a dataclass


def real(default: Any = MISSING, **bounds: Any) -> Any:
    """A field for a finite number: ``real(2.0, above=0)``; bounds as of ``Real``."""
    return ruled(Real(**bounds), default)


def whole(default: Any = MISSING, **bounds: Any) -> Any:
    """A field for a whole number: ``whole(200, at_least=1)``; bounds as of ``Whole``."""
    return ruled(Whole(**bounds), default)


def choice(default: Any, options: Iterable[Any], or_none: bool = False) -> Any:
    """A field for one of ``options``: ``choice("l1", ("l1", "l2"))``."""
    return ruled(Choice(options, or_none), default)


def flag(default: bool) -> Any:
    """A field for True or False."""
    return ruled(Flag(), default)


def several(default: Any, each: Rule, length: int | None = None, or_none: bool = False) -> Any:
    """A field for a tuple: ``several((32, 64), Whole(at_least=1))``."""
    return ruled(Several(each, length, or_none), default)


def counted(number: int, noun: str) -> str:
    """A number of things, the noun in its plural unless there is one: "1 class", "1,200 images"."""
    return f"{number:,} {noun if number == 1 else f'{noun}es' if noun.endswith('s') else f'{noun}s'}"


class Part(Described):
    """Anything with a life in a run: a term, an importance, a memory, a step after a task, a network.

    A part is a frozen description. ``state`` is what it remembers in one run: named tensors, of any shape, which are
    saved and restored with the run. Facts are declared here and overridden where they differ; tables read them.
    """

    keeps_images: ClassVar[bool] = False  # trains on images of earlier tasks
    needs_task_at_test: ClassVar[bool] = False  # must be given an image's task at test: refuses heads="class"
    takes_several_labels: ClassVar[bool] = False  # works where images have several labels

    @property
    def needs_labels(self) -> bool | None:
        """Whether what it protects is found with the help of labels; None where it reads no images for that."""
        return None

    @property
    def works_pretrained(self) -> bool:
        """Whether it can go on from a network that comes with weights."""
        return True

    @property
    def guards_any_output(self) -> bool | None:
        """Whether it protects an embedding as well as a softmax; None where the question does not apply."""
        return True

    def refuses(self, heads: str) -> str:
        """Why the part has no meaning under this training regime, and which one it takes; "" where it has one."""
        if heads == "class" and self.needs_task_at_test:
            return f'{type(self).__name__} must be given an image\'s task at test: use heads="task".'
        return ""

    def check(self, stream: "Stream") -> None:
        """Refuse, with a ValueError, a stream that does not fit, before any time is spent on training."""

    def fits(self, network: "Network", shared: Sequence[int]) -> None:
        """Refuse, with a ValueError and before any time is spent on training, a ``network`` as it is when it has grown
        for a task; ``shared`` counts its shared parameters after each task so far."""

    def begin_task(self, context: "Context", state: State) -> None:
        """Called after the network has grown for the task, before its first batch; ValueError for one that does not
        fit.
        """

    def before_backward(self, batch: "Batch", state: State) -> None:
        """Called when the values of all terms are known, before the backward pass."""

    def before_update(self, batch: "Batch", state: State) -> None:
        """Called after the backward pass: gradients are there, not yet clipped, and may be read or changed."""

    def after_update(self, batch: "Batch", state: State) -> None:
        """Called when the parameters have moved."""

    def end_task(self, context: "Context", state: State) -> None:
        """Called after the last batch of the task, before the evaluation; ValueError for what cannot be remembered."""

    def acts(self, hook: str) -> bool:
        """Whether the part does something in ``hook``: the loop calls only those that do."""
        return getattr(type(self), hook) is not getattr(Part, hook)

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        for hook in vars(cls).keys() & set(HOOKS):
            right, given = (list(inspect.signature(getattr(one, hook)).parameters) for one in (Part, cls))
            if len(given) != len(right):
                raise ValueError(f"{cls.__name__}.{hook} takes ({', '.join(right)}), not ({', '.join(given)}).")


HOOKS = ("begin_task", "before_backward", "before_update", "after_update", "end_task")
