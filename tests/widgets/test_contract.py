"""What every widget promises. A public widget without a case here fails the suite."""

import re

import anywidget
import ipywidgets
import pytest

import cltutor as cl
from cltutor.training.events import Stepped
from cltutor.widgets.controls import shown as first_arguments
from cltutor.widgets.inputs import InTurn, close
from cltutor.widgets.learning import LearnsInTurn, Trains

LISTED = '("dfcnn_small", "hard_sharing", "single_task")'
# Name: settings of the call, the line that this makes, settings to paste, and settings to refuse with words to say so.
CASES = {
    "AttentionDrift": (
        {"epochs": 2},
        "cl.widgets.AttentionDrift(stream, epochs=2)",
        ["label=0, opacity=35", "image=3"],
        [
            ('layer="backbone.normalise"', "layer is one of conv 1, ReLU 1, pool 1, conv 2"),
            ("label=3", "label is a class of task 1, 2 (c), 0 (a), not 3"),
            ("image=0", "image is a whole number from 1 to 4, not 0"),
        ],
    ),
    "Balance": (
        {"capacity": 8, "epochs": 2},
        "cl.widgets.Balance(stream, capacity=8, epochs=2)",
        ["augmentation=False", "fine_tuning=False"],
        [("augmentation=1", "augmentation is True or False, not 1")],
    ),
    "FilterReconstruction": (
        {},
        "cl.widgets.FilterReconstruction(run, stream)",
        ["layer=2, task=2, off=(1, 4)", "off=(3,)"],
        [
            ("layer=5", "layer is a whole number from 1 to 4, not 5"),
            ("off=(5,)", "off lists channels of layer 1, 1 to 4, such as (1, 4), not (5,)"),
        ],
    ),
    "HerdingExplorer": (
        {},
        "cl.widgets.HerdingExplorer(run, stream)",
        ['label=0, strategy="closest", step=2, capacity=20, own=(3, 7)', 'strategy="random", view="evictions"'],
        [
            ("label=9", "label is a class of 3 training images or more, such as 2, not 9"),
            ('projection="umap"', "projection is one of pca, tsne"),
            ("step=9", "step is a whole number from 1 to 8, not 9"),
            ("own=(0,)", "own is a tuple of numbers of images, such as (3, 7), not (0,)"),
            ("own=(3, 9)", "own lists images of class c, 1 to 8, such as (3, 7), not (3, 9)"),
        ],
    ),
    "ImportanceExplorer": (
        {"epochs": 2},
        "cl.widgets.ImportanceExplorer(stream, epochs=2)",
        ['view="damage", task=1, which="random", share=45', 'view="scatter", second="si"'],
        [
            ('view="map"', "view is one of maps, scatter, damage, not 'map'"),
            ('layer="head"', "layer is one of conv 1, conv 2"),
            ("weight='1'", "weight counts in conv 1 from 1 to 32, 1, 3, 3, unlike '1'."),
            ("share=101", "share is a number from 0 to 100, not 101"),
            ("summed=1", "summed is True or False, not 1"),
        ],
    ),
    "LastLayer": (
        {},
        "cl.widgets.LastLayer(run, stream)",
        ["factor=0.5, shift=-2", "factor=1.3"],
        [
            ("task=1", "task is a whole number from 2 to 2, not 1"),
            ("factor=-1", "factor is a number from 0 to 10, not -1"),
        ],
    ),
    "MethodToggle": (
        {"methods": ("finetune", "lwf", "l2"), "epochs": 2},
        'cl.widgets.MethodToggle(stream, epochs=2, methods=("finetune", "lwf", "l2"))',
        ['method="lwf", temperature=3.5, lam=0.25', 'method="l2", known_task=False, heads="class"'],
        [
            ('method="joint"', "'joint' is not among the methods here: finetune, lwf, l2"),
            ('method="lwf", temperature=0', "temperature is a finite number from 0.001 up, not 0"),
            ('method="lwf", lam=-1', "lam is a finite number from 0 up"),
            ('heads="tasks"', "heads is one of task, class"),
            ("known_task=1", "known_task is True or False, not 1"),
            ("seed=-1", "seed is a whole number from 0 up, not -1"),
        ],
    ),
    "PackedMasks": (
        {},
        "cl.widgets.PackedMasks(run, stream)",
        ['layer="conv 2"', 'layer="hidden 1"'],
        [('layer="conv 9"', "layer is one of conv 1, conv 2")],
    ),
    "Playground": (
        {"recipe": cl.methods.lwf(epochs=2)},
        "cl.widgets.Playground(stream, cl.methods.lwf(epochs=2))",
        ["known_task=False", 'seed=3, seeds=5, view="wall"'],
        [
            ("seeds=2", "seeds is one of 1, 3, 5, not 2"),
            ('view="walls"', "view is one of curves, wall, not 'walls'"),
            ("seed=-1", "seed is a whole number from 0 up, not -1"),
            ("known_task=1", "known_task is True or False, not 1"),
        ],
    ),
    "Reservoir": (
        {},
        "cl.widgets.Reservoir(stream)",
        ['rule="balanced", capacity=8', "seed=3"],
        [
            ('rule="newest"', "rule is one of reservoir, balanced, not 'newest'"),
            ("capacity=3", "capacity is a whole number from 4 to 60, not 3"),
            ("seed=-1", "seed is a whole number from 0 to 1000000, not -1"),
        ],
    ),
    "ReverseTransfer": (
        {"methods": ("dfcnn_small", "hard_sharing", "single_task"), "epochs": 2},
        f"cl.widgets.ReverseTransfer(stream, methods={LISTED}, epochs=2)",
        ['method="single_task"', 'method="hard_sharing"'],
        [('method="lwf"', "method is one of dfcnn_small, hard_sharing, single_task, not 'lwf'")],
    ),
    "Temperature": (
        {"pictures": 1},
        "cl.widgets.Temperature(teacher, stream, pictures=1, head=0)",
        ["pictures=1, temperature=4.5, picture=3", "pictures=0"],
        [
            ("pictures=7", "pictures is one of 0, 1, not 7"),
            ("picture=0", "picture is a whole number from 1 to 8, not 0"),
            ("temperature=0", "temperature is a finite number from 0.001 up"),
            ("head=1", "head is one of None, own, 0, not 1"),
        ],
    ),
    "WhatNotToForget": (
        {"epochs": 2},
        "cl.widgets.WhatNotToForget(stream, epochs=2)",
        ["classes=(0,), lam=0.3", "epochs=3"],
        [
            ("classes=(7,)", "classes is a tuple of labels of task 1, such as (2,), which has 2 (c), 0 (a), not (7,)"),
            ("lam=-1", "lam is a finite number from 0 up, not -1"),
            ("epochs=0", "epochs is a whole number from 1 up, not 0"),
        ],
    ),
}
WRONG = [(name, *wrong) for name, case in CASES.items() for wrong in case[3]]
TRAINERS = [name for name in CASES if issubclass(getattr(cl.widgets, name), Trains)]
IN_TURN = [name for name in TRAINERS if issubclass(getattr(cl.widgets, name), LearnsInTurn)]
OTHERS = [name for name in CASES if name not in TRAINERS]
SETTINGS = [name for name in TRAINERS if name != "Playground"]  # those that pass settings on to methods


