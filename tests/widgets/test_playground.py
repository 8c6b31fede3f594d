from dataclasses import dataclass, replace

import numpy as np
import pytest

import cltutor as cl
from cltutor.training.events import Stepped
from cltutor.widgets.playground_composition import composition_of
from cltutor.widgets.playground_runs import WIDGETS

SHORT = cl.methods.lwf(epochs=2)


def settle(tool):
    """Wait for what is behind the page, with all switches made."""
    assert tool.panel.controls
    tool.warming.settle()
    tool.panel.settle()
    tool.album.settle()


@pytest.fixture(scope="module")
def one(stream, watched):
    tool = watched(cl.widgets.Playground, stream, SHORT)
    settle(tool)
    return tool


@pytest.fixture
def tool(one):
    """A playground without runs, as it was made."""
    yield one
    one.actions.clear.click()
    one.seed, one.known_task.value, one.seeds.value, one.view.value = 0, True, 1, "curves"
    one.all.value = one.large.value = False
    one.panel.set(composition_of(SHORT))
    settle(one)


@pytest.fixture(scope="module", name="train")
def train_and_settle(train):
    def press(tool, button="train"):
        train(tool, button)
        tool.album.settle()

    return press


def stop_at(tool, task, epoch):
    """Have Stop pressed at the first step of this epoch of a task."""
    tool.train.stop = lambda event: isinstance(event, Stepped) and (event.task, event.epoch) == (task, epoch)


def test_the_same_recipe_again_takes_the_next_seed_and_runs_are_collected(tool, train):
    train(tool)
    train(tool)
    assert [run.seed for run in tool.runs] == [0, 1]
    assert "lwf ends with" in tool.pane.words
    assert ">lwf <small>seeds 0, 1<" in tool.results.value
    tool.method.value = "eeil"
    assert tool.recipe == cl.methods.eeil(epochs=2, memory=cl.memory.ExemplarMemory(40))
    tool.method.value = "finetune"
    tool.panel.controls["heads"].value = "class"
    assert tool.recipe == cl.methods.finetune(epochs=2, heads="class")
    train(tool)
    assert [(run.name, run.seed) for run in tool.runs] == [("lwf", 0), ("lwf", 1), ("finetune", 0)]
    assert tool.runs[-1].competes
    assert "Class-incremental training" in tool.results.value
    tool.actions.clear.click()
    assert tool.runs == []
    assert "Sample pictures of" in tool.pane.words


@pytest.mark.parametrize(("task", "epoch"), [(0, 0), (1, 1)])
@pytest.mark.parametrize("name", ["lwf", "si", "eeil_bf"])
def test_stop_and_resume_give_the_run_that_was_never_stopped_bit_for_bit(tool, stream, train, name, task, epoch):
    recipe = getattr(cl.methods, name)(epochs=3)
    if recipe.memory:
        recipe = replace(recipe, memory=cl.memory.ExemplarMemory(8))
    tool.panel.set(composition_of(recipe))
    stop_at(tool, task, epoch)
    train(tool)
    assert tool.actions.resumable
    assert "Resume goes on" in tool.actions.words.value
    train(tool, "resume")
    (run,) = tool.runs
    own = cl.learn(stream, recipe, progress=False)
    assert run.complete
    for mine, theirs in zip(run.states, own.states, strict=True):
        assert all(mine[key].equal(value) for key, value in theirs.items())
    np.testing.assert_array_equal(run.curves.known, own.curves.known)
    assert run.updates == own.updates
    assert not tool.actions.resumable


def test_what_was_learned_when_it_was_stopped_is_shown_until_it_goes_on(tool, train):
    stop_at(tool, 1, 0)
    train(tool)
    (run,) = tool.runs
    assert (run.complete, len(run.curves.epoch_task)) == (False, 3)
    assert "stopped in task 2 of 2" in tool.results.value
    before = tool.pane.drawing
    train(tool, "resume")
    assert len(tool.runs[0].curves.epoch_task) == 4
    assert tool.pane.drawing != before


def test_a_changed_recipe_starts_anew_and_changed_back_goes_on(tool, train):
    stop_at(tool, 0, 1)
    train(tool)
    tool.panel.controls["temperature"].value = 3.0
    assert not tool.actions.resumable
    assert tool.actions.resume.disabled
    tool.panel.controls["temperature"].value = 2.0
    assert tool.actions.resumable
    assert not tool.actions.resume.disabled


