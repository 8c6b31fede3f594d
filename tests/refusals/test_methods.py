"""Every setting of every method, of every schedule and of every description: refused in a sentence, or right."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from functools import partial
from typing import Any, get_type_hints

import pytest

import cltutor as cl
from cltutor import methods, schedules
from cltutor.checked import rule_of
from cltutor.describe import Described, Real, Rule, Several, Whole, rule
from cltutor.losses import CrossEntropy, Distillation
from cltutor.networks import DFCNN, DFCNNTC2, DFCNNDirect, Encoded, Expandable, MultiHead, Progressive, Widening
from cltutor.recipe.parser import descriptions, read
from cltutor.recipe.recipe import Phase, Recipe, Schedule
from cltutor.studies.claims.claim import Claim
from cltutor.studies.claims.rows import all_claims
from tests.refusals.judging import Attempt, attempts, judge
from tests.refusals.values import HOSTILE, right, scalars

Call = Callable[..., Any]
NUMBERS = (0.5, 2.0, 2, 1)  # one of them is right wherever a number is


def described() -> Iterator[type[Described]]:
    """Every description of the package that can be made."""
    for module in pkgutil.walk_packages(cl.__path__, "cltutor."):
        if not module.name.startswith(("cltutor.widgets", "cltutor.cli", "cltutor.__main__")):
            importlib.import_module(module.name)
    waiting: list[type] = [Described]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if "__dataclass_params__" in vars(kind) and kind.__module__.startswith("cltutor."):
            yield kind


# Settings without which a description cannot be made.
REQUIRED: dict[type, dict[str, Any]] = {
    Recipe: {"name": "mine", "loss": CrossEntropy()},
    Phase: {"name": "mine", "rates": {"new": 1.0}},
    cl.networks.Torchvision: {"name": "resnet18"},
    Schedule: {"drop_every": 3, "augmentation": cl.streams.CropFlip()},  # what drop_by and augment_first speak of
    Claim: {
        name: getattr(next(claim for claim in all_claims() if claim.side == "equal"), name)
        for name in ("paper", "place", "sentence", "left", "side", "right", "differs", "also", "range")
    },
}
LOSS, TEXT = "a loss of one term", "any text that may be a name"
# Right, though no number, word or switch.
ALSO_RIGHT = {
    ("Recipe", "loss", "a part of another kind"): LOSS,
    ("Phase", "loss", "a part of another kind"): LOSS,
    ("Phase", "loss", "None"): "None is one of its values",
    ("Claim", "construction", "no text"): "a claim that can fail",
    ("Claim", "also", "dict"): "nothing else differs",
    **{("Torchvision", name, text): TEXT for name in ("name", "weights") for text in ("text", "a number as text")},
}
# Right by itself, and wrong beside the other settings.
WRONG_TOGETHER = {
    **{
        (name, "capacity", "None"): "no bound at all"
        for name in ("ExemplarMemory", "GradientMemory", "ValidatedMemory", "agem", "bic", "wa")
    },
    **{("OfficeHomeCNN", name, "one in a list"): "four layers" for name in ("channels", "kernels", "pools")},
    ("lwf", "joined", "True"): "heads='task'",
    ("Claim", "range", "None"): "a claim that is run",
    **{("Phase", "rates", name): "nothing learns" for name in ("dict", "None")},
}


def cases(what: str, make: Call, name: str, rule: Rule | None, values: Mapping = HOSTILE) -> Iterator[Attempt]:
    for label, value in values.items():
        key = (what, name, label)
        reason = ALSO_RIGHT.get(key) or ("" if key in WRONG_TOGETHER or rule is None else right(rule, value))
        yield Attempt(f"{what}.{name}-{label}", partial(make, **{name: value}), reason)


def same(make: Call, name: str, plain: Any, given: Any) -> None:
    """What is made with a number of numpy or torch is what Python's own makes, and its code makes it again."""
    made, again = make(**{name: plain}), make(**{name: given})
    assert (again, repr(again), hash(again)) == (made, repr(made), hash(made))
    assert read(repr(again)) == made


