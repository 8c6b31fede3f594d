"""Every measured number in the prose, and where it comes from: README.md, docs/ and the text of the notebooks.

    python docs/cited.py            # what is wrong: a number that no entry cites, or that is not what is cited
    python docs/cited.py --entries  # entries for the sentences that have none, to be filled in

docs/numbers.toml has an entry for each sentence with a percentage, points, a time, a size, "times" or a decimal number:
the page, the sentence, and for each number one source:

    result: FILE | ROW | COLUMN     a cell of benchmarks/results/FILE; a row by its first cells, as "2 tasks / mas";
                                    also "100 - COLUMN", and "COLUMN, in brackets" for what stands there in brackets
    claim: PAPER | SENTENCE | PART  left, right, difference or p of a row of the ledger
    known: KEY                      [known] of docs/numbers.toml: a number of a paper, or a constant, stands there once
    page: module                    the size of the module that brings pictures to life, in MB
    is: 100 / 2                     arithmetic
    code: FILE | SNIPPET            the snippet stands in the file, or in the code of "this notebook"
    elsewhere: WHERE                documentation that is not here
    example: WHY                    a made-up number, which nothing can contradict
"""

import argparse
import ast
import operator
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import prose  # noqa: E402
import results  # noqa: E402

ROOT = HERE.parent
TABLE = HERE / "numbers.toml"
MADE = ("claims.md", "results.md")  # written by programs, from the results themselves
UNITS = (
    r"(?:%|(?:percentage )?points?\b|per ?cent\b|seconds?\b|s\b|ms\b|minutes?\b|hours?\b|[kMG]B\b|times\b"
    r"|images (?:per|a) second\b)"
)
WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
WORDS |= {"twelve": 12, "twenty": 20}
SCALES = {"s": 1.0, "second": 1.0, "ms": 0.001, "minute": 60.0, "hour": 3600.0, "kB": 0.001, "MB": 1.0, "GB": 1000.0}
PLAIN = r"(?<![\w.,])[-+−]?\d[\d,]*(?:\.\d+)?"
NUMBER = re.compile(
    rf"{PLAIN} ± \d+(?:\.\d+)?(?:\s*{UNITS})?"
    rf"|{PLAIN}\s*{UNITS}"
    rf"|(?<![\w.])[-+−]?\d+\.\d+(?![\w.]*\d)|(?<![\w.])\d{{1,3}}(?:,\d{{3}})+(?![\w.]*\d)"
    rf"|\b(?:{'|'.join(WORDS)}|half an?) (?:points|percent|per cent|seconds|minutes?|hours?|times)\b",
    re.IGNORECASE,
)
# Numbers that name a place or a version are not measured.
NAMES = re.compile(
    r"(?:sections?|tables?|figures?|eq|versions?|python)\.? \d[\w.]*(?:(?:,| and| to| or) \d[\w.]*)*|95 %"
    r"|arxiv\.org\S*|doi\.org\S*|\d+\.\d+\.\d+|(?<= )-\d\.\d+ -m",
    re.IGNORECASE,
)
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def pages() -> dict[str, str]:
    """What is read: the text of README.md, of docs/ as far as it is written by hand, and of the notebooks."""
    written = [ROOT / "README.md", *sorted(HERE.glob("*.md")), *sorted((HERE / "site").glob("*.md"))]
    found = {path: path.read_text(encoding="utf-8") for path in written if path.name not in MADE}
    found |= {path: "\n\n".join(prose.cells(path, "markdown")) for path in prose.NOTEBOOKS}
    typed = (HERE / "results.toml").read_text(encoding="utf-8")
    texts = re.findall(r'= (?:"""(.*?)"""|"([^"\n]*)"$)', typed, re.DOTALL | re.MULTILINE)
    found[HERE / "results.toml"] = "\n\n".join(long or short for long, short in texts)
    return {path.relative_to(ROOT).as_posix(): text for path, text in found.items()}


