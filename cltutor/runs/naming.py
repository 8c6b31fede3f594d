"""The one short name of a run, and runs grouped into methods by it."""

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..methods.registry import usual_heads

if TYPE_CHECKING:
    from .run import Run

LABEL = 40  # characters
REGIMES = {"task": " per task", "class": " across tasks"}  # after the name of a method trained unlike its paper's


def name_of(run: "Run") -> str:
    """The name of a run in every legend, table, button and sentence, whatever it is shown with.

    It is its method's name, and says which classes competed where that is not the method's own regime: "lwf across
    tasks", but "eeil".
    """
    heads = "class" if run.competes else "task"
    return run.name if usual_heads(run.name) in (heads, None) else run.name + REGIMES[heads]


def grouped(runs: Sequence["Run"]) -> list[tuple[str, list["Run"]]]:
    """[(label, runs)], in the order given.

    Runs with one name are seeds of one method, unless their recipes differ: then each recipe is a separate method, and
    its label says what differs.
    """
    groups: dict[str, dict[str, list]] = {}
    for run in runs:
        groups.setdefault(name_of(run), {}).setdefault(repr(run.recipe), []).append(run)
    return [
        (label, same)
        for name, recipes in groups.items()
        for label, same in zip(_labels(name, list(recipes)), recipes.values(), strict=True)
    ]


def _labels(name: str, codes: list[str]) -> list[str]:
    """The method's name, with what differs between its recipes: the regime, else settings, else a number."""
    settings = [_settings(code) for code in codes]
    shared = set.intersection(*map(set, settings))
    own = [[words for words in one if words not in shared] for one in settings]
    regimes = [[word for word in words if f" {word}" in REGIMES.values()] for words in own]
    for settings_shown in (regimes, own):
        labels = [" ".join([name, *words]) for words in settings_shown]
        if len(set(labels)) == len(labels) and max(map(len, labels)) <= LABEL:
            return labels
    return [f"{name} ({i})" for i in range(1, len(codes) + 1)]


def _settings(code: str) -> list[str]:
    """The plain settings and weights in the code of a recipe, such as "temperature=1.0"."""
    found = []
    for node in ast.walk(ast.parse(code, mode="eval")):
        if isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
            regime = REGIMES.get(str(node.value.value), "") if node.arg == "heads" else ""
            found.append(regime.strip() or f"{node.arg}={node.value.value!s}")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            found.append(f"weight={ast.unparse(node.left)}")
    return found