def as_scalars(what: str, make: Call, name: str, rule: Rule) -> Iterator[Attempt]:
    several = isinstance(rule, Several) and isinstance(rule.each, Real | Whole)
    each, count = (rule.each, rule.length or 1) if several else (rule, 0)
    plain = next((n for n in NUMBERS if isinstance(each, Real | Whole) and right(each, n)), None)
    if plain is None or isinstance(each, Real) and not isinstance(plain, float):
        return
    for label, number in scalars(plain):
        values = ((plain,) * count, [number] * count) if several else (plain, number)
        act = partial(same, make, name, *values)
        yield Attempt(f"{what}.{name}-{label}", act, "a number of numpy or torch is that of Python")


KINDS = sorted(set(described()), key=lambda kind: kind.__name__)
MAKERS = {kind: partial(kind, **REQUIRED.get(kind, {})) for kind in KINDS}
FIELDS = [(kind, one.name, one.metadata.get("rule")) for kind in KINDS for one in fields(kind) if one.init]
FIELDS.append((Phase, "shared", Real(at_least=0)))  # a role of its network's


def test_every_description_can_be_made_and_declares_the_rule_of_every_field():
    assert len(KINDS) > 45
    for kind in KINDS:
        MAKERS[kind]()
    bare = {f"{kind.__name__}.{name}" for kind, name, rule in FIELDS if rule is None}
    assert bare == {"Phase.rates", "Phase.loss"}, "these are checked as they are converted"


@attempts(attempt for kind, name, rule in FIELDS for attempt in cases(kind.__name__, MAKERS[kind], name, rule))
def test_a_field_is_refused_in_a_sentence_or_right(attempt):
    judge(attempt)


@attempts(
    attempt
    for kind, name, rule in FIELDS
    if rule and kind in descriptions().values() and (kind.__name__, name, "one in a list") not in WRONG_TOGETHER
    for attempt in as_scalars(kind.__name__, MAKERS[kind], name, rule)
)
def test_numbers_of_numpy_and_torch_make_the_same_description(attempt):
    judge(attempt)


# Methods

WEIGHTS = ("lam", "alpha", "beta", "gamma", "reconstruction", "l1", "l2", "group_lasso", "drift")
RULES: dict[str, Rule] = {
    **dict.fromkeys(WEIGHTS, Real(at_least=0)),
    "temperature": rule(Distillation, "temperature"),
    "hidden": Whole(at_least=1),
    "share": rule(Widening, "share"),
    "task_specific_layers": rule(MultiHead, "task_specific_layers"),
    "classes": rule(cl.importance.MAS, "classes"),
    "decay": rule(cl.importance.OnlineFisher, "decay"),
    "damping": rule(cl.importance.PathIntegral, "damping"),
    "size": rule(Encoded, "size"),
    "stride": rule(DFCNN, "stride"),
    "reduction": rule(Progressive, "reduction"),
    "expansion": rule(Expandable, "expansion"),
    "loss_threshold": rule(Expandable, "loss_threshold"),
    "drift_threshold": rule(Expandable, "drift_threshold"),
    "updates": rule(cl.losses.L1Penalty, "updates"),
    "threshold": rule(cl.networks.TensorFactorization, "threshold"),
    "backbone": rule(MultiHead, "backbone"),
}
SIZES = {"dfcnn_direct": DFCNNDirect, "dfcnn_tc2": DFCNNTC2}  # whose knowledge and deconvolution are other tuples
EVERY = ["heads", "backbone", "memory", "after_task", "predict", *(f.name for f in fields(Schedule))]
EVERY.remove("later")
METHODS = {name: methods.named(name) for name in methods.names() if name in methods.__all__}


def own(name: str) -> Iterator[tuple[str, Rule]]:
    """The settings of a method's own, each with its rule."""
    hints = get_type_hints(METHODS[name], include_extras=True)
    for one in inspect.signature(METHODS[name]).parameters.values():
        if one.kind is not one.VAR_KEYWORD:
            sizes = rule(SIZES.get(name, DFCNN), one.name) if one.name in ("knowledge", "deconvolution") else None
            yield one.name, sizes or RULES.get(one.name) or rule_of(hints[one.name])


def of_every_method(setting: str) -> Rule:
    return RULES.get(setting) or rule(Schedule if setting in Schedule.__dataclass_fields__ else Recipe, setting)


# The descriptions that a method makes have had all values; these are of every kind.
KINDS_OF_VALUES = ("None", "text", "True", "-1", "1.5", "nan", "10**400", "one in a list", "array", "meta", "object")
FEW = {label: HOSTILE[label] for label in KINDS_OF_VALUES}


