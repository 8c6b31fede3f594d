"""Every command and every option with wrong, odd and hostile words: status 2 and one sentence, before any training.

Each option that takes a value must have a list of wrong ones here: an option that is new fails the test until it has.
"""

import argparse
import tempfile
from pathlib import Path

import pytest
from refusals.judging import judge_command

import cltutor as cl
from cltutor.cli.arguments import COMMANDS, parser, setting
from cltutor.cli.inputs import recipes_of

KEPT = tempfile.TemporaryDirectory()  # as long as the attempts
FOLDER = Path(KEPT.name)
FILE = FOLDER / "file"
FILE.touch()
CLASS = FOLDER / "class"  # with a notebook
CLASS.mkdir()
(CLASS / "a.ipynb").write_text('{"cells": []}')
LONG = "x" * 5000
NUMBERS = ["", " ", "x", "-1", "1.5", "1e3", "nan", "inf", "None", "true", "0x10", "1,2", "9" * 5000, "²", LONG, "\0"]
PLACES = ["", " ", "\0", "\ud800", "~nobody_is_called_so/x", LONG]
UNUSABLE = [*PLACES, str(FILE), str(FILE / "below"), "/dev/null/x", "x" * 300]
NAMES = ["", " ", "x", "lfw", "LWF ", "lwf,mas", "3", "None", "cl.methods.lwf()", "__class__", "../lwf", "\0", LONG]
WRONG = {
    "port": [*NUMBERS, "0", "65536"],
    "folder": [*PLACES, str(FILE), str(FILE / "below"), "/dev/null/x", "x" * 300],
    "stream": ["", " ", "x", "Digits ", "cifar", "\0", LONG, str(FILE), str(FOLDER), "/nowhere", "facts,digits"],
    "method": NAMES,
    "methods": [*NAMES, "finetune"],  # which is there already
    "tasks": [
        *NUMBERS,
        "0",
        "3",
        "11",
        "0,10",
        "5,4",
        "5,6",
        "-5,15",
        "none",
        "five",
        "4,,6",
        "10,0",
        "1.5,8.5",
        "2,x",
    ],
    "splits": ["", "x", "true", "Yes", "no ", "1"],
    "order": [*sorted({*NUMBERS} - {"None"}), "0,1", "0,0,1,2,3,4,5,6,7,8", "0,1,2,3,4,5,6,7,8,10", "cat,dog", "-5"],
    "epochs": [*NUMBERS, "0"],
    "seed": [*NUMBERS, str(2**63)],
    "seeds": [*NUMBERS, str(2**63), "0"],  # which is there already
    "device": ["", " ", "gpu", "CPU", "tpu", "meta", "cpu:1", "cuda:99", "cuda:-1", "None", "0", "\0", LONG],
    "store": UNUSABLE,
    "out": UNUSABLE,
    "paper": ["", "x", "icarl", "LwF", "lwf ", "3", "None", "\0", LONG],
    "trials": [*NUMBERS, "0", "1"],
    "workers": [*NUMBERS, "0", "1001"],
    "submissions": ["", " ", "\0", "/nowhere", str(FILE), str(FILE / "below"), "x" * 300, LONG],
    "limit": [*NUMBERS, "0", "86401"],
    "memory": [*NUMBERS, "0", "1025"],
    "otter": ["yes", ""],
    "estimate": ["yes", ""],
    "with_data": ["yes", ""],
    "variants": ["yes", ""],
    "missing": ["yes", ""],
    "without_solutions": ["yes", ""],
    "streams": ["", "x", "digit", "facts", "../digits", "\0", LONG],
    "settings": [
        *[
            "",
            "=",
            "x",
            "=2",
            "a.b.c=2",
            "2=3",
            "temperature",
            "temperature:2",
            "lwf=2",
            ".temperature=1",
            "\0=1",
            LONG,
        ],
        *[f"temperature={word}" for word in ["0", "-1", "nan", "1e999", "hot", "''", "[]", "(1,)", "true", "none", ""]],
        *["temperature=9**9**9", "temperature='a'*1000000000", "temperature=2*3", "temperature=1+1", "temperature=1 2"],
        *[f"temperature={'9' * 400}", f"temperature={'9' * 5000}", f"temperature={'(' * 500}", f"temperature={LONG}"],
        *["temperature=__import__('os').getcwd()", "temperature=lambda: 1", "temperature=open('x')", "temperature=x.y"],
        *["temprature=1", "mas.lam=1", "Lwf.temperature=1", "__class__=1", "self=1", "recipe=1"],
        *["epochs=0", "epochs=1.5", "epochs=true", "epochs=none", "epochs=ten", "batch_size=true", "batch_size=0"],
        *["learning_rate=0", "learning_rate=true", "learning_rate=1e999", "learning_rate=fast", "learning_rate=none"],
        *["heads=tasks", "heads=true", "heads=none", "heads=2", "optimiser=sgdd", "optimiser=1", "momentum=2"],
        *["backbone=3", "backbone=resnet18", "backbone=none", "backbone=SmallCNN(hidden=0)", "backbone=CrossEntropy()"],
        *["memory=5", "memory=yes", "noise=0.1", "augmentation=5", "augmentation=crops", "augmentation=true"],
    ],
}
BASE = {
    "lab": ["lab"],
    "run": ["run", "digits", "lwf"],
    "compare": ["compare", "digits", "finetune", "--seeds", "0"],
    "doctor": ["doctor"],
    "gallery": ["gallery"],
    "claims": ["claims", "--paper", "lwf"],
    "grade": ["grade", str(CLASS)],
}


