"""A class's notebooks, honest and hostile: what is right passes, and nothing that a notebook does changes a verdict."""

import json
import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import v4
from needs import needs

from cltutor import cli
from cltutor.exercises.grading import confining, otter, tables
from cltutor.exercises.grading.grading import Graded, grade, grade_one

MEMORY = 4 * 2**30
BOOKS = sorted((Path(__file__).resolve().parents[3] / "notebooks").glob("*.ipynb"))
FIRST = 'answer = {"average_accuracy": 0.85, "forgetting": 0.09, "backward_transfer": -0.08}\n'
CHECK = 'cl.exercises.check("01-forgetting", answer)'
CONFUSION = """def confusion(logits, labels, task_of):
    predicted = logits.argmax(dim=1)
    found = task_of[predicted] == task_of[labels]
    return found.double().mean(), (predicted == labels)[found].double().mean()

cl.exercises.check("01-confusion", confusion)"""
UNKNOWN = 'def accuracy(logits, labels, task_of, known_task):{}\n\ncl.exercises.check("01-unknown", accuracy)'
RIGHT = UNKNOWN.format("""
    if known_task:
        foreign = task_of != task_of[labels].unsqueeze(1)
        logits = logits.masked_fill(foreign, float("-inf"))
    return (logits.argmax(dim=1) == labels).double().mean()""")
SOLVED = ["import cltutor as cl", "%matplotlib inline\nraise SystemExit  # no exercise: not run", RIGHT, FIRST + CHECK]
SOLVED += [CONFUSION]


def book(path: Path, *cells: str) -> Path:
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells]), path)
    return path


def graded(tmp_path, *cells: str, seconds=60) -> Graded:
    return grade_one(book(tmp_path / "a.ipynb", *cells), "a.ipynb", seconds, MEMORY)[0]


def verdicts(found: Graded) -> dict[str, bool]:
    return {name: one.passed for name, one in found.results.items()}


def test_a_folder_becomes_a_table_for_a_gradebook_and_one_to_read(tmp_path, capsys):
    (tmp_path / "ada").mkdir()
    book(tmp_path / "ada" / "01.ipynb", *SOLVED)
    book(tmp_path / "=bob.ipynb", "import cltutor as cl", UNKNOWN.format(" ..."), FIRST.replace("0.09", "0.08") + CHECK)
    (tmp_path / "eve.ipynb").write_text("no notebook")
    book(tmp_path / "zoe;\t=1+1.ipynb", "import cltutor as cl")
    out = tmp_path / "grades.csv"
    assert cli.main(["grade", str(tmp_path), "--out", str(out)]) == 0
    assert out.read_text().splitlines() == [
        '"notebook","01-unknown","01-forgetting","01-confusion","passed","of","notes"',
        """"'=bob.ipynb",0,0,0,0,3,\"\"""",  # a spreadsheet would compute what begins with =
        '"ada/01.ipynb",1,1,1,3,3,""',
        '"eve.ipynb","","","",0,0,"it cannot be read as a notebook: it is no JSON"',
        '"zoe;\t=1+1.ipynb","","","",0,0,"it has no exercise"',  # quoted, for a spreadsheet that separates by ;
    ]
    page = out.with_suffix(".html").read_text()
    assert "You compare with the diagonal" in page
    assert "There is no answer here yet" in page
    assert "It is not checked anywhere in this notebook" in page
    assert "2 of 4" in capsys.readouterr().out


def test_what_crashes_or_never_ends_costs_its_own_exercise_alone(tmp_path):
    endless = UNKNOWN.format("\n    while True:\n        pass")
    crash = 'import os\nanswer = {}\nos.kill(os.getpid(), 11)\ncl.exercises.check("01-forgetting", answer)'
    found = graded(tmp_path, "import cltutor as cl", endless, crash, CONFUSION, seconds=8)
    assert verdicts(found) == {"01-unknown": False, "01-forgetting": False, "01-confusion": True}
    assert found.results["01-unknown"].message == "The cell stopped: it took longer than 8 s."
    assert "ended by the system" in found.results["01-forgetting"].message


