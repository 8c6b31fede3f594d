"""The methods: each one's loss, network, memory and phases as its paper has them."""

from dataclasses import replace

import pytest

from cltutor import methods
from cltutor.importance import MAS, Fisher, LocalMAS, OnlineFisher, PathIntegral
from cltutor.losses import (
    Anchor,
    AttentionDistillation,
    BinaryCrossEntropy,
    Codes,
    CrossEntropy,
    Distillation,
    TemporaryDistillation,
)
from cltutor.memory import Everything, ExemplarMemory
from cltutor.networks import Copies, MultiHead, Widening
from cltutor.recipe.noise import GradientNoise
from cltutor.recipe.recipe import Schedule
from cltutor.streams import PhotometricCropFlip

PAPERS = {
    "LwF": "finetune finetune_slow feature_extraction duplicate joint lwf expansion expansion_lwf l2",
    "MAS": "mas mas_local ewc ewc_online si imm_mean imm_mode ebll",
    "LwM": "lwf_mc lwm lwm_attention_only",
    "EEIL": "eeil eeil_base eeil_da eeil_bf icarl hybrid1",
    "DF-CNN": "single_task single_task_large hard_sharing dfcnn dfcnn_small progressive expandable "
    "tensor_factorization",
}
OF_THE_PAPERS = " ".join(PAPERS.values()).split()
ANCHORED = ["mas", "mas_local", "ewc", "ewc_online", "si", "imm_mean", "imm_mode"]
PLAIN = ["finetune", "finetune_slow", "feature_extraction", "duplicate", "joint", "expansion"]
INCREMENTAL = ["lwf_mc", "lwm", "lwm_attention_only"]
END_TO_END = ["eeil", "eeil_base", "eeil_da", "eeil_bf"]
REMEMBERING = [*END_TO_END, "icarl", "hybrid1"]
SCHEDULE = [name for name in Schedule.__dataclass_fields__ if name not in ("later", "first")]
ALL = {"shared": 1, "old": 1, "new": 1}


def rates(recipe) -> list[dict[str, float]]:
    """The roles that learn in each phase after the first task, with their multiples of the rate."""
    return [phase.rates for phase in recipe.schedule.later]


@pytest.mark.parametrize("paper", PAPERS)
def test_the_methods_of_each_paper_exist(paper):
    assert set(PAPERS[paper].split()) <= set(methods.names())


def test_a_recipe_is_taken_as_it_is():
    recipe = methods.lwf(temperature=3)
    assert methods.get(recipe) is recipe


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        *((name, [(1, CrossEntropy())]) for name in PLAIN),
        ("lwf", [(1, CrossEntropy()), (1, Distillation(temperature=2.0, kind="softmax"))]),
        ("l2", [(1, CrossEntropy()), (0.25, Anchor())]),
        ("expansion_lwf", [(1, CrossEntropy()), (1, Distillation(temperature=2.0, kind="softmax"))]),
        ("mas", [(1, CrossEntropy()), (0.5, Anchor(MAS()))]),  # eq. 3, lambda = 1
        ("mas_local", [(1, CrossEntropy()), (0.5, Anchor(LocalMAS()))]),
        ("ewc", [(1, CrossEntropy()), (200, Anchor(Fisher()))]),
        ("ewc_online", [(1, CrossEntropy()), (200, Anchor(OnlineFisher()))]),
        ("si", [(1, CrossEntropy()), (1, Anchor(PathIntegral()))]),  # c sum Omega (theta - theta*)^2: no half
        ("imm_mean", [(1, CrossEntropy()), (0.005, Anchor())]),
        ("imm_mode", [(1, CrossEntropy()), (0.005, Anchor())]),
        ("ebll", [(1, CrossEntropy()), (1, Distillation()), (0.1, Codes())]),
        ("lwf_mc", [(1, BinaryCrossEntropy()), (1, Distillation(kind="sigmoid"))]),  # LwM, section 5.1
        ("lwm", [(1, BinaryCrossEntropy()), (1, Distillation(kind="sigmoid")), (1, AttentionDistillation())]),  # eq. 3
        ("lwm_attention_only", [(1, BinaryCrossEntropy()), (1, AttentionDistillation())]),  # Table 5
    ],
)
def test_every_method_has_the_loss_of_its_paper(name, loss):
    assert list(methods.get(name).loss.terms) == loss


