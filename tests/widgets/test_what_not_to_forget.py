import numpy as np
import pytest
import torch

import cltutor as cl


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
def tool(three, watched):
    return watched(cl.widgets.WhatNotToForget, three, epochs=2)


def press(tool, label, value=True):
    """Click the class's picture, unless it is already as it should be."""
    if (label in tool.classes.value) != value:
        place = tool.classes.labels.index(label)
        tool.classes.touched = {"key": str(place), "words": "", "count": tool.classes.touched.get("count", 0) + 1}


def test_every_class_of_the_first_task_has_a_picture_that_a_click_chooses_or_not(tool):
    assert (
        tool.classes.words
        == "Classes of task 1: ant, to be met again; bee, not to be met again; cat, not to be met again."
    )
    press(tool, 2)
    assert tool.chosen == (0, 2)
    assert tool.classes.words.endswith("cat, to be met again.")
    assert "classes=(0, 2)" in tool.code
    press(tool, 0, False)
    assert tool.chosen == (2,)


def test_it_learns_by_finetuning_by_mas_and_by_mas_on_the_chosen_pictures(tool, three, train):
    press(tool, 2)
    train(tool)
    recipes = tool.recipes
    assert recipes["mas, adapted"] == cl.methods.mas(lam=1, classes=(0, 2), epochs=2)
    assert recipes["mas"] == cl.methods.mas(lam=1, epochs=2)
    assert set(tool.results) == set(recipes.values())
    learned = {recipe: cl.learn(three, recipe, progress=False) for recipe in tool.results}
    for recipe, result in tool.results.items():
        np.testing.assert_array_equal(result.accuracy, cl.probing.class_accuracy(learned[recipe], three))
    groups = [(0, 2), (1,), (3, 4)]
    ends = 100 * cl.probing.group_accuracy(learned[recipes["mas, adapted"]], three, groups)[-1]
    for group, end in zip(("chosen: ant, cat", "others of task 1: bee", "later tasks"), ends, strict=True):
        assert f"mas, adapted, {group}, after task 2: {end:.1f} %" in tool.pane.words


def test_another_choice_trains_the_adapted_run_only(tool, train):
    train(tool)
    tool.train.recipes.clear()
    press(tool, 1)
    assert "mas, adapted, " not in tool.pane.words
    assert "chosen: ant, bee" in tool.pane.words
    train(tool)
    assert tool.train.recipes == [cl.methods.mas(lam=1, classes=(0, 1), epochs=2)]
    assert "mas, adapted, " in tool.pane.words
    press(tool, 1, False)  # what was trained before is shown at once
    assert "mas, adapted, " in tool.pane.words


@pytest.mark.parametrize("labels", [(), (0, 1, 2)])
def test_none_or_all_of_the_classes_are_refused_in_a_sentence(tool, labels, errors):
    for label in (0, 1, 2):
        press(tool, label, label in labels)
    tool.actions.train.click()
    assert tool.training is None
    errors.expect(tool, "Choose one class of task 1 or more, and leave one out")


def test_what_a_run_warns_of_stands_in_the_page_until_the_next_training(three, watched, train):
    tool = watched(cl.widgets.WhatNotToForget, three, epochs=1, lam=1e-9)
    train(tool)
    assert tool.actions.cautions.value.count("so that it is idle: raise lam") == 2  # mas, and adapted
    assert 'role="status"' in tool.actions.cautions.value
    tool.lam.value = 0
    train(tool)
    assert tool.actions.cautions.value == ""
