"""The ledger: what is saved is found again, its tables say what the numbers say, and no text in it is HTML."""

import json
import math
from dataclasses import replace

import pytest
from claiming import drawn, record

from cltutor.studies.claims import PAPERS, VERDICTS, Entry, Found, Ledger, Trial, ledger, running, variants
from cltutor.studies.claims.choosing import Choice
from cltutor.studies.claims.entries import SHIPPED, later
from cltutor.studies.claims.page import HEADER, markdown
from cltutor.studies.claims.rows import all_claims, published

FIRST = all_claims()[0]  # lwf > finetune, accuracy on the old task
COUNTED = next(one for one in all_claims() if "7.96" in one.sentence)


def entry(pairs, one=FIRST, **more):
    trials = [Trial(number, left, right, (left,), (right,)) for number, (left, right) in enumerate(pairs)]
    return Entry(replace(one, trials=max(3, len(pairs))), Found(Choice(0.04), trials, **more))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A ledger of some claims of every paper, with numbers that were drawn."""
    some = [one for one in all_claims() if not one.data][::20]
    *_, found = running.check(some, tmp_path_factory.mktemp("runs"), train=drawn)
    return found


@pytest.mark.parametrize(
    ("found", "cells"),
    [
        # Differences 2, 3, 4: half width 2.484.
        (entry([(99, 97), (98, 95), (97, 93)]), ("98.0", "95.0", "+3.0 ± 2.5", "0.0175")),
        (entry([(99, 97), (98, 96), (math.nan, math.nan)]), ("nan", "nan", "+nan ± nan", "")),  # a trial diverged
        (Entry(FIRST), ("", "", "", "")),
        (Entry(COUNTED, Found(trials=[Trial(0, 7.963252, 7.96)])), ("7.963", "7.960", "+0.003", "")),
    ],
)
def test_a_row_shows_means_and_the_paired_interval(found, cells):
    assert found.numbers() == cells


def test_a_row_that_lacks_trials_says_how_many_there_are_and_is_not_counted():
    unfinished = Entry(FIRST, entry([(99, 97), (98, 95)]).found)
    assert unfinished.said == "not run yet: 2 of 10 trials"
    assert unfinished.p is None
    assert Ledger((unfinished, Entry(FIRST))).counts() == {"not run yet": 2}


def test_a_variant_is_said_where_it_says_something_else():
    pairs = [(99, 97), (98, 95), (97, 92)]
    other = {"own": [Trial(n, 90, 97 - n / 10, (90,), (97,)) for n in range(3)]}
    assert entry(pairs).said == entry(pairs, variants={"own": entry(pairs).trials}).said == "undecided"
    assert entry(pairs, variants=other).said == "undecided; each at its own best rate: does not hold here"


MAS = next(one for one in all_claims() if one.comparison == "mas < si")
PUBLISHED = "mas: lam 1 (section 5.1)"


def mas(choice, pairs=((9, 7), (8, 5), (7, 2)), **more):
    trials = [Trial(n, left, right, (left,), (right,)) for n, (left, right) in enumerate(pairs)]
    return Entry(replace(MAS, trials=3), Found(choice, trials, **more))


def test_the_columns_of_the_variants_name_another_verdict_its_settings_and_their_source():
    own = Choice(0.04, {"mas on pair": {"lam": 10.0}, "si on pair": {"lam": 1.0}}, own={"mas on pair": 0.01})
    falls = {kind: [Trial(n, 1.0, 9.0 + n / 10, (1.0,), (9.0,)) for n in range(3)] for kind in variants.TITLES}
    assert variants.cells(mas(own)) == {
        "own": "not run yet (mas on pair 0.01)",
        "published": f"not run yet ({PUBLISHED})",
    }
    assert mas(own).verdict == "undecided"
    assert variants.cells(mas(own, variants=falls)) == {
        "own": "holds here, -8.10 ± 0.25 (mas on pair 0.01)",
        "published": f"holds here, -8.10 ± 0.25 ({PUBLISHED})",
    }
    same = {"published": mas(own).trials}
    assert variants.cells(mas(own, variants=same))["published"].startswith("the same verdict, +3.33 ± 3.79")
    chosen = Choice(0.04, {"mas on pair": {"lam": 1.0}, "si on pair": {"lam": 1.0}})
    assert variants.cells(mas(chosen)) == {
        "own": "the same rates",
        "published": f"the same verdict, as the search chose them ({PUBLISHED})",
    }


def test_a_row_that_runs_with_the_papers_weights_says_so_and_one_without_any_says_nothing():
    assert variants.as_published(Entry(FIRST)) == "as run: lwf: weight 1 (Figure 3), T = 2 (section 3)"
    assert {variants.as_published(Entry(one)) for one in all_claims() if one.paper == "lwm"} == {""}
    assert variants.cells(Entry(COUNTED)) == {"own": "", "published": ""}


def test_every_weight_that_a_paper_gives_has_its_place_and_is_of_a_side_that_rows_use():
    for paper in PAPERS:
        sides = {side.label: side for one in all_claims() if one.paper == paper for side in one.sides}
        assert {label for label, side in sides.items() if side.published} <= published(paper).keys() <= sides.keys()


def test_later_numbers_keep_the_variants_of_the_same_trials():
    choice = Choice(0.04, own={"mas on pair": 0.01})
    before, after = mas(choice, variants={"own": mas(choice).trials}), mas(choice)
    assert later(before, after).found.variants.keys() == {"own"}
    assert later(before, mas(Choice(0.16))).found.variants == {}
    assert later(before, mas(choice, pairs=((9, 7), (8, 5), (7, 3)))).found.variants == {}
    assert later(before, Entry(before.claim)) == before


def test_holms_correction_is_within_a_paper_and_leaves_out_what_cannot_fail(made):
    sure = [(60.0 + n, 50.0 + n + n / 100) for n in range(10)]
    weak = [(60.0 + n, 59.0 + n + (n % 3)) for n in range(10)]
    own = [entry(sure), *[entry(weak)] * 5]
    assert Ledger(tuple(own)).survivors() == 1
    built = replace(FIRST, construction="so it is")
    assert Ledger((entry(sure, built), entry(sure))).survivors() == 1


def test_what_is_saved_is_found_again_and_no_verdict_is_stored(made, tmp_path):
    made.save(tmp_path / "numbers.json")
    again = ledger(tmp_path / "numbers.json")
    found = {one.claim.code: one for one in again}
    for one in made:
        same = found[one.claim.code]
        assert (same.verdict, same.said, same.p) == (one.verdict, one.said, one.p)
        assert same.found == one.found
    assert {one.verdict for one in again if one.claim.code not in {e.claim.code for e in made}} == {"not run yet"}
    assert {key: replace(run, seconds=0.0) for key, run in made.records.items()} == again.records
    assert not any(word in (tmp_path / "numbers.json").read_text() for word in VERDICTS)


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


def test_one_papers_claims_replace_its_own_and_no_others(made):
    old = Ledger(tuple(map(Entry, all_claims())), {"lwf": {"date": "then"}})
    both = old.with_papers_of(made)
    assert [one.claim for one in both] == list(all_claims())
    complete = {one.claim.code for one in made if one.complete}
    assert {one.claim.code for one in both if one.complete} == complete
    assert both.origins.keys() == {"lwf", *made.origins}


def test_a_run_that_was_stopped_at_its_beginning_takes_away_no_finished_claim(made):
    begun = Ledger(tuple(Entry(one.claim) for one in made), {"lwf": {"date": "now"}})
    assert list(made.with_papers_of(begun)) == list(made)


def test_the_page_shows_every_claim_with_what_differs_and_the_streams_with_their_ranges(made):
    page = markdown(made)
    for title, own in made.by_paper():
        assert f"## {title}" in page
        assert all(f"| {one.claim.sentence} |" in page for one in own)
    assert {one.claim.paper for one in made} == set(PAPERS)
    assert "terms of the loss" in page
    assert "| pair | scenes: 10+10 classes" in page
    assert "- command: `cl.claims.check`" in page
    for title, own in made.by_paper():
        more = sum(any(variants.cells(one)[kind] for one in own) for kind in variants.TITLES)
        table = page[page.index(f"## {title}") :].split("\n\n")[2]
        assert {line.count(" | ") for line in table.splitlines()} == {len(HEADER) - 1 + more}


def test_the_notebooks_table_opens_without_its_script_and_escapes_all_text(made):
    evil = replace(FIRST, sentence="<script>alert(1)</script> & more.")
    shown = Ledger((Entry(evil, made[0].found), *made), made.origins, made.records)._repr_html_()
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more." in shown
    assert shown.count("<tr ") == shown.count("<details>") == len(made) + 1
    assert shown.count("<script") == 1
    run = next(one for one in made if one.found and one.found.keys)
    for code in {made.records[key].recipe for key in run.found.keys[:2]}:
        assert code.replace("'", "&#x27;") in shown or code in shown
    assert "trials: " in shown
    assert all(f'value="{word}"' in shown for word in made.counts())


def test_a_record_of_a_run_is_stored_once():
    one = record("pair", [[1], [1, 1]])
    assert Ledger((), {}, {"a": one}).records == {"a": one}


def test_the_shipped_numbers_are_of_these_claims_and_the_page_in_the_docs_is_theirs(request):
    found = json.loads(SHIPPED.read_text(encoding="utf-8"))
    assert SHIPPED.stat().st_size < 3_000_000
    assert set(found["claims"]) <= {one.code for one in all_claims()}
    page = request.config.rootpath / "docs" / "claims.md"
    assert page.read_text(encoding="utf-8") == ledger().markdown()
