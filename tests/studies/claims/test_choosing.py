"""The search of a claim, on scores that are made up: one rate for both sides, then as many weights for each."""

from dataclasses import replace

import numpy as np
import pytest
from claiming import ALSO, claim, drawn, record, side

from cltutor.studies.claims.choosing import Search
from cltutor.studies.claims.records import Missing, Records
from cltutor.studies.claims.settings import RATES, SEARCH

MAS = side("mas", warm_up=True, weights={"lam": (0.1, 1.0, 10.0)}, published={"lam": 1.0})
SI = side("si", warm_up=True, weights={"lam": (1.0, 10.0, 100.0)})
PAIR = claim(MAS, SI, differs=("terms",), also={})


def found(claim, score, folder, calls=None):
    """The choice of a search in which a side's accuracy is ``score(side, rate, weights)``, trained when missing."""
    search = Search(claim, Records(folder), lambda one: ())
    sides = {}
    original = search.job

    class Known(Search):
        def job(self, one, rate, weights, trial):
            made = original(one, rate, weights, trial)
            sides[made.key] = (one.label, rate, dict(weights))
            return made

    known = Known(claim, search.records, search.extras)
    while True:
        try:
            return known.choice()
        except Missing as missing:
            for job in missing.jobs:
                right = score(*sides[job.key])
                assert job.trial in SEARCH
                if calls is not None:
                    calls.append(sides[job.key])
                known.records.add(
                    job.key, record(job.setting, [[0], [right, right]], sizes=(1000, 1000), trial=job.trial)
                )


def test_the_common_rate_is_the_best_by_the_mean_of_both_and_not_the_best_of_either(tmp_path):
    scores = {("lwf", 0.01): 700, ("lwf", 0.04): 600, ("lwf", 0.16): 100}
    scores |= {("finetune", 0.01): 300, ("finetune", 0.04): 550, ("finetune", 0.16): 580}
    choice = found(claim(), lambda label, rate, _: scores.get((label, rate), 0), tmp_path)
    assert choice.rate == 0.04  # 575 against 500 and 340
    assert choice.own == {"lwf on pair": 0.01, "finetune on pair": 0.16}
    assert choice.edges == []
    assert choice.weights == {}


def test_a_rate_at_the_edge_is_widened_until_the_best_lies_inside(tmp_path):
    choice = found(claim(), lambda _, rate, __: round(500 - 100 * abs(np.log(rate / 0.64))), tmp_path)
    assert choice.rate == pytest.approx(0.64)
    assert choice.edges == []
    choice = found(claim(), lambda _, rate, __: round(500 - 100 * np.log10(rate)), tmp_path / "more")
    assert "is at the edge of" in choice.edges[0]


def test_each_side_has_its_own_weights_at_the_common_rate_from_as_many_configurations(tmp_path):
    best = {"mas": 1.0, "si": 100.0}  # that of si is at the edge of its grid

    def score(label, rate, weights):
        assert not weights or rate == 0.04
        return 600 - 200 * abs(np.log10(rate / 0.04)) - 50 * abs(np.log10(weights.get("lam", 1.0) / best[label]))

    calls = []
    choice = found(PAIR, lambda *asked: round(score(*asked)), tmp_path, calls)
    assert choice.weights == {"mas on pair": {"lam": 1.0}, "si on pair": {"lam": 100.0}}
    assert choice.tried["mas on pair"] == choice.tried["si on pair"] > 3
    at_rates = {(label, rate) for label, rate, weights in calls if not weights}
    assert at_rates == {(label, rate) for label in best for rate in RATES}


def test_a_run_that_diverged_scores_nothing_and_ties_lie_inside(tmp_path):
    choice = found(claim(), lambda *_: 500, tmp_path)
    assert choice.rate == RATES[1]


def test_trials_pair_the_runs_of_one_number_and_miss_what_is_not_there(tmp_path):
    search = Search(claim(trials=3), Records(tmp_path), lambda one: ())
    choice = found(claim(), lambda *_: 500, tmp_path)
    with pytest.raises(Missing) as missing:
        search.trials(choice, range(3))
    assert [job.trial for job in missing.value.jobs] == [0, 0, 1, 1, 2, 2]
    for job in missing.value.jobs:
        search.records.add(job.key, drawn(job))
    for trial in search.trials(choice, range(3)):
        own = [search.job(one, choice.rate, {}, trial.number) for one in claim().sides]
        left, right = (record.accuracy()[-1, 0] for record in search.records.of(own))
        assert trial.difference == pytest.approx(left - right, abs=1e-4)
        assert trial.lefts == pytest.approx((left,), abs=1e-4)


def test_a_diverged_trial_has_no_number(tmp_path):
    search = Search(claim(trials=3), Records(tmp_path), lambda one: ())
    lost = replace(record("pair", [[1], [1, 1]]), diverged=True)
    assert np.isnan(search.trial(0, [lost, record("pair", [[1], [1, 1]])]).difference)


def test_variants_are_each_side_at_its_own_rate_and_with_the_papers_weights(tmp_path):
    scores = {("mas", 0.01): 700, ("mas", 0.04): 600, ("si", 0.04): 550, ("si", 0.16): 580}
    choice = found(PAIR, lambda label, rate, _: scores.get((label, rate), 0), tmp_path)
    search = Search(PAIR, Records(tmp_path), lambda one: ())
    assert search.settled(MAS, choice, "own")[0] == 0.01
    assert search.settled(SI, choice, "own")[0] == 0.16
    assert search.settled(MAS, choice, "published") == (0.04, {"lam": 1.0})
    assert search.settled(SI, choice, "published") == search.settled(SI, choice, "")


def test_a_lead_shares_one_rate_over_its_recipes_and_streams(tmp_path):
    few = side("lwf", "pair, 30 %"), side("finetune", "pair, 30 %", warm_up=True)
    lead = claim(few, (side("lwf"), side("finetune", warm_up=True)), differs=("terms", "images"), also=ALSO)
    choice = found(lead, lambda label, rate, _: round(500 - 100 * abs(np.log(rate / 0.04))), tmp_path)
    assert choice.rate == 0.04
