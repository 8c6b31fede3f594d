"""A folder of students' notebooks -> for each what is passed, and why not."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..checking import Check, names
from .cells import LOOKS_BEHIND, Cell, needed, read
from .session import Ended, Session


@dataclass
class Graded:
    """A notebook: its name in the folder, the result of each exercise, and what a teacher should look at."""

    name: str
    results: dict[str, Check] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> int:
        return sum(one.passed for one in self.results.values())

    def add(self, found: Check) -> None:
        """Keep the best of several tries."""
        before = self.results.get(found.exercise)
        if before is None or not before.passed:
            self.results[found.exercise] = found


def notebooks(folder: Path) -> list[Path]:
    """The notebooks in a folder and those below it.

    Raises:
        ValueError: there is none.
    """
    found = [path for path in sorted(folder.rglob("*.ipynb")) if ".ipynb_checkpoints" not in path.parts]
    found = [path for path in found if path.is_file()]
    if not found:
        raise ValueError(f"there is no notebook (*.ipynb) in {folder}.")
    return found


def grade(folder: Path, seconds: float, memory: int) -> Iterator[tuple[Graded, bool]]:
    """Each notebook in turn, and whether the system confined its process.

    seconds: for an exercise with the cells that it needs; memory: bytes.
    """
    for path in notebooks(folder):
        name = path.relative_to(folder).as_posix()
        if path.resolve().is_relative_to(folder.resolve()):
            yield grade_one(path, name, seconds, memory)
        else:  # such as to the teacher's own
            yield Graded(name, notes=["it is a link to a file outside the folder, which is not read"]), True


def grade_one(path: Path, name: str, seconds: float, memory: int) -> tuple[Graded, bool]:
    """A notebook in a fresh process; after an exercise that ends it, the others get another one."""
    graded = Graded(name)
    try:
        cells = read(path)
    except ValueError as error:
        graded.notes.append(str(error))
        return graded, True
    if any(LOOKS_BEHIND.search(cell.source) for cell in cells):
        graded.notes.append("it names the package's own solutions: look at it")
    expected = expected_in(cells)
    confined = _run(cells, graded, seconds, memory) if expected else True
    for exercise in expected:
        if exercise not in graded.results:
            graded.add(Check(exercise, False, "It is not checked anywhere in this notebook."))
    graded.results = {exercise: graded.results[exercise] for exercise in names() if exercise in graded.results}
    if not expected:
        graded.notes.append("it has no exercise")
    return graded, confined


def expected_in(cells: list[Cell]) -> list[str]:
    """The exercises of every notebook of which at least one is checked in the cells."""
    books = {exercise[:2] for cell in cells for exercise in cell.exercises}
    return [exercise for exercise in names() if exercise[:2] in books]


def _run(cells: list[Cell], graded: Graded, seconds: float, memory: int) -> bool:
    """Run the cells of each exercise, and what they need; a cell that ended its process is not run again."""
    session: Session | None = None
    done, fatal, confined = set[int](), set[int](), True
    left = seconds * len(expected_in(cells))
    try:
        for place in (i for i, cell in enumerate(cells) if cell.exercises):
            if left <= 0:
                graded.notes.append(
                    "the limit of all its exercises together is spent: the rest of its cells is not run"
                )
                break
            session = session or Session(seconds, memory)
            wanted = [i for i in needed(cells, place) if i not in done | fatal]
            try:
                stopped = session.run([cells[i].source for i in wanted], graded.add)
                done |= set(wanted)
            except Ended as ended:
                stopped, done = ("", str(ended)), set()
                fatal.add(place)
            left -= session.took
            confined &= session.confined is not False
            if place in fatal:
                session.close()
                session = None
            if stopped:
                words = f"The cell stopped: {': '.join(part for part in stopped if part)[:300]}."
                for exercise in cells[place].exercises:
                    graded.results.setdefault(exercise, Check(exercise, False, words))
    finally:
        if session:
            session.close()
    return confined