def actions(command: str) -> list[argparse.Action]:
    """What a command takes, except --help."""
    (commands,) = (one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    return [one for one in commands.choices[command]._actions if one.dest != "help"]


def typed(command: str, action: argparse.Action, word: str) -> list[str]:
    """The command with a wrong word for one of its arguments, and nothing else wrong."""
    if action.dest in ("stream", "submissions"):
        return [command, word, *BASE[command][2:]]
    if action.dest == "method":
        return [*BASE[command][:2], word]
    if action.dest == "seeds":
        return [*BASE[command], word]
    if action.option_strings:
        return [*BASE[command], f"{action.option_strings[0]}={word}"]
    return [command, "digits", "finetune", word] if action.dest == "methods" else [*BASE[command], word]


ATTEMPTS = [
    pytest.param(typed(command, action, word), id=f"{command} {action.dest} {word.replace(KEPT.name, 'TMP')[:30]!a}")
    for command in COMMANDS
    for action in actions(command)
    for word in WRONG.get(action.dest, ())
    # The settings are of lwf, and a setting of `compare` is read by the same code.
    if not (command == "compare" and action.dest == "settings")
    # A page that is there already is written again.
    and not (command == "claims" and action.dest == "out" and word == str(FILE))
]
SHAPES = [
    [],
    ["--version"],
    ["xyzzy"],
    ["jupyterlab"],
    [""],
    [LONG],
    *([command, "--nothing"] for command in COMMANDS),
    *([command, "too", "many", "words", "here"] for command in ("lab", "run", "doctor", "claims")),
    *(BASE[command] + [option] for command, option in [("lab", "--port"), ("run", "--set"), ("compare", "--seeds")]),
    ["run"],
    ["run", "digits"],
    ["compare", "digits"],
    ["run", "digits", "lwf", "--s", "1"],  # --seed, --set, --splits or --store
    ["compare", "digits", "lwf", "l2", "--set", "l2.epochs=3"],
    ["run", "digits", "eeil", "--set", "memory=ExemplarMemory(capacity=3)"],
    ["run", "digits", "ewc", "--set", "given=maybe"],
    ["run", "digits", "ewc", "--set", "given=1"],
    ["claims", "--out", str(FOLDER)],
    ["grade"],
    ["grade", str(FOLDER / "nowhere")],
    ["grade", str(FILE), "--otter"],
    ["grade", "x" * 300, "--otter"],
    ["grade", str(CLASS), "--out", str(FOLDER / "grades.html")],
    ["claims", "--out", str(FOLDER / "nowhere" / "page.md")],
]


SHOWN = [pytest.param(words, id=f"{words!a}".replace(KEPT.name, "TMP")[:60]) for words in SHAPES]


@pytest.mark.parametrize("words", [*ATTEMPTS, *SHOWN])
def test_what_is_wrong_ends_with_status_2_and_one_sentence(words):
    judge_command(words)


def test_every_argument_of_every_command_has_wrong_words_here():
    known = {action.dest for command in COMMANDS for action in actions(command)}
    assert known == WRONG.keys()


@pytest.mark.parametrize(
    ("word", "given"), [("false", False), ("FALSE", False), ("False", False), ("true", True), ("True", True)]
)
def test_a_word_for_true_or_false_is_not_a_text(word, given):
    assert recipes_of(["ewc"], [setting(f"given={word}")], 1) == [cl.methods.ewc(given=given, epochs=1)]
