"""Facts: what a picture states is seen in the picture, and nothing else gives it away."""

import itertools

import pytest
import torch

from cltutor.streams import drawing, facts
from cltutor.streams.facts import FACTS, PREDICATES, SHAPE_OF, render, roomiest, units
from cltutor.streams.shapes import distances

NUMBERS = 87


def numbers(count: int = 40, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, NUMBERS, generator=torch.Generator().manual_seed(seed))


def drawn(fact: str, size: int = 32) -> tuple[dict, dict, torch.Tensor]:
    """Subject and object of a rendered fact: of each the shape, middle, radius, edge and colour; and the masks."""
    calls = []

    def put(back, shape, right, down, radius, turn, colour):
        # right and down are linear in the place: the middle is where they are zero.
        x, y = drawing.plane(back.shape[-1])
        middle = torch.cat([x[..., :1] - right[..., :1] * radius, y[:, :1] - down[:, :1] * radius], dim=-1).squeeze(1)
        pictures, edge = drawing.put(back, shape, right, down, radius, turn, colour)
        calls.append({"shape": shape, "middle": middle, "radius": radius.flatten(), "edge": edge, "colour": colour})
        return pictures, edge

    _, masks = render(fact, numbers(), size, put)
    behind, before = calls  # the subject is drawn over the object
    return before, behind, masks


def test_there_are_sixty_facts_each_a_subject_a_predicate_and_another_object():
    pairs = itertools.permutations(SHAPE_OF, 2)
    every = {f"{subject} {predicate} {thing}" for subject, thing in pairs for predicate in PREDICATES}
    assert len(FACTS) == len(every) == 60
    assert set(FACTS) == every


def test_units_are_the_first_word_the_last_and_those_between():
    assert units("circle left of star") == ("circle", "left of", "star")
    assert units(" dog  chases cat ") == ("dog", "chases", "cat")
    for words in ("", "seven", "seven eight"):
        with pytest.raises(ValueError, match=r"states no fact: .* such as \"circle left of star\"\.$"):
            units(words)


@pytest.mark.parametrize("tasks", [2, 4, [10, 50]])
def test_an_image_does_not_depend_on_its_task(tasks):
    few = {"per_class": (1, 1), "size": 16}
    one, other = facts(tasks=1, order=None, **few)[0].train, facts(tasks=tasks, order=7, **few)
    images = torch.cat([task.train.images for task in other])
    labels = torch.cat([task.train.labels for task in other])
    assert torch.equal(images[labels.argsort()], one.images[one.labels.argsort()])


def test_in_their_own_order_the_facts_of_a_subject_come_together():
    subjects = [FACTS[label].split()[0] for label in facts(order=None, per_class=(1, 1)).classes]
    assert [subject for subject, _ in itertools.groupby(subjects)] == list(SHAPE_OF)


@pytest.mark.parametrize("fact", FACTS)
def test_the_picture_states_the_fact_with_two_objects_large_enough_to_be_read_that_differ_in_hue(fact):
    subject, predicate, thing = units(fact)
    before, behind, masks = drawn(fact)
    assert (before["shape"], behind["shape"]) == (SHAPE_OF[subject], SHAPE_OF[thing])
    across, along = (behind["middle"] - before["middle"]).unbind(-1)
    front, back = before["edge"] <= 0, behind["edge"] <= 0
    assert torch.equal(masks, front | back)
    if predicate == "inside":
        assert not bool((front & ~back).any())
    else:
        distance, aside = (across, along) if predicate == "left of" else (along, across)
        assert bool((distance >= before["radius"] + behind["radius"] + 0.04 - 1e-6).all())
        assert bool((aside.abs() <= 0.12).all())
        starts = [pixels.any(1 if predicate == "left of" else 2).byte().argmax(1) for pixels in (front, back)]
        assert bool((starts[0] < starts[1]).all())
    for one in (before, behind):
        low, high = one["middle"] - one["radius"][:, None], one["middle"] + one["radius"][:, None]
        assert float(low.min()) > -1e-6
        assert float(high.max()) < 1 + 1e-6
    for pixels in (front, back & ~front):
        assert int(pixels.flatten(1).sum(1).min()) >= 18
    apart = (before["colour"] - behind["colour"]).abs().flatten(1).amax(1)
    assert float(apart.min()) > 0.3


def test_the_roomiest_place_is_the_middle_of_the_largest_circle_inside():
    for word, shape in SHAPE_OF.items():
        table = distances(shape)
        places = torch.linspace(-1.35, 1.35, len(table))
        right, down, depth = roomiest(shape)
        apart = torch.hypot(places[None] - right, places[:, None] - down)
        assert bool((table[apart < depth - 0.03] < 0).all()), word
        assert float(table.min()) == pytest.approx(-depth)


def test_the_ground_gives_away_neither_fact_nor_predicate():
    stream = facts(tasks=1, order=None, per_class=(40, 1))
    split = stream[0].train
    ground = (~split.masks)[:, None]
    colours = (split.images * ground).sum((2, 3)) / ground.sum((2, 3))  # (N, 3)
    spread = colours.std(0)
    for label in range(60):
        gap = (colours[split.labels == label].mean(0) - colours.mean(0)).abs() / spread
        assert float(gap.max()) < 4.5 / 40**0.5
