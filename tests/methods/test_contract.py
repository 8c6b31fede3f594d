"""What every method must satisfy, a user's own included: it learns, what its phases name moves and nothing else, each
term counts, and its settings, source and paper can be found. (Resuming all of them: tests/training/test_task.py.)"""

import inspect
import re
from collections.abc import Callable

import pytest
import torch
from running import regimes, weighted
from torch import Tensor

import cltutor as cl
from cltutor import methods
from cltutor.networks import ResNet32, TaskCNN
from cltutor.recipe.parser import parse

SMALL = TaskCNN(channels=(4, 4, 4, 4), hidden=(20,))
NAMES = methods.names()  # other tests may register more while these run
EVERY = pytest.mark.parametrize("name", NAMES)

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot")


def takes(name: str, setting: str) -> bool:
    try:
        methods.named(name)(**{setting: None})
    except methods.UnknownSetting:
        return False
    except ValueError:
        pass
    return True


def make(name: str, **settings) -> cl.Recipe:
    """The method on a small backbone, where it takes one."""
    return methods.named(name)(**({"backbone": SMALL} if takes(name, "backbone") else {}), batch_size=8, **settings)


def learn(stream: cl.streams.Stream, recipe: cl.Recipe) -> cl.Run:
    """A run with as few epochs as give one to each phase."""
    fewest = next(e for e in range(1, 99) if all(epochs for _, epochs in recipe.with_epochs(e).schedule.phases(1)))
    return cl.learn(stream, recipe, epochs=fewest, device="cpu", progress=False)


def moved(run: cl.Run, pick: Callable[[str], bool]) -> list[str]:
    """The parameters after the first task that the second one changed, of those that ``pick`` takes."""
    return [name for name, value in run.states[0].items() if pick(name) and changed(value, run.states[1].get(name))]


def changed(value: Tensor, later: Tensor | None) -> bool:
    return later is not None and (later.shape != value.shape or not torch.equal(value, later))


@EVERY
def test_it_is_a_recipe_of_its_name_that_prints_as_code(name):
    recipe = methods.get(name)
    assert recipe.name == name
    assert recipe == methods.named(name)() == getattr(methods, name)()
    assert parse(repr(recipe)) == recipe


SIGMOIDS = {"lwf_mc", "lwm", "lwm_attention_only", "icarl", "hybrid1"}
JOINED = {"wa", "bic", "aligned"}  # one softmax over all old classes
# A network that an image's task chooses something of: a column, a mask, units, filters or a network of its own.
BY_TASK = {"packnet", "progressive", "expandable", "dfcnn", "dfcnn_small", "dfcnn_direct", "dfcnn_tc2"}
BY_TASK |= {"single_task", "single_task_large", "dfcnn_authors", "single_task_authors", "progressive_authors"}
REGIMES = [(name, heads) for name in NAMES for heads in regimes(name)]


def test_a_regime_that_means_nothing_to_a_method_is_refused_and_no_other_is():
    taken = {name: regimes(name) for name in NAMES}
    assert {name for name in NAMES if taken[name] == ["class"]} == SIGMOIDS | JOINED
    assert {name for name in NAMES if taken[name] == ["task"]} == BY_TASK
    assert {name for name in NAMES if not taken[name]} == set()
    for name in SIGMOIDS:
        with pytest.raises(ValueError, match=f"^{name} takes no heads='task': a sigmoid for each class has no softmax"):
            methods.named(name)(heads="task")


@pytest.mark.parametrize(("name", "heads"), REGIMES)
def test_it_learns_a_stream_under_every_regime_that_it_takes(name, heads, tiny):
    run = learn(tiny, make(name, heads=heads))
    assert run.complete
    matrix = run.accuracy(untrained=True)
    assert ((matrix >= 0) & (matrix <= 1)).sum() == 3
    assert run.competes == (heads == "class")
    assert all(value.isfinite().all() for value in run.states[1].values())


@EVERY
def test_the_second_task_changes_the_roles_that_its_phases_name_and_no_others(name, tiny):
    plain = make(name)
    decay = {"weight_decay": 0.1} if plain.schedule.weight_decay else {}  # which must spare what is frozen
    run = learn(tiny, make(name, **decay))
    network = run.model_after(1)
    role_of = {id(p): role for role in network.parts() for p in network.parameters_of(role)}
    roles = {key: role_of.get(id(p)) for key, p in network.named_parameters()}
    learning = {role for phase in plain.schedule.later for role in phase.rates}
    assert not moved(run, lambda key: key in roles and roles[key] not in learning)
    for role in learning & {roles.get(key) for key in run.states[0]}:
        assert moved(run, lambda key, role=role: roles.get(key) == role), role


TERMS = [(name, place) for name in methods.names() for place in range(1, len(methods.get(name).loss.terms))]


@pytest.mark.parametrize(("name", "place"), TERMS)
def test_every_term_of_its_loss_changes_the_shared_weights_by_its_weight(name, place, tiny):
    recipe = make(name)
    weight, term = recipe.loss.terms[place]
    runs = [learn(tiny, weighted(recipe, place, w)) for w in (0.0, weight, 3 * weight)]
    if term.first_task:
        assert not any(changed(value, run.states[0][key]) for run in runs for key, value in runs[0].states[0].items())
    network = runs[0].model
    shared = {id(p) for p in network.parameters_of("shared")}
    names = [key for key, p in network.named_parameters() if id(p) in shared]
    for one, other in zip(runs, runs[1:], strict=False):
        assert any(changed(one.states[1][key], other.states[1].get(key)) for key in names)


@EVERY
def test_it_takes_heads_backbone_and_the_settings_of_the_schedule(name):
    settings = {"heads": regimes(name)[-1], "backbone": ResNet32(), "epochs": 3, "batch_size": 5, "learning_rate": 0.1}
    settings = {setting: value for setting, value in settings.items() if takes(name, setting)}
    recipe = methods.named(name)(**settings)
    found = {"heads": recipe.heads, "backbone": recipe.network.backbone, **vars(recipe.schedule)}
    assert {setting: found[setting] for setting in settings} == settings


@EVERY
@pytest.mark.parametrize(("wrong", "right"), [("epoch", "epochs"), ("back_bone", "backbone"), ("head", "heads")])
def test_a_mistyped_setting_is_refused_with_the_nearest_right_one(name, wrong, right):
    with pytest.raises(methods.UnknownSetting, match=rf"^{name} has no setting '{wrong}'; did you mean {right}\?$"):
        methods.named(name)(**{wrong: 1})


@EVERY
def test_its_source_and_signature_are_shown_and_its_docstring_names_its_paper(name):
    method = methods.named(name)
    assert re.match(rf"@[\w.]*register(\(.*\))?\ndef {name}\(", inspect.getsource(method))
    assert list(inspect.signature(method).parameters)[-1] == "settings"
    assert re.search(r"\((LwF|MAS|LwM|EEIL|DF-CNN|\w+ et( |\s+)al\. 20\d\d|\w+ and \w+ 20\d\d)", method.__doc__)
