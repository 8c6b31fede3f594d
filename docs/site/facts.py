"""What the reference says of every public name, and what must not be missing: shapes, units, errors and the source.

    python docs/site/facts.py  # what is missing, name by name

What a function or a class declares, such as `@checked`, `@shaped` and the rules of fields, is written below its
docstring by `declared`, with the ValueError that refuses anything else; what is not declared a docstring has to say:

    shape   of every tensor or array that is taken, by its name, and of one that is returned: "``logits`` (N, C)"
    unit    where a name or an argument is a quantity: a share, per cent, points, seconds, bytes, epochs, images
    error   where the body itself raises one: the exception, or what is refused
    source  of a method, term, importance, network, memory, merge, prediction and metric: the paper and the place in it,
            or that it is ours
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2])]

import reference  # noqa: E402

import cltutor as cl  # noqa: E402
from cltutor.describe import Part, Rule  # noqa: E402

ARRAY = re.compile(r"\b(?:Tensor|ndarray|ArrayLike)\b")
AXIS = r"(?:\w+(?: [*+/-] \w+)?|\.\.\.)\??"
SHAPE = re.compile(
    rf"\([NTPCKSBDLHWQ], [^()]{{1,50}}\)|\({AXIS}, ?(?:{AXIS}(?:, {AXIS})*)?\)"
    r"|\bscalars?\b|\bshaped? (?:of|like|as)\b|\bsame shape\b|\bof (?:its|any) shape\b|\bby the parameters' name\b"
    r"|\b(?:number|one|entry|value) (?:per|for (?:each|every)) parameter\b"
)
QUANTITY = re.compile(
    r"accurac|forgetting|retention|backward_transfer|forward_transfer|intransigence|^drop$|seconds|^shares?$|_shares?$"
    r"|bytes|megabytes|epochs|^drift$|^overlap$|correlation|capacity|per_class"
)
UNIT = re.compile(
    r"per ?cent|%|\bshares?\b|fraction|\b-?[01](?:\.0)? to (?:below )?1\b|\bpoints?\b|\bseconds?\b|\bbytes?\b|\bMB\b"
    r"|\bepochs?\b|\bimages?\b|\bexemplars?\b|\bL1 distance\b|\bdistance\b|\bcorrelation\b",
    re.IGNORECASE,
)
ERROR = re.compile(r"\bRaises?\b|\b\w*Error\b|\brefuse[sd]?\b|\bDiverged\b|\bOutOfMemory\b|\bMissing\b")
SOURCE = re.compile(
    r"\b(?:sections?|eq\.|Tables?|Figures?|Algorithms?|appendix)\s*\w"
    r"|\b[A-Z][\w'-]+(?: and [A-Z][\w'-]+| et al\.| and others)?,? (?:\()?(?:19|20)\d\d\b"
    r"|\b[Oo]urs\b|\b[Oo]ur (?:own|choice)\b",
)
# What is a frame for others, written by us: it computes nothing that a paper describes.
FRAMES = {
    "AfterTask", "Architecture", "Backbone", "BackboneArchitecture", "Batch", "Context", "Importance", "Loss", "Memory",
    "Network", "Output", "Part", "Pool", "Prediction", "Term",
}  # fmt: skip
SOURCED = {"losses", "importance", "memory", "merging", "networks", "noise", "predicting"}  # rooms whose parts have one


def every() -> Iterator[tuple[str, str, Any]]:
    """Room, name and value of everything in the reference."""
    for room, found in [("cl", reference.top()), *((n, reference.public(m)) for n, m in reference.modules().items())]:
        for name, value in found.items():
            yield room, name, value


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """The public methods that a class itself defines, and what its properties compute."""
    for name, value in vars(kind).items():
        made = value.fget if isinstance(value, property) else getattr(value, "func", getattr(value, "__func__", value))
        if not name.startswith("_") and inspect.isfunction(made):
            yield name, made


def rules(value: Any) -> dict[str, Rule]:
    """What ``value`` declares, by argument or field."""
    if inspect.isclass(value):
        own = fields(value) if is_dataclass(value) else ()
        found = {one.name: one.metadata["rule"] for one in own if "rule" in one.metadata and one.init}
        return found or rules(value.__init__)
    found = {}
    while value is not None and inspect.isfunction(value):
        held = inspect.getclosurevars(value).nonlocals if hasattr(value, "__wrapped__") else {}
        found |= held["declared"]() if callable(held.get("declared")) else {}
        found |= {**(held.get("rules") or {}), **held["shapes"]} if "shapes" in held else {}
        value = getattr(value, "__wrapped__", None)
    return found


def declared(value: Any) -> str:
    """What is declared, as it is written below the docstring; "" where nothing is."""
    found = rules(value)
    if not found:
        return ""
    lines = [f"- ``{name}``: {rule.right}" for name, rule in found.items()]
    return "\n".join(["Declared, and refused by a ``ValueError`` if it is anything else:", "", *lines])


def text(value: Any) -> str:
    return inspect.getdoc(value) or ""


def missing(room: str, name: str, value: Any) -> Iterator[str]:
    """What the reference of a name does not say, its methods included."""
    place = f"cl.{name}" if room == "cl" else f"cl.{room}.{name}"
    of_class = "\n\n".join(map(text, value.__mro__)) if inspect.isclass(value) else ""
    yield from (f"{place}: {what}" for what in lacking(value, None, of_class))
    if needs_source(room, name, value) and not SOURCE.search(text(value)):
        yield f"{place}: source"
    if inspect.isclass(value) and value.__module__.startswith("cltutor"):
        for own, method in members(value):
            yield from (f"{place}.{own}: {what}" for what in lacking(method, inherited(value, own), of_class))


def inherited(kind: type, name: str) -> str:
    """What a class and those that it comes from say of a method: an override keeps what is said of the method."""
    return "\n\n".join(dict.fromkeys(text(vars(one)[name]) for one in kind.__mro__ if name in vars(one)))


def lacking(value: Any, doc: str | None = None, about: str = "") -> Iterator[str]:
    """The shapes, units and errors that are missing; what a class says ``about`` a name holds for its methods."""
    doc, known = text(value) if doc is None else doc, rules(value)
    whole = f"{doc}\n{declared(value)}"
    taken, returned = annotations(value)
    for name, hint in taken.items():
        if ARRAY.search(hint) and not (shaped(known.get(name)) or SHAPE.search(after(name, f"{doc}\n\n{about}"))):
            yield f"shape of {name}"
    if ARRAY.search(returned) and not SHAPE.search(doc):
        yield "shape of what is returned"
    names = [getattr(value, "__name__", ""), *taken]
    if any(map(QUANTITY.search, names)) and not UNIT.search(whole):
        yield f"unit of {', '.join(name for name in names if QUANTITY.search(name))}"
    if raises(value) and not ERROR.search(doc):
        yield "error"


def shaped(rule: Rule | None) -> bool:
    """Whether a rule names the axes of a tensor or array."""
    return bool(getattr(rule, "axes", ""))


def after(name: str, doc: str) -> str:
    """What a docstring says behind each mention of a name, to the end of the sentence."""
    words = re.escape(name).replace("_", "[_ ]")
    found = re.finditer(rf"\b{words}\b(?=(.{{0,90}}))", doc, re.DOTALL)
    return "\n".join(re.split(r"[.;](?:\s|$)|\n\n", match[1])[0] for match in found)


def annotations(value: Any) -> tuple[dict[str, str], str]:
    """Arguments, or fields, with what they are; and what is returned."""
    if inspect.isclass(value):
        own = fields(value) if is_dataclass(value) else ()
        found = {one.name: str(one.type) for one in own if one.init and not one.name.startswith("_")}
        return found, ""
    try:
        given = inspect.signature(value)
    except (TypeError, ValueError):
        return {}, ""
    named = {name: str(one.annotation) for name, one in given.parameters.items() if one.annotation is not one.empty}
    return named, "" if given.return_annotation is given.empty else str(given.return_annotation)


def raises(value: Any) -> bool:
    """Whether the body of a function, or of what makes an object of a class, raises an exception itself."""
    bodies = [value]
    if inspect.isclass(value):
        bodies = [vars(value)[name] for name in ("__init__", "__post_init__") if name in vars(value)]
    for body in bodies:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(body))))
        except (OSError, TypeError, SyntaxError):
            continue
        if any(isinstance(node, ast.Raise) and not abstract(node) for node in ast.walk(tree)):
            return True
    return False


def abstract(node: ast.Raise) -> bool:
    """Whether it says only that a subclass has to do it, or raises again what came."""
    return node.exc is None or "NotImplementedError" in ast.dump(node.exc)


def needs_source(room: str, name: str, value: Any) -> bool:
    """Whether a name computes what a paper describes, or what we chose."""
    if name in FRAMES:
        return False
    if room == "metrics" or room == "methods" and name in cl.methods.names():
        return True
    return room in {*SOURCED, "methods"} and inspect.isclass(value) and issubclass(value, Part)


def main() -> int:
    found = [line for one in every() for line in missing(*one)]
    print("\n".join(found) or f"{sum(1 for _ in every())} names say what they must")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
