"""The methods: each one's loss, network, memory and phases as its paper has them, and their settings."""

from dataclasses import replace

import pytest

import cltutor as cl
from cltutor import methods
from cltutor.importance import MAS, Fisher, LocalMAS, OnlineFisher, PathIntegral
from cltutor.losses import (
    Anchor,
    AttentionDistillation,
    BinaryCrossEntropy,
    Codes,
    CrossEntropy,
    Distillation,
    Drift,
    GroupLasso,
    L1Penalty,
    L2Penalty,
    ReconstructedCrossEntropy,
    Reconstruction,
    TemporaryDistillation,
)
from cltutor.memory import Everything, ExemplarMemory
from cltutor.networks import (
    DFCNN,
    Copies,
    Encoded,
    Expandable,
    MultiHead,
    Progressive,
    SingleTask,
    SmallCNN,
    TaskCNN,
    TensorFactorization,
    Widening,
)
from cltutor.recipe.merging import MeanMerge, ModeMerge
from cltutor.recipe.noise import GradientNoise
from cltutor.recipe.recipe import Phase, Recipe, Schedule
from cltutor.streams import PhotometricCropFlip

NEWEST, ALL = {"shared": 1, "new": 1}, {"shared": 1, "old": 1, "new": 1}
JOINT = Phase("joint", rates=ALL)
WARM_UP_THEN_ALL = Phase("warm-up", 0.2, new=1), Phase("joint", 0.8, rates=ALL)  # LwF, section 3
CE, BCE, SIGMOIDS = CrossEntropy(), BinaryCrossEntropy("new"), Distillation(kind="sigmoid")  # LwM, section 5.1
OLD = Distillation(temperature=2.0, kind="softmax", joined=False)
EXEMPLARS = {"memory": ExemplarMemory(capacity=2000, selection="herding"), "heads": "class"}
EEIL = {"noise": GradientNoise(0.3, 0.55)}  # EEIL, section 5
AUGMENTED = {**EEIL, "augmentation": PhotometricCropFlip()}
# EEIL, sections 4 and 5: 40 epochs and 30, of balanced fine-tuning at a tenth of the rate
BALANCED = (
    Phase("train", 4, rates=ALL),
    Phase("balanced fine-tuning", 3, dict.fromkeys(ALL, 0.1), CE + OLD + TemporaryDistillation(2.0), balanced=True),
)
ENCODE = Phase("autoencoder", 0.2, code=20, loss=Reconstruction() + ReconstructedCrossEntropy())
DEN = (
    Phase("select", 0.1, new=1),
    Phase("retrain", 0.3, NEWEST, CE + 0.005 * L2Penalty() + 0.25 * Drift()),
    Phase("expand", 0.3, NEWEST, CE + 1e-6 * L1Penalty(34_000) + 0.8e-4 * GroupLasso(34_000)),
    Phase("split", 0.3, NEWEST, CE + 0.25 * Drift()),
)
FACTORS = Phase("single tasks", old=1, new=1), Phase("factorized", rates=ALL)


def recipe(loss, *later: Phase, schedule=None, **parts) -> Recipe:
    return Recipe(
        "a method", loss, schedule=Schedule(later or (Phase("train", rates=NEWEST),), **(schedule or {})), **parts
    )