@pytest.mark.parametrize(
    ("name", "phases"),
    [
        ("finetune", [{"shared": 1, "new": 1}]),  # theta_o is fixed: section 1
        ("finetune_slow", [{"shared": 0.1, "new": 1}]),  # Table 2d
        ("feature_extraction", [{"new": 5}]),  # section 3: five times the rate
        ("duplicate", [{"shared": 1, "new": 1}]),
        ("joint", [{"shared": 1, "old": 1, "new": 1}]),
        ("lwf", [{"new": 1}, {"shared": 1, "old": 1, "new": 1}]),  # section 3: warm-up, then all jointly
        ("l2", [{"shared": 1, "new": 1}]),
        ("expansion", [{"new": 1}]),  # section 4.2: existing weights frozen
        ("expansion_lwf", [{"new": 1}, {"shared": 1, "old": 1, "new": 1}]),
        ("ebll", [{"new": 1}, {"shared": 1, "old": 1, "new": 1}, {"code": 20}]),
        *((name, [{"shared": 1, "new": 1}]) for name in ANCHORED),
        *((name, [ALL]) for name in (*INCREMENTAL, "eeil_base", "eeil_da", "icarl", "hybrid1")),
        # EEIL, sections 4 and 5: a tenth of the rate in balanced fine-tuning
        *((name, [ALL, {"shared": 0.1, "old": 0.1, "new": 0.1}]) for name in ("eeil", "eeil_bf")),
    ],
)
def test_every_method_trains_the_weights_that_its_paper_trains(name, phases):
    assert rates(methods.get(name)) == phases


@pytest.mark.parametrize("name", [name for name in OF_THE_PAPERS if name != "tensor_factorization"])
def test_every_method_learns_the_first_task_alike_but_for_an_autoencoder_after_it(name):
    plain, *after = methods.get(name).schedule.first
    assert plain.rates == {"shared": 1.0, "new": 1.0}
    assert [phase.rates for phase in after] == ([{"code": 20.0}] if name == "ebll" else [])


@pytest.mark.parametrize("name", ["finetune", "finetune_slow", "l2"])
def test_one_head_for_all_classes_learns_as_a_whole(name):
    task, one = (getattr(methods, name)(heads=heads) for heads in ("task", "class"))
    assert rates(one) == [{**rates(task)[0], "old": 1.0}]


@pytest.mark.parametrize("name", OF_THE_PAPERS)
def test_every_method_has_the_same_schedule_but_for_its_phases(name):
    theirs, common = methods.get(name).schedule, Schedule()
    if name in END_TO_END:  # EEIL, section 5
        augmentation = PhotometricCropFlip() if name in ("eeil", "eeil_da") else None
        common = replace(common, noise=GradientNoise(0.3, 0.55), augmentation=augmentation)
    if name == "expandable":  # weights outside the selected sub-network stay as they are, bit by bit
        common = replace(common, weight_decay=0.0)
    assert {field: getattr(theirs, field) for field in SCHEDULE} == {
        field: getattr(common, field) for field in SCHEDULE
    }
    assert (Schedule().momentum, Schedule().weight_decay) == (0.9, 0.0005)  # LwF, section 3


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("finetune", MultiHead()),
        ("feature_extraction", MultiHead(hidden=4096)),
        ("duplicate", Copies()),
        ("lwf", MultiHead()),
        ("expansion", Widening(share=0.25)),
        ("expansion_lwf", Widening(share=0.25)),
    ],
)
def test_every_method_has_the_network_of_its_paper(name, network):
    assert methods.get(name).network == network


def test_joint_training_takes_tasks_in_turn_where_each_has_a_head_and_eeil_keeps_two_thousand_images():
    kept = {name: methods.get(name).memory for name in OF_THE_PAPERS if methods.get(name).memory}
    exemplars = {name: ExemplarMemory(capacity=2000, selection="herding") for name in REMEMBERING}
    jointly = {name: Everything(interleaved=True) for name in ("joint", "tensor_factorization")}
    assert kept == {**jointly, **exemplars}
    assert methods.joint(heads="class").memory == Everything(interleaved=False)


def test_the_settings_of_lwf_reach_its_loss_and_its_network():
    recipe = methods.lwf(temperature=3, lam=0.5, loss="l1", task_specific_layers=2)
    assert recipe.loss.terms == ((1.0, CrossEntropy()), (0.5, Distillation(temperature=3, kind="l1")))
    assert recipe.network == MultiHead(task_specific_layers=2)


