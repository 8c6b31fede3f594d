"""Notebooks run first, so that no worker is left with a long test at the end."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole notebooks before all other tests, the last first: later notebooks take longer."""
    notebooks = [item for item in items if item.get_closest_marker("notebook")]
    others = [item for item in items if not item.get_closest_marker("notebook")]
    items[:] = notebooks[::-1] + others
