"""The rows: every claim has a place, methods that exist and a fair comparison; nothing is claimed twice."""

import tomllib

import pytest

from cltutor.studies.claims import rows
from cltutor.studies.claims.claim import PAPERS
from cltutor.studies.claims.deciding import VERDICTS
from cltutor.studies.claims.measures import STATISTICS
from cltutor.studies.claims.rows import ROWS, all_claims, claim, unrunnable
from cltutor.studies.claims.running import stream_of
from cltutor.studies.claims.settings import SETTINGS
from cltutor.training.loop import check

GIVEN = {"stream": "pair", "range": ["tasks", 2, 4, "two to four"], "sides": {"finetune": {"warm_up": True}}}
ALSO = {"phases": "old heads learn only where something teaches them"}


def test_every_paper_has_claims_each_with_a_place_a_sentence_and_a_code_of_its_own():
    claims = all_claims()
    assert sum(not one.data for one in claims) >= 130
    assert min(sum(one.paper == paper for one in claims) for paper in PAPERS) >= 20
    assert all(one.place.startswith(("section", "Figure", "Table")) for one in claims)
    assert all(one.sentence.endswith(".") and one.statistic for one in claims)
    assert len({one.sentence for one in claims}) == len({one.code for one in claims}) == len(claims)


def test_a_row_is_a_claim_with_its_comparison_as_written_and_nothing_is_named_in_vain():
    papers = tomllib.loads(ROWS.read_text(encoding="utf-8"))
    sentences = {one.sentence for one in all_claims()}
    told = papers.pop("instructive")
    assert {sentence for sentence, _, _ in told} <= sentences
    assert {verdict for _, verdict, _ in told} <= set(VERDICTS)
    for paper, given in papers.items():
        own = [one for one in all_claims() if one.paper == paper]
        assert [row[3] for row in given["rows"]] == [one.comparison for one in own]
        used = {side.label for one in own for side in one.sides}
        assert given["sides"].keys() <= used
        assert all(place and reason for place, reason in unrunnable(paper))
    used = {side.setting for one in all_claims() for side in one.sides}
    assert used == SETTINGS.keys()
    measured = {quantity.statistic for one in all_claims() for quantity in (one.left, one.right)}
    assert {name for name, one in STATISTICS.items() if one not in measured} <= {"T3", "first", "size", "updates"}


@pytest.mark.parametrize("one", all_claims(), ids=lambda one: one.sentence[:60])
def test_every_recipe_of_a_claim_can_be_made_with_the_same_number_of_configurations_on_both_sides(one):
    counts = set()
    for side in one.sides:
        recipe = side.recipe(0.02, 3, {name: values[0] for name, values in side.weights.items()})
        assert recipe.schedule.learning_rate == 0.02
        assert recipe.schedule.epochs == SETTINGS[side.setting].epochs
        count = 1
        for values in side.weights.values():
            count *= len(values)
        counts |= {count} if side.weights else set()
    assert len(counts) <= 1


@pytest.mark.filterwarnings("ignore")  # of weights that move nothing
def test_every_recipe_of_a_claim_can_be_learned_on_its_stream():
    sides = {(side.label, side.setting, repr(side)): side for one in all_claims() if not one.data for side in one.sides}
    for side in sides.values():
        weights = {name: values[0] for name, values in side.weights.items()}
        check(stream_of(side.setting, 0), side.recipe(0.02, 0, weights))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (["section 1", "One.", "old", "lwf beats finetune"], 'A comparison is "left > right"'),
        (["section 1", "One.", "luck", "lwf > finetune"], "There is no statistic 'luck'"),
        (["", "One.", "old", "lwf > finetune", {"differs": "terms", "also": ALSO}], "place is text on one line"),
        (["section 1", "One.", "drop", "mas < the better of imm_mean and imm_mode"], "not the best of several"),
        (["section 1", "One.", "old", "lwf > finetune"], "differs in more than the claimed ingredient"),
        (["section 1", "One.", "old", "lwf > finetune @ nowhere"], "there is no stream of the claims 'nowhere'"),
        (["section 1", "One.", "old", "lwf - finetune - l2 > 0"], "not the best of several"),
        (
            ["section 1", "One.", "old", "lwf > finetune", {"stream": "eight tasks", "differs": "terms", "also": ALSO}],
            "outside the paper's range",
        ),
    ],
)
def test_a_row_that_is_no_fair_claim_is_refused(row, words):
    with pytest.raises(ValueError, match=words):
        claim("lwf", GIVEN, *row)


def test_a_lead_has_two_recipes_on_the_stream_behind_it():
    row = [
        "section 1",
        "One.",
        "old",
        "lwf - finetune @ pair, 30 % > lwf - finetune",
        {"differs": "terms, images", "also": ALSO},
    ]
    made = claim("lwf", GIVEN, *row)
    assert [side.setting for side in (*made.left.sides, *made.right.sides)] == ["pair, 30 %"] * 2 + ["pair"] * 2
    assert [side.warm_up for side in made.left.sides] == [False, True]
    assert rows.quantity("-3.5", STATISTICS["old"], {}, "pair").constant == -3.5