def test_the_weight_of_l2_is_half_of_lam():
    assert methods.l2(lam=0.05).loss.terms[1] == (pytest.approx(0.025), Anchor())


def test_the_settings_of_expansion_and_feature_extraction_reach_network_and_loss():
    assert methods.expansion(share=0.5).network == Widening(share=0.5)
    recipe = methods.expansion_lwf(share=0.5, temperature=4, lam=2)
    assert recipe.network == Widening(share=0.5)
    assert recipe.loss.terms[1] == (2.0, Distillation(temperature=4))
    assert methods.feature_extraction(hidden=64).network == MultiHead(hidden=64)


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("lwf", "temprature", "temperature"),
        ("lwf", "task_specific_layer", "task_specific_layers"),
        ("l2", "lamb", "lam"),
        ("expansion", "shares", "share"),
        ("feature_extraction", "hiden", "hidden"),
    ],
)
def test_the_methods_own_settings_are_among_those_suggested(name, wrong, right):
    with pytest.raises(ValueError, match=rf"did you mean {right}\?$"):
        getattr(methods, name)(**{wrong: 1})


@pytest.mark.parametrize("setting", ["temperature", "loss", "network", "name", "later"])
def test_a_setting_of_another_method_or_of_the_recipe_is_refused(setting):
    with pytest.raises(ValueError, match=f"finetune has no setting '{setting}'"):
        methods.finetune(**{setting: None})


@pytest.mark.parametrize(
    ("wrong", "right"), [("l_w_f", "lwf"), ("fine_tune", "finetune"), ("expansionlwf", "expansion_lwf")]
)
def test_an_unknown_method_is_refused_with_the_nearest_name(wrong, right):
    with pytest.raises(ValueError, match=rf"There is no method '{wrong}'; did you mean {right}\?"):
        methods.get(wrong)


def test_an_unknown_method_near_nothing_is_refused_with_all_names():
    with pytest.raises(ValueError, match=", ".join(methods.names())):
        methods.get("xyz")


def test_the_three_class_incremental_methods_take_a_softmax_over_all_classes_instead():
    held = Distillation(kind="cross_entropy", joined=True)
    assert methods.lwf_mc(kind="softmax").loss.terms == ((1, CrossEntropy()), (1, held))
    terms = methods.lwm(beta=0.5, gamma=2, kind="softmax", maps="activation").loss.terms
    assert terms == ((1, CrossEntropy()), (0.5, held), (2, AttentionDistillation(maps="activation")))
    assert [methods.get(name).heads for name in INCREMENTAL] == ["class"] * 3
    with pytest.raises(ValueError, match="kind is one of sigmoid, softmax, not 'tanh'"):
        methods.lwm(kind="tanh")


def test_a_setting_that_a_method_fixes_is_refused():
    with pytest.raises(ValueError, match="^joint has a memory of its own: leave it out.$"):
        methods.joint(memory=ExemplarMemory())


def test_any_method_may_keep_a_memory():
    assert methods.finetune(memory=ExemplarMemory(10)).memory == ExemplarMemory(10)


@pytest.mark.parametrize(("name", "balanced"), [("eeil", True), ("eeil_bf", True), ("eeil_base", False)])
def test_eeils_ablations_leave_out_the_balanced_set_with_its_temporary_distillation(name, balanced):
    recipe = methods.get(name)
    assert recipe.loss == CrossEntropy() + Distillation(temperature=2)
    assert [phase.balanced for phase in recipe.schedule.later] == [False, True][: 1 + balanced]
    if balanced:
        assert recipe.schedule.later[1].loss == recipe.loss + TemporaryDistillation(temperature=2)
        assert [len(epochs) for _, epochs in Schedule(recipe.schedule.later, epochs=70).phases(1)] == [40, 30]
        assert [len(epochs) for _, epochs in recipe.schedule.phases(0)] == [10]


def test_icarl_and_hybrid1_learn_alike_and_answer_differently():
    icarl, hybrid1 = methods.icarl(), methods.hybrid1()
    assert icarl.loss == hybrid1.loss == BinaryCrossEntropy() + Distillation(kind="sigmoid")
    assert (icarl.predict, hybrid1.predict) == ("nearest_mean", "logits")
    assert replace(icarl, name="hybrid1", predict="logits") == hybrid1
