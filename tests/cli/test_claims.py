"""`cltutor claims`: its table, what it writes and when, and what it refuses."""

import json

import pytest

from cltutor import cli
from cltutor.cli import claims as command
from cltutor.studies.claims import CLAIMS, Entry, Ledger, ledger
from cltutor.studies.claims import entries as room


@pytest.fixture
def learned(monkeypatch, tmp_path):
    """Claims whose numbers need no learning; what would come with cltutor is kept apart. What was asked for."""
    seen = {}

    def check(claims, store, command, executor):
        seen.update(claims=list(claims), store=store, command=command, executor=executor)
        entries = [Entry(claim, [(1.0, 0.0)] * claim.trials) for claim in claims]
        origins = {claim.paper: {"by": command} for claim in claims}
        yield Ledger((entries[0], *map(Entry, claims[1:])), origins)
        yield Ledger(tuple(entries), origins)

    monkeypatch.setattr("cltutor.studies.claims.running.check", check)
    monkeypatch.setattr("cltutor.studies.claims.entries.SHIPPED", tmp_path / "shipped.json")
    return seen


def test_the_table_is_printed_and_written(learned, tmp_path, capsys):
    assert cli.main(["claims", "--out", str(tmp_path / "claims.md"), "--store", str(tmp_path / "runs")]) == 0
    page = (tmp_path / "claims.md").read_text()
    assert page in capsys.readouterr().out
    assert CLAIMS[-1].sentence in page
    assert learned["store"] == tmp_path / "runs"
    assert learned["executor"] is None
    assert ledger(tmp_path / "shipped.json")[0].numbers == [(1.0, 0.0)] * CLAIMS[0].trials


def test_one_papers_numbers_are_replaced_and_the_others_stay(learned, tmp_path):
    cli.main(["claims", "--paper", "lwm"])
    assert {claim.paper for claim in learned["claims"]} == {"lwm"}
    cli.main(["claims", "--paper", "mas", "--out", str(tmp_path / "claims.md")])
    shipped = ledger(tmp_path / "shipped.json")
    assert {entry.claim.paper for entry in shipped if entry.numbers} == {"lwm", "mas"}
    assert {paper: origin["by"] for paper, origin in shipped.origins.items()} == {
        "lwm": "cltutor claims --paper lwm",
        "mas": f"cltutor claims --paper mas --out {tmp_path / 'claims.md'}",
    }
    assert (tmp_path / "claims.md").read_text() == shipped.markdown()


def test_other_numbers_of_trials_are_shown_and_not_kept(learned, tmp_path, capsys):
    assert cli.main(["claims", "--trials", "3"]) == 0
    assert {claim.trials for claim in learned["claims"]} == {3, 1}
    assert "| 3 | holds here |" in capsys.readouterr().out
    assert not (tmp_path / "shipped.json").exists()


def test_a_ledger_that_is_stopped_has_written_what_it_has(learned, monkeypatch, tmp_path):
    def stopped(claims, store, command, executor):
        yield Ledger((Entry(claims[0], [(1.0, 0.0)] * claims[0].trials), *map(Entry, claims[1:])))
        raise KeyboardInterrupt

    monkeypatch.setattr("cltutor.studies.claims.running.check", stopped)
    with pytest.raises(KeyboardInterrupt):
        cli.main(["claims", "--out", str(tmp_path / "claims.md")])
    assert f"not run: {len(CLAIMS) - 1}" in (tmp_path / "claims.md").read_text()
    assert len(json.loads((tmp_path / "shipped.json").read_text())["numbers"]) == 1


def test_the_command_that_made_the_numbers_is_written_down(learned, tmp_path):
    cli.main(["claims", "--paper", "mas", "--trials", "4", "--out", str(tmp_path / "a page.md")])
    assert learned["command"] == f"cltutor claims --paper mas --trials 4 --out '{tmp_path / 'a page.md'}'"
    assert command.command({"paper": None, "trials": None, "workers": 1, "out": None}) == "cltutor claims"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--paper", "icarl"], "paper is one of lwf, mas, lwm, eeil, dfcnn, not 'icarl'."),
        (["--trials", "1"], "trials is 2 or more, not 1: one trial has no interval."),
        (["--out", "nowhere/claims.md"], "cannot write to"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_learned(learned, asked, words, capsys):
    assert cli.main(["claims", *asked]) == 1
    assert words in capsys.readouterr().err
    assert not learned


def test_a_ledger_that_cannot_be_kept_is_refused_at_once(learned, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(room, "SHIPPED", tmp_path / "nowhere" / "numbers.json")
    assert cli.main(["claims"]) == 1
    assert "make the ledger in a checkout of your own" in capsys.readouterr().err
    assert not learned


@pytest.mark.parametrize("option", [["--trials", "few"], ["--workers", "0"]])
def test_a_count_that_is_none_is_refused(option, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["claims", *option])
    assert stop.value.code == 2
    assert "a whole number from 1 up" in capsys.readouterr().err