def statements(text: str) -> list[str]:
    """The sentences of a text, and the rows of its tables."""
    rows = [line.strip() for line in text.splitlines() if line.lstrip().startswith("|")]
    return [" ".join(one.split()) for one in [*prose.sentences(text), *rows]]


def numbers(sentence: str) -> list[str]:
    """The measured numbers of a sentence, as they are written."""
    return [match[0] for match in NUMBER.finditer(NAMES.sub(lambda found: "#" * len(found[0]), sentence))]


def faults(found: Mapping[str, str], table: Mapping[str, Any], root: Path = ROOT) -> Iterator[str]:
    """What is wrong with the numbers of pages, in one sentence each."""
    entries = {(one["page"], one["sentence"]): one["numbers"] for one in table["entry"]}
    present = {(page, one) for page, text in found.items() for one in statements(text)}
    if len(entries) < len(table["entry"]):
        yield "two entries are for the same sentence"
    for page, sentence in sorted(present):
        cited = entries.get((page, sentence), {})
        for number in numbers(sentence):
            if number not in cited:
                yield f"{page}: no entry says where {number!r} comes from, in: {sentence}"
    for (page, sentence), cited in entries.items():
        if (page, sentence) not in present:
            yield f"{page}: the sentence of an entry is gone: {sentence}"
            continue
        for number, source in cited.items():
            if number not in numbers(sentence):
                yield f"{page}: {number!r} of an entry is not in: {sentence}"
            elif wrong := contradiction(number, source, page, sentence, table.get("known", {}), root):
                yield f"{page}: {wrong}, in: {sentence}"


def contradiction(number: str, source: str, page: str, sentence: str, known: Mapping, root: Path) -> str:
    """Why a number is not what its source says; "" where it is."""
    kind, _, rest = source.partition(": ")
    parts = [part.strip() for part in rest.split(" | ")]
    try:
        if kind in ("elsewhere", "example"):
            return "" if rest else f"{number!r} needs words after {kind}"
        if kind == "code":
            return code(number, *parts, page=page, root=root)
        said = SOURCES[kind](known if kind == "known" else root, *parts)
    except (KeyError, ValueError, TypeError, OSError) as error:
        return f"{number!r} cites what is not there, {source} ({error})"
    rounded = re.search(rf"\babout {re.escape(number)}", sentence) is not None
    return "" if agrees(number, said, rounded) else f"{number!r} is {said} in {source}"


def code(number: str, place: str, snippet: str, page: str, root: Path) -> str:
    """Why a snippet does not support a number."""
    path = root / (page if place == "this notebook" else place)
    text = "\n".join(prose.cells(path, "code")) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
    if snippet not in text:
        return f"{number!r} cites {snippet!r}, which is not in {place}"
    values = [abs(float(value)) for value in re.findall(r"\d+(?:\.\d+)?", snippet)]
    (wanted, _), *_ = value_of(number, False)[0]
    typed = [float(digits) for digits in re.findall(r"^\d+(?:\.\d+)?", number)]
    allowed = [wanted, *typed, *(value / 100 for value in typed if "%" in number)]
    agree = any(abs(value - one) < 1e-9 for one in allowed for value in values)
    return "" if agree else f"{number!r} is not in {snippet!r} of {place}"


def agrees(number: str, said: str, rounded: bool = False) -> bool:
    """Whether a number as written is what a source says, at the precision written; "about 40" is rounded to tens. A
    number without a sign may be of either: "it lost 3 points"."""
    wanted, signed = value_of(number, rounded)
    known = [float(value.replace("−", "-").replace(",", "")) for value in re.findall(r"[-+−]?\d[\d,]*(?:\.\d+)?", said)]
    if len(known) < len(wanted):
        return False
    pairs = list(zip(wanted, known, strict=False))
    if not signed:
        pairs = [((abs(value), room), abs(other)) for (value, room), other in pairs]
    return all(abs(value - other) <= room + 1e-9 for (value, room), other in pairs)


