"""The process in which a student's cells run: ``python -P -m cltutor.exercises.grading.student MEMORY SECONDS``.

It does what the grader says, a pickle per message: run a cell, call the answer that is being checked, or give its
gradients. `cl.exercises.check` hands the answer to the grader and returns the grader's verdict.
"""

import json
import os
import pickle
import sys
from pathlib import Path
from typing import IO, Any

from .confining import confine, limit

PACKAGE = Path(__file__).resolve().parents[2]


def private_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The pipes from and to the grader, no longer the standard ones: what cells read and print goes nowhere."""
    pipes = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    return pipes


class Student:
    """What the process knows: the names of the notebook, the answer that is being checked, and its last result."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]):
        self.incoming, self.outgoing = incoming, outgoing
        self.names: dict[str, Any] = {"__name__": "__main__", "display": lambda *shown, **options: None}
        self.answer: Any = None
        self.result: Any = None
        self.inputs: tuple = ()

    def say(self, **facts: Any) -> None:
        from . import wire

        wire.send(self.outgoing, json.dumps(facts).encode())

    def hear(self) -> tuple:
        from . import wire

        return pickle.loads(wire.receive(self.incoming, 2**30))  # of the grader, which made this process

    def check(self, exercise: str, answer: Any) -> Any:
        """In place of `cltutor.exercises.check`: the grader's verdict, for which it calls the answer as it likes."""
        from . import wire

        self.answer = answer
        self.say(check=str(exercise), answer=wire.encode(answer))
        while True:
            kind, content = self.hear()
            if kind == "verdict":
                return content
            if kind == "unknown":
                raise ValueError(content)
            self.say(**self.respond(kind, content))

    def respond(self, kind: str, inputs: tuple) -> dict[str, Any]:
        from . import wire

        try:
            if kind == "gradients":
                return {"value": wire.encode(self.gradients(*inputs))}
            answer = self.answer() if isinstance(self.answer, type) else self.answer
            self.inputs, self.result = inputs, answer(*inputs)
            return {"value": wire.encode(self.result)}
        except Exception as error:  # the student's own code may raise anything
            return {"error": [type(error).__name__, str(error)[:500]]}

    def gradients(self, gradient: Any) -> list[Any]:
        """Of the last result, for each of its inputs that has one; None for one that it does not depend on."""
        import torch

        leaves = [one for one in self.inputs if isinstance(one, torch.Tensor) and one.requires_grad]
        return list(torch.autograd.grad(self.result, leaves, gradient, allow_unused=True))

    def run(self, source: str) -> None:
        try:
            exec(compile(source, "cell", "exec"), self.names)
        except BaseException as error:  # the student's own code may raise anything, SystemExit too
            self.say(done=[type(error).__name__, str(error)[:500]])
        else:
            self.say(done=None)


def main(memory: int, seconds: int) -> None:
    incoming, outgoing = private_pipes()
    limit(memory, seconds)
    confined = confine(Path.cwd(), PACKAGE)
    import cltutor.exercises as exercises

    from .. import checking

    student = Student(incoming, outgoing)
    exercises.check = checking.check = student.check
    student.say(confined=confined)
    while True:
        student.run(student.hear()[1])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
