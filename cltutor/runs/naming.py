"""Runs grouped into methods, each with a label that distinguishes it from the others."""

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .run import Run

LABEL = 36  # characters


def grouped(runs: Sequence["Run"]) -> list[tuple[str, list["Run"]]]:
    """[(label, runs)], in the order given.

    Runs with one name are seeds of one method, unless their recipes differ: then each recipe is a separate method, and
    its label says what differs.
    """
    groups: dict[str, dict[str, list]] = {}
    for run in runs:
        groups.setdefault(run.name, {}).setdefault(repr(run.recipe), []).append(run)
    return [
        (label, same)
        for name, recipes in groups.items()
        for label, same in zip(_labels(name, list(recipes)), recipes.values(), strict=True)
    ]


def _labels(name: str, codes: list[str]) -> list[str]:
    """The method's name, with the settings in which recipes of that name differ; numbers where these are too long."""
    settings = [_settings(code) for code in codes]
    shared = set.intersection(*map(set, settings))
    own = [[words for words in one if words not in shared] for one in settings]
    regimes = [[word for word in words if word.startswith("heads=")] for words in own]
    for settings_shown in (own, regimes):
        labels = [" ".join([name, *words]) for words in settings_shown]
        if len(set(labels)) == len(labels) and max(map(len, labels)) <= LABEL:
            return labels
    return [f"{name} ({i})" for i in range(1, len(codes) + 1)]


def _settings(code: str) -> list[str]:
    """The plain settings and weights in the code of a recipe, such as "temperature=1.0"."""
    found = []
    for node in ast.walk(ast.parse(code, mode="eval")):
        if isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
            found.append(f"{node.arg}={node.value.value!s}")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            found.append(f"weight={ast.unparse(node.left)}")
    return found
