"""A run: its matrices, its network after every task, and its file."""

import numpy as np
import pytest
import torch
from running import assert_same, learn

import cltutor as cl

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot")


@pytest.fixture(scope="module")
def run(tiny):
    return learn(tiny, cl.methods.lwf(epochs=3, lam=0.5), seed=2)


def test_the_matrix_is_the_accuracy_of_the_network_after_each_task_and_nan_above_the_diagonal(run, tiny):
    assert np.isnan(run.accuracy()).tolist() == [[False, True], [False, False]]
    for i in range(2):
        for j in range(i + 1):
            test = tiny[j].test
            output = run.model_after(i)(test.images)
            own = output.head(j).argmax(1) == tiny.positions(test.labels) - 2 * j
            every = output.logits.argmax(1) == tiny.positions(test.labels)
            assert run.accuracy()[i, j] == own.double().mean().item()
            assert run.accuracy(known_task=False, untrained=True)[i, j] == every.double().mean().item()


def test_a_run_that_never_learned_to_compete_refuses_to_answer_with_the_task_unknown(run):
    assert not run.competes
    with pytest.raises(ValueError, match='train with heads="class"'):
        run.accuracy(known_task=False)
    with pytest.raises(ValueError, match="untrained=True"):
        run.metrics(known_task=False)


def test_with_two_classes_per_task_the_top_five_always_contain_the_class(run):
    assert (run.accuracy(top=5)[np.tril_indices(2)] == 1).all()
    with pytest.raises(ValueError, match="top is one of"):
        run.accuracy(top=3)


def test_the_returned_matrix_is_a_copy(run):
    run.accuracy()[:] = 7
    assert run.accuracy()[0, 0] <= 1


def test_the_curves_have_every_step_and_every_epoch(run, tiny):
    curves = run.curves
    assert run.updates == len(curves.step_task) == len(curves.loss["CrossEntropy"])
    distillation = curves.loss["Distillation"]
    assert np.isnan(distillation[curves.step_task == 0]).all(), "a term that did not act has no value"
    assert np.isfinite(distillation[curves.step_task == 1]).all()
    assert curves.epoch_task.tolist() == [0, 0, 0, 1, 1, 1]
    assert curves.known.shape == (6, 2)
    assert np.isnan(curves.known[:3, 1]).all()
    np.testing.assert_array_equal(curves.known[-1], run.accuracy()[1])


def test_a_model_is_in_evaluation_mode_and_frozen(run):
    assert not run.model.training
    assert not any(parameter.requires_grad for parameter in run.model.parameters())
    with pytest.raises(ValueError, match="there is no task 2"):
        run.model_after(2)
    with pytest.raises(ValueError, match="there is no task -1"):
        run.model_after(-1)


@pytest.mark.parametrize("name", cl.methods.names())
def test_every_methods_run_comes_back_whole_from_its_file_and_another_seed_gives_other_weights(tiny, name, tmp_path):
    run, other = (learn(tiny, name, epochs=1, seed=seed) for seed in (0, 1))
    same = all(torch.equal(value, other.states[1][key]) for key, value in run.states[1].items())
    assert same == (name == "ncm"), "class means on a pretrained backbone, with nothing drawn"
    run.save(tmp_path / "run")
    back = cl.Run.load(tmp_path / "run")
    assert_same(back, run)
    for fact in ("recipe", "tasks", "class_names", "seconds", "stream_code", "memory"):
        assert getattr(back, fact) == getattr(run, fact)
    for task in range(2):
        images = tiny[0].test.images
        assert torch.equal(back.model_after(task)(images).logits, run.model_after(task)(images).logits)


def test_metrics_are_those_of_the_tasks_learned_so_far(tiny):
    run = next(event.run for event in cl.train(tiny, "finetune", epochs=1, device="cpu") if event.run.learned == 1)
    assert run.metrics()["average_accuracy"] == run.accuracy()[0, 0]


def test_a_run_is_printed_as_one_line_with_what_it_may_claim(run, tiny):
    known = 100 * run.metrics()["average_accuracy"]
    about = f"{run.stream_code}, seed {run.seed}; 2 of 2 tasks learned; average accuracy"
    assert repr(run) == f"<Run: lwf on {about} {known:.1f} % with the task known>"
    competing = learn(tiny, cl.methods.finetune(heads="class", epochs=1))
    known, unknown = (100 * competing.metrics(task)["average_accuracy"] for task in (True, False))
    assert repr(competing).endswith(f" {known:.1f} % with the task known, {unknown:.1f} % with the task unknown>")
    begun = next(event.run for event in cl.train(tiny, "finetune", epochs=1, device="cpu"))
    assert repr(begun).endswith("seed 0; 0 of 2 tasks learned>")
    assert repr(run.curves) == f"<Curves: {len(run.curves.step_task)} steps, {len(run.curves.epoch_task)} epochs>"


@pytest.mark.filterwarnings("error", "ignore:.*have one class")
def test_a_run_on_tasks_of_one_class_is_printed_without_the_accuracy_that_says_nothing():
    stream = cl.streams.digits(tasks=2, classes=(0, 1))
    known_only = learn(stream, "finetune", epochs=1)
    assert repr(known_only).endswith("2 of 2 tasks learned>")
    assert "average accuracy" in repr(learn(stream, cl.methods.finetune(heads="class", epochs=1)))
    assert "known," not in repr(learn(stream, cl.methods.finetune(heads="class", epochs=1)))


def test_a_run_without_weights_keeps_what_was_measured_and_can_be_saved(run, tmp_path):
    light = run.without_weights()
    light.save(tmp_path / "light.safetensors")
    for found in (light, cl.Run.load(tmp_path / "light.safetensors")):
        assert found.complete
        np.testing.assert_array_equal(found.accuracy(), run.accuracy())
        np.testing.assert_array_equal(found.curves.known, run.curves.known)
        with pytest.raises(ValueError, match="came without its weights"):
            _ = found.model
    assert run.model is not None
    assert (tmp_path / "light.safetensors").stat().st_size < 30_000
