"""What learning widgets start from: results that came with the package."""

import numpy as np
import pytest

import cltutor as cl
from cltutor.widgets import recording
from cltutor.widgets.starts import STARTS, build

SMALL = {
    "Balance": {"capacity": 8, "epochs": 2},
    "ReverseTransfer": {"methods": ("dfcnn_small", "single_task"), "epochs": 2},
    "WhatNotToForget": {"epochs": 2},
}


@pytest.fixture(scope="module")
def folder(stream, tmp_path_factory):
    made = tmp_path_factory.mktemp("recorded")
    build([(name, lambda: stream, settings) for name, settings in SMALL.items()], made)
    return made


@pytest.fixture
def start(folder, stream, watched):
    """Makes a widget that looks for its start in the folder."""

    def made(name, **settings):
        kind = getattr(cl.widgets, name)
        return watched(type(name, (kind,), {"records": folder}), stream, **SMALL[name] | settings)

    return made


@pytest.mark.parametrize("name", SMALL)
def test_a_widget_starts_with_what_its_training_would_show(start, watched, train, stream, name):
    tool, own = start(name), watched(getattr(cl.widgets, name), stream, **SMALL[name])
    train(own)
    assert tool.results.keys() == own.results.keys()
    held = {part: tool._held(part) for part in tool.restorable}
    own.restorable = tool.restorable
    for part, arrays in held.items():
        for place, value in recording.flat(own._held(part)).items():
            np.testing.assert_array_equal(recording.flat(arrays)[place], value)
    first = tool.pane if hasattr(tool, "pane") else tool.panes[0]
    assert "Sample pictures" not in first.words
    assert first.words == (own.pane if hasattr(own, "pane") else own.panes[0]).words


@pytest.mark.parametrize("name", SMALL)
def test_the_page_says_what_is_recorded_until_it_is_trained_anew(start, train, name):
    tool = start(name)
    names = ", ".join(sorted(tool.recorded))
    assert names in tool.actions.origin.value or f"{len(tool.recorded)} recorded runs" in tool.actions.origin.value
    assert "came with the package. Train replaces " in tool.actions.origin.value
    train(tool)
    assert set(tool.train.recipes) == set(tool.recipes.values())
    assert not tool.recorded
    tool.actions.clear.click()
    assert tool.actions.origin.value == ""


@pytest.mark.parametrize("changed", [{"seed": 1}, {"epochs": 3}])
def test_nothing_recorded_fits_another_seed_or_recipe(start, changed):
    tool = start("Balance", **changed)
    assert tool.results == {}
    assert "Sample pictures" in tool.panes[0].words


def test_another_stream_starts_empty(folder, watched):
    other = cl.streams.digits(tasks=2)
    tool = watched(
        type("Balance", (cl.widgets.Balance,), {"records": folder}), other, **SMALL["Balance"] | {"capacity": 20}
    )
    assert tool.results == {}


@pytest.mark.parametrize("damage", ["file", "arrays"])
def test_what_is_damaged_or_does_not_fit_is_left_out_and_the_page_says_so(stream, watched, tmp_path, damage):
    kind = type("Balance", (cl.widgets.Balance,), {"records": tmp_path})
    if damage == "file":
        (tmp_path / "balance.safetensors").write_bytes(b"nothing")
    else:
        keys = watched(cl.widgets.Balance, stream, **SMALL["Balance"]).record_keys
        recording.write("balance", {key: {"accuracy": np.zeros(2)} for key in keys.values()}, tmp_path)
    tool = watched(kind, stream, **SMALL["Balance"])
    assert (tool.results, tool.recorded) == ({}, frozenset())
    assert "cannot be read" in tool.actions.cautions.value
    assert "Sample pictures" in tool.panes[0].words


def test_arrays_by_name_come_back_as_they_were():
    held = {"a": np.arange(3), "b": {"c d": np.eye(2, dtype=np.float16), "e": {"f.g": np.zeros((0, 2))}}}
    found = recording.nested({f"7/{path}": value for path, value in recording.flat(held).items()}, "7/")
    assert found["b"].keys() == held["b"].keys()
    np.testing.assert_array_equal(found["b"]["c d"], held["b"]["c d"])
    assert found["b"]["e"]["f.g"].shape == (0, 2)
    assert found["a"].dtype == held["a"].dtype


def test_all_files_that_come_with_the_package_take_less_than_8_megabytes():
    files = [*recording.FOLDER.glob("*"), *cl.gallery.settings.FOLDER.glob("*.safetensors")]
    assert 1e6 < sum(file.stat().st_size for file in files) < 8e6


@pytest.mark.parametrize("name", sorted({name for name, _, _ in STARTS if name in SMALL}))
def test_every_start_is_found_by_the_widget_that_it_was_made_for(name):
    for kind, stream, settings in STARTS:
        if kind == name:
            tool = getattr(cl.widgets, kind)(stream(), **settings)
            assert set(tool.recipes.values()) <= {tool.restorable[part] for part in tool.recorded}
            tool.close()
