"""`cltutor claims`: its table, what it writes and when, and what it refuses."""

import json

import pytest

from cltutor import cli
from cltutor.cli import claims as command
from cltutor.studies.claims import CLAIMS, Entry, Ledger, ledger


class Learner:
    """Stands for ``check``: gives every claim numbers without training, the first claim first; keeps its arguments."""

    def __init__(self, stop_after_the_first=False):
        self.stop = stop_after_the_first
        self.seen = {}

    def __call__(self, claims, store, command, executor):
        self.seen.update(claims=list(claims), store=store, command=command, executor=executor)
        entries = [Entry(claim, [(1.0, 0.0)] * claim.trials) for claim in claims]
        origins = {claim.paper: {"by": command} for claim in claims}
        yield Ledger((entries[0], *map(Entry, claims[1:])), origins)
        if self.stop:
            raise KeyboardInterrupt
        yield Ledger(tuple(entries), origins)


@pytest.fixture
def shipped(tmp_path):
    return tmp_path / "shipped.json"


def claims(shipped, *typed, **learner):
    """Run the command; what it gave to the learner."""
    learner = Learner(**learner)
    assert command.main(cli.parser().parse_args(["claims", *map(str, typed)]), learner, shipped) == 0
    return learner.seen


def test_the_table_is_printed_and_written(shipped, tmp_path, capsys):
    seen = claims(shipped, "--out", tmp_path / "claims.md", "--store", tmp_path / "runs")
    page = (tmp_path / "claims.md").read_text()
    assert page in capsys.readouterr().out
    assert CLAIMS[-1].sentence in page
    assert seen["store"] == tmp_path / "runs"
    assert seen["executor"] is None
    assert ledger(shipped)[0].numbers == [(1.0, 0.0)] * CLAIMS[0].trials


def test_one_papers_numbers_are_replaced_and_the_others_stay(shipped, tmp_path):
    assert {claim.paper for claim in claims(shipped, "--paper", "lwm")["claims"]} == {"lwm"}
    claims(shipped, "--paper", "mas", "--out", tmp_path / "claims.md")
    found = ledger(shipped)
    assert {entry.claim.paper for entry in found if entry.numbers} == {"lwm", "mas"}
    assert set(found.origins) == {"lwm", "mas"}
    assert (tmp_path / "claims.md").read_text() == found.markdown()


def test_other_numbers_of_trials_are_shown_and_not_kept(shipped, capsys):
    assert {claim.trials for claim in claims(shipped, "--trials", 3)["claims"]} == {3, 1}
    assert "| 3 | holds here |" in capsys.readouterr().out
    assert not shipped.exists()


def test_a_ledger_that_is_stopped_has_written_what_it_has(shipped, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        claims(shipped, "--out", tmp_path / "claims.md", stop_after_the_first=True)
    assert f"not run: {len(CLAIMS) - 1}" in (tmp_path / "claims.md").read_text()
    assert len(json.loads(shipped.read_text())["numbers"]) == 1


def test_the_command_that_made_the_numbers_is_recorded(shipped, tmp_path):
    seen = claims(shipped, "--paper", "mas", "--trials", 4, "--out", tmp_path / "a page.md")
    assert seen["command"] == f"cltutor claims --paper mas --trials 4 --out '{tmp_path / 'a page.md'}'"
    assert command.command(cli.parser().parse_args(["claims"])) == "cltutor claims"


@pytest.mark.parametrize(
    ("typed", "place", "words"),
    [
        (["--paper", "icarl"], "", "paper is one of lwf, mas, lwm, eeil, dfcnn, not 'icarl'."),
        (["--trials", "1"], "", "trials is 2 or more, not 1: one trial has no interval."),
        (["--out", "nowhere/claims.md"], "", "cannot write"),
        ([], "nowhere", "or work in a checkout"),
    ],
)
def test_bad_input_is_refused_before_anything_is_trained(typed, place, words, tmp_path):
    learner = Learner()
    with pytest.raises(ValueError, match=words):
        command.main(cli.parser().parse_args(["claims", *typed]), learner, tmp_path / place / "numbers.json")
    assert not learner.seen
