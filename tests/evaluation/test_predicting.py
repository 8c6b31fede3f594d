"""The nearest mean of exemplars, against a loop by hand."""

import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.evaluation.answers import answers
from cltutor.evaluation.predicting import class_means, nearest_mean
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


def test_an_image_is_of_the_class_whose_mean_of_normalised_features_is_nearest(network):
    score = nearest_mean(network, lambda: (EXEMPLARS, LABELS))(network, IMAGES)
    kept, asked = (answers(network, images, features=True)[1].double().numpy() for images in (EXEMPLARS, IMAGES))
    for i, feature in enumerate(asked):
        distances = []
        for column in range(4):
            mean = np.mean([unit(f) for f, label in zip(kept, LABELS, strict=True) if label == column], axis=0)
            distances.append(np.sqrt(((unit(feature) - unit(mean)) ** 2).sum()))
        np.testing.assert_allclose(score[i].numpy(), -np.array(distances), atol=1e-4)


def test_features_count_by_their_direction_and_not_by_their_length():
    features = torch.tensor([[1.0, 0.0], [0.0, 100.0]])
    torch.testing.assert_close(class_means(features, torch.tensor([0, 0]), 1), torch.tensor([[0.5**0.5, 0.5**0.5]]))


def test_a_class_without_exemplars_is_never_nearest(network):
    score = nearest_mean(network, lambda: (EXEMPLARS, LABELS % 3))(network, IMAGES)
    assert score.shape == (9, 4)
    assert (score[:, 3] == float("-inf")).all()
    assert score[:, :3].isfinite().all()


@pytest.mark.parametrize("name", ["icarl", "eeil_base", "finetune"])
def test_any_recipe_with_a_memory_answers_by_the_nearest_mean_of_what_it_keeps(tiny, name):
    recipe = getattr(cl.methods, name)(memory=ExemplarMemory(12), predict="nearest_mean", heads="class", epochs=2)
    run = cl.learn(tiny, recipe, device="cpu", progress=False)
    kept = run.kept["memory"]
    score = nearest_mean(run.model, lambda: (kept["images"], kept["labels"]))
    for task in tiny:
        right = score(run.model, task.test.images).argmax(1) == tiny.positions(task.test.labels)
        assert run.accuracy(known_task=False)[-1, task.index] == pytest.approx(right.double().mean().item())


def test_joint_training_answers_by_the_means_of_all_images(tiny):
    run = cl.learn(tiny, cl.methods.joint(heads="class", predict="nearest_mean", epochs=1), progress=False)
    images = torch.cat([task.train.images for task in tiny])
    labels = tiny.positions(torch.cat([task.train.labels for task in tiny]))
    score = nearest_mean(run.model, lambda: (images, labels))
    right = score(run.model, tiny[0].test.images).argmax(1) == tiny.positions(tiny[0].test.labels)
    assert run.accuracy(known_task=False)[-1, 0] == pytest.approx(right.double().mean().item())


def test_between_epochs_it_takes_the_means_of_all_images_at_hand(tiny):
    recipe = cl.methods.icarl(memory=ExemplarMemory(12), epochs=1)
    events = cl.train(tiny, recipe, device="cpu")
    event = next(e for e in events if isinstance(e, cl.training.events.EpochDone) and e.task == 0)
    own = tiny[0].train
    score = nearest_mean(event.network, lambda: (own.images, tiny.positions(own.labels)))
    right = score(event.network, tiny[0].test.images).argmax(1) == tiny.positions(tiny[0].test.labels)
    assert event.unknown[0] == pytest.approx(right.double().mean().item())


def test_without_a_memory_it_is_refused():
    with pytest.raises(ValueError, match=r"keeps none: give it ExemplarMemory\(\)"):
        cl.methods.finetune(predict="nearest_mean")


def test_an_unknown_way_to_answer_is_refused():
    with pytest.raises(ValueError, match="predict is one of logits, nearest_mean, not 'nearest'"):
        cl.methods.icarl(predict="nearest")