def test_train_begins_a_stopped_recipe_again_and_what_was_paused_is_over(tool, train):
    stop_at(tool, 1, 0)
    train(tool)
    paused = tool.training.events
    train(tool)
    assert [(run.seed, run.complete) for run in tool.runs] == [(0, True)]
    assert next(paused, None) is None


def test_the_switch_at_test_shows_what_was_drawn_ahead(tool, train):
    train(tool)
    known = tool.pane.drawing, tool.results.value
    before = tool.draw.count, len(tool.train.recipes)
    tool.known_task.value = False
    assert "task unknown at test" in tool.pane.words
    assert "task unknown at test" in tool.results.value
    assert tool.line.value.endswith(", known_task=False)")
    assert "(task unknown at test)" in tool.actions.words.value
    tool.known_task.value = True
    assert (tool.pane.drawing, tool.results.value) == known
    assert (tool.draw.count, len(tool.train.recipes)) == before


def test_a_toggle_changes_recipe_equation_code_and_name(tool):
    tool.panel.controls["anchor"].value = True
    tool.panel.controls["omega"].slider.value = 0.25
    assert repr(tool.recipe.loss) == "CrossEntropy() + Distillation() + 0.25 * Anchor(importance=MAS())"
    assert tool.recipe.name == "distillation + MAS"
    assert r"0.25\,\sum_k \Omega_k" in tool.formula.value
    assert "<mn>0.25</mn>" in tool.formula.value
    assert "0.25 * cl.losses.Anchor(importance=cl.importance.MAS())" in tool.formula.value
    assert tool.method.value is None


def test_what_makes_no_sense_is_greyed_out_with_its_reason(tool):
    controls = tool.panel.controls
    assert controls["balanced"].disabled
    assert "keeps none: give it ExemplarMemory()" in controls["balanced"].tooltip
    assert "balanced fine-tuning" in tool.panel.reasons.value
    controls["memory"].value = "exemplars"
    tool.panel.settle()
    assert not controls["balanced"].disabled
    controls["balanced"].value = True
    tool.panel.settle()
    assert controls["memory"].buttons["none"].disabled
    assert not controls["memory"].buttons["exemplars"].disabled


def test_a_press_that_comes_before_the_greying_is_refused(tool, errors):
    before = tool.code
    tool.panel.controls["balanced"].value = True  # as a press in the page that the kernel gets late
    assert tool.code == before
    assert tool.panel.controls["balanced"].value is False
    errors.expect(tool, "keeps none: give it ExemplarMemory(). Nothing was changed.")


def test_controls_of_a_term_that_is_off_cannot_be_moved(tool):
    controls = tool.panel.controls
    off = {name: controls[name].disabled for name in ("kind", "temperature", "beta", "maps", "gamma", "omega")}
    assert off == {"kind": False, "temperature": False, "beta": False, "maps": True, "gamma": True, "omega": True}
    assert all(button.disabled for button in controls["importance"].buttons.values())
    controls["kind"].value = "l1"
    assert controls["temperature"].disabled


def test_a_pasted_line_sets_the_toggles(tool):
    tool.line.value = "cl.methods.lwm(gamma=3, epochs=4)"
    assert tool.recipe == cl.methods.lwm(gamma=3, epochs=4)
    assert tool.panel.controls["attention"].value is True
    assert tool.method.value == "lwm"
    tool.line.value = 'Playground(stream, "mas", known_task=False, seed=4)'
    assert (tool.recipe, tool.known_task.value, tool.seed) == (cl.methods.mas(), False, 4)
    tool.line.value = repr(SHORT)
    assert tool.code == "cl.widgets.Playground(stream, cl.methods.lwf(epochs=2), seed=4, known_task=False)"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cl.methods.lwf(memory=cl.memory.ExemplarMemory(1))", "capacity must be at least 4"),
    ],
)
def test_a_pasted_line_that_is_wrong_is_refused_and_changes_nothing(tool, line, words, errors):
    before = tool.code
    tool.line.value = line
    assert tool.code == tool.line.value == before
    assert "Nothing was changed." in tool.message.value
    assert tool.message.value.count("Nothing was changed.") == 1
    errors.expect(tool, words)


