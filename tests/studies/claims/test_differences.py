"""What differs between two recipes, beside recipes whose differences are known."""

import pytest
from claiming import FINETUNE, LWF, side

import cltutor as cl
from cltutor.studies.claims.differences import differences, warm_up

m = cl.methods


@pytest.mark.parametrize(
    ("left", "right", "kinds"),
    [
        (m.lwf(), m.lwf(), set()),
        (m.mas(), m.mas(lam=3.0), {"weights"}),
        (m.lwm(), m.lwf_mc(), {"terms"}),
        (m.lwf_mc(), m.lwf_mc(beta=0.0), {"terms"}),
        (m.icarl(), m.hybrid1(), {"prediction"}),
        (m.hybrid1(), m.lwf_mc(), {"memory"}),
        (m.eeil_da(), m.eeil_base(), {"augmentation"}),
        (m.eeil_bf(), m.eeil_base(), {"terms", "phases"}),
        (m.imm_mean(), m.imm_mode(), {"after task"}),
        (m.dfcnn(), m.single_task(), {"network"}),
        (m.finetune(), m.finetune_slow(), {"phases"}),
        (m.finetune(), m.finetune(heads="class"), {"heads", "phases"}),
        (m.finetune(), m.finetune(learning_rate=0.1), {"rate"}),
        (m.finetune(), m.finetune(batch_size=7), {"schedule"}),
    ],
)
def test_the_kinds_of_difference_of_known_recipes(left, right, kinds):
    assert set(differences(left, right)) == kinds
    assert set(differences(right, left)) == kinds


def test_the_published_lwf_has_a_warm_up_that_fine_tuning_lacks_and_the_sides_share_it():
    assert set(differences(m.lwf(), m.finetune())) == {"terms", "phases", "warm-up"}
    assert set(differences(LWF.recipe(0.01, 0), FINETUNE.recipe(0.01, 0))) == {"terms", "phases"}
    assert warm_up(m.lwf()) == pytest.approx(0.2) == warm_up(FINETUNE.recipe(0.01, 0))
    assert warm_up(m.finetune()) == 0
    assert warm_up(m.feature_extraction()) is None


def test_feature_extraction_is_compared_at_the_rate_of_the_others():
    (later,) = side("feature_extraction", change="one rate").recipe(0.01, 0).schedule.later
    assert dict(later.rates) == {"new": 1.0}
    assert dict(m.feature_extraction().schedule.later[0].rates) == {"new": 5.0}


def test_the_l2_distance_of_maps_and_the_temporary_distillation_are_the_only_change():
    lwm = side("lwm", "4 a step")
    found = differences(lwm.recipe(0.01, 0), side("lwm", "4 a step", change="l2 maps").recipe(0.01, 0))
    assert set(found) == {"terms"}
    assert "AttentionDistillation(distance='l2')" in found["terms"][1]
    eeil = side("eeil", "4 a step, memory")
    without = side("eeil", "4 a step, memory", change="no temporary distillation")
    found = differences(eeil.recipe(0.01, 0), without.recipe(0.01, 0))
    assert set(found) == {"terms"}
    assert "TemporaryDistillation" in found["terms"][0]
    assert "TemporaryDistillation" not in found["terms"][1]