def test_every_public_widget_has_a_case():
    assert sorted(CASES) == sorted(set(cl.widgets.__all__) - {"errors", "Stage"})


@pytest.fixture(scope="module")
def shown(stream, run, herded, rebuilt, packed):
    """What each widget shows, by the names in its line."""
    names = dict.fromkeys(CASES, {"stream": stream})
    names["Temperature"] = {"teacher": run.model_after(0), "stream": stream}
    return names | {
        "HerdingExplorer": {"run": herded, "stream": stream},
        "FilterReconstruction": {"run": rebuilt, "stream": stream},
        "LastLayer": {"run": herded, "stream": stream},
        "PackedMasks": {"run": packed, "stream": stream},
    }


def settle(tool):
    """Wait for what a widget does behind the page."""
    for part in ("warming", "panel", "album"):
        getattr(getattr(tool, part, None), "settle", lambda: None)()


@pytest.fixture(scope="module")
def make(watched, shown):
    """Makes the widget of a name afresh."""

    def made(name, **settings):
        kind = getattr(cl.widgets, name)
        still = {"behind": lambda work: None} if name == "HerdingExplorer" else {}
        tool = watched(kind, *shown[name].values(), **CASES[name][0] | still | settings)
        settle(tool)
        return tool

    return made


@pytest.fixture(scope="module")
def kept(make):
    """The widget of a name, made once; a test leaves it as it was."""
    made = {}
    yield lambda name: made.setdefault(name, None) or made.__setitem__(name, make(name)) or made[name]
    for tool in made.values():
        settle(tool)