def test_recorded_runs_are_switched_beside_ones_own(stream, run, watched):
    other = cl.learn(stream, cl.methods.l2(epochs=2), progress=False)
    elsewhere = cl.learn(cl.streams.digits(tasks=2), "lwf", epochs=1, progress=False)
    tool = watched(cl.widgets.Playground, stream, runs=[run, other, elsewhere])
    settle(tool)
    assert (tool.recorded.on, tool.known_task.value) == (["lwf"], True)
    assert "lwf ends with" in tool.pane.words
    assert "recorded" in tool.results.value
    tool.method.value = "l2"
    drawn = tool.draw.count
    tool.recorded.switches["l2"].value = True
    assert "l2 ends with" in tool.pane.words
    tool.album.settle()
    assert tool.draw.count > drawn
    tool.actions.clear.click()
    tool.method.value = "mas"
    assert (tool.recorded.on, list(tool.recorded.switches)) == ([], ["lwf"])


@pytest.fixture(scope="module")
def phenomenon(stream, watched):
    """A playground of a stream with class-incremental runs, of which two recorded predictions."""
    recipes = cl.methods.finetune(heads="class", epochs=1), cl.methods.joint(heads="class", epochs=1)
    runs = [cl.learn(stream, recipe, record="predictions", progress=False) for recipe in recipes]
    eeil = cl.methods.eeil(epochs=2, memory=cl.memory.ExemplarMemory(8))
    tool = watched(cl.widgets.Playground, stream, runs=[*runs, cl.learn(stream, eeil, progress=False)])
    settle(tool)
    return tool


def test_it_opens_on_forgetting_with_the_task_unknown(phenomenon):
    assert phenomenon.known_task.value is False
    assert phenomenon.recorded.on == ["finetune across tasks", "eeil", "joint across tasks"]
    assert phenomenon.recipe == cl.methods.finetune(heads="class")
    assert phenomenon.pane.words.startswith("Accuracy of each task")
    assert "task unknown at test" in phenomenon.pane.words
    assert phenomenon.code == 'cl.widgets.Playground(stream, cl.methods.finetune(heads="class"))'
    phenomenon.line.value = "Playground(stream)"
    assert phenomenon.code == 'cl.widgets.Playground(stream, cl.methods.finetune(heads="class"))'


def test_a_recipe_of_ones_own_is_named_so_in_the_list_of_methods(phenomenon):
    phenomenon.panel.set(composition_of(replace(cl.methods.lwf(), name="mine")))
    assert (phenomenon.method.index, phenomenon.method.label) == (0, "of your own")
    phenomenon.line.value = "Playground(stream)"
    assert phenomenon.method.label == "finetune (LwF)"


def test_the_wall_is_of_a_run_that_recorded_predictions_and_a_click_on_a_curve_opens_its_own(phenomenon):
    phenomenon.view.value = "wall"
    settle(phenomenon)
    assert list(phenomenon.whose.options) == ["finetune across tasks", "joint across tasks"]
    assert "finetune across tasks ends with" in phenomenon.pane.words
    drawn = phenomenon.draw.count
    phenomenon.known_task.value = True
    assert "Wall of test images, task known at test" in phenomenon.pane.words
    assert phenomenon.draw.count == drawn  # it was drawn ahead
    phenomenon.known_task.value = False
    phenomenon.view.value = "curves"
    phenomenon.pane.touched = {"key": "eeil, task 1", "count": 1}
    assert phenomenon.view.value == "curves"  # it recorded none
    phenomenon.pane.touched = {"key": "joint across tasks, task 1", "count": 2}
    assert (phenomenon.view.value, phenomenon.whose.value) == ("wall", "joint across tasks")
    assert "joint across tasks ends with" in phenomenon.pane.words
    phenomenon.view.value = "curves"


