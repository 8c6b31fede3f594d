import math

import pytest

from cltutor.comparing.grids import at_edge, best, best_point, edges, following, grown, grown_alike

GRID = (0.005, 0.02, 0.05)


def peaked(top):
    """Scores that fall on both sides of ``top``, and the calls that were made."""
    calls = []

    def score(tried):
        calls.append(tried)
        return [1 - abs(value - top) for _, value in tried]

    return score, calls


@pytest.mark.parametrize(
    ("top", "tried"),
    [
        (0.02, []),
        (0.05, [0.125]),
        (0.13, [0.125, 0.312]),
        (9.0, [0.125, 0.312, 0.78]),
        (0.005, [0.00125]),
        (0.0, [0.00125, 0.000313, 0.0000783]),
    ],
)
def test_the_grid_grows_by_its_own_steps_until_the_best_lies_inside_or_the_limit_is_reached(top, tried):
    score, calls = peaked(top)
    found = grown(score, ["lwf"], GRID)["lwf"]
    assert list(found) == pytest.approx([*GRID, *tried])
    assert len(calls) == 1 + len(tried)
    assert at_edge(found) == (len(tried) == 3)
    assert found[best(found)] == max(found.values())


def test_each_name_grows_alone_and_one_call_scores_all_names_together():
    scores = {"low": [3, 2, 1, 0], "inside": [0, 1, 0, 0], "high": [0, 1, 2, 1]}
    calls = []

    def score(tried):
        calls.append(tried)
        return (scores[name][min(place, 3)] for name, value in tried for place in [(*GRID, value).index(value)])

    found = grown(score, list(scores), GRID)
    assert calls[0] == [(name, value) for name in scores for value in GRID]
    assert calls[1:] == [[("low", 0.00125), ("high", 0.125)]]
    assert {name: best(values) for name, values in found.items()} == {"low": 0.005, "inside": 0.02, "high": 0.05}
    assert not any(map(at_edge, found.values()))


def test_of_equal_scores_one_inside_is_chosen_and_the_lowest_of_those():
    assert best({0.05: 1, 0.02: 1, 0.005: 1}) == 0.02
    assert best({0.005: 1, 0.02: 0, 0.05: 1}) == 0.005
    assert best({0.005: 0, 0.05: 1, 0.125: 1, 0.02: 1}) == 0.02
    assert not at_edge({0.005: 0.2, 0.02: 0.2, 0.05: 0.2})


def test_nothing_lies_below_zero_and_one_value_alone_has_no_next():
    assert following({0.0: 1, 0.1: 0.5, 0.2: 0}, (0.0, 0.1, 0.2)) is None
    assert following({0.0: 0, 0.1: 0.5, 0.2: 1}, (0.0, 0.1, 0.2)) == 0.4
    assert following({0.1: 1}, (0.1,)) is None
    assert following({0.05: 2, 0.1: 1, 0.02: 0, 0.125: 3}, GRID, more=1) is None


def test_grids_of_several_weights_grow_by_equally_many_points_until_each_best_lies_inside():
    tops = {"outside": (40.0, 1.0), "inside": (1.0,)}
    calls = []

    def score(tried):
        calls.append(tried)
        return [-sum(abs(math.log(v / top)) for v, top in zip(point, tops[name], strict=True)) for name, point in tried]

    grids = {"outside": ((0.1, 1, 10), (0.5, 1, 2)), "inside": ((0.1, 0.4, 0.5, 0.6, 0.8, 1.5, 2, 3, 4),)}
    found = grown_alike(score, grids)
    assert {name: best_point(points) for name, points in found.items()} == {"outside": (100, 1), "inside": (0.938,)}
    assert calls[1:] == [[("outside", (100, 1)), ("inside", (1.1,))], [("outside", (1000, 1)), ("inside", (0.938,))]]
    assert len(found["outside"]) == len(found["inside"]) == 11
    assert edges((1000, 1), found["outside"]) == [0]


def test_a_grid_whose_limit_is_reached_lets_the_others_stop_too():
    found = grown_alike(lambda tried: [point[0] for _, point in tried], {"a": ((0, 1, 2),), "b": ((1, 2),)}, more=1)
    assert found == {"a": {(0,): 0, (1,): 1, (2,): 2, (4.0,): 4}, "b": {(1,): 1, (2,): 2, (4.0,): 4}}
    assert grown_alike(lambda tried: [0], {"a": ((0.5,),)}) == {"a": {(0.5,): 0}}
