"""A store in whose way something hostile lies, and recipes of any name and of any repr."""

import os
import warnings
from dataclasses import dataclass, replace

import pytest

import cltutor as cl
from cltutor.losses import Term
from cltutor.runs import files
from cltutor.runs.store import Store, checkpoint_of
from tests.refusals.judging import Attempt, judge
from tests.refusals.test_files import BYTES, FACTS, FOLDER, RECIPE, file_with, pipe, run

# A store: whatever lies where a run or its checkpoint should be is set aside.


def in_the_way(store: Store, which: str, label: str) -> None:
    begun = replace(run(), states=[], accuracies={}, part_states={})
    path = store.path(begun)
    place = path if which == "run" else checkpoint_of(path)
    store.folder.mkdir(exist_ok=True)
    content = {**BYTES, **FACTS}.get(label)
    if label == "a pipe":
        pipe(place)
    elif label == "a folder":
        place.mkdir()
    elif label == "foreign":
        files.write(place, {}, {"learned": 2})
    else:
        file_with(content).rename(place)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with store.learning(begun) as slot:
            assert slot.run is begun
            assert slot.checkpoint() is None
            slot.save(run())
    assert "set aside" in str(said[0].message)
    assert len(said) == 1
    assert cl.Run.load(path).complete
    newer = "format" in label and label.split()[0] == "format" or label == '{"format": null}'
    assert place.with_name(f"{place.name}.{'other-version' if newer else 'damaged'}").exists()


@pytest.mark.parametrize("which", ["run", "checkpoint"])
@pytest.mark.parametrize(
    "label", [*BYTES, *(name for name in FACTS if name != "our format, no checksum"), "a pipe", "a folder", "foreign"]
)
def test_whatever_is_in_the_way_is_set_aside_and_the_run_is_saved(tmp_path, which, label):
    in_the_way(Store(tmp_path), which, label)


@pytest.mark.parametrize("name", ["x" * 200, "é" * 200, "学" * 200, "../../x", ".", "a/b\\c:d*?", "CON"])
def test_a_recipe_of_any_name_has_a_file(tmp_path, name):
    named = replace(run(), recipe=replace(RECIPE, name=name))
    store = Store(tmp_path)
    store.save(named)
    assert store.path(named).parent == tmp_path
    assert len(os.fsencode(store.path(named).name)) <= 150, "drafts, locks and files set aside have longer names"
    assert store.load(named).recipe == named.recipe


@dataclass(frozen=True, repr=False)
class Odd(Term):
    """A term whose repr is no code."""

    def __repr__(self):
        return "<a term of mine>"

    def __call__(self, batch, state):
        return batch.student.logits.square().mean()


def test_a_recipe_whose_repr_is_no_code_is_loaded_when_it_is_given():
    odd = cl.Recipe("odd", cl.losses.CrossEntropy() + Odd(), schedule=RECIPE.schedule)
    path = FOLDER / "odd.safetensors"
    replace(run(), recipe=odd).save(path)
    judge(Attempt("without the recipe", lambda: cl.Run.load(path)))
    with pytest.raises(ValueError, match=r"The recipe of .* give it: Run.load\(path, recipe=...\)"):
        cl.Run.load(path)
    assert cl.Run.load(path, odd).recipe == odd
