import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.importance import by_name, damage, fisher, mas, mas_local
from cltutor.show.importances import weight_at
from cltutor.widgets import recording
from cltutor.widgets.exploring import METHODS, SHARES
from cltutor.widgets.importance_explorer import VIEWS


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
        for name in tool.layers.values():
            torch.testing.assert_close(first[method][name] + second[method][name], both[method][name])


def test_maps_and_scatter_follow_the_controls(tool):
    press(tool, layer="hidden 2", task=1, summed=False)
    assert "hidden 2, after task 1, this task's" in tool.pane.words
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
    for view, names in VIEWS.items():
        press(tool, view=view)
        shown = {name for name, control in tool.controls.controls.items() if control.layout.display != "none"}
        assert shown == {"view", "task", *names}


def touch(tool, key, row=0, column=0, number=0):
    spot = {"key": key, "row": row, "column": column, "number": number, "words": "a cell"}
    tool.pane.touched = {**spot, "count": id(spot)}


def test_a_touched_weight_is_read_by_every_method_and_marked_in_every_map(tool):
    press(tool, layer="conv 1", task=2)
    assert "Point at a weight" in tool.note.value
    before, shape = tool.pane.drawing, tool.shapes[tool.layers["conv 1"]]
    place = weight_at(shape, 4, 5, 6)
    touch(tool, "ewc", 5, 6)
    assert tool.controls.values["weight"] == ", ".join(str(one + 1) for one in place)
    assert f'weight="{tool.controls.values["weight"]}"' in tool.code
    output, source, row, column = (one + 1 for one in place)
    assert f"conv 1, from map {source} to map {output}, row {row}, column {column}: mas" in tool.note.value
    for method in METHODS:
        value = tool.data.summed[1][method][tool.layers["conv 1"]][place]
        assert f"{method} {value:.3g} (rank " in tool.note.value
    assert tool.pane.drawing != before
    press(tool, layer="hidden 1")
    assert tool.controls.values["weight"] == "", "a weight of one layer is none of another"


def test_a_weight_can_be_typed_and_one_that_there_is_not_is_refused(tool, errors):
    press(tool, layer="conv 2", weight="3,2")
    assert "conv 2, from map 2 to map 3, mean of the kernel: mas" in tool.note.value
    assert tool.code.endswith('layer="conv 2", weight="3, 2", epochs=2)')
    press(tool, weight="900, 1")
    errors.expect(tool, "weight counts in conv 2 from 1 to 32, 32, 3, 3, unlike")
    assert tool.controls.values["weight"] == "3, 2"


def test_a_layer_may_be_called_by_its_parameter(tool):
    tool.line.value = f'ImportanceExplorer(stream, layer="{tool.layers["hidden 2"]}", epochs=2)'
    assert 'layer="hidden 2"' in tool.code
    assert "Importance of each weight of hidden 2" in tool.pane.words


def test_a_touched_point_of_the_damage_chooses_its_share(tool):
    press(tool, view="damage", task=2)
    assert tool.pane.frame == SHARES.index(0.3)
    touch(tool, "spots 1", number=5)
    assert tool.controls.values["share"] == 50
    assert "share=50" in tool.code
    assert tool.pane.frame == 5
    assert "important 50 %" in tool.note.value
    drawing = tool.pane.drawing
    press(tool, share=42)
    assert tool.pane.drawing is drawing, "a share is a frame of the picture"
    assert tool.pane.frame == 4
    assert "important 42 %" in tool.note.value


def test_a_touch_that_changes_nothing_says_why(tool, stream):
    press(tool, view="scatter")
    touch(tool, "spots 1")
    assert "Point at a single weight in the heat maps" in tool.note.value
    new = cl.widgets.ImportanceExplorer(stream, epochs=2)
    touch(new, "spots 1")
    assert "press Train" in new.note.value


def test_what_is_recorded_is_shown_at_once_and_replaced_by_training(explored, stream, watched, train, tmp_path):
    class Recorded(cl.widgets.ImportanceExplorer):
        records = tmp_path

    held = explored._held("si")
    size = recording.write("importance-explorer", {explored.record_keys["si"]: held}, tmp_path).stat().st_size
    assert size < 3_000_000
    tool = watched(Recorded, stream, epochs=2)
    assert tool.recorded == {"si"}
    assert "Omega" not in tool.pane.words
    assert "Importance of each weight of conv 1" in tool.pane.words
    for kept, again in zip(explored.data.own, tool.data.own, strict=True):
        for method in METHODS:
            for name in tool.layers.values():
                least = 1e-7 * kept[method][name].max().item()
                torch.testing.assert_close(again[method][name], kept[method][name], rtol=2e-3, atol=least)
    for before, after in zip(explored.data.networks, tool.data.networks, strict=True):
        assert all(torch.equal(value, after.state_dict()[name]) for name, value in before.state_dict().items())
    for before, after in zip(explored.data.curves, tool.data.curves, strict=True):
        for key, by_which in before.items():
            for which, found in by_which.items():
                np.testing.assert_array_equal(after[key][which], found)
    press(tool, view="damage")
    assert "The least important 30 %" in tool.note.value
    train(tool)
    assert tool.recorded == frozenset()
    assert torch.equal(tool.data.own[0]["mas"][name], explored.data.own[0]["mas"][name])


def test_stop_keeps_the_tasks_that_were_measured(stream, watched, train):
    tool = watched(cl.widgets.ImportanceExplorer, stream, epochs=2)
    tool.train.stop = lambda event: event.task == 1
    train(tool)
    assert len(tool.data.networks) == 1
    assert "stopped: 1 of 2 tasks" in tool.actions.words.value
    assert "after task 1" in tool.pane.words
    assert "Task 2 has not been learned yet" in tool.note.value


def test_what_is_recorded_of_another_network_is_not_restored(explored, stream, watched):
    tool = watched(cl.widgets.ImportanceExplorer, stream, epochs=2)
    held = recording.nested(recording.flat(explored._held("si")), "")
    with pytest.raises(RuntimeError, match="Missing key"):
        tool._restore("si", {**held, "1": {**held["1"], "network": {}}})
    assert tool.data.networks == []
