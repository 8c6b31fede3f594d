"""What is typed is parsed: never evaluated, and refused in one sentence where it means nothing."""

import argparse

import pytest

import cltutor as cl
from cltutor.cli import asking
from cltutor.memory import ExemplarMemory
from cltutor.networks import SmallCNN


@pytest.mark.parametrize(("text", "meant"), [("5", 5), ("4,3,3", [4, 3, 3]), ("4, 6", [4, 6])])
def test_tasks_are_a_number_or_the_classes_of_each(text, meant):
    assert asking.numbers(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [("3", 3), ("none", None), ("None", None), ("seed", "seed"), ("2,0,1", [2, 0, 1]), ("cat,dog", ["cat", "dog"])],
)
def test_an_order_is_a_number_none_or_a_list(text, meant):
    assert asking.order(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("temperature=2.5", ("", "temperature", 2.5)),
        ("lwf.temperature=1", ("lwf", "temperature", 1)),
        ("classes=(1, 2)", ("", "classes", (1, 2))),
        ("kind=softmax", ("", "kind", "softmax")),
        ("activation=None", ("", "activation", None)),
        ("backbone=SmallCNN(hidden=(64,))", ("", "backbone", SmallCNN(hidden=(64,)))),
        ("memory=ExemplarMemory(capacity=20)", ("", "memory", ExemplarMemory(20))),
    ],
)
def test_a_setting_is_a_name_and_a_value(text, meant):
    assert asking.setting(text) == meant


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (asking.numbers, "five", "tasks are a number such as 5, or a list such as 4,3,3, not 'five'"),
        (asking.numbers, "5,-1", "tasks are a number"),
        (asking.order, "random", "an order is a number that draws it, none, or a list"),
        (asking.whole, "-1", "a whole number from 0 up"),
        (asking.counting, "0", "a whole number from 1 up"),
        (asking.setting, "temperature", "a setting is name=value or method.name=value"),
        (asking.setting, "=2", "a setting is name=value"),
        (asking.setting, "a.b.c=2", "a setting is name=value"),
        (asking.setting, "x=__import__('os').getcwd()", "is no number, word or description such as SmallCNN"),
        (asking.setting, "x=SmallCNN(hidden=(1).bit_length())", "is no number, word or description"),
        (asking.setting, "x=open('/tmp/never', 'w')", "is no number, word or description"),
    ],
)
def test_what_means_nothing_is_refused_in_one_sentence(parse, text, message):
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        parse(text)


def test_settings_go_to_all_methods_or_to_the_one_that_is_named():
    typed = [asking.setting(text) for text in ("learning_rate=0.01", "lwf.temperature=1")]
    finetune, lwf = asking.recipes_of(["finetune", "lwf"], typed, 3)
    assert finetune == cl.methods.finetune(learning_rate=0.01, epochs=3)
    assert lwf == cl.methods.lwf(learning_rate=0.01, temperature=1, epochs=3)


@pytest.mark.parametrize(
    ("methods", "typed", "message"),
    [
        (["lfw"], [], "There is no method 'lfw'; did you mean"),
        (["names"], [], "There is no method 'names'"),
        (["lwf"], ["temprature=1"], "lwf has no setting 'temprature'; did you mean temperature"),
        (["lwf"], ["temperature=-1"], "temperature is a finite number above 0, not -1"),
        (["lwf"], ["temperature=hot"], "lwf cannot be made with temperature='hot'"),
        (["lwf"], ["mas.lam=1"], "a setting is for 'mas', which is not among lwf"),
    ],
)
def test_what_a_method_cannot_take_is_refused(methods, typed, message):
    with pytest.raises(ValueError, match=message):
        asking.recipes_of(methods, [asking.setting(text) for text in typed], None)


@pytest.mark.parametrize("setting", [{"backbone": "banana"}, {"memory": "everything"}])
def test_a_part_that_is_none_is_refused_before_training(setting, tiny):
    with pytest.raises(ValueError, match="lwf cannot learn with these settings"):
        asking.check(cl.methods.lwf(**setting), tiny)


def asked(*typed):
    parser = argparse.ArgumentParser()
    asking.add_arguments(parser)
    return asking.maker(parser.parse_args(typed))


def test_every_seed_brings_its_own_order_unless_one_is_given():
    assert [asked("digits")(seed).code for seed in (0, 3)] == [f"streams.digits(tasks=5, order={s})" for s in (0, 3)]
    fixed = asked("digits", "--tasks", "4,6", "--order", "none")
    assert [fixed(seed).code for seed in (0, 3)] == 2 * ["streams.digits(tasks=[4, 6], order=None)"]


def test_a_stream_that_is_no_name_and_no_folder_is_refused():
    with pytest.raises(ValueError, match="there is no stream 'digts': give digits, scenes, facts, or a folder or zip"):
        asked("digts")(0)


def test_a_folder_of_pictures_is_a_stream(tmp_path):
    from PIL import Image

    for part, count in (("train", 3), ("test", 1)):
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            for place in range(count):
                Image.new("RGB", (12, 12), (40 * place, 90, 10)).save(tmp_path / part / name / f"{place}.png")
    stream = asked(str(tmp_path), "--tasks", "2", "--order", "dog,cat")(0)
    assert [stream.class_names[label] for label in stream.classes] == ["dog", "cat"]
