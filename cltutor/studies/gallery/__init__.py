"""The gallery: recorded results of every method on digits and scenes, with the settings that made them.

A page shows real comparisons at once: ``cl.gallery.runs("digits")`` are complete runs without their weights.
``cltutor gallery`` makes them again.
"""

from .archive import Origin, origin, runs
from .settings import names, recipe, stream

__all__ = ["Origin", "names", "origin", "recipe", "runs", "stream"]
