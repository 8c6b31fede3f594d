"""Claims, sides and records made by hand, for tests that train nothing."""

import hashlib

import numpy as np

from cltutor.studies.claims.claim import Claim, Quantity, Range
from cltutor.studies.claims.measures import STATISTICS
from cltutor.studies.claims.records import Record
from cltutor.studies.claims.settings import setting_of
from cltutor.studies.claims.sides import Side

TASKS = Range("tasks", 2, 4, "two to four")


def side(method, setting="pair", label=None, **more):
    own = {name: more.pop(name) for name in ("change", "warm_up", "weights", "published") if name in more}
    return Side(label or method, method, setting, more, **own)


def quantity(*sides, statistic="old", label=None):
    return Quantity(label or " - ".join(one.label for one in sides), STATISTICS[statistic], sides)


def constant(value, statistic="old"):
    return Quantity(f"{value:g}", STATISTICS[statistic], constant=value)


LWF, FINETUNE = side("lwf"), side("finetune", warm_up=True)
ALSO = {"phases": "old heads learn only where something teaches them"}


def claim(left=LWF, right=FINETUNE, statistic="old", **changed):
    """LwF keeps the old task better than fine-tuning, changed."""
    sides = (
        quantity(*(one if isinstance(one, tuple) else (one,)), statistic=statistic)
        if not isinstance(one, Quantity)
        else one
        for one in (left, right)
    )
    left, right = sides
    fixed = {"side": "above", "differs": ("terms",), "also": ALSO, "range": TASKS}
    return Claim("lwf", "section 1", "One is better.", left, right=right, **{**fixed, **changed})


def record(setting, known, unknown=(), sizes=(20, 20), curves=(), trial=0, **more):
    return Record(setting, "Recipe()", trial, list(known), list(unknown), list(sizes), list(curves), **more)


def drawn(job):
    """A record with numbers drawn by what the job is, as training is repeatable."""
    setting = setting_of(job.setting)
    sizes = [20 * classes for classes in setting.tasks]
    seed = int(hashlib.sha256(f"{job.recipe!r} {job.trial}".encode()).hexdigest()[:8], 16)
    generator = np.random.default_rng(seed)
    known = [[int(generator.integers(size // 3, size * 9 // 10)) for size in sizes[: n + 1]] for n in range(len(sizes))]
    curves = [[int(n) for n in generator.integers(1, size, setting.epochs)] for size in sizes] if setting.curve else []
    unknown = known if job.recipe.heads == "class" else []
    extras = {name: float(generator.random()) for name in job.extras}
    return Record(job.setting, repr(job.recipe), job.trial, known, unknown, sizes, curves, 10, 1000, extras)
