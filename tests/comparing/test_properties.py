"""What a method needs and allows, as its parts declare it: the papers' own tables (LwF, Figure 1; MAS, Figure 2)."""

from dataclasses import astuple

import pytest

import cltutor as cl
from cltutor.comparing.table import properties

# (old_data, task_at_test, pretrained, unlabelled, any_output) of the methods that come with cltutor.
ROWS = {
    (False, True, True, None, True): "finetune finetune_slow feature_extraction l2 imm_mean hard_sharing",
    (False, True, True, None, None): "duplicate expansion single_task single_task_large progressive expandable",
    (True, True, True, None, True): "joint",
    (False, True, True, None, False): "lwf expansion_lwf",
    (False, True, True, True, True): "mas mas_local",
    (False, True, True, True, False): "ewc ewc_online imm_mode",
    (False, True, False, False, True): "si",
    (False, True, False, None, False): "ebll",
    (False, True, False, None, None): "dfcnn dfcnn_small",
    (False, False, True, None, False): "lwf_mc lwm lwm_attention_only",
    (True, False, True, None, False): "eeil eeil_base eeil_da eeil_bf icarl hybrid1",
    (True, True, True, None, None): "tensor_factorization",
}


def of(name, **settings):
    return properties(getattr(cl.methods, name)(**settings))


@pytest.mark.parametrize("row", ROWS)
def test_every_method_declares_its_row(row):
    assert {name: astuple(of(name)) for name in ROWS[row].split()} == dict.fromkeys(ROWS[row].split(), row)


@pytest.mark.parametrize(
    ("name", "settings", "column", "value"),
    [
        ("finetune", {"memory": cl.memory.ExemplarMemory(20)}, "old_data", True),
        ("lwf", {"heads": "class"}, "task_at_test", False),
        ("ewc", {"given": True}, "unlabelled", False),  # by default it draws labels from the network's own outputs
        ("lwm_attention_only", {"maps": "activation"}, "any_output", True),  # attention of features needs no classes
    ],
)
def test_settings_change_a_row(name, settings, column, value):
    assert getattr(of(name), column) != value
    assert getattr(of(name, **settings), column) is value


def test_a_recipe_that_embeds_has_a_row_like_any_other():
    loss = cl.losses.EmbeddingDistance() + 0.5 * cl.losses.Anchor(cl.importance.MAS())
    found = properties(cl.Recipe("facts", loss, cl.networks.FactEmbedding()))
    assert (found.pretrained, found.unlabelled, found.any_output) == (True, True, True)
