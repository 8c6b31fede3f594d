"""A method as data: its loss, phases, schedule, network and memory, and the parser that reads it back."""

from .recipe import Phase, Recipe, Schedule

__all__ = ["Phase", "Recipe", "Schedule"]
