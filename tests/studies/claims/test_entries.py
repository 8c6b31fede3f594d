"""The ledger: every claim has a place and a method that exists, and the table says what the numbers say."""

import json
import math
import tomllib
from dataclasses import replace

import pytest

from cltutor.studies import gallery
from cltutor.studies.claims import CLAIMS, PAPERS, VERDICTS, Entry, Ledger, ledger
from cltutor.studies.claims.entries import SHIPPED
from cltutor.studies.claims.rows import ROWS, claim
from cltutor.studies.claims.training import STREAMS, recipe_of

FIRST = CLAIMS[0]  # lwf > finetune, accuracy on old tasks
(COUNTED,) = (claim for claim in CLAIMS if "7.96" in claim.sentence)


def test_every_paper_has_claims_each_with_a_place_a_sentence_and_a_code_of_its_own():
    assert min(sum(claim.paper == paper for claim in CLAIMS) for paper in PAPERS) >= 5
    assert all(claim.place.startswith(("section", "Figure", "Table")) for claim in CLAIMS)
    assert all(claim.sentence.endswith(".") and claim.statistic for claim in CLAIMS)
    assert len({claim.sentence for claim in CLAIMS}) == len({claim.code for claim in CLAIMS}) == len(CLAIMS)
    assert not any("|" in cell or "\n" in cell for claim in CLAIMS for cell in Entry(claim).row())


def test_a_row_is_a_claim_with_its_comparison_as_written():
    for paper, rows in tomllib.loads(ROWS.read_text(encoding="utf-8")).items():
        assert [row[3] for row in rows] == [claim.comparison for claim in CLAIMS if claim.paper == paper]
    with pytest.raises(ValueError, match='A comparison is "left > right"'):
        claim("lwf", "section 1", "One is better.", "old", "lwf beats finetune")


@pytest.fixture(scope="module")
def streams():
    """Each stream of the claims, made once."""
    return {name: source.make(0) for name, source in STREAMS.items()}


@pytest.mark.parametrize("run", dict.fromkeys(run for claim in CLAIMS for run in claim.runs))
def test_every_run_has_a_recipe(run, streams):
    recipe = recipe_of(run, STREAMS[run.stream], streams[run.stream])
    assert recipe.name == run.method
    assert run.heads in (None, recipe.heads)
    gallerys, changed = gallery.recipe(run.method, STREAMS[run.stream].gallery, run.heads), dict(run.changed)
    assert recipe.schedule == replace(gallerys.schedule, epochs=changed.get("epochs", gallerys.schedule.epochs))
    assert recipe.memory == changed.get("memory", gallerys.memory)


def test_a_setting_may_depend_on_the_trials_stream():
    (adapted,) = {run for claim in CLAIMS for run in claim.runs if dict(run.changed).get("classes")}
    for trial in (0, 1):
        own = STREAMS["digits"].make(trial)
        assert f"classes=({own[0].classes[0]},)" in repr(recipe_of(adapted, STREAMS["digits"], own))


@pytest.mark.parametrize(
    ("claim", "numbers", "cells"),
    [
        (FIRST, [], ("", "", "", "10", "not run")),
        # Differences 2, 3, 4: half width 2.484.
        (FIRST, [(99, 97), (98, 95), (97, 93)], ("98.0", "95.0", "+3.0 ± 2.5", "10", "holds here")),
        (FIRST, [(99, 97), (math.nan, math.nan)], ("nan", "nan", "+nan ± nan", "10", "undecided")),  # a trial diverged
        (COUNTED, [(7.963252, 7.96)], ("7.963", "7.960", "+0.003", "counted", "holds here")),
    ],
)
def test_a_row_shows_means_and_the_paired_interval(claim, numbers, cells):
    assert Entry(claim, numbers).row()[-5:] == cells


def test_numbers_are_found_again_by_their_claim_unless_it_was_changed_and_no_verdict_is_stored(tmp_path):
    path, numbers = tmp_path / "numbers.json", [(99.25, 97.5), (98.0, 95.0)]
    changed = Entry(replace(CLAIMS[1], trials=3), [(1.0, 0.0)] * 3)
    Ledger((Entry(FIRST, numbers), changed), {"lwf": {"command": "cltutor claims"}}).save(path)
    again = ledger(path)
    assert again[0].numbers == numbers
    assert {entry.verdict for entry in again[1:]} == {"not run"}
    assert again.origins == {"lwf": {"command": "cltutor claims"}}
    assert not any(word in path.read_text() for word in VERDICTS)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"origins": {}}', "1"])
def test_a_file_that_is_no_ledger_or_missing_is_reported(text, tmp_path):
    path = tmp_path / "numbers.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not a ledger: make it again with cltutor claims"):
        ledger(path)
    with pytest.raises(ValueError, match="the file does not exist"):
        ledger(tmp_path / "none.json")
    with pytest.raises(ValueError, match="paper is one of lwf, mas, lwm, eeil, dfcnn, not 'icarl'"):
        ledger(paper="icarl")


def test_the_page_and_the_notebook_show_every_claim_under_its_paper():
    entries = tuple(map(Entry, CLAIMS))
    whole = Ledger(entries, {paper: {"command": "cltutor claims"} for paper in PAPERS})
    apart = Ledger(entries, {paper: {"date": f"day {number}"} for number, paper in enumerate(PAPERS)}).markdown()
    places = [apart.index(words) for n, title in enumerate(PAPERS.values()) for words in (title, f"- date: day {n}")]
    assert places == sorted(places), "papers that were made apart each say how"
    page, shown = whole.markdown(), whole._repr_html_()
    for title in PAPERS.values():
        assert f"## {title}" in page
        assert title in shown
    assert all(f"| {claim.sentence} |" in page for claim in CLAIMS)
    assert shown.count("<tr>") == len(CLAIMS) + 2 * len(PAPERS)
    assert "lwf &gt; finetune" in shown
    assert f"not run: {len(CLAIMS)}" in page
    assert page.count("- command: cltutor claims") == 1
    assert "command: cltutor claims" in shown


def test_a_stopped_paper_replaces_the_whole_of_its_own_numbers_and_no_others():
    old = Ledger(tuple(Entry(claim, [(1.0, 0.0)] * 2) for claim in CLAIMS), {"lwf": {"date": "then"}})
    mas = [claim for claim in CLAIMS if claim.paper == "mas"]
    new = Ledger((Entry(mas[0], [(2.0, 0.0)] * 2), *map(Entry, mas[1:])), {"mas": {"date": "now"}})
    both = old.with_papers_of(new)
    assert [entry.claim for entry in both] == list(CLAIMS)
    assert [len(entry.numbers) for entry in both.of("mas")] == [2] + [0] * (len(mas) - 1)
    assert {len(entry.numbers) for paper in ("lwf", "lwm", "eeil", "dfcnn") for entry in both.of(paper)} == {2}
    assert both.origins == {"lwf": {"date": "then"}, "mas": {"date": "now"}}


def test_the_shipped_numbers_are_small_and_of_these_claims():
    found = json.loads(SHIPPED.read_text(encoding="utf-8"))
    assert SHIPPED.stat().st_size < 200_000
    assert set(found["numbers"]) <= {claim.code for claim in CLAIMS}
    trials = {claim.code: claim.trials for claim in CLAIMS}
    assert all(len(pairs) == trials[code] for code, pairs in found["numbers"].items())


def test_the_page_in_the_docs_is_that_of_the_shipped_numbers(request):
    page = request.config.rootpath / "docs" / "claims.md"
    assert page.read_text(encoding="utf-8") == ledger().markdown()