PAPERS = {
    "LwF": {
        "finetune": recipe(CE),  # theta_o is fixed: section 1
        "finetune_slow": recipe(CE, Phase(shared=0.1, new=1)),  # Table 2d
        "feature_extraction": recipe(CE, Phase(new=5), network=MultiHead(hidden=4096)),  # section 3
        "duplicate": recipe(CE, network=Copies()),
        "joint": recipe(CE, JOINT, memory=Everything(interleaved=True)),
        "lwf": recipe(CE + OLD, *WARM_UP_THEN_ALL),
        "expansion": recipe(CE, Phase(new=1), network=Widening(share=0.25)),  # section 4.2
        "expansion_lwf": recipe(CE + OLD, *WARM_UP_THEN_ALL, network=Widening(share=0.25)),
        "l2": recipe(CE + 0.25 * Anchor()),
    },
    "MAS": {
        "mas": recipe(CE + 0.5 * Anchor(MAS("norm", "train"))),  # eq. 3, lambda = 1
        "mas_local": recipe(CE + 0.5 * Anchor(LocalMAS("norm", "train"))),
        "ewc": recipe(CE + 200 * Anchor(Fisher(given=False))),
        "ewc_online": recipe(CE + 200 * Anchor(OnlineFisher(given=False, decay=1.0))),
        "si": recipe(CE + Anchor(PathIntegral(0.001))),  # c sum Omega (theta - theta*)^2: no half
        "imm_mean": recipe(CE + 0.005 * Anchor(), after_task=MeanMerge()),
        "imm_mode": recipe(CE + 0.005 * Anchor(), after_task=ModeMerge()),
        "ebll": recipe(
            CE + OLD + 0.1 * Codes(),
            WARM_UP_THEN_ALL[0],
            Phase("joint", 0.6, rates=ALL),
            ENCODE,
            network=Encoded(),
            schedule={"first": (Phase("train", 0.8, rates=NEWEST), ENCODE)},
        ),
    },
    "LwM": {
        "lwf_mc": recipe(BCE + SIGMOIDS, JOINT, heads="class"),  # section 5.1
        "lwm": recipe(BCE + SIGMOIDS + AttentionDistillation("l1", "grad_cam"), JOINT, heads="class"),  # eq. 3
        "lwm_attention_only": recipe(BCE + AttentionDistillation(), JOINT, heads="class"),  # Table 5
    },
    "EEIL": {
        "eeil": recipe(CE + OLD, *BALANCED, schedule=AUGMENTED, **EXEMPLARS),
        "eeil_base": recipe(CE + OLD, JOINT, schedule=EEIL, **EXEMPLARS),  # Table 2b
        "eeil_da": recipe(CE + OLD, JOINT, schedule=AUGMENTED, **EXEMPLARS),
        "eeil_bf": recipe(CE + OLD, *BALANCED, schedule=EEIL, **EXEMPLARS),
        "icarl": recipe(BCE + SIGMOIDS, JOINT, predict="nearest_mean", **EXEMPLARS),
        "hybrid1": recipe(BCE + SIGMOIDS, JOINT, **EXEMPLARS),
    },
    "DF-CNN": {
        "single_task": recipe(CE, network=SingleTask(TaskCNN())),
        "single_task_large": recipe(CE, network=SingleTask(TaskCNN((48, 48, 96, 96), (128,)))),
        "hard_sharing": recipe(CE, network=MultiHead(TaskCNN(), task_specific_layers=2)),
        "dfcnn": recipe(CE, network=DFCNN(TaskCNN())),
        "dfcnn_small": recipe(CE, network=DFCNN(TaskCNN(), ((2, 4), (2, 6), (2, 8), (2, 9)), ((3, 2),) * 4)),
        "progressive": recipe(CE, Phase(new=1), network=Progressive(TaskCNN(), reduction=2)),
        # No decay: weights outside the selected sub-network stay as they are, bit by bit.
        "expandable": recipe(
            CE + 1e-6 * L1Penalty(34_000),
            *DEN,
            network=Expandable(TaskCNN(), 16, 0.01, 0.05),
            schedule={"weight_decay": 0.0},
        ),
        "tensor_factorization": recipe(
            CE,
            *FACTORS,
            network=TensorFactorization(TaskCNN(), "tucker", 1e-3),
            memory=Everything(interleaved=True),
            schedule={"first": FACTORS},
        ),
    },
}


@pytest.mark.parametrize(("name", "expected"), [pair for paper in PAPERS.values() for pair in paper.items()])
def test_every_method_is_the_recipe_of_its_paper(name, expected):
    assert methods.get(name) == replace(expected, name=name)


def test_unless_its_paper_says_otherwise_all_train_with_these_settings():
    common = Schedule()
    assert (common.momentum, common.weight_decay) == (0.9, 0.0005)  # LwF, section 3
    assert (common.noise, common.augmentation, common.optimiser) == (None, None, "sgd")
    assert [phase.rates for phase in common.first] == [NEWEST]
    assert [len(epochs) for _, epochs in Schedule(BALANCED, epochs=70).phases(1)] == [40, 30]


def test_a_recipe_is_taken_as_it_is():
    recipe = methods.lwf(temperature=3)
    assert methods.get(recipe) is recipe


@pytest.mark.parametrize("name", ["finetune", "finetune_slow", "l2"])
def test_one_head_for_all_classes_learns_as_a_whole(name):
    (task,), (one,) = (methods.named(name)(heads=heads).schedule.later for heads in ("task", "class"))
    assert one.rates == {**task.rates, "old": 1.0}


