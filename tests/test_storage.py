"""Memory needed: real tensors are counted, held against what the learner makes."""

import pytest
import torch

import cltutor as cl
from cltutor.learner import draw_pool, make_teachers
from cltutor.streams import CropFlip


@pytest.fixture(scope="module")
def three():
    """Three tasks of two classes, 8x8 grey noise."""
    labels = torch.arange(6).repeat_interleave(10)
    images = torch.randint(0, 256, (60, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return cl.streams.tensors(images, labels, images[::2], labels[::2], tasks=3, order=None)


def parameters(network):
    return sum(p.nbytes for p in network.parameters_of("shared"))


def needed(stream, *names):
    return cl.storage.needed(stream, names)


def test_finetuning_stores_its_network_and_a_head_more_a_task(three):
    (second, third) = needed(three, "finetune")["finetune"]
    assert set(second) == {"network"}
    assert third["network"] - second["network"] == 4 * (128 * 2 + 2)
    run = cl.learn(three, "finetune", epochs=1, progress=False)
    assert third["network"] == sum(value.nbytes for value in run.states[2].values())


@pytest.mark.parametrize(("name", "vectors"), [("mas", 2), ("mas_local", 2), ("ewc_online", 2), ("l2", 2), ("si", 4)])
def test_omega_and_anchor_do_not_grow_with_tasks_and_si_keeps_a_path_and_its_start_as_well(three, name, vectors):
    second, third = needed(three, name)[name]
    run = cl.learn(three, "finetune", epochs=1, progress=False)
    assert second["Anchor"] == third["Anchor"] == vectors * parameters(run.model)


def test_ewc_grows_by_a_fisher_and_an_anchor_a_task_and_imm_does_not_grow(three):
    second, third = needed(three, "ewc")["ewc"]
    assert third["Anchor"] == 2 * second["Anchor"]
    second, third = needed(three, "imm_mode")["imm_mode"]
    assert second["merge"] == third["merge"] > 0


def test_lwf_keeps_the_very_answers_that_the_learner_records(three):
    rows = needed(three, "lwf")["lwf"]
    run = cl.learn(three, cl.methods.lwf(epochs=1), progress=False)
    run.states.pop()
    terms, pool = run.recipe.loss.active(2), draw_pool(three, run.recipe, 2, torch.device("cpu"))
    closure = make_teachers(terms, run, pool, True)["task"].__closure__
    (recorded,) = (cell.cell_contents for cell in closure if isinstance(cell.cell_contents, tuple))
    assert rows[1]["teacher"] == sum(part.nbytes for part in recorded)


def test_with_augmentation_lwf_keeps_the_old_network(three):
    recipe = cl.methods.lwf(augmentation=CropFlip())
    second, _ = cl.storage.needed(three, [recipe])["lwf"]
    assert second["teacher"] == second["network"] - 4 * (128 * 2 + 2)


def test_joint_training_keeps_all_earlier_images(three):
    second, third = needed(three, "joint")["joint"]
    one = len(three[0].train) * (64 + 8)
    assert (second["images"], third["images"]) == (one, 2 * one)


def test_counting_changes_neither_the_run_nor_random_states(three):
    run = cl.learn(three, "si", epochs=1, progress=False)
    run.states.pop()
    before, state = {k: v.clone() for k, v in run.kept["Anchor"].items()}, torch.get_rng_state()
    cl.storage.stored(run, three)
    assert torch.equal(torch.get_rng_state(), state)
    assert set(run.kept["Anchor"]) == set(before)
    assert all(torch.equal(value, before[name]) for name, value in run.kept["Anchor"].items())


def test_a_complete_run_has_no_next_task(three):
    run = cl.learn(three, "finetune", epochs=1, progress=False)
    with pytest.raises(ValueError, match="has learned 3 of 3 tasks: there is no next task"):
        cl.storage.stored(run, three)