@attempts(
    attempt
    for name, make in METHODS.items()
    for setting, rule in own(name)
    for attempt in (*cases(name, make, setting, rule, FEW), *as_scalars(name, make, setting, rule))
)
def test_a_setting_of_a_method_is_refused_in_a_sentence_or_right(attempt):
    judge(attempt)


FINETUNE = partial(METHODS["finetune"], **REQUIRED[Schedule])


@attempts(
    attempt
    for setting in EVERY
    for attempt in (
        *cases("finetune", FINETUNE, setting, of_every_method(setting)),
        *as_scalars("finetune", FINETUNE, setting, of_every_method(setting)),
    )
)
def test_a_setting_of_every_method_is_refused_in_a_sentence_or_right(attempt):
    judge(attempt)


@attempts(
    Attempt(f"{name}.{setting}", partial(build, **{setting: object()}))
    for name, build in METHODS.items()
    for setting in (*EVERY, "no_such_setting", "later", "")
)
def test_no_method_passes_on_what_is_wrong(attempt):
    judge(attempt)


@attempts(Attempt(f"{name}-too many", partial(build, *range(40))) for name, build in METHODS.items())
def test_too_many_arguments_are_refused_in_a_sentence(attempt):
    judge(attempt)


# Names, registration, schedules


def without_result() -> None:
    """A function that is no method."""


PHASES = (Phase(new=1.0),)
FUNCTIONS: dict[str, tuple[Call, dict[str, Any]]] = {
    "named": (methods.named, {}),
    "get": (methods.get, {}),
    "sources": (methods.sources, {}),
    "register": (methods.register, {}),
    "for_several_labels": (methods.for_several_labels, {}),
    "compose": (methods.compose, {"name": "mine", "loss": CrossEntropy(), "later": PHASES, "network": MultiHead}),
    "eeil_paper": (schedules.eeil_paper, {}),
    "lwf_paper": (schedules.lwf_paper, {}),
    "dfcnn_authors": (schedules.dfcnn_authors, {}),
    "with_epochs": (methods.finetune().with_epochs, {}),
}
VALUES = {**HOSTILE, "another case": "LWF", "long": "lwf" * 10_000, "two lines": "l\nwf", "no method": without_result}
NAMES = dict.fromkeys(("text", "a number as text", "another case"), TEXT)
RIGHT = {
    ("with_epochs", "epochs"): {"None": "None leaves them as they are"},
    ("register", "build"): {
        "None": "nothing is registered yet: the decorator",
        "no method": "refused when it is called",
    },
    ("register", "fixed"): dict.fromkeys(("list", "tuple", "no array"), "none is fixed"),
    ("register", "either"): {
        **dict.fromkeys(("list", "tuple", "no array"), "none takes another's place"),
        "texts": "refused when it is called",
    },
    ("lwf_paper", "weights"): {**NAMES, "None": "no file"},
    ("compose", "name"): NAMES,
    ("compose", "loss"): {"a part of another kind": LOSS},
    ("compose", "memory"): {"None": "no memory"},
}


def test_every_function_of_methods_and_schedules_is_tried():
    own = [f for f in vars(schedules).values() if inspect.isfunction(f) and f.__module__ == schedules.__name__]
    public = {getattr(methods, name) for name in methods.__all__ if name not in METHODS and name.islower()} - {
        methods.names
    }
    assert public | {f for f in own if inspect.signature(f).parameters} <= {
        function for function, _ in FUNCTIONS.values()
    }


@attempts(
    Attempt(
        f"{what}.{name}-{label}",
        partial(function, **{**given, name: value}),
        RIGHT.get((what, name), {}).get(label, ""),
    )
    for what, (function, given) in FUNCTIONS.items()
    for name, one in inspect.signature(function).parameters.items()
    if one.kind is not one.VAR_KEYWORD
    for label, value in VALUES.items()
)
def test_a_function_of_methods_and_schedules_refuses_in_a_sentence(attempt):
    judge(attempt)
    methods.registry._methods.pop("without_result", None)


def test_settings_of_which_one_can_be_given_must_be_those_of_the_method():
    with pytest.raises(ValueError, match=r"^either names settings of without_result, which has no 'memory'\.$"):
        methods.register(either=("memory",))(without_result)


def test_what_is_registered_must_return_a_recipe():
    found = methods.register(without_result)
    methods.registry._methods.pop("without_result")
    judge(Attempt("a method without a recipe", found))
