import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.importance import by_name, damage, fisher, mas, mas_local
from cltutor.widgets.exploring import METHODS, SHARES

pytestmark = pytest.mark.usefixtures("no_errors")


def make(stream, **settings):
    return cl.widgets.ImportanceExplorer(stream, epochs=2, **settings)


@pytest.fixture(scope="module")
def explored(stream):
    tool = make(stream)
    tool.actions.train.click()
    tool.training.join()
    return tool


@pytest.fixture
def tool(explored):
    explored.controls.line.value = "ImportanceExplorer(stream, epochs=2)"
    return explored


def press(tool, **values):
    for name, value in values.items():
        tool.controls.controls[name].value = value


def test_before_training_it_shows_the_tasks_and_knows_the_layers(stream):
    tool = make(stream)
    assert 'alt="Sample pictures of' in tool.pane.value
    network = cl.learn(stream, "finetune", epochs=1, progress=False).model
    assert tool.layers == list(cl.importance.shared_weights(network))


def test_all_importances_are_of_one_network_that_learned_with_si(tool, stream):
    run = cl.learn(stream, cl.methods.si(epochs=2), progress=False)
    for task in (0, 1):
        network, images = run.model_after(task), stream[task].train.images
        expected = {
            "mas": mas(network, images, task),
            "mas_local": mas_local(network, images, task),
            "ewc": fisher(network, images, task=task, seed=task),
        }
        for method, omega in expected.items():
            for name, values in omega.items():
                torch.testing.assert_close(tool.data.own[task][method][name], values)
    kept = by_name(run.model, run.kept["Anchor"]["importance"][0])
    assert all(torch.equal(tool.data.summed[1]["si"][name], values) for name, values in kept.items())


def test_accumulated_importance_is_the_sum_of_the_tasks_own(tool):
    for method in METHODS:
        first, second, both = (tool.data.own[0], tool.data.own[1], tool.data.summed[1])
        for name in tool.layers:
            torch.testing.assert_close(first[method][name] + second[method][name], both[method][name])


def test_maps_and_scatter_follow_the_controls(tool, stream):
    press(tool, layer=tool.layers[-1], task=1, summed=False)
    assert f"{tool.layers[-1]}, after task 1, this task&#x27;s" in tool.pane.value
    assert "mas, mas_local, ewc, si, coloured by rank" in tool.pane.value
    press(tool, scale="log")
    assert "coloured by importance (decades" in tool.pane.value
    press(tool, view="scatter", second="si")
    assert "Importance by mas and si" in tool.pane.value


def test_damage_is_what_a_damaged_network_answers(tool, stream):
    press(tool, view="damage", method="ewc", which="most", share=35, task=2)
    broken = damage(tool.data.networks[1], tool.data.summed[1]["ewc"], 0.35, "most")
    for task in stream:
        with torch.no_grad():
            answers = torch.tensor(task.classes)[broken(task.test.images).head(task.index).argmax(1)]
        percent = 100 * (answers == task.test.labels).double().mean().item()
        assert f"task {task.index + 1} {percent:.1f} %" in tool.told.value
    assert "The most important 35 % of the weights of every layer set to zero" in tool.told.value
    assert "ranked by ewc after task 2" in tool.pane.value


def test_where_chance_has_a_part_the_mean_of_several_draws_is_told(tool, stream):
    press(tool, view="damage", which="random", share=50, task=2)
    network, omega = tool.data.networks[1], tool.data.summed[1]["mas"]
    several = [cl.probing.damaged_accuracy(network, stream, omega, [0.5], "random", seed)[0, 0] for seed in range(3)]
    assert f"set to zero, mean of 3 draws: task 1 {100 * np.mean(several):.1f} %" in tool.told.value
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
    shown = {}
    for view in ("maps", "scatter", "damage"):
        press(tool, view=view)
        shown[view] = [name for name, rows in tool._only.items() if rows.layout.display != "none"]
    assert shown == {"maps": ["maps"], "scatter": ["maps", "scatter"], "damage": ["damage"]}


def test_a_picture_is_drawn_once(tool):
    tool._album.clear()
    counts = []
    for task in (1, 2, 1, 2):
        press(tool, task=task)
        counts.append(len(tool._album))
    assert counts[0] < counts[1] == counts[2] == counts[3]


def test_the_state_is_copied_and_pasted_as_a_line(tool):
    press(tool, view="damage", share=45, which="random", task=1)
    code = tool.code
    assert code == 'cl.widgets.ImportanceExplorer(stream, view="damage", task=1, which="random", share=45, epochs=2)'
    seen = tool.pane.value
    tool.controls.line.value = "ImportanceExplorer(stream, epochs=2)"
    assert tool.pane.value != seen
    tool.controls.line.value = code
    assert (tool.code, tool.pane.value) == (code, seen)


def test_stop_keeps_the_tasks_that_were_measured(stream, monkeypatch):
    tool = make(stream)
    follow = tool._follow

    def stop_in_the_second_task(event):
        follow(event)
        if event.task == 1:
            tool.actions.stop.click()

    monkeypatch.setattr(tool, "_follow", stop_in_the_second_task)
    tool.actions.train.click()
    tool.training.join()
    assert len(tool.data.networks) == 1
    assert "stopped: 1 of 2 tasks" in tool.actions.words.value
    assert "after task 1" in tool.pane.value
    assert "Task 2 has not been learned yet" in tool.told.value
    assert not tool.actions.busy
    tool.actions.clear.click()
    assert 'alt="Sample pictures of' in tool.pane.value


def test_bad_arguments_are_refused_before_anything_is_trained(stream):
    for wrong, words in [
        ({"view": "map"}, "view is one of maps, scatter, damage, not 'map'"),
        ({"layer": "head"}, "layer is one of backbone.trunk.0.weight"),
        ({"task": 3}, "task is a number from 1 to 2, not 3"),
        ({"task": 1.5}, "task is a whole number"),
        ({"share": 101}, "share is a number from 0 to 100, not 101"),
        ({"first": "lwf"}, "first is one of mas, mas_local, ewc, si"),
        ({"rate": 1}, "no setting 'rate'"),
    ]:
        with pytest.raises(ValueError, match=words):
            make(stream, **wrong)


def test_every_control_says_what_it_is(tool):
    controls = [c for name, c in tool.controls.controls.items() if name not in ("task", "share")]
    controls += [tool.controls.controls[name].text for name in ("task", "share")]
    assert all(control.description for control in controls)
    for name in ("view", "summed", "scale", "how", "which"):
        control = tool.controls.controls[name]
        assert len(control.tooltips) == len(control.options)