def test_a_cell_that_raises_says_with_what_and_one_that_requires_keeps_the_words_of_its_check(tmp_path):
    wrong = FIRST.replace("0.09", "9") + CHECK + ".require()"
    found = graded(tmp_path, "import cltutor as cl", "answer = nothing\n" + CHECK, wrong)
    assert "forgetting is right in percent" in found.results["01-forgetting"].message
    found = graded(tmp_path, "import cltutor as cl", "answer = nothing\n" + CHECK)
    assert found.results["01-forgetting"].message == ("The cell stopped: NameError: name 'nothing' is not defined.")


FOLDED = re.compile(r"<details><summary>Solution</summary>.*?```python\n(.*?)```.*?</details>", re.DOTALL)


@pytest.mark.long
@pytest.mark.parametrize("path", BOOKS[1:], ids=lambda path: path.stem[:2])
def test_the_folded_solutions_of_a_notebook_pass_in_a_process_of_their_own(tmp_path, path):
    solved = nbformat.read(path, 4)
    folded = [code for cell in solved.cells if cell.cell_type == "markdown" for code in FOLDED.findall(cell.source)]
    for cell in solved.cells:
        if cell.cell_type == "code" and "exercises.check(" in cell.source:
            cell.source = folded.pop(0)
    nbformat.write(solved, tmp_path / path.name)
    found, _ = grade_one(tmp_path / path.name, path.name, 300, MEMORY)
    assert len(found.results) == 3
    assert [one for one in found.results.values() if not one.passed] == []


@pytest.mark.parametrize(
    ("teacher", "end", "words"),
    [
        ("targets", "", "a gradient flows into the teacher"),
        ("targets.detach()", ".detach()", "no gradient reaches the student"),
        ("targets.detach()", "", "That is eq. 2 and 3"),
    ],
)
def test_gradients_are_those_of_the_students_own_process(tmp_path, teacher, end, words):
    code = "import torch\nimport cltutor as cl\ndef mine(logits, targets, temperature):\n"
    code += f"    soft = torch.softmax({teacher} / temperature, 1)\n"
    code += f"    return -(soft * torch.log_softmax(logits / temperature, 1)).sum(1).mean(){end}\n"
    found = graded(tmp_path, code + 'cl.exercises.check("02-distillation", mine)')
    assert words in found.results["02-distillation"].message


FORGERIES = {
    "its own check": "import cltutor as cl\nfrom cltutor.exercises.checking import Check\n"
    "cl.exercises.check = lambda name, answer: Check(name, True, 'right')\nanswer = {}\n" + CHECK,
    "no checks": "import cltutor as cl\nfrom cltutor.exercises import checking\n"
    "for name, one in checking.EXERCISES.items():\n    object.__setattr__(one, 'checks', ())\n"
    "checking.judge = lambda name, answer: checking.Check(name, True, 'right')\nanswer = {'forgetting': 1}\n" + CHECK,
    "a printed verdict": "import cltutor as cl, os, json, struct, sys\n"
    "for number in range(1, 12):\n"
    "    said = json.dumps({'verdict': [1, '01-forgetting', True], 'passed': True, 'done': None}).encode()\n"
    "    try:\n        os.write(number, struct.pack('>Q', len(said)) + said)\n    except OSError:\n        pass\n"
    "answer = {}\n" + CHECK,
    "equal to everything": "import cltutor as cl\nclass Same(float):\n    __eq__ = lambda *a: True\n"
    "    __sub__ = __rsub__ = lambda *a: 0.0\n    __hash__ = float.__hash__\n"
    "answer = dict.fromkeys(['average_accuracy', 'forgetting', 'backward_transfer'], Same())\n" + CHECK,
    "gone": "import cltutor as cl, os\nanswer = {}\nos._exit(0)\n" + CHECK,
    "a pickle": "import cltutor as cl, os\nclass Bomb:\n    def __reduce__(self):\n"
    "        return os.system, ('touch ' + TARGET,)\nanswer = Bomb()\n" + CHECK,
    "a number without end": "import cltutor as cl\nanswer = dict.fromkeys("
    "['average_accuracy', 'forgetting', 'backward_transfer'], 10 ** 400)\n" + CHECK,
    "a message without end": "import cltutor as cl\nanswer = {'forgetting': 'x' * 50_000_000}\n" + CHECK,
    "the end of the grader": "import cltutor as cl, os, signal\nanswer = {}\n"
    "try:\n    os.kill(os.getppid(), signal.SIGKILL)\nexcept OSError:\n    pass\n" + CHECK,
}


