"""Numbers counted from 1 that are typed as a list, such as "1, 4-7", or touched one by one in a picture."""

import itertools
import re
from collections.abc import Callable, Iterable

import ipywidgets
import traitlets

from ..describe import Kind, Whole, shown
from .inputs import Guarded, button, row, text_field

Sets = dict[str, tuple[str, Callable[[], Iterable[int]]]]


class NumberField(ipywidgets.VBox):
    """A field for numbers from 1 to ``most``; `value` holds them in rising order.

    words: its label; tooltip: what the numbers mean; sets: buttons, by their words: a tooltip and the numbers to set.
    """

    value = traitlets.Tuple()

    def __init__(self, words: str, tooltip: str, guarded: Guarded, sets: Sets) -> None:
        self.words, self.most, self._setting = words, 1, False
        tip = f"{tooltip}, such as 1, 4-7; press Enter"
        self.text = text_field(words, tip, guarded(self._typed), "220px", "2px 12px 2px 0", "none")
        actions = {name: guarded(lambda _, made=made: self.set(made())) for name, (_, made) in sets.items()}
        self.buttons = {name: button(name, sets[name][0], action) for name, action in actions.items()}
        super().__init__([self.text, row(*self.buttons.values())])
        self.observe(self._show, "value")

    def set(self, numbers: Iterable[int]) -> None:
        """Set these numbers, in any order."""
        self.value = tuple(sorted(numbers))

    def toggle(self, number: int) -> None:
        """Add a number, or take it away."""
        self.set({*self.value} ^ {number})

    def _typed(self, change) -> None:
        if self._setting:
            return
        try:
            self.set(numbers(self.words, change.new, self.most))
        finally:
            self._show()

    def _show(self, change=None) -> None:
        self._setting = True
        self.text.value = listed(self.value)
        self._setting = False


def within(name: str, values: Iterable[int], most: int, of: str, such: str) -> tuple[int, ...]:
    """The numbers in rising order, none twice; ValueError for one above ``most``."""
    found = tuple(sorted(set(values)))
    if found and found[-1] > most:
        raise ValueError(f"{name} lists {of}, 1 to {most}, such as {such}, not {tuple(values)}.")
    return found


def rule_of_numbers(words: str) -> Kind:
    """What a call and a pasted line may give: a tuple of numbers counted from 1."""
    whole = Whole(at_least=1)
    return Kind(words, lambda value: isinstance(value, tuple | list) and all(map(whole.accepts, value)))


def numbers(name: str, words: str, most: int) -> tuple[int, ...]:
    """The numbers that are typed, such as "1, 4-7"; ValueError for what is no list of numbers from 1 to `most`."""
    found: set[int] = set()
    for part in words.replace(",", " ").split():
        ends = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part)
        first, last = (int(ends[1]), int(ends[2] or ends[1])) if ends else (0, 0)
        if not 1 <= first <= last <= most:
            raise ValueError(f"{name.capitalize()}: numbers from 1 to {most}, such as 1, 4-7, not {shown(part)}.")
        found |= set(range(first, last + 1))
    return tuple(sorted(found))


def listed(values: tuple[int, ...]) -> str:
    """Rising numbers as they are typed, three or more in a row with a dash: "1, 4-7"."""
    runs: list[list[int]] = []
    for number in values:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    ends = [[f"{run[0]}-{run[-1]}"] if len(run) > 2 else map(str, run) for run in runs]
    return ", ".join(itertools.chain.from_iterable(ends))
