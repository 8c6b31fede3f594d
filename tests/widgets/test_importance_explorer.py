import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.importance import by_name, damage, fisher, mas, mas_local
from cltutor.widgets.exploring import METHODS, SHARES


@pytest.fixture(scope="module")
def explored(stream, watched, train):
    tool = watched(cl.widgets.ImportanceExplorer, stream, epochs=2)
    train(tool)
    return tool


@pytest.fixture
def tool(explored):
    explored.line.value = "ImportanceExplorer(stream, epochs=2)"
    return explored


def press(tool, **values):
    for name, value in values.items():
        tool.controls.controls[name].value = value


def test_all_importances_are_of_one_network_that_learned_with_si(tool, stream):
    run = cl.learn(stream, cl.methods.si(epochs=2), progress=False)
    for task in (0, 1):
        network, images = run.model_after(task), stream[task].train.images
        expected = {
            "mas": mas(network, images, task),
            "mas_local": mas_local(network, images, task),
            "ewc": fisher(network, images, task=task, seed=(0, task)),
        }
        for method, omega in expected.items():
            for name, values in omega.items():
                torch.testing.assert_close(tool.data.own[task][method][name], values)
    summed = by_name(run.model, run.part_states["Anchor"]["importance"][0])
    assert all(torch.equal(tool.data.summed[1]["si"][name], values) for name, values in summed.items())


def test_accumulated_importance_is_the_sum_of_the_tasks_own(tool):
    for method in METHODS:
        first, second, both = (tool.data.own[0], tool.data.own[1], tool.data.summed[1])
        for name in tool.layers:
            torch.testing.assert_close(first[method][name] + second[method][name], both[method][name])


def test_maps_and_scatter_follow_the_controls(tool):
    press(tool, layer=tool.layers[-1], task=1, summed=False)
    assert f"{tool.layers[-1]}, after task 1, this task's" in tool.pane.words
    assert "mas, mas_local, ewc, si, coloured by rank" in tool.pane.words
    press(tool, scale="log")
    assert "coloured by importance (decades" in tool.pane.words
    press(tool, view="scatter", second="si")
    assert "Importance by mas and si" in tool.pane.words


def test_damage_is_what_a_damaged_network_answers(tool, stream):
    press(tool, view="damage", method="ewc", which="most", share=35, task=2)
    broken = damage(tool.data.networks[1], tool.data.summed[1]["ewc"], 0.35, "most")
    for task in stream:
        with torch.no_grad():
            answers = torch.tensor(task.classes)[broken(task.test.images).head(task.index).argmax(1)]
        percent = 100 * (answers == task.test.labels).double().mean().item()
        assert f"task {task.index + 1} {percent:.1f} %" in tool.note.value
    assert "The most important 35 % of the weights of every layer set to zero" in tool.note.value
    assert "ranked by ewc after task 2" in tool.pane.words


def test_where_chance_has_a_part_the_mean_of_several_draws_is_shown(tool, stream):
    press(tool, view="damage", which="random", share=50, task=2)
    network, omega = tool.data.networks[1], tool.data.summed[1]["mas"]
    several = [cl.probing.damaged_accuracy(network, stream, omega, [0.5], "random", seed)[0, 0] for seed in range(3)]
    assert f"set to zero, mean of 3 draws: task 1 {100 * np.mean(several):.1f} %" in tool.note.value
    shapes = {key: {which: len(found) for which, found in c.items()} for key, c in tool.data.curves[1].items()}
    assert shapes["ewc", "prune"] == {"least": 1, "random": 3, "most": 1}
    assert shapes["si", "perturb"] == {"least": 3, "random": 3, "most": 3}


def test_every_curve_begins_with_the_accuracy_of_the_whole_network(tool, stream):
    run = cl.learn(stream, cl.methods.si(epochs=2), progress=False)
    for task, curves in enumerate(tool.data.curves):
        assert set(curves) == {(method, how) for method in METHODS for how in ("prune", "perturb")}
        for by_which in curves.values():
            for found in by_which.values():
                assert found.shape[1:] == (len(SHARES), 2)
                for row in found[:, 0, : task + 1]:
                    np.testing.assert_allclose(row, run.accuracy()[task, : task + 1])


def test_only_the_controls_of_the_view_are_shown(tool):
    boxes = {}
    for view, name in (("maps", "layer"), ("scatter", "first"), ("damage", "share")):
        control = tool.controls.controls[name]
        (boxes[view],) = [box for box in tool.children if control in getattr(box, "children", ())]
    shown = {}
    for view in ("maps", "scatter", "damage"):
        press(tool, view=view)
        shown[view] = [name for name, box in boxes.items() if box.layout.display != "none"]
    assert shown == {"maps": ["maps"], "scatter": ["maps", "scatter"], "damage": ["damage"]}


def test_stop_keeps_the_tasks_that_were_measured(stream, watched, train):
    tool = watched(cl.widgets.ImportanceExplorer, stream, epochs=2)
    tool.train.stop = lambda event: event.task == 1
    train(tool)
    assert len(tool.data.networks) == 1
    assert "stopped: 1 of 2 tasks" in tool.actions.words.value
    assert "after task 1" in tool.pane.words
    assert "Task 2 has not been learned yet" in tool.note.value