SAFE = {"the end of the grader": needs(confining.version() >= 6, "Landlock 6: a process may end its parent")}


@pytest.mark.parametrize("name", [pytest.param(name, marks=SAFE.get(name, ())) for name in FORGERIES])
def test_no_notebook_changes_its_verdict(tmp_path, name):
    target = tmp_path / "target"
    found = graded(tmp_path, f"TARGET = {str(target)!r}", FORGERIES[name])
    assert verdicts(found) == {"01-unknown": False, "01-forgetting": False, "01-confusion": False}
    assert not target.exists()


@needs(confining.version() > 0, "Landlock")
def test_no_notebook_writes_outside_its_folder_reads_its_neighbours_or_uses_the_network(tmp_path):
    secret = tmp_path / "grades.csv"
    secret.write_text("ada,3")
    tries = {
        "write": f"open({str(tmp_path / 'new')!r}, 'w')",
        "change": f"open({str(secret)!r}, 'a')",
        "remove": f"os.remove({str(secret)!r})",
        "read": f"open({str(secret)!r}).read()",
        "child": f"subprocess.run(['touch', {str(tmp_path / 'child')!r}], check=True)",
        "network": "socket.create_connection(('127.0.0.1', 9), 2)",
        "package": "open(cl.__file__, 'a')",
        "own folder": "open('mine.txt', 'w').write('x')",
    }
    code = f"import os, socket, subprocess\nimport cltutor as cl\nanswer = {{}}\nfor name, code in {tries!r}.items():\n"
    code += "    try:\n        exec(code)\n        answer[name] = 'done'\n"
    code += "    except Exception as error:\n        answer[name] = type(error).__name__\n"
    code += "answer = {'forgetting': 0.1, 'backward_transfer': 0.1, 'average_accuracy': str(answer)}\n" + CHECK
    message = graded(tmp_path, code).results["01-forgetting"].message
    for name in ("write", "change", "remove", "read", "network", "package"):
        assert f"'{name}': 'PermissionError'" in message, message
    assert "'child': 'CalledProcessError'" in message
    assert "'own folder': 'done'" in message
    assert secret.read_text() == "ada,3"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ipynb", "grades.csv"]


@needs(sys.platform == "linux", "way to find them")
@pytest.mark.parametrize("then", ["", "\nos._exit(0)", "\nwhile True: pass"])
def test_what_a_notebook_leaves_behind_in_a_session_of_its_own_is_ended(tmp_path, then):
    words = ["-c", "import time; time.sleep(300)", str(tmp_path)]
    code = "import cltutor as cl\nimport os, subprocess, sys\nif os.fork() == 0:\n    os.setsid()\n"
    code += f"    subprocess.Popen([sys.executable, *{words}], start_new_session=True)\n    os._exit(0)\nos.wait()"
    found = graded(tmp_path, code + f"\nanswer = {{}}{then}\n" + CHECK, seconds=8)
    assert found.passed == 0
    left = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.parent.name != "self"]
    assert not [line for line in left if str(tmp_path).encode() in line]


def test_many_endless_cells_take_no_longer_than_one_of_each_exercise(tmp_path):
    endless = ["import cltutor as cl", *(f"def loop():\n    while True: pass\nx = {i}\n{CHECK}" for i in range(9))]
    found = graded(tmp_path, *(cell.replace("answer", "loop()") for cell in endless), seconds=1)
    assert found.notes == ["the limit of all its exercises together is spent: the rest of its cells is not run"]
    assert not found.passed


def test_a_link_to_a_notebook_outside_the_folder_is_not_read(tmp_path):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "bob.ipynb").symlink_to(book(tmp_path / "solved.ipynb", *SOLVED))
    ((found, _),) = grade(tmp_path / "class", 60, MEMORY)
    assert found.notes == ["it is a link to a file outside the folder, which is not read"]
    assert not found.results


