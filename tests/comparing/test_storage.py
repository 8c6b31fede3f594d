"""The memory that methods need: counted bytes, against the sizes of the tensors of a run."""

import pytest
import torch
from running import learn

import cltutor as cl
from cltutor.memory import ExemplarMemory
from cltutor.streams import CropFlip
from cltutor.training.task import draw_pool
from cltutor.training.teachers import make_teacher

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot")


def needed(stream, *names):
    return cl.storage.needed(stream, names)


def test_finetuning_needs_its_network_and_one_more_head_per_task(three):
    (second, third) = needed(three, "finetune")["finetune"]
    assert set(second) == {"network"}
    assert third["network"] - second["network"] == 4 * (128 * 2 + 2)
    run = learn(three, "finetune", epochs=1)
    assert third["network"] == sum(value.nbytes for value in run.states[2].values())


@pytest.mark.parametrize(
    ("name", "vectors"),
    [
        *((name, (2, 2)) for name in ("mas", "mas_local", "ewc_online", "l2")),  # Omega and an anchor
        ("si", (4, 4)),  # the path and its start as well
        ("ewc", (2, 4)),  # a Fisher and an anchor per task
    ],
)
def test_what_an_anchor_keeps_per_shared_parameter_grows_with_tasks_only_for_ewc(three, name, vectors):
    size = sum(p.nbytes for p in learn(three, "finetune", epochs=1).model.parameters_of("shared"))
    assert [later["Anchor"] for later in needed(three, name)[name]] == [count * size for count in vectors]


def test_what_merging_keeps_does_not_grow(three):
    second, third = needed(three, "imm_mode")["imm_mode"]
    assert second["after_task"] == third["after_task"] > 0


@pytest.mark.parametrize(("name", "features"), [("lwf", 0), ("ebll", 128)])
def test_the_teacher_needs_its_recorded_outputs(three, name, features):
    _, third = needed(three, name)[name]
    run = learn(three, name, epochs=1)
    run.states.pop()
    pool = draw_pool(three, run.recipe, 2, torch.device("cpu"), {}, 0)
    terms = [term for _, _, active in run.recipe.plan(2) for _, term in active.values()]
    teacher = make_teacher(terms, run.model, pool, None, False)
    assert teacher.logits.shape[1] == 4
    assert (0 if teacher.features is None else teacher.features.shape[1]) == features
    assert third["teacher"] == 4 * len(pool) * (4 + features) > 0


@pytest.mark.parametrize(
    ("recipe", "channels"),
    [
        (cl.methods.lwf(augmentation=CropFlip()), 0),
        (cl.methods.lwm(), 64),  # maps of 2x2 positions are left of 8x8 pixels
        (cl.methods.lwm(maps="activation"), 64),
    ],
)
def test_with_augmentation_or_attention_the_teacher_needs_the_old_network_and_its_maps(three, recipe, channels):
    second, _ = cl.storage.needed(three, [recipe])[recipe.name]
    maps = 4 * channels * 2 * 2 * len(three[1].train)
    assert second["teacher"] == second["network"] - 4 * (128 * 2 + 2) + maps


def test_a_network_that_embeds_facts_is_counted_with_the_words_of_its_next_task():
    stream = cl.streams.facts(tasks=2, per_class=(1, 1))
    backbone = cl.networks.SmallCNN(channels=(2,), hidden=(5,))
    phases = (cl.recipe.recipe.Phase(shared=1.0),)
    schedule = cl.recipe.recipe.Schedule(later=phases, first=phases, batch_size=64)
    recipe = cl.Recipe("facts", cl.losses.EmbeddingDistance(), cl.networks.FactEmbedding(backbone), None, schedule)
    (second,) = cl.storage.needed(stream, [recipe])["facts"]
    run = learn(stream, recipe, epochs=1)
    assert second == {"network": sum(value.nbytes for value in run.states[1].values())}


@pytest.mark.parametrize(
    ("recipe", "counts"), [(cl.methods.joint(), (20, 40)), (cl.methods.eeil_base(memory=ExemplarMemory(12)), (12, 12))]
)
def test_images_of_earlier_tasks_are_counted_with_their_labels_and_are_no_state_besides(three, recipe, counts):
    later = cl.storage.needed(three, [recipe])[recipe.name]
    assert [needed["images"] for needed in later] == [count * (64 + 8) for count in counts]
    assert "memory" not in later[0]


def test_the_twelve_variants_of_an_old_image_are_not_images_of_earlier_tasks(three):
    once = cl.streams.PhotometricCropFlip(once=True)
    recipe = cl.methods.eeil(memory=ExemplarMemory(12), augmentation=once)
    later = cl.storage.needed(three, [recipe])[recipe.name]
    assert [needed["images"] for needed in later] == [12 * (64 + 8)] * 2


@pytest.mark.parametrize("name", ["finetune", "si", "lwf", "joint", "icarl", "imm_mode", "lwm"])
def test_a_run_has_the_memory_of_its_last_task(name, three):
    assert learn(three, name, epochs=1).memory == needed(three, name)[name][-1]
