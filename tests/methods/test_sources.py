"""Tables of sources: each row against the recipe, and against what a source must cite."""

import inspect
import re
import tomllib
from pathlib import Path

import pytest

import cltutor as cl
from cltutor import methods
from cltutor.methods.registry import named
from cltutor.methods.sources import KINDS

OWN = [name for name in methods.names() if named(name).__module__.startswith("cltutor.")]
REQUIRED = {
    *("loss", "learning rate", "epochs", "batch size", "optimiser", "network", "backbone", "augmentation", "memory"),
    *("teacher", "initial weights", "prediction", "training regime", "first task", "later tasks", "after a task"),
}
TEACHERS = {
    (): "none",
    ("task",): "the network before this task",
    ("phase", "task"): ("the network before this task; in fine-tuning the new head's: the network before the phase"),
}


def phases(plan) -> str:
    """As "20 % warm-up: new x 1; 80 % joint: shared x 1, old x 1, new x 1"."""
    total, words = sum(phase.share for phase in plan), []
    for phase in plan:
        rates = ", ".join(f"{role} x {rate:g}" for role, rate in phase.rates.items())
        part = "" if len(plan) == 1 else f"{100 * phase.share / total:.0f} % "
        words.append(f"{part}{phase.name}: {rates}")
    return "; ".join(words)


def teachers(recipe) -> str:
    plan = (*recipe.schedule.first, *recipe.schedule.later)
    terms = [term for loss in (recipe.loss, *(p.loss for p in plan if p.loss)) for _, term in loss.terms]
    return TEACHERS[tuple(sorted({term.teacher for term in terms if term.teacher}))]


def drops(schedule) -> str:
    rules = {name: getattr(schedule, name) for name in ("patience", "drop_every", "drop_at", "rate_decay")}
    return ", ".join(f"{name}={value}" for name, value in rules.items() if value) or "never"


READ = {  # what a row says, read off the recipe
    "loss": lambda r: repr(r.loss),
    "training regime": lambda r: f'heads="{r.heads}"',
    "network": lambda r: repr(r.network),
    "backbone": lambda r: repr(r.network.backbone),
    "memory": lambda r: repr(r.memory) if r.memory else "none",
    "selection": lambda r: r.memory.selection,
    "balancing": lambda r: r.memory.balancing,
    "teacher": teachers,
    "first task": lambda r: phases(r.schedule.first),
    "later tasks": lambda r: phases(r.schedule.later),
    "fine-tuning loss": lambda r: repr(r.schedule.later[-1].loss),
    "epochs": lambda r: f"{r.schedule.epochs}",
    "batch size": lambda r: f"{r.schedule.batch_size}",
    "learning rate": lambda r: f"{r.schedule.learning_rate:g}",
    "rate drops": lambda r: drops(r.schedule),
    "optimiser": lambda r: r.schedule.optimiser,
    "momentum": lambda r: f"{r.schedule.momentum:g}",
    "weight decay": lambda r: f"{r.schedule.weight_decay:g}",
    "gradient clipping": lambda r: f"{r.schedule.clip:g}",
    "augmentation": lambda r: repr(r.schedule.augmentation) if r.schedule.augmentation else "none",
    "drawn or made": lambda r: "made" if r.schedule.augmentation.once else "drawn",
    "distance": lambda r: r.loss.named()["AttentionDistillation"][1].distance,
    "augment_first": lambda r: f"{r.schedule.augment_first}",
    "gradient noise": lambda r: repr(r.schedule.noise) if r.schedule.noise else "none",
    "prediction": lambda r: r.predict,
    "after a task": lambda r: repr(r.after_task),
}


def constants(name: str) -> dict[str, str]:
    """The method's own settings, with their defaults as a table shows them."""
    own = [p for p in inspect.signature(named(name)).parameters.values() if p.kind is not p.VAR_KEYWORD]
    values = {p.name: p.default for p in own if p.name not in ("heads", "loss")}
    return {k: f"{v:g}" if isinstance(v, float) else str(v) for k, v in values.items()}


@pytest.mark.parametrize("name", OWN)
def test_every_method_has_a_row_for_every_detail_with_the_value_of_its_recipe(name):
    rows, recipe = {row.detail: row.value for row in methods.sources(name)}, named(name)()
    expected = {detail: READ[detail](recipe) for detail in rows.keys() & READ.keys()} | constants(name)
    assert {detail: rows.get(detail) for detail in expected} == expected
    assert rows.keys() >= REQUIRED
    exemplars = isinstance(recipe.memory, cl.memory.ExemplarMemory)
    assert ("selection" in rows) == exemplars
    assert ("balancing" in rows) == any(phase.balanced for phase in recipe.schedule.later)


@pytest.mark.parametrize("name", OWN)
def test_every_source_is_one_of_three_and_says_where_it_stands_or_why(name):
    found = methods.sources(name)
    for row in found:
        assert row.source in KINDS.values()
        assert row.value
        assert len(row.place) > 5
        if row.source == "the paper":
            # A section whose number was not seen is cited by its name.
            places = r"sections? \d|eq\. \d|Table \d|Figure \d|Algorithms? \d|section \"[A-Z]\w+[\w \-+]*\""
            assert re.search(places, row.place), row
        if row.source == "the authors' program":
            assert re.match(r"[\w-]+/[\w-]+, \w+|Yoon et al\. 2018's own program", row.place), row
    assert found.paper
    assert {row.source for row in found} >= {"the paper", "our choice"}


def test_every_block_is_used_and_every_table_is_a_methods():
    """A row that some method overrides in all of its uses would be dead."""
    tables = tomllib.loads(Path(methods.__file__).with_name("sources.toml").read_text())
    assert tables["methods"].keys() == set(OWN)
    used = {block for table in tables["methods"].values() for block in table["uses"]}
    assert tables["shared"].keys() == used
    shown = {tuple(row[:2]) + (row.place,) for name in OWN for row in methods.sources(name)}
    for block in tables["shared"].values():
        for detail, (value, _, place) in block.items():
            assert (detail, value, place) in shown


def test_the_table_is_text_in_a_terminal_html_in_a_notebook_and_part_of_the_methods_help():
    found = methods.sources("eeil")
    text, page = repr(found), found._repr_html_()
    assert max(map(len, text.splitlines())) <= 120
    flat = " ".join(text.split())
    for row in found:
        assert row.detail.split()[0] in flat
        assert row.place.split()[0] in flat
    assert page.count("<tr>") == len(found) + 1
    assert "heads=&quot;class&quot;" in page
    assert text in inspect.getdoc(methods.eeil)
    assert inspect.getdoc(methods.eeil).startswith("End-to-End Incremental Learning: ")


def test_a_recipe_of_a_method_and_its_function_have_the_methods_table():
    assert methods.sources(methods.mas(lam=3.0)) == methods.sources(methods.mas) == methods.sources("mas")
    assert "mine is a method of your own" in repr(methods.sources(cl.Recipe("mine", cl.losses.CrossEntropy())))


def test_a_method_of_your_own_says_that_it_has_no_table_and_an_unknown_one_is_refused():
    found = methods.sources("der")  # the example's
    assert list(found) == []
    sentence = "der is a method of your own, and says nothing of the sources of its details."
    assert repr(found) == sentence
    assert found._repr_html_() == f"<p>{sentence}</p>"
    with pytest.raises(ValueError, match=r"^There is no method 'eel'; did you mean eeil\?$"):
        methods.sources("eel")