def test_letters_that_utf_8_has_not_become_escapes(tmp_path):
    book(tmp_path / os.fsdecode(b"bad\xff.ipynb"), "import cltutor as cl", f'raise ValueError("\\ud800")\n{CHECK}')
    out = tmp_path / "grades.csv"
    assert cli.main(["grade", str(tmp_path), "--out", str(out)]) == 0
    assert r"bad\udcff.ipynb" in out.read_text(encoding="utf-8")
    assert r"ValueError: \ud800" in out.with_suffix(".html").read_text(encoding="utf-8")


def test_a_notebook_with_so_much_code_that_to_read_it_fills_the_memory_is_not_read(tmp_path):
    found = graded(tmp_path, "a = b\n" * 200_000, CHECK)
    assert found.notes == ["it has more than a million letters of code"]
    assert not found.results


@needs(sys.platform == "linux", "such limit")
def test_a_notebook_that_fills_the_memory_is_stopped(tmp_path):
    greedy = "import cltutor as cl\nfilled = [bytearray(2**28) for _ in range(64)]\nanswer = {}\n" + CHECK
    found = graded(tmp_path, greedy)
    assert "MemoryError" in found.results["01-forgetting"].message


def test_a_notebook_that_names_the_packages_solutions_is_noted(tmp_path):
    found = graded(tmp_path, "import cltutor as cl", "answer = cl.exercises.notebook_01.MATRIX\n" + CHECK)
    assert found.notes == ["it names the package's own solutions: look at it"]


def test_the_columns_are_those_of_the_exercises_in_their_order():
    from cltutor.exercises import Check

    one = Graded("a", {"02-recipe": Check("02-recipe", True, "")})
    other = Graded("b", {"01-unknown": Check("01-unknown", False, "<b>")})
    assert tables.columns([one, other]) == ["01-unknown", "02-recipe"]
    assert "&lt;b&gt;" in tables.as_html([one, other], "")


def test_otters_files_ask_the_notebooks_own_checks(tmp_path):
    """Each file is run as otter runs it: its code, line by line, among the names of a solved notebook."""
    import doctest

    import cltutor as cl

    books = Path(__file__).resolve().parents[3] / "notebooks"
    written = otter.write(books, tmp_path)
    assert [path.stem for path in written] == cl.exercises.names()
    assert all(path.parents[1].name.startswith(path.stem[:2]) for path in written)
    assert otter.calls(books / "01_catastrophic_forgetting.ipynb")["01-unknown"] == "accuracy"
    for answer, wrong in (({"average_accuracy": 0.85, "forgetting": 0.09, "backward_transfer": -0.08}, 0), ({}, 1)):
        names: dict = {}
        exec((tmp_path / "01_catastrophic_forgetting" / "tests" / "01-forgetting.py").read_text(), names)
        assert names["OK_FORMAT"]
        code = names["test"]["suites"][0]["cases"][0]["code"]
        example = doctest.DocTestParser().get_doctest(code, {"answer": answer}, "01-forgetting", None, 0)
        assert doctest.DocTestRunner(verbose=False).run(example, out=lambda text: None).failed == wrong


def test_a_copy_without_solutions_has_the_rest(tmp_path):
    from cltutor.cli import lab

    lab.working_folder(tmp_path, solutions=False)
    shipped = lab.notebooks()[0]
    for path in sorted(shipped.glob("*.ipynb")):
        copy = (tmp_path / path.name).read_text(encoding="utf-8")
        before, after = (json.loads(text)["cells"] for text in (path.read_text(encoding="utf-8"), copy))
        assert "Solution</summary>" not in copy
        code = [[cell["source"] for cell in cells if cell["cell_type"] == "code"] for cells in (before, after)]
        assert code[0] == code[1]
        nbformat.validate(nbformat.reads(copy, 4))
    assert lab.still_solved(tmp_path) == ""
    (tmp_path / "01.ipynb").write_bytes((shipped / "01_catastrophic_forgetting.ipynb").read_bytes())
    assert lab.still_solved(tmp_path) == "Notebooks that were there already keep their solutions: 01.ipynb."