def value_of(number: str, rounded: bool) -> tuple[list[tuple[float, float]], bool]:
    """Each value of a number as written with half of its last digit, in seconds and MB; and whether it has a sign."""
    unit = (re.findall(r"\d\s*([a-zA-Z]+)$| ([a-zA-Z]+)$", number) or [("", "")])[0]
    unit = unit[0] or unit[1] if "images" not in number else ""
    scale = SCALES.get(unit.removesuffix("s") or unit, 1.0)
    texts = re.findall(r"[-+−]?\d[\d,]*(?:\.\d+)?", number)
    if not texts:
        word = number.split()[0].lower()
        return [((0.5 if word == "half" else WORDS[word]) * scale, (0.25 if word == "half" else 0.5) * scale)], False
    found = []
    for text in texts:
        digits = text.replace(",", "").replace("−", "-")
        zeros = len(digits) - len(digits.rstrip("0")) if rounded and "." not in digits else 0
        last = 10.0 ** (zeros - len(digits.partition(".")[2]))
        found.append((float(digits) * scale, last * scale / 2))
    return found, number[0] in "+-−"


def of_result(root: Path, name: str, row: str, column: str) -> str:
    """A cell of a result file."""
    header, *body = results.read_table(root / "benchmarks" / "results" / name)
    first = row.split(" / ")
    rows = [cells for cells in body if cells[: len(first)] == first]
    plain = column.removeprefix("100 - ").removesuffix(", in brackets")
    if len(rows) != 1 or plain not in header:
        raise ValueError(f"{len(rows)} rows, columns {', '.join(header)}")
    cell = rows[0][header.index(plain)]
    if column.endswith(", in brackets"):
        cell = re.findall(r"\((.*)\)", cell)[0]
    return f"{100 - float(cell.split()[0]):.10g}" if column.startswith("100 - ") else cell


def of_claim(root: Path, paper: str, sentence: str, part: str) -> str:
    """A number of a row of the ledger."""
    rows = [entry for entry in ledger() if (entry.claim.paper, entry.claim.sentence) == (paper, sentence)]
    if len(rows) != 1:
        raise ValueError(f"{len(rows)} such claims")
    return dict(zip(("left", "right", "difference", "p"), rows[0].numbers(), strict=True))[part]


@cache
def ledger() -> Any:
    sys.path.insert(0, str(ROOT))
    from cltutor.studies import claims

    return claims.ledger()


def of_page(root: Path, part: str) -> str:
    """The size of what every picture carries."""
    sys.path.insert(0, str(ROOT))
    from cltutor.show import drawing

    return f"{len({'module': drawing.script}[part]().encode()) / 1e6}"


def of_arithmetic(root: Path, text: str) -> str:
    """The value of numbers joined by + - * /."""

    def value(node: ast.expr) -> float:
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return node.value
        raise ValueError("no arithmetic")

    return f"{value(ast.parse(text, mode='eval').body):.10g}"


SOURCES = {
    "result": of_result,
    "claim": of_claim,
    "known": lambda known, key: known[key],
    "page": of_page,
    "is": of_arithmetic,
}


def read() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def lacking(found: Mapping[str, str], entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Entries to be filled in, for sentences that have none."""
    known = {(one["page"], one["sentence"]) for one in entries}
    for page, text in found.items():
        for sentence in dict.fromkeys(statements(text)):
            if (own := numbers(sentence)) and (page, sentence) not in known:
                cited = "".join(f'numbers."{number}" = ""\n' for number in dict.fromkeys(own))
                yield f"[[entry]]\npage = \"{page}\"\nsentence = '''{sentence}'''\n{cited}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", action="store_true", help="write entries for sentences that have none")
    if parser.parse_args().entries:
        print("\n".join(lacking(pages(), read()["entry"] if TABLE.exists() else ())))
        return 0
    wrong = list(faults(pages(), read()))
    print("\n".join(wrong) or f"{len(read()['entry'])} sentences with numbers")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