def test_ones_own_runs_have_a_name_of_their_own_beside_recorded_ones_and_a_wall(phenomenon, train):
    phenomenon.panel.set(composition_of(cl.methods.finetune(heads="class", epochs=1)))
    phenomenon.view.value = "wall"
    train(phenomenon)
    (run,) = phenomenon.runs
    assert (run.name, run.seed) == ("finetune across tasks, yours", 1)  # seed 0 is recorded
    assert phenomenon.whose.value == "finetune across tasks, yours, seed 1"
    assert "yours ends with" in phenomenon.pane.words
    phenomenon.view.value = "curves"
    ends = phenomenon.pane.words.split(": ", 1)[1].split("; ")
    assert [words.split(" ends")[0] for words in ends] == [*phenomenon.recorded.on, "finetune across tasks, yours"]
    assert "finetune across tasks, yours, seed 1: " in phenomenon.actions.words.value
    phenomenon.actions.clear.click()
    phenomenon.recorded.set(phenomenon.recorded.first)


def test_a_method_is_trained_for_the_question_that_is_asked_where_it_can_be(phenomenon):
    phenomenon.method.value = "lwf"
    assert phenomenon.recipe.heads == "class"
    phenomenon.method.value = "dfcnn_small"  # whose tasks have a forward pass each
    assert phenomenon.recipe.heads == "task"
    phenomenon.known_task.value = True
    phenomenon.method.value = "lwf"
    assert phenomenon.recipe.heads == "task"
    phenomenon.known_task.value = False


def test_several_seeds_are_trained_one_after_another_and_shown_as_a_mean_with_its_interval(tool, train):
    tool.seeds.value = 3
    assert tool.code.endswith("seeds=3)")
    train(tool)
    assert [run.seed for run in tool.runs] == [0, 1, 2]
    assert all(run.complete for run in tool.runs)
    assert ">lwf <small>seeds 0, 1, 2<" in tool.results.value
    assert " ± " in tool.results.value
    assert "lwf, seeds 0, 1, 2: " in tool.actions.words.value
    assert "95 % interval" in tool.actions.words.value


def test_a_stop_in_the_second_seed_keeps_the_first_and_resume_makes_the_rest(tool, stream, train):
    tool.seeds.value = 3
    tool.train.stop = lambda event: isinstance(event, Stepped) and (event.run.seed, event.task) == (1, 1)
    train(tool)
    assert [(run.seed, run.complete) for run in tool.runs] == [(0, True), (1, False)]
    assert "stopped in task 2 of 2 of seed 1" in tool.actions.words.value
    train(tool, "resume")
    assert [(run.seed, run.complete) for run in tool.runs] == [(0, True), (1, True), (2, True)]
    own = cl.learn(stream, SHORT, 1, progress=False)
    np.testing.assert_array_equal(tool.runs[1].curves.known, own.curves.known)


def test_a_stop_at_the_very_last_event_loses_nothing_when_it_goes_on(stream, watched, train):
    def stopped(*given, **more):
        for event in cl.train(*given, **more):
            if event.run.complete:
                tool.actions.stop.click()
            yield event

    tool = watched(cl.widgets.Playground, stream, SHORT)
    tool.train = stopped
    train(tool)
    assert tool.actions.resumable
    train(tool, "resume")
    assert [run.complete for run in tool.runs] == [True]
    assert "Resume" not in tool.actions.words.value
    settle(tool)


def test_resume_is_promised_only_while_it_can_be_pressed(tool, train):
    stop_at(tool, 1, 0)
    train(tool)
    assert "Resume goes on" in tool.actions.words.value
    tool.panel.controls["temperature"].value = 3.0
    assert "Resume" not in tool.actions.words.value
    assert "stopped in task 2 of 2" in tool.actions.words.value


def test_a_run_that_learns_is_not_called_stopped(tool, train):
    seen = []
    tool.results.observe(lambda change: seen.append(change.new), "value")
    tool.pace = type(tool.pace)(pause=0, share=0)
    train(tool)
    assert any("learning task 1 of 2" in page for page in seen)
    assert not any("stopped" in page for page in seen)


def test_the_number_of_images_switches_a_memory_on_and_off(tool):
    images = tool.panel.controls["images"]
    assert images.value == 0
    images.text.value = 20
    assert tool.recipe.memory == cl.memory.ExemplarMemory(20)
    images.text.value = 0
    assert tool.recipe == SHORT
    assert tool.panel.controls["memory"].value == "none"


