import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.widgets import base, what_not_to_forget

pytestmark = pytest.mark.usefixtures("no_errors")


@pytest.fixture(scope="module")
def three():
    """A first task of three classes, a second of one pair; a class is a bright row."""
    labels = torch.arange(5).repeat(12)
    images = torch.randint(0, 60, (60, 1, 10, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 2 * label] = 255
    names = ["ant", "bee", "cat", "dog", "eel"]
    return cl.streams.tensors(
        images[:40], labels[:40], images[40:], labels[40:], tasks=[3, 2], order=None, class_names=names
    )


@pytest.fixture
def tool(three):
    return cl.widgets.WhatNotToForget(three, epochs=2)


def train(tool):
    tool.actions.train.click()
    tool.training.join()


def press(tool, label, value=True):
    tool.classes._buttons[label].value = value


def test_every_class_of_the_first_task_has_a_button_with_its_picture(tool, three):
    assert [b.description for b in tool.classes._buttons.values()] == ["ant", "bee", "cat"]
    pictures = [box.children[0].value for box in tool.classes.children]
    assert all(
        f'alt="an example of {name}"' in html for name, html in zip(["ant", "bee", "cat"], pictures, strict=True)
    )
    assert tool.chosen == (0,)
    assert 'alt="Sample pictures of' in tool.pane.value


def test_it_learns_by_finetuning_by_mas_and_by_mas_on_the_chosen_pictures(tool, three):
    press(tool, 2)
    train(tool)
    recipes = tool.recipes
    assert recipes["mas, adapted"] == cl.methods.mas(lam=1, classes=(0, 2), epochs=2)
    assert recipes["mas"] == cl.methods.mas(lam=1, epochs=2)
    assert set(tool.runs) == set(recipes.values())
    for recipe, run in tool.runs.items():
        expected = cl.learn(three, recipe, progress=False)
        np.testing.assert_array_equal(run.accuracy(), expected.accuracy())
    groups = [(0, 2), (1,), (3, 4)]
    ends = 100 * cl.probing.group_accuracy(tool.runs[recipes["mas, adapted"]], three, groups)[-1]
    words = f"mas, adapted ends with {ends[0]:.0f} % on chosen: ant, cat, {ends[1]:.0f} % on others of task 1: bee"
    assert f"{words}, {ends[2]:.0f} % on later tasks" in tool.pane.value
    assert tool.actions.bar.value == 1
    assert not tool.actions.busy


def test_another_choice_trains_the_adapted_run_only(tool, monkeypatch):
    train(tool)
    learned = []
    original = what_not_to_forget.train
    monkeypatch.setattr(what_not_to_forget, "train", lambda s, r, *a, **k: learned.append(r) or original(s, r, *a, **k))
    press(tool, 1)
    assert "mas, adapted ends" not in tool.pane.value
    assert "on chosen: ant, bee" in tool.pane.value
    train(tool)
    assert learned == [cl.methods.mas(lam=1, classes=(0, 1), epochs=2)]
    assert "mas, adapted ends" in tool.pane.value
    press(tool, 1, False)  # what was trained before is shown at once
    assert "mas, adapted ends" in tool.pane.value
    tool.actions.train.click()
    assert "have been trained" in tool.actions.words.value


@pytest.mark.parametrize("labels", [(), (0, 1, 2)])
def test_none_or_all_of_the_classes_are_refused_in_a_sentence(tool, labels):
    for label in (0, 1, 2):
        press(tool, label, label in labels)
    tool.actions.train.click()
    assert tool.training is None
    assert "Choose one class of task 1 or more, and leave one out" in tool.message.value
    base._told.clear()


def test_stop_keeps_what_was_finished_and_train_goes_on_with_the_rest(tool, monkeypatch):
    follow = tool._follow

    def stop_in_the_second_run(event):
        follow(event)
        if event.run.name == "mas" and event.task == 1:
            tool.actions.stop.click()

    monkeypatch.setattr(tool, "_follow", stop_in_the_second_run)
    train(tool)
    assert sorted(run.complete for run in tool.runs.values()) == [False, True]
    assert "stopped" in tool.actions.words.value
    assert "finetune ends with" in tool.pane.value
    monkeypatch.setattr(tool, "_follow", follow)
    train(tool)
    assert all(run.complete for run in tool.runs.values())
    assert len(tool.runs) == 3
    tool.actions.clear.click()
    assert tool.runs == {}
    assert 'alt="Sample pictures of' in tool.pane.value


def test_the_state_is_copied_and_pasted_as_a_line(tool):
    press(tool, 2)
    tool.lam.text.value = 0.3
    code = tool.code
    assert code == tool.controls.line.value == "cl.widgets.WhatNotToForget(stream, classes=(0, 2), lam=0.3, epochs=2)"
    tool.controls.line.value = "WhatNotToForget(stream, classes=[1])"
    assert (tool.chosen, tool.lam.number, tool.epochs.number) == ((1,), 1, 10)
    assert not tool.classes._buttons[0].value
    tool.controls.line.value = code
    assert (tool.chosen, tool.code) == ((0, 2), code)


def test_bad_arguments_are_refused(three):
    for wrong, words in [
        ({"classes": (7,)}, r"classes are labels of task 1, such as \(0,\); it has 0 \(ant\), 1 \(bee\), 2 \(cat\)"),
        ({"classes": "ant"}, "classes are labels of task 1"),
        ({"lam": -1}, "lam is a number from 0 up, not -1"),
        ({"epochs": 0}, "epochs is a number from 1 up, not 0"),
        ({"rate": 1}, "no setting 'rate'"),
    ]:
        with pytest.raises(ValueError, match=words):
            cl.widgets.WhatNotToForget(three, **wrong)
    with pytest.raises(ValueError, match="two classes or more"):
        cl.widgets.WhatNotToForget(cl.streams.digits(tasks=[1, 9]))


def test_every_control_says_what_it_is(tool):
    controls = [*tool.classes._buttons.values(), tool.lam.text, tool.epochs.text, tool.controls.line]
    assert all(control.description and control.tooltip for control in controls)
