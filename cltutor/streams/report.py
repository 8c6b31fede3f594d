"""What a source took, guessed, converted and skipped on the way from files or arrays to a stream."""

from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from ..checked import Text, checked
from ..rules import CONTROL, Choice

KINDS = ("taken", "guessed", "converted", "skipped")
KIND, TEXT = Choice(KINDS), Text()
_EXAMPLES = 3


class Note(NamedTuple):
    """One thing that happened: its kind, what it was, how often (0 where it is not counted), the first examples."""

    kind: str
    what: str
    number: int = 0
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = ", ..." if self.number > len(self.examples) else ""
        return f"{self.what} ({self.number:,}): {', '.join(self.examples)}{more}" if self.number else self.what


class Report:
    """The notes of a source, by kind: it prints as text, shows as a table in a notebook, and is False when empty."""

    def __init__(self) -> None:
        self._notes: dict[tuple[str, str], Note] = {}

    def add(self, kind: str, what: str, *names: str) -> None:
        """Note `what` once more, for the files or labels `names`."""
        KIND.check("kind", kind)
        for text in (what, *names):
            TEXT.check("what and each name", text)
        note = self._notes.get((kind, what), Note(kind, what))
        examples = (*note.examples, *map(printable, names))[:_EXAMPLES]
        self._notes[kind, what] = note._replace(number=note.number + len(names), examples=examples)

    @checked(kind=KIND)
    def of(self, kind: str) -> tuple[Note, ...]:
        """The notes of a kind: "taken", "guessed", "converted" or "skipped"."""
        return tuple(note for note in self if note.kind == kind)

    def __iter__(self) -> Iterator[Note]:
        return iter(sorted(self._notes.values(), key=lambda note: KINDS.index(note.kind)))

    def __len__(self) -> int:
        return len(self._notes)

    def __repr__(self) -> str:
        return "\n".join(f"{note.kind:<10} {note}" for note in self) or "nothing to report"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{note.kind}</th><td>{escape(str(note))}</td></tr>" for note in self)
        return f"<table>{rows}</table>" if rows else "nothing to report"


def printable(name: str) -> str:
    """The name with control characters, and bytes that are no text, written as escapes."""
    return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", name)
