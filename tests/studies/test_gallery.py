import functools
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import cltutor as cl
from cltutor.comparing.grids import best, following
from cltutor.comparing.search import held_out
from cltutor.memory import ExemplarMemory
from cltutor.studies.gallery import archive, settings
from cltutor.studies.gallery.building import Builder, counted_as_zero
from cltutor.training.events import Diverged

STREAMS = list(settings.SETTINGS)
LATER = "er", "agem", "derpp", "bic", "wa", "gdumb"  # methods with a capacity of their own


@functools.cache
def stream(name, trial):
    """Rendered once: it takes its time."""
    return cl.gallery.stream(name, trial)


def noise(order, validation=0):
    """Two tasks of two classes, in no time."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(4).repeat_interleave(20)
    images = torch.randint(0, 256, (80, 1, 8, 8), dtype=torch.uint8, generator=draw)
    return cl.streams.tensors(images, labels, images[::2], labels[::2], tasks=2, order=order, validation=validation)


@pytest.fixture
def builder(tmp_path):
    """Of a gallery of one method in both regimes, two rates, two trials and one epoch."""
    setting = settings.Setting(noise, {}, trials=2, epochs=1, capacity=100)
    entries = [("lwf", None), ("lwf", "class")]
    return Builder("noise", setting, tmp_path / "store", entries=entries, rates=(0.01, 0.05))


@pytest.fixture
def file(tmp_path, patterns):
    """A file of two runs, with the runs themselves."""
    made = [cl.learn(patterns, "finetune", seed, epochs=2, progress=False).without_weights() for seed in (0, 1)]
    words = dict.fromkeys(archive.Origin.__dataclass_fields__, "somewhere")
    archive.write(path := tmp_path / "own.safetensors", made, archive.Origin(**words))
    return SimpleNamespace(path=path, made=made)


def test_the_gallery_lists_methods_that_exist_each_once_and_its_trials_have_their_own_class_orders():
    assert len(set(cl.gallery.names())) == len(cl.gallery.names()) == 42
    assert set(cl.gallery.names()) <= set(cl.methods.names())
    for name in STREAMS:
        assert [task.classes for task in stream(name, 0)] != [task.classes for task in stream(name, 1)]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cl.gallery.stream("digit"), "'digit'; did you mean 'digits'"),
        (lambda: cl.gallery.recipe("lwff", "digits"), "did you mean lwf"),
        (lambda: cl.gallery.runs("scene"), "'scene'; did you mean 'scenes'"),
    ],
)
def test_a_name_that_the_gallery_does_not_have_is_answered_with_the_nearest(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("name", STREAMS)
def test_a_recipe_is_its_papers_but_for_one_budget_and_the_rate_that_validation_found(name):
    recipes = [cl.gallery.recipe(method, name, heads) for method, heads in settings.entries()]
    assert len({(recipe.schedule.epochs, recipe.schedule.batch_size) for recipe in recipes}) == 1
    capacity = settings.SETTINGS[name].capacity
    for recipe, (method, heads) in zip(recipes, settings.entries(), strict=True):
        own = ({} if method not in LATER else {"capacity": capacity}) | ({"heads": heads} if heads else {})
        plain, found = cl.methods.named(method)(**own), settings.scores(name)[settings.key(recipe)]
        assert (recipe.loss, recipe.heads, recipe.network) == (plain.loss, heads or plain.heads, plain.network)
        kept = isinstance(plain.memory, ExemplarMemory)
        assert recipe.memory == (replace(plain.memory, capacity=capacity) if kept else plain.memory)
        assert set(found) >= set(settings.RATES)
        assert following(found, settings.RATES) is None  # the best lies inside what was tried, or the limit is reached
        assert recipe.schedule.learning_rate == best(found)


@pytest.mark.parametrize("name", STREAMS)
def test_every_method_has_as_many_complete_runs_in_the_gallery(name):
    runs, recipes = cl.gallery.runs(name), [cl.gallery.recipe(m, name, heads) for m, heads in settings.entries()]
    trials = range(settings.SETTINGS[name].trials)
    assert [run.seed for run in runs] == [*trials] * len(recipes)
    assert [repr(run.recipe) for run in runs] == [repr(recipe) for recipe in recipes for _ in trials]
    for run in runs:
        assert run.complete
        assert (run.fingerprint, run.stream_code) == (stream(name, run.seed).fingerprint, stream(name, run.seed).code)
        assert np.isfinite(run.accuracy()[np.tril_indices(5)]).all()
        assert run.updates > 0
        assert run.seconds["train"] > 0


def test_a_run_of_the_gallery_is_what_learning_it_again_gives():
    found = next(run for run in cl.gallery.runs("digits") if run.name == "finetune" and run.seed == 1)
    again = cl.learn(stream("digits", 1), cl.gallery.recipe("finetune", "digits"), 1, progress=False, threads=1)
    assert again.updates == found.updates
    # Another processor may round otherwise: a few of 360 test images, no more.
    assert again.accuracy() == pytest.approx(found.accuracy(), abs=0.1, nan_ok=True)


def test_the_gallery_is_small_and_says_where_and_how_it_was_made():
    assert sum(path.stat().st_size for path in settings.FOLDER.iterdir() if path.is_file()) < 5e6
    shown = str(cl.gallery.origin("digits"))
    searched = "0.005, 0.02, 0.05, and up to 3 further ones"
    for word in ("cltutor gallery digits", "torch", "cores", "class orders", searched, "a fifth"):
        assert word in shown
    assert cl.gallery.origin("digits")._repr_markdown_() == shown


def test_runs_come_back_from_their_file_as_they_were_but_for_losses(file):
    found, origin = archive.read(file.path)
    assert origin.command == "somewhere"
    names = ("seed", "device", "stream_code", "class_names", "tasks", "test_sizes", "image_shape")
    for run, made in zip(found, file.made, strict=True):
        for name in (*names, "recipe", "fingerprint", "seconds", "updates"):
            assert getattr(run, name) == getattr(made, name)
        assert run.accuracies.keys() == made.accuracies.keys()
        for name, matrix in made.accuracies.items():
            np.testing.assert_array_equal(run.accuracies[name], matrix)
        for name in ("known", "unknown", "epoch_task"):
            np.testing.assert_array_equal(getattr(run.curves, name), getattr(made.curves, name))
        assert run.curves.loss == {}
        assert len(run.curves.step_task) == 0
        for picture in (cl.show.gallery, cl.show.accuracy_over_time, cl.show.accuracy_matrix, cl.show.forgetting):
            assert picture(run).alt


@pytest.mark.parametrize("place", [12, 0.3, 0.95, "cut", "missing"])
def test_a_flipped_bit_anywhere_a_cut_and_a_missing_file_are_reported(file, place):
    data = bytearray(file.path.read_bytes())
    if place == "missing":
        file.path.unlink()
    elif place == "cut":
        file.path.write_bytes(data[:-100])
    else:
        data[int(place * len(data)) if place < 1 else place] ^= 1
        file.path.write_bytes(data)
    with pytest.raises(ValueError, match="make it again with `cltutor gallery`"):
        archive.read(file.path)


def test_a_gallery_is_made_and_again_without_training_and_an_executor_gives_the_same(builder, tmp_path, capsys):
    runs, origin = archive.read(builder.build(tmp_path))
    assert [(run.competes, run.seed) for run in runs] == [(False, 0), (False, 1), (True, 0), (True, 1)]
    assert origin.diverged == "no trial"
    assert "lwf, class, trial 1" in capsys.readouterr().out
    fresh = cl.learn(noise(order=1), runs[1].recipe, 1, progress=False)
    np.testing.assert_array_equal(runs[1].accuracy(), fresh.accuracy())
    rates = (tmp_path / "rates.json").read_text()
    stored = {path: path.stat().st_mtime_ns for path in builder.store.rglob("*.safetensors")}
    again = archive.read(builder.build(tmp_path))[0]
    assert {path: path.stat().st_mtime_ns for path in builder.store.rglob("*.safetensors")} == stored
    assert (tmp_path / "rates.json").read_text() == rates
    assert [run.seconds for run in again] == [run.seconds for run in runs]
    with ThreadPoolExecutor(2) as executor:
        other = replace(builder, store=tmp_path / "other", executor=executor)
        (tmp_path / "two").mkdir()
        shared = archive.read(other.build(tmp_path / "two"))[0]
    for run, *others in zip(runs, again, shared, strict=True):
        for other in others:
            np.testing.assert_array_equal(run.accuracy(), other.accuracy())


def test_what_a_gallery_lacks_is_added_and_what_it_has_stays_bit_for_bit(builder, tmp_path):
    (tmp_path / "all").mkdir()
    asked = []

    def counted(stream, recipe, seed, **options):
        asked.append(recipe.heads)
        return cl.learn(stream, recipe, seed, **options)

    whole = archive.read(builder.build(tmp_path / "all"))[0]
    first = replace(builder, entries=[("lwf", None)], store=tmp_path / "apart")
    before = archive.read(first.build(tmp_path))[0]
    path = replace(builder, store=tmp_path / "apart", learn=counted).build(tmp_path, missing=True)
    runs, origin = archive.read(path)
    assert set(asked) == {"class"}
    assert [(run.competes, run.seed) for run in runs] == [(False, 0), (False, 1), (True, 0), (True, 1)]
    for run, other, own in zip(runs, whole, [*before, None, None], strict=True):
        np.testing.assert_array_equal(run.accuracy(), other.accuracy())
        np.testing.assert_array_equal(run.curves.unknown, other.curves.unknown)
        assert own is None or (own.seconds, own.recipe) == (run.seconds, run.recipe)
    assert (tmp_path / "rates.json").read_text() == (tmp_path / "all" / "rates.json").read_text()
    assert origin.command == "cltutor gallery noise; of lwf, class: cltutor gallery noise --missing"
    written = path.stat().st_mtime_ns
    replace(builder, learn=counted).build(tmp_path, missing=True)
    assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize("name", STREAMS)
def test_the_memory_of_a_method_keeps_its_kind_in_the_gallery(name):
    for method in (*cl.gallery.names(), *LATER):
        own, there = cl.methods.get(method).memory, settings.at_rate(method, settings.SETTINGS[name], None).memory
        assert type(own) is type(there)


def test_the_rate_of_a_method_is_searched_until_its_best_lies_inside_and_one_at_the_limit_is_named(builder, tmp_path):
    """Accuracy rises with the rate up to 0.25 with a head per task, and without end with one head."""

    def rising(stream, recipe, seed, **options):
        run = counted_as_zero(stream, recipe, seed)
        rate = recipe.schedule.learning_rate
        reached = rate if recipe.heads == "class" else max(0, 0.25 - abs(rate - 0.25))
        run.accuracies = {kind: np.full_like(matrix, reached) for kind, matrix in run.accuracies.items()}
        return run

    runs, origin = archive.read(replace(builder, learn=rising).build(tmp_path))
    found = json.loads((tmp_path / "rates.json").read_text())["noise"]
    assert list(found["lwf, task"]) == ["0.01", "0.05", "0.25", "1.25"]
    assert list(found["lwf, class"]) == ["0.01", "0.05", "0.25", "1.25", "6.25"]
    assert [run.recipe.schedule.learning_rate for run in runs] == [0.25, 0.25, 6.25, 6.25]
    assert "among 0.01, 0.05, and up to 3 further ones" in origin.search
    assert origin.search.endswith("still at the edge: lwf, class at 6.25")


def test_the_search_sees_no_test_image():
    whole = cl.streams.digits(tasks=5, order=100, validation=0.2)
    for task, own in zip(whole, held_out(whole), strict=True):
        assert own.test.images.equal(task.validation.images)
        assert own.train.images.equal(task.train.images)
        assert len(own.validation) == 0


def test_a_run_that_diverges_counts_as_zero_and_is_reported(builder, tmp_path):
    def exploding(stream, recipe, seed, **options):
        if recipe.heads == "class":
            raise Diverged("CrossEntropy became infinite in task 1 of lwf.")
        return cl.learn(stream, recipe, seed, **options)

    runs, origin = archive.read(replace(builder, learn=exploding).build(tmp_path))
    assert "lwf, class, trial 0: CrossEntropy became infinite" in origin.diverged
    lost = [run for run in runs if run.competes]
    assert all(run.complete and run.metrics(known_task=False)["average_accuracy"] == 0 for run in lost)
    assert lost[0].curves.unknown.shape == runs[0].curves.unknown.shape


def test_loading_the_gallery_needs_no_scikit_learn_and_no_picture():
    heavy = {"matplotlib", "sklearn", "torchvision", "captum", "ipywidgets"}
    code = f"import sys, cltutor as cl; cl.gallery.runs('digits'); print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