def descendants(widget):
    """A widget with everything inside it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from descendants(child)


@pytest.mark.parametrize("name", CASES)
def test_whatever_the_page_can_set_is_answered_in_turn(kept, name):
    kinds = (ipywidgets.Button, ipywidgets.ToggleButton, ipywidgets.Text, ipywidgets.Textarea, anywidget.AnyWidget)
    kinds += (ipywidgets.Dropdown, ipywidgets.ToggleButtons, ipywidgets.FloatText, ipywidgets.IntText)
    kinds += (ipywidgets.FloatSlider, ipywidgets.IntSlider)
    controls = [widget for widget in descendants(kept(name)) if isinstance(widget, kinds)]
    assert {type(widget).__name__ for widget in controls} >= {"Switch", "CodeLine", "Access", "Stage"}
    assert [widget for widget in controls if not isinstance(widget, InTurn)] == []


@pytest.mark.parametrize("name", CASES)
def test_every_control_has_a_label_and_a_tooltip(kept, name):
    tool = kept(name)
    kinds = (ipywidgets.Button, ipywidgets.ToggleButton, ipywidgets.Dropdown, ipywidgets.Text)
    kinds += (ipywidgets.Textarea, ipywidgets.FloatText, ipywidgets.IntText, ipywidgets.ToggleButtons)
    controls = [widget for widget in descendants(tool) if isinstance(widget, kinds)]
    assert tool.line in controls
    assert [control for control in controls if not (control.description and control.tooltip)] == []
    several = [control for control in controls if isinstance(control, ipywidgets.ToggleButtons)]
    assert all(len(control.tooltips) == len(control.options) and all(control.tooltips) for control in several)


@pytest.mark.parametrize("name", CASES)
def test_the_line_of_code_makes_the_same_widget_again(make, shown, name):
    tool = make(name)
    assert tool.code == tool.line.value == CASES[name][1]
    again = eval(tool.code, {"cl": cl, **shown[name]})
    settle(again)
    assert again.code == tool.code
    assert getattr(again, "recipe", None) == getattr(tool, "recipe", None)
    assert getattr(again, "recipes", None) == getattr(tool, "recipes", None)


@pytest.mark.parametrize("name", CASES)
def test_a_pasted_line_sets_the_controls_and_what_it_leaves_out_is_the_default(kept, name, errors):
    tool, codes = kept(name), []
    for settings in [*CASES[name][2], *CASES[name][2]]:
        tool.line.value = line_with(name, settings)
        codes.append(tool.code)
        assert tool.line.value == tool.code != CASES[name][1]
    assert codes[0] != codes[1]
    assert codes[:2] == codes[2:]
    tool.line.value = codes[0]
    assert tool.code == codes[0]
    settle(tool)


def line_with(name, settings):
    """The call of the case with more settings, some of them in place of its own."""
    own = [f"{key}={value!r}" for key, value in CASES[name][0].items() if f"{key}=" not in settings]
    return f"{name}({', '.join([*first_arguments(getattr(cl.widgets, name)), *own, settings])})"


@pytest.mark.parametrize(("name", "settings", "words"), WRONG)
def test_a_wrong_setting_is_refused_in_a_pasted_line_and_in_a_call(kept, shown, name, settings, words, errors):
    tool = kept(name)
    before = tool.code
    tool.line.value = line_with(name, settings)
    assert tool.code == tool.line.value == before
    assert "Nothing was changed." in tool.message.value
    assert tool.message.value.count("Nothing was changed.") == 1
    assert all(part in unescaped(tool.message.value) for part in words.split(", "))
    errors.expect(tool, "Nothing was changed.")
    tool.line.value = CASES[name][1]
    with pytest.raises(ValueError, match=re.escape(words.split(", ")[0])):
        getattr(cl.widgets, name)(**shown[name] | CASES[name][0] | eval(f"dict({settings})"))


def unescaped(text):
    return text.replace("&#x27;", "'").replace("&quot;", '"')


DIGITS = cl.streams.digits
# What a call cannot show or cannot be given, by the words of the refusal: changes of the case's arguments.
REFUSED = {
    "There is no method 'lwn'": ("AttentionDrift", {"methods": ("lwn",)}),
    "one method or more": ("AttentionDrift", {"methods": ()}),
    "image is a whole number from 1 to 4, not 9": ("AttentionDrift", {"image": 9}),
    "capacity must be at least 4": ("Balance", {"capacity": 3}),
    "epochs is a whole number from 2 up, not 1": ("Balance", {"epochs": 1}),
    "memory cannot be set here": ("Balance", {"memory": None}),
    "the first one has no old classes": ("Balance", {"stream": DIGITS(tasks=1)}),
    "not these images of streams.digits": ("FilterReconstruction", {"stream": DIGITS(tasks=2)}),
    "This run learned": ("HerdingExplorer", {"stream": DIGITS(tasks=2)}),
    "did you mean lwf": ("MethodToggle", {"methods": ["l_w_f"]}),
    "did you mean": ("Playground", {"recipe": "lfw"}),
    "holds images out needs two of each": ("Playground", {"recipe": cl.methods.bic(capacity=5)}),
    "at least 4": ("Playground", {"recipe": cl.methods.lwf(memory=cl.memory.ExemplarMemory(1))}),
    "There is no method 'dfcn'; did you mean dfcnn": ("ReverseTransfer", {"methods": ["dfcn"]}),
    "nothing follows the first one": ("ReverseTransfer", {"stream": DIGITS(tasks=1)}),
    "This run learned streams": ("PackedMasks", {"stream": DIGITS(tasks=2)}),
    "learned other tasks": ("Temperature", {"stream": DIGITS(tasks=[6, 4])}),
    "two classes or more": ("WhatNotToForget", {"stream": DIGITS(tasks=[1, 9])}),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_a_widget_cannot_show_is_refused_in_a_sentence(shown, words):
    name, changes = REFUSED[words]
    with pytest.raises(ValueError, match=re.escape(words)):
        getattr(cl.widgets, name)(**shown[name] | CASES[name][0] | changes)


def test_runs_of_another_stream_are_refused(stream, run, rebuilt):
    started = next(event.run for event in cl.train(stream, "finetune", epochs=1) if event.run.learned)
    for words, kind, given in (
        ("None of these runs has learned this stream", cl.widgets.Playground, {"runs": [run]}),
        ("runs must have learned the tasks of this stream", cl.widgets.MethodToggle, {"runs": [run]}),
        ("This run has learned other tasks", cl.widgets.Temperature, {"teacher": run}),
    ):
        with pytest.raises(ValueError, match=words):
            kind(stream=DIGITS(), **given)
    with pytest.raises(ValueError, match="has learned 1 of 2 tasks"):
        cl.widgets.HerdingExplorer(started, stream)
    for words, kind in (
        ("lwf rebuilds no filters from a knowledge base", cl.widgets.FilterReconstruction),
        ("lwf divides no weights among tasks: give a run of packnet", cl.widgets.PackedMasks),
        ("lwf was not trained across tasks: its old and new classes never compete", cl.widgets.LastLayer),
    ):
        with pytest.raises(ValueError, match=words):
            kind(run, stream)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "not one line of code"),
        ("import os", "not one line of code"),
        ("nonsense", "aste "),
        ("3", "aste "),
        ("cl.widgets.Nothing(stream)", "Nothing is not known here"),
        ("__import__('os').system('true')", "system is not known here"),
        ("{name}({first}, epoch=3, **more)", "by name"),
        ("{name}({first}, epochs=stream)", "epochs=stream cannot be set here"),
        ("{name}({first}, nothing=3)", "nothing"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused(kept, name, line, words, errors):
    tool = kept(name)
    before = tool.code
    tool.line.value = line.format(name=name, first="stream")
    assert tool.code == tool.line.value == before
    assert "Nothing was changed." in tool.message.value
    errors.expect(tool, words)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_that_no_method_has_is_refused_with_the_nearest(make, name):
    with pytest.raises(cl.methods.UnknownSetting, match="no setting 'learning_rat'; did you mean learning_rate?"):
        make(name, learning_rat=1)


@pytest.mark.parametrize("name", TRAINERS)
def test_a_widget_that_trains_stops_within_a_step_starts_again_and_clears(make, train, name):
    tool = make(name)
    first = tool.pane if hasattr(tool, "pane") else tool.panes[0]
    assert "Sample pictures of" in first.words
    tool.train.stop = lambda event: isinstance(event, Stepped) and event.task == 1
    train(tool)
    assert tool.train.late <= 1
    assert "stopped" in tool.actions.words.value
    assert (tool.actions.busy, tool.actions.stop.disabled) == (False, True)
    settle(tool)
    train(tool)
    settle(tool)
    assert "stopped" not in tool.actions.words.value
    assert tool.actions.bar.value == 1
    assert not tool.actions.busy
    assert "Sample pictures" not in first.words
    tool.actions.clear.click()
    settle(tool)
    assert "Sample pictures of" in first.words


@pytest.mark.parametrize("name", IN_TURN)
def test_recipes_that_are_finished_are_not_trained_again(make, train, name):
    tool = make(name)
    tool.train.stop = lambda event: len(tool.train.recipes) == 2 and event.task == 1
    train(tool)
    first, second = tool.train.recipes
    train(tool)
    assert tool.train.recipes[2] == second
    assert tool.train.recipes.count(first) == 1
    tool.actions.train.click()
    assert "have been trained" in tool.actions.words.value


@pytest.mark.parametrize("name", TRAINERS)
def test_an_error_while_training_is_shown_in_plain_words(make, train, name, errors):
    tool = make(name)
    tool.train.error = ArithmeticError("CrossEntropy became infinite in task 1: lower learning_rate=9.")
    train(tool)
    settle(tool)
    assert (tool.actions.busy, tool.actions.resumable) == (False, False)
    errors.expect(tool, "lower learning_rate=9.")
    assert 'class="cltutor-error"' in tool.message.value


@pytest.mark.parametrize("name", OTHERS)
def test_a_bug_in_a_callback_is_shown_with_what_to_do(make, name, errors):
    tool = make(name)
    tool.draw.error = KeyError("bug")
    tool.line.value = line_with(name, CASES[name][2][1])
    assert "Run this cell again." in tool.message.value
    errors.expect(tool, "Something went wrong in cltutor (KeyError")


LATE = [("another picture's", 0), ("another picture's", 10**6), ("mas", 10**6), ("after 9, on 0", 0)]


@pytest.mark.parametrize("name", CASES)
def test_a_click_on_a_picture_that_has_gone_is_no_error_of_cltutor(make, name, errors):
    tool = make(name)
    stages = [one for one in descendants(tool) if isinstance(one, cl.widgets.Stage)]
    assert stages
    for stage in stages:
        for count, (key, number) in enumerate(LATE):
            place = {"key": key, "number": number, "row": number, "column": number, "frame": number, "words": ""}
            stage.touched = place | {"serial": -1, "count": count}
            assert "went wrong" not in stage.message + tool.message.value
    assert not [words for words in errors.new if words.splitlines()[-1].split(":")[0] != "ValueError"]
    errors.seen += len(errors.new)


@pytest.mark.parametrize("name", CASES)
def test_closing_removes_everything_inside(make, name):
    tool = make(name)
    parts = [part for widget in descendants(tool) for part in (widget, widget.layout, getattr(widget, "style", None))]
    close([tool])
    assert [part for part in parts if part is not None and part.comm is not None] == []


@pytest.mark.parametrize("name", TRAINERS)
def test_what_every_run_of_a_training_warns_of_stays_on_the_page(make, train, name):
    tool, learn = make(name), cl.train

    def warned(stream, recipe, *given, **more):
        for event in learn(stream, recipe, *given, **more):
            event.run.warnings["kind"] = f"{recipe.name} & its anchor are idle."
            yield event

    tool.train = warned
    train(tool)
    recipes = getattr(tool, "recipes", None) or {tool.recipe.name: tool.recipe}
    for recipe in recipes.values():
        assert f"{recipe.name} &amp; its anchor are idle." in tool.actions.cautions.value
    settle(tool)
