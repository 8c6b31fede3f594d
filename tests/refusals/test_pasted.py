"""Pasted text that is wrong or hostile: refused at once, in one sentence, and never executed."""

import functools

from cltutor.recipe import parser
from tests.refusals.judging import Attempt, attempts, judge

NINES = "9" * 90
CODE = {
    **{"None": None, "a number": 3, "bytes": b"1", "list": [], "no text": "", "blanks": "  ", "a null byte": "\0"},
    **{"half a character": "'\ud800'", "two": "1 2", "lines": "1\n2", "a comment": "# 1", "too long": "x" * 30_000},
    **{
        "a long name": "x" * 9000,
        "a long call": f"{'x' * 9000}()",
        "an open bracket": "(" * 500,
        "minus": "-" * 9999 + "1",
    },
    **{"a long text": '"a" * 1000000000', "a long list": "[0] * 1000000000", "a long tuple": f"({'1,' * 10_001})"},
    **{
        "200 factors": "*".join([NINES] * 200),
        "a power": "9**9**9",
        "a shift": "1 << 10**9",
        "a sum": "1" + "+1" * 5000,
    },
    **{"200 factors of a term": f"{' * ('.join([NINES] * 200)} * CrossEntropy(){')' * 199}", "digits": "9" * 5000},
    **{
        "a large weight": f"{'9' * 400} * CrossEntropy()",
        "no number": "1e999 * CrossEntropy()",
        "True": "True * Anchor()",
    },
    **{"minus a term": "-1 * CrossEntropy()", "two terms": "CrossEntropy() * CrossEntropy()", "text": "'a' + 'b'"},
    **{
        "an attribute": "cl.losses",
        "a class": "Recipe",
        "an index": "(1,)[0]",
        "a comparison": "1 < 2",
        "not": "not 1",
    },
    **{"a lambda": "lambda: 1", "a format": "f'{x}'", "a walrus": "(x := 1)", "await": "await x", "complex": "1 + 2j"},
    **{
        "stars": "CrossEntropy(*[1])",
        "a dict of settings": "SmallCNN(**{'hidden': (1,)})",
        "twice": "Distillation(1, 1, 1)",
    },
    **{"an unhashable key": "{[]: 1}", "an unhashable item": "{[]}", "import": "__import__('os')", "exec": "exec('x')"},
    **{"a nested call": f"{'SmallCNN(' * 200}{')' * 200}", "an unknown class": "Nothing()", "a method": "'a'.upper()"},
}


@attempts(
    Attempt(f"{read.__name__}, {label}", functools.partial(read, code))
    for read in (parser.read, parser.parse)
    for label, code in CODE.items()
)
def test_text_that_is_not_code_of_a_part_is_refused_at_once(attempt):
    judge(attempt)
