"""Rooms whose public names are imported on first use."""

import pkgutil

import pytest

from cltutor import show, widgets


@pytest.mark.parametrize("room", [show, widgets])
def test_public_names_are_listed_and_imported_on_first_use_and_others_are_refused(room):
    assert set(room.__all__) <= set(dir(room))
    name = room.__all__[0]
    vars(room).pop(name, None)
    value = getattr(room, name)
    assert vars(room)[name] is value
    with pytest.raises(AttributeError, match=f"module '{room.__name__}' has no attribute 'thin'"):
        _ = room.thin


@pytest.mark.parametrize("room", [show, widgets])
def test_no_module_has_the_name_of_what_it_offers(room):
    """Importing such a module would put it in the place of the function."""
    below = {module.name for module in pkgutil.iter_modules(room.__path__)}
    assert below & set(room.__all__) == set()
