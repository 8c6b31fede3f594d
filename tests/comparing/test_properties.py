"""What a method asks for and allows, held against the papers' own tables (LwF, Figure 1; MAS, Figure 2)."""

import pytest
import torch

import cltutor as cl
from cltutor.comparing.properties import properties
from cltutor.losses import Anchor, CrossEntropy, EmbeddingDistance
from cltutor.networks import FactEmbedding, ResNet32, Torchvision


def of(name, **settings):
    return properties(getattr(cl.methods, name)(**settings))


@pytest.mark.parametrize(
    ("name", "needed"),
    [("finetune", False), ("duplicate", False), ("feature_extraction", False), ("joint", True), ("lwf", False)],
)
def test_old_data_is_as_in_figure_1_of_lwf(name, needed):
    assert of(name).old_data is needed


def test_old_data_is_what_a_memory_gives_whoever_has_it():
    assert of("eeil").old_data
    assert of("finetune", memory=cl.memory.ExemplarMemory(20)).old_data
    assert of("tensor_factorization").old_data


def test_the_task_is_asked_for_where_heads_never_competed():
    assert of("lwf").task_at_test
    assert not of("lwf", heads="class").task_at_test
    assert not of("lwf_mc").task_at_test


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("lwf", True), ("ebll", False), ("ewc", True), ("imm_mean", True), ("si", False), ("mas", True)],
)
def test_going_on_from_pretrained_networks_is_as_in_figure_2_of_mas(name, allowed):
    assert of(name).pretrained is allowed


def test_a_network_that_rebuilds_its_filters_takes_no_weights_over():
    assert of("dfcnn").pretrained is False
    assert of("progressive").pretrained
    assert of("hard_sharing").pretrained


@pytest.mark.parametrize(("name", "allowed"), [("lwf", None), ("ebll", None), ("si", False), ("mas", True)])
def test_unlabelled_data_is_as_in_figure_2_of_mas(name, allowed):
    assert of(name).unlabelled is allowed


def test_a_fisher_needs_labels_only_when_it_takes_the_given_ones():
    assert of("ewc", given=True).unlabelled is False
    assert of("ewc").unlabelled is True  # it draws labels from the network's own answers
    assert of("l2").unlabelled is None  # it looks at no image at all


@pytest.mark.parametrize(
    ("name", "allowed"), [("lwf", False), ("ebll", False), ("si", True), ("mas", True), ("imm_mean", True)]
)
def test_any_output_is_as_in_figure_2_of_mas(name, allowed):
    assert of(name).any_output is allowed


def test_a_fisher_asks_for_probabilities_and_a_network_of_its_own_cannot_tell():
    assert of("ewc").any_output is False
    assert of("dfcnn").any_output is None
    assert of("mas", memory=cl.memory.ExemplarMemory()).any_output is True


def test_attention_of_a_class_needs_classes_and_attention_of_features_does_not():
    assert of("lwm_attention_only").any_output is False
    assert of("lwm_attention_only", maps="activation").any_output is True


def test_a_recipe_that_embeds_is_asked_like_any_other():
    found = properties(cl.Recipe("facts", EmbeddingDistance() + 0.5 * Anchor(cl.importance.MAS()), FactEmbedding()))
    assert (found.pretrained, found.unlabelled, found.any_output) == (True, True, True)


@pytest.mark.parametrize("backbone", [ResNet32(), Torchvision("squeezenet1_0", weights="nowhere.pth")])
def test_large_networks_are_asked_by_a_small_one(backbone):
    assert of("mas_local", backbone=backbone).pretrained


def test_what_fits_no_small_network_is_left_open():
    recipe = cl.Recipe("wide", CrossEntropy(), cl.networks.Encoded(Torchvision("alexnet"), size=1000))
    assert properties(recipe).pretrained is None


@pytest.mark.parametrize("name", cl.methods.names())
def test_every_method_can_be_asked_and_nobodys_random_state_notices(name):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    found = of(name)
    assert found.old_data in (True, False)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_method_is_asked_once(monkeypatch):
    recipe = cl.methods.lwf(temperature=1.2345)
    first = properties(recipe)
    monkeypatch.setattr("cltutor.comparing.properties.arrived", None)
    assert properties(cl.methods.lwf(temperature=1.2345)) is first
