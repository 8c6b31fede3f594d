import sys
import types

import pytest

from cltutor.lazy import lazy


@pytest.fixture
def room(monkeypatch):
    """A package of two modules, made up."""
    room, inside = types.ModuleType("room"), types.ModuleType("room.inside")
    inside.thing = object()
    room.__all__, room.__getattr__, room.__dir__ = lazy("room", {"thing": "inside", "absent": "nowhere"})
    room.__path__ = []
    monkeypatch.setitem(sys.modules, "room", room)
    monkeypatch.setitem(sys.modules, "room.inside", inside)
    return room


def test_a_name_is_imported_when_it_is_first_asked_for_and_kept(room):
    assert "thing" not in vars(room)
    assert room.thing is sys.modules["room.inside"].thing
    assert vars(room)["thing"] is room.thing


def test_all_public_names_are_listed(room):
    assert room.__all__ == ["absent", "thing"]
    assert {"absent", "thing", "__all__"} <= set(dir(room))


def test_other_names_are_refused_as_pythons_own_modules_do(room):
    with pytest.raises(AttributeError, match="module 'room' has no attribute 'thin'"):
        _ = room.thin
