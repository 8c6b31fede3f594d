"""Which cells an exercise needs: what makes its names, and nothing that trains for the sake of a local name."""

import pytest

from cltutor.exercises.grading import cells
from cltutor.exercises.grading.wire import Broken, decode, encode, loads

CHECK = 'cl.exercises.check("01-unknown", {})'


def sources(*code: str) -> list[str]:
    """What is run for the last cell."""
    found = [part for one in code for part in cells.parts(one)]
    return [found[i].source for i in cells.needed(found, len(found) - 1)]


def test_imports_are_run_without_the_rest_of_their_cell():
    assert sources("import cltutor as cl\nlearned = cl.learn(...)", CHECK.format("1")) == [
        "import cltutor as cl",
        CHECK.format("1"),
    ]


def test_the_last_cell_that_makes_a_name_is_run_with_what_it_needs():
    found = sources("a = 1", "a = 2", "b = a + 1", "c = 3", CHECK.format("b"))
    assert found == ["a = 2", "b = a + 1", CHECK.format("b")]


def test_names_inside_functions_are_read_there_and_made_nowhere():
    def_ = "def mine(x):\n    rows = helper(x)\n    return rows\n\n" + CHECK.format("mine")
    assert sources("rows = train()", "def helper(x):\n    return x", def_) == ["def helper(x):\n    return x", def_]


def test_a_name_that_the_cell_makes_first_is_not_read_from_another():
    assert sources("answer = train()", "answer = {}\n" + CHECK.format("answer")) == [
        "answer = {}\n" + CHECK.format("answer")
    ]


@pytest.mark.parametrize(
    "change",
    [
        'answer["forgetting"] = 0.1',
        'answer["forgetting"] += 0.1',
        "answer.rows.append(1)",
        "answer.weight.data[0].fill_(1)",
        "answer.done = True",
        "del answer[0]",
        "for k in range(3):\n    answer[k] = k",
        "if True:\n    answer.update(a=1)",
    ],
)
def test_a_cell_that_changes_in_place_what_another_made_is_run_between_the_two(change):
    first, last = "answer = make()", CHECK.format("answer") + "\nanswer"
    assert sources(first, change, "other = 1", last) == [first, change, last]


@pytest.mark.parametrize("reads", ["print(answer)", "answer.mean()", "len(answer[0])", "def f():\n    answer[0] = 1"])
def test_a_cell_that_only_reads_a_value_is_not_run_for_it(reads):
    last = CHECK.format("answer") + "\nanswer"
    assert sources("answer = make()", reads, last) == ["answer = make()", last]


def test_a_check_may_name_its_arguments():
    (cell,) = cells.parts('cl.exercises.check(exercise="01-unknown", answer=mine)')
    assert cell.exercises == ("01-unknown",)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "it is no JSON"),
        ('{"cells": [', "it is no JSON"),
        ("[]", "it has no cells"),
        ('{"cells": [{"cell_type": "code"}]}', "it has no cells"),
        ('{"worksheets": [{"cells": []}], "nbformat": 3}', "older than 4, so open and save it in JupyterLab"),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_reason(tmp_path, content, why):
    (tmp_path / "a.ipynb").write_text(content)
    with pytest.raises(ValueError, match=why):
        cells.read(tmp_path / "a.ipynb")


def test_magic_lines_are_left_out_and_a_cell_with_an_error_stays_to_say_so():
    assert sources("%time a = 1\n!ls\nb = 2", CHECK.format("b")) == ["\n\nb = 2", CHECK.format("b")]
    (broken,) = cells.parts('def (\ncl.exercises.check("01-unknown", 1)')
    assert broken.exercises == ("01-unknown",)


@pytest.mark.parametrize(
    "message",
    ["[1, 2]", '{"kind": "nothing"}', '{"kind": "tensor", "dtype": "float64", "shape": [9], "data": "", "gradient": 0}',
     '{"kind": "tensor", "dtype": "object", "shape": [], "data": "", "gradient": false}', '{"items": []}',
     '{"kind": "list", "items": 3}', '{"kind": "int", "digits": "x"}', '{"kind": "dict", "items": [[1]]}',
     '{"kind": "tensor", "dtype": "int8", "shape": [-1, -1], "data": "AAAA", "gradient": false}'],
)  # fmt: skip
def test_what_is_no_value_is_refused(message):
    with pytest.raises(Broken):
        decode(loads(message.encode()), lambda *a: None)


def test_json_that_is_too_deep_is_refused():
    with pytest.raises(Broken):
        loads(b"[" * 200_000)


def test_plain_values_tensors_and_recipes_cross_as_they_are():
    import numpy as np
    import torch

    import cltutor as cl

    value = {"a": [1, 2.5, None, True, ...], (1, "b"): float("inf"), "big": -(10**30)}
    assert decode(encode(value), lambda *a: None) == value
    for tensor in (torch.randn(2, 3), torch.tensor(3), torch.zeros(0, 2), torch.tensor([True]), torch.ones(2).half()):
        found = decode(encode(tensor), lambda *a: None)
        assert found.dtype == tensor.dtype
        assert torch.equal(found, tensor)
    assert decode(encode(np.float32(2.5)), lambda *a: None).item() == 2.5
    for recipe in (cl.methods.lwf(), cl.methods.eeil(), cl.losses.CrossEntropy() + 0.5 * cl.losses.Anchor()):
        assert decode(encode(recipe), lambda *a: None) == recipe
    assert type(decode(encode(object()), lambda *a: None)).__name__ == "object"
