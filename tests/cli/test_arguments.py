"""What is typed is parsed, never evaluated, and turned into streams and recipes or refused in one sentence."""

import pytest

import cltutor as cl
from cltutor.cli import arguments, inputs
from cltutor.networks import SmallCNN


@pytest.mark.parametrize(
    ("text", "meant"),
    [("5", 5), ("4, 3,3", [4, 3, 3]), ("none", None), ("None", None), ("seed", "seed"), ("cat,dog", ["cat", "dog"])],
)
def test_tasks_and_an_order_are_a_number_a_word_or_a_list(text, meant):
    assert arguments.listed(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("temperature=2.5", ("", "temperature", 2.5)),
        ("lwf.temperature=1", ("lwf", "temperature", 1)),
        ("classes=(1, 2)", ("", "classes", (1, 2))),
        ("kind=softmax", ("", "kind", "softmax")),
        ("backbone=SmallCNN(hidden=(64,))", ("", "backbone", SmallCNN(hidden=(64,)))),
    ],
)
def test_a_setting_is_a_name_and_a_value(text, meant):
    assert arguments.setting(text) == meant


def test_settings_go_to_all_methods_or_to_the_one_that_is_named():
    typed = [arguments.setting(text) for text in ("learning_rate=0.01", "lwf.temperature=1")]
    finetune, lwf = inputs.recipes_of(["finetune", "lwf"], typed, 3)
    assert finetune == cl.methods.finetune(learning_rate=0.01, epochs=3)
    assert lwf == cl.methods.lwf(learning_rate=0.01, temperature=1, epochs=3)


def source(*typed):
    """The streams of a command, by seed."""
    return inputs.prepare(arguments.parser().parse_args(["run", *typed, "lwf"]), ["lwf"], [0]).source


def test_every_seed_has_its_own_order_unless_one_is_given():
    assert [source("digits")(seed).code for seed in (0, 3)] == [f"streams.digits(tasks=5, order={s})" for s in (0, 3)]
    fixed = source("digits", "--tasks", "4,6", "--order", "none")
    assert [fixed(seed).code for seed in (0, 3)] == 2 * ["streams.digits(tasks=[4, 6], order=None)"]


def test_a_folder_of_pictures_is_a_stream(tmp_path):
    from PIL import Image

    for name in ("train/cat", "train/dog", "test/cat", "test/dog"):
        (tmp_path / name).mkdir(parents=True)
        Image.new("RGB", (12, 12)).save(tmp_path / name / "0.png")
    stream = source(str(tmp_path), "--tasks", "2", "--order", "dog,cat")(0)
    assert [stream.class_names[label] for label in stream.classes] == ["dog", "cat"]
