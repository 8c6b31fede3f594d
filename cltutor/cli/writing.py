"""What `cltutor run` and `cltutor compare` write into a folder: the table, the figures and the run files."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..runs.store import Store

if TYPE_CHECKING:
    from ..comparing.comparison import Comparison
    from ..show.picture import Picture


def ready(folder: Path, option: str = "--out") -> Path:
    """The folder, which now exists; ValueError in one sentence where it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    except OSError as error:
        raise ValueError(f"cannot write to {folder} ({error.strerror}): choose another place with {option}.") from error
    return folder


def ready_file(path: Path) -> None:
    """ValueError in one sentence where the file cannot be written."""
    try:
        there = path.exists()
        path.open("ab").close()
        if not there:
            path.unlink()
    except OSError as error:
        raise ValueError(
            f"cannot write {path} ({error.strerror}): name a file in a folder of your own, or work in a checkout."
        ) from error


def report(comparison: "Comparison", out: Path | None, command: str) -> None:
    """Write the table with its figures and runs where a folder was named, and print it."""
    files = write(comparison, out, f"cltutor {command}") if out else []
    print(comparison.table())
    if out:
        print(f"\n{len(files)} files in {out}: the table, {len(files) - 1 - len(comparison)} figures and the runs.")


def write(comparison: "Comparison", folder: Path, command: str) -> list[Path]:
    """Write table.md, figures as PNG and the runs; the paths of all these files."""
    table = folder / "table.md"
    table.write_text(f"# {command}\n\n{comparison.table().markdown()}", encoding="utf-8")
    written = [table]
    for name, picture in figures(comparison).items():
        path = folder / f"{name}.png"
        path.write_bytes(picture.png(150))
        written.append(path)
    store = Store(folder / "runs")
    for run in comparison:
        if not store.path(run).exists():
            store.save(run)
        written.append(store.path(run))
    return written


def figures(comparison: "Comparison") -> dict[str, "Picture"]:
    """The pictures of a comparison by file name, each of runs of one regime of training."""
    from ..show.over_time import accuracy_over_time
    from ..show.results import forgetting, old_and_new

    several, found = len(comparison[0].tasks) > 1, {}
    if several:
        with suppress(ValueError):  # on tasks of one class no old or new accuracy says anything
            found["old_and_new"] = old_and_new(comparison)
    for words, competes in (("head_per_task", False), ("all_classes", True)):
        runs = [run for run in comparison if run.competes == competes]
        if runs:
            found[f"accuracy_{words}"] = accuracy_over_time(runs, known_task=not competes)
        if runs and several:
            found[f"forgetting_{words}"] = forgetting(runs, known_task=not competes)
    return found