def test_a_method_with_parts_that_have_no_switch_is_trained_whole_and_says_so(tool, train, errors):
    assert tool.panel.controls["new"].value == "softmax"
    tool.method.value = "bic"
    settle(tool)
    *sections, reasons = tool.panel.children
    assert {section.layout.display for section in sections} == {"none"}
    assert "so only its memory and its epochs can be changed here" in reasons.value
    tool.panel.controls["images"].value, tool.panel.controls["epochs"].value = 8.0, 1.0
    assert tool.recipe == cl.methods.bic(capacity=8, epochs=1)
    tool.panel.controls["images"].value = 0.0
    errors.expect(tool, "capacity is a whole number from 1 up")
    assert tool.recipe == cl.methods.bic(capacity=8, epochs=1)
    train(tool)
    assert tool.runs[-1].recipe == tool.recipe
    tool.method.value = "packnet"
    settle(tool)
    assert tool.panel.controls["images"].disabled
    assert "so only its epochs can be changed here" in reasons.value
    tool.method.value = "lwf"
    assert {section.layout.display for section in sections} == {None}
    assert tool.recipe == cl.methods.lwf(epochs=1)


def test_a_heading_that_is_pressed_sorts_and_pressed_again_shows_the_newest_first(tool, train):
    train(tool)
    for count, state in enumerate(("descending", "none"), 1):
        tool.access.pressed = {"what": "accuracy", "count": count}
        heading = tool.results.value.split('data-press="accuracy"')[0].rsplit("<th", 1)[1]
        assert f'aria-sort="{state}"' in heading


def test_the_second_layer_is_folded_away_at_first_and_large_type_is_a_class_of_the_page(tool):
    assert tool.fold.layout.display == "none"
    tool.all.value = tool.large.value = True
    assert tool.fold.layout.display is None
    assert "cltutor-large" in tool._dom_classes


def test_runs_open_in_the_widgets_that_can_show_them(tool, train):
    assert tool.opener.layout.display == "none"
    train(tool)
    assert tool.opener.layout.display == "none"  # what fits is found out when the fold is opened
    tool.all.value = True
    buttons = tool.opener.buttons
    assert {words: button.disabled for words, button in buttons.items()} == {
        "Importance": False,
        "Attention": False,
        "Herding": False,
        "Filters": True,
    }
    assert "rebuilds no filters" in buttons["Filters"].tooltip
    assert "rebuilds no filters" in tool.opener.reasons.value
    for words in ("Importance", "Attention", "Herding"):
        buttons[words].click()
        (opened,) = tool.opener.place.children
        assert type(opened) is WIDGETS[words][1]
    tool.opener.close_it.click()
    assert tool.opener.place.children == ()
    assert opened.comm is None


def test_filters_of_a_dfcnn_can_be_opened_and_its_attention_not(tool, train):
    tool.panel.set(composition_of(cl.methods.dfcnn(epochs=1)))
    train(tool)
    tool.all.value = True
    disabled = {words for words, button in tool.opener.buttons.items() if button.disabled}
    assert disabled == {"Importance", "Attention"}


@dataclass(frozen=True, repr=False)
class Reluctance(cl.losses.Term):
    """A term of the learner's: it changes nothing."""

    strength: float = 1.0

    def __call__(self, batch, state):
        return self.strength * batch.zero


@dataclass(frozen=True, repr=False)
class Nothing(cl.memory.ExemplarMemory):
    """A memory of the learner's."""


def reluctant(strength=1.0, epochs=2):
    """A method of the learner's."""
    loss = cl.losses.CrossEntropy() + 0.5 * Reluctance(strength)
    return cl.Recipe("reluctant", loss, memory=Nothing(8), schedule=cl.Schedule(epochs=epochs))


def test_your_own_parts_and_methods_work_in_the_pasted_line(tool, train):
    cl.register(Reluctance)
    cl.register(Nothing)
    cl.methods.register(reluctant)
    for line in ("cl.methods.reluctant(strength=3, epochs=1)", repr(reluctant(3.0, 1))):
        tool.line.value = line
        assert tool.recipe == reluctant(3.0, 1)
    assert "0.5 * Reluctance(strength=3.0), memory=Nothing(capacity=8)" in tool.code
    train(tool)
    assert tool.runs[0].recipe == reluctant(3.0, 1)
    assert "0.5 x Reluctance" in tool.results.value
    tool.panel.controls["distillation"].value = True
    assert "Reluctance(strength=3.0)" in repr(tool.recipe.loss)
    assert tool.recipe.name == "distillation + Reluctance + memory"
