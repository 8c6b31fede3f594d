"""Prediction rules: the nearest mean of exemplars against a loop by hand, and inside a run."""

import math

import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.evaluation.answers import features, hits, logits
from cltutor.evaluation.predicting import PREDICTIONS, class_means
from cltutor.memory import ExemplarMemory
from cltutor.networks import MultiHead, SmallCNN

DRAW = torch.Generator().manual_seed(0)
EXEMPLARS = torch.randint(0, 256, (12, 1, 8, 8), dtype=torch.uint8, generator=DRAW)
LABELS = torch.arange(12) % 4
IMAGES = torch.randint(0, 256, (9, 1, 8, 8), dtype=torch.uint8, generator=DRAW)


@pytest.fixture
def network():
    torch.manual_seed(0)
    built = MultiHead(SmallCNN((4, 4, 4), (8, 8))).build((1, 8, 8))
    for classes in (2, 2):
        built.grow(classes)
    return built


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.sqrt((vector**2).sum())


def share_right(network, images, labels, stream, task) -> float:
    """Accuracy on a task's test images by the nearest mean of these images."""
    score = PREDICTIONS["nearest_mean"].rule(network, lambda: (images, labels))
    right = score(network, task.test.images).argmax(1) == stream.positions(task.test.labels)
    return right.double().mean().item()


@pytest.mark.parametrize("classes", [4, 3])  # one without exemplars is never nearest
def test_an_image_belongs_to_the_class_whose_mean_of_normalised_features_is_nearest(network, classes):
    labels = LABELS % classes
    score = PREDICTIONS["nearest_mean"].rule(network, lambda: (EXEMPLARS, labels))(network, IMAGES)
    stored, queried = (features(network, images).double().numpy() for images in (EXEMPLARS, IMAGES))
    for i, feature in enumerate(queried):
        distances = [math.inf] * 4
        for column in range(classes):
            mean = np.mean([unit(f) for f, label in zip(stored, labels, strict=True) if label == column], axis=0)
            distances[column] = np.sqrt(((unit(feature) - unit(mean)) ** 2).sum())
        np.testing.assert_allclose(score[i].numpy(), -np.array(distances), atol=1e-4)
    rows = torch.tensor([[1.0, 0.0], [0.0, 100.0]])
    torch.testing.assert_close(class_means(rows, torch.tensor([0, 0]), 1), torch.tensor([[0.5**0.5, 0.5**0.5]]))


@pytest.mark.parametrize("count", [1, 25, 26, 1000])
def test_a_class_without_exemplars_is_infinitely_far_from_any_number_of_images(network, count):
    images = IMAGES.repeat(112, 1, 1, 1)[:count]
    score = PREDICTIONS["nearest_mean"].rule(network, lambda: (EXEMPLARS, LABELS % 3))(network, images)
    assert (score[:, 3] == -math.inf).all()
    assert score[:, :3].isfinite().all()
    assert not hits(score, torch.full((count,), 3), top=1).any()


def test_a_score_that_is_no_number_wins_no_image():
    scores = torch.tensor([[math.nan, 1, 2], [math.nan, -math.inf, 3], [math.nan] * 3, [math.inf, 1, 2]])
    for top, right in ((1, [[2], [2], [], [0]]), (3, [[1, 2], [2], [], [0, 1, 2]])):
        for label in range(3):
            found = hits(scores, torch.full((4,), label), top)
            assert found.tolist() == [label in columns for columns in right]


def test_logits_are_scores_without_reading_the_exemplars(network):
    score = PREDICTIONS["logits"].rule(network, lambda: pytest.fail("the exemplars were read"))
    assert torch.equal(score(network, IMAGES), logits(network, IMAGES))
    named = [name for name, rule in PREDICTIONS.items() if rule.needs_exemplars]
    assert named == ["nearest_mean", "nearest_mean_mirrored"]


def test_mirrored_means_are_the_mean_of_both_means_of_unit_features_made_unit_as_in_icarls_program(network):
    """class_means = (mean(D) + mean(D2)) / 2, divided by its norm; D and D2 are features of length one."""
    score = PREDICTIONS["nearest_mean_mirrored"].rule(network, lambda: (EXEMPLARS, LABELS))(network, IMAGES)
    wide, flat = EXEMPLARS.numpy()[:, :, :, ::-1].copy(), features(network, IMAGES).double().numpy()
    stored = [features(network, torch.from_numpy(x)).double().numpy() for x in (EXEMPLARS.numpy(), wide)]
    for column in range(4):
        straight, mirrored = (np.mean([unit(f) for f in found[column == LABELS]], axis=0) for found in stored)
        mean = unit((straight + mirrored) / 2)
        expected = [-np.sqrt(((unit(feature) - mean) ** 2).sum()) for feature in flat]
        np.testing.assert_allclose(score[:, column].numpy(), expected, atol=1e-4)
    plain = PREDICTIONS["nearest_mean"].rule(network, lambda: (EXEMPLARS, LABELS))(network, IMAGES)
    assert not torch.allclose(score, plain, atol=1e-3)


@pytest.mark.parametrize("name", ["icarl", "eeil_base", "finetune", "joint"])
def test_any_recipe_with_old_images_predicts_by_the_nearest_mean_of_them(tiny, name):
    memory = {} if name == "joint" else {"memory": ExemplarMemory(12)}
    recipe = getattr(cl.methods, name)(predict="nearest_mean", heads="class", epochs=2, **memory)
    run = cl.learn(tiny, recipe, device="cpu", progress=False)
    if name == "joint":
        images = torch.cat([task.train.images for task in tiny])
        labels = tiny.positions(torch.cat([task.train.labels for task in tiny]))
    else:
        images, labels = (run.part_states["memory"][kind] for kind in ("images", "labels"))
    for task in tiny:
        right = share_right(run.model, images, labels, tiny, task)
        assert run.accuracy(known_task=False)[-1, task.index] == pytest.approx(right)


def test_between_epochs_the_means_are_those_of_all_images_at_hand(tiny):
    events = cl.train(tiny, cl.methods.icarl(memory=ExemplarMemory(12), epochs=1), device="cpu")
    event = next(e for e in events if isinstance(e, cl.training.events.EpochDone) and e.task == 0)
    own = tiny[0].train
    right = share_right(event.network, own.images, tiny.positions(own.labels), tiny, tiny[0])
    assert event.unknown[0] == pytest.approx(right)


def test_the_nearest_mean_without_a_memory_is_refused():
    with pytest.raises(ValueError, match=r"keeps none: give it ExemplarMemory\(\)"):
        cl.methods.finetune(predict="nearest_mean")
