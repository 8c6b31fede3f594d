import numpy as np
import pytest

from cltutor import show
from cltutor.studies import results

NAME = "dfcnn_initialisation"


def test_results_say_where_they_come_from_and_can_be_drawn():
    found = results.read(NAME)
    assert {"command", "seeds", "versions", "hardware", "date"} <= found["origin"].keys()
    assert all(map(len, found["origin"].values()))
    for curves in found["accuracy"].values():
        shapes = {np.shape(rows) for rows in curves.values()}
        [(seeds, epochs)] = shapes
        assert seeds >= 5
        assert epochs == 20
        assert show.convergence({"": curves}).alt


def test_results_by_another_name_are_refused_with_the_nearest():
    with pytest.raises(ValueError, match=rf"'dfcnn_initialization'; did you mean '{NAME}'"):
        results.read("dfcnn_initialization")