LWF = methods.lwf(lam=0.5, loss="l1", task_specific_layers=2)
LWM = methods.lwm(beta=0.5, gamma=2, kind="softmax", maps="activation")
JOINED = Distillation(kind="cross_entropy", joined=True)  # one softmax over all old classes


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (LWF.loss, CE + 0.5 * Distillation(kind="l1")),
        (LWF.network, MultiHead(task_specific_layers=2)),
        (methods.l2(lam=0.5).loss, CE + 0.25 * Anchor()),
        (methods.expansion(share=0.5).network, Widening(share=0.5)),
        (methods.expansion_lwf(share=0.5).network, Widening(share=0.5)),
        (methods.expansion_lwf(temperature=4, lam=2).loss, CE + 2.0 * Distillation(temperature=4)),
        (methods.feature_extraction(hidden=64).network, MultiHead(hidden=64)),
        (methods.lwf_mc(kind="softmax").loss, CE + JOINED),
        (LWM.loss, CE + 0.5 * JOINED + 2 * AttentionDistillation(maps="activation")),
        (methods.joint(heads="class").memory, Everything(interleaved=False)),
        (methods.finetune(memory=ExemplarMemory(10)).memory, ExemplarMemory(10)),
        (methods.hard_sharing(backbone=SmallCNN()).network, MultiHead(SmallCNN(), task_specific_layers=3)),
        (methods.dfcnn(activation="relu", stride=3).network, DFCNN(activation="relu", stride=3)),
        (methods.dfcnn_small(bias=False).network.bias, False),
        (methods.progressive(reduction=4).network, Progressive(TaskCNN(), 4)),
        (
            methods.tensor_factorization("tensor_train", 0.01).network,
            TensorFactorization(TaskCNN(), "tensor_train", 0.01),
        ),
        (methods.tensor_factorization(heads="class").memory, Everything()),
        (
            methods.dfcnn(**cl.schedules.dfcnn_paper()).schedule,
            methods.single_task(**cl.schedules.dfcnn_paper()).schedule,
        ),
    ],
)
def test_settings_reach_loss_network_memory_and_schedule(found, expected):
    assert found == expected


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: methods.get("l_w_f"), r"There is no method 'l_w_f'; did you mean lwf\?"),
        (lambda: methods.get("xyz"), r"There is no method 'xyz'; cl.methods.names\(\) lists the \d+ that there are\."),
        (lambda: methods.lwf(temprature=1), r"did you mean temperature\?$"),
        (lambda: methods.l2(lamb=1), r"did you mean lam\?$"),
        *(
            (lambda setting=setting: methods.finetune(**{setting: None}), f"finetune has no setting '{setting}'")
            for setting in ("temperature", "loss", "network", "name", "later")  # another method's, or the recipe's
        ),
        (lambda: methods.joint(memory=ExemplarMemory()), "^joint has its own memory: leave it out.$"),
        (lambda: methods.expandable(weight_decay=0.1), "expandable has no weight decay"),
    ],
)
def test_an_unknown_method_and_settings_that_do_not_fit_are_refused_in_one_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def defined(lam: float) -> None:
    """What a notebook cell with the definition of a method does."""

    @methods.register
    def of_a_notebook(lam: float = lam) -> Recipe:
        """A method without the settings of all others."""
        return methods.compose("of_a_notebook", CE + lam * Anchor(), (JOINT,))


def test_a_users_method_is_known_by_its_name_and_replaced_by_its_next_definition():
    for lam in (0.5, 2.0):
        defined(lam)
        assert methods.get("of_a_notebook").loss == cl.methods.of_a_notebook().loss == CE + lam * Anchor()
    assert methods.names().count("of_a_notebook") == 1
    with pytest.raises(methods.UnknownSetting, match="of_a_notebook has no setting 'epochs'; its settings are lam"):
        methods.of_a_notebook(epochs=3)


def test_a_name_that_a_method_has_and_a_function_without_a_name_are_refused():
    def lwf() -> Recipe:
        return recipe(CE)

    with pytest.raises(
        ValueError, match=r"There is already a method 'lwf' in cltutor\.methods\.lwf: give yours another"
    ):
        methods.register(lwf)
    with pytest.raises(ValueError, match="register takes a function with a name, made with def, not"):
        methods.register(lambda: recipe(CE))
    with pytest.raises(AttributeError, match="has no attribute 'nothing_of_the_kind'"):
        cl.methods.nothing_of_the_kind  # noqa: B018


def test_a_recipe_of_a_class_that_was_loaded_again_is_refused_with_what_to_do():
    older = type("Recipe", (), {})()
    with pytest.raises(ValueError, match="restart the kernel"):
        cl.methods.get(older)
