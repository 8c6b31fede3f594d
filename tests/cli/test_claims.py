"""`cltutor claims`: its estimate, its table, what it writes and when, and what it refuses."""

import json

import pytest

from cltutor import cli
from cltutor.cli import claims as command
from cltutor.studies.claims import Entry, Found, Ledger, Trial, ledger
from cltutor.studies.claims.rows import all_claims

CLAIMS = [one for one in all_claims() if not one.data]


def found(claim):
    parts = tuple((50.0,) * len(quantity.sides) for quantity in (claim.left, claim.right))
    return Entry(claim, Found(trials=[Trial(n, 51.0 + n / 10, 50.0, *parts) for n in range(claim.trials)]))


class Learner:
    """Stands for ``check``: gives every claim numbers without training, the first claim first; keeps its arguments."""

    def __init__(self, stop_after_the_first=False):
        self.stop = stop_after_the_first
        self.seen = {}

    def __call__(self, claims, store, command, executor, variants):
        assert not variants, "they come after an estimate of their own"
        self.seen.update(claims=list(claims), store=store, command=command, executor=executor)
        origins = {claim.paper: {"by": command} for claim in claims}
        yield Ledger((found(claims[0]), *map(Entry, claims[1:])), origins)
        if self.stop:
            raise KeyboardInterrupt
        yield Ledger(tuple(map(found, claims)), origins)


@pytest.fixture
def shipped(tmp_path):
    return tmp_path / "shipped.json"


def unwanted(*given):
    raise AssertionError("variants were not asked for")


def claims(shipped, *typed, vary=unwanted, **learner):
    """Run the command; what it gave to the learner."""
    learner = Learner(**learner)
    store = [] if "--store" in typed else ["--store", str(shipped.parent / "runs")]
    assert command.main(cli.parser().parse_args(["claims", *map(str, typed), *store]), learner, shipped, vary) == 0
    return learner.seen


def test_the_estimate_comes_first_and_the_table_is_printed_and_written(shipped, tmp_path, capsys):
    seen = claims(shipped, "--out", tmp_path / "claims.md", "--store", tmp_path / "runs")
    page = (tmp_path / "claims.md").read_text()
    printed = capsys.readouterr().out
    assert printed.startswith(f"{len(CLAIMS)} claims; at least ")
    assert " runs to train, about " in printed.splitlines()[0]
    assert page in printed
    assert CLAIMS[-1].sentence in page
    assert seen["claims"] == CLAIMS
    assert seen["store"] == tmp_path / "runs"
    assert seen["executor"] is None
    assert len(ledger(shipped)[0].trials) == CLAIMS[0].trials


def test_an_estimate_alone_trains_nothing(shipped, capsys):
    assert claims(shipped, "--estimate", "--paper", "lwm") == {}
    assert " claims; at least " in capsys.readouterr().out
    assert not shipped.exists()


def test_variants_come_after_the_claims_with_an_estimate_of_their_own(shipped, capsys):
    given = []

    def vary(chosen, store, command, executor):
        given.append((capsys.readouterr().out, command))
        other = {"own": [Trial(n, 50.0, 60.0 + n / 10, (50.0,), (60.0,)) for n in range(chosen[0].trials)]}
        entries = tuple(map(found, chosen))
        first = Entry(chosen[0], Found(entries[0].found.choice, entries[0].trials, other))
        yield Ledger((first, *entries[1:]), {})

    claims(shipped, "--paper", "lwf", "--variants", vary=vary)
    ((printed, typed),) = given
    lines = printed.splitlines()
    assert lines[-2] == "60 of 60 claims"
    assert lines[-1] == (
        "0 claims with variants; 0 runs to train for them, about 1 min; "
        "of 60 claims nothing is known before their search."
    )
    assert typed == "cltutor claims --paper lwf --variants"
    assert "own" in ledger(shipped)[0].found.variants


def test_the_estimate_of_variants_alone_trains_nothing(shipped, capsys):
    assert claims(shipped, "--estimate", "--variants") == {}
    assert "claims with variants" in capsys.readouterr().out.splitlines()[1]


def test_claims_on_other_data_run_when_they_are_wanted(shipped, capsys):
    seen = claims(shipped, "--with-data", "--paper", "lwm")
    assert any(claim.data for claim in seen["claims"])
    assert seen["command"] == "cltutor claims --paper lwm --with-data"
    assert not any(claim.data for claim in claims(shipped, "--paper", "lwm")["claims"])


def test_one_papers_numbers_are_replaced_and_the_others_stay(shipped, tmp_path):
    assert {claim.paper for claim in claims(shipped, "--paper", "lwm")["claims"]} == {"lwm"}
    claims(shipped, "--paper", "mas", "--out", tmp_path / "claims.md")
    saved = ledger(shipped)
    assert {entry.claim.paper for entry in saved if entry.trials} == {"lwm", "mas"}
    assert set(saved.origins) == {"lwm", "mas"}
    assert (tmp_path / "claims.md").read_text() == saved.markdown()


def test_other_numbers_of_trials_are_shown_and_not_kept(shipped):
    assert {claim.trials for claim in claims(shipped, "--trials", 4)["claims"]} == {4, 1}
    assert not shipped.exists()


def test_a_ledger_that_is_stopped_has_written_what_it_has(shipped, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        claims(shipped, "--out", tmp_path / "claims.md", stop_after_the_first=True)
    assert "not run yet" in (tmp_path / "claims.md").read_text()
    assert len(json.loads(shipped.read_text())["claims"]) == 1


def test_the_command_that_made_the_numbers_is_recorded(shipped, tmp_path):
    seen = claims(shipped, "--paper", "mas", "--trials", 4, "--out", tmp_path / "a page.md")
    assert seen["command"] == f"cltutor claims --paper mas --trials 4 --out '{tmp_path / 'a page.md'}'"
    assert command.command(cli.parser().parse_args(["claims"])) == "cltutor claims"


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "1 min"), (150, "2 min"), (3600, "1 h 0 min"), (12000, "3 h 20 min")]
)
def test_a_time_is_said_in_hours_and_minutes(seconds, words):
    assert command.in_words(seconds) == words


@pytest.mark.parametrize(
    ("typed", "place", "words"),
    [
        (["--paper", "icarl"], "", "paper is one of lwf, mas, lwm, eeil, dfcnn, not 'icarl'."),
        (["--trials", "2"], "", "trials is 3 or more, not 2: fewer decide nothing."),
        (["--out", "nowhere/claims.md"], "", "cannot write"),
        ([], "nowhere", "or work in a checkout"),
    ],
)
def test_bad_input_is_refused_before_anything_is_trained(typed, place, words, tmp_path):
    learner = Learner()
    with pytest.raises(ValueError, match=words):
        command.main(cli.parser().parse_args(["claims", *typed]), learner, tmp_path / place / "numbers.json")
    assert not learner.seen
