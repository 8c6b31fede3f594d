"""Notebook 08's exercises: mistakes written as learners write them, and the package's own functions."""

import pytest
import torch

from cltutor.exercises import check
from cltutor.exercises.notebook_08 import aligned, reservoir
from cltutor.methods.agem import projected


def newest(draws, capacity):
    return list(range(len(draws)))[-capacity:]


def always_in(draws, capacity):
    slots = []
    for image, place in enumerate(draws):
        if image < capacity:
            slots.append(image)
        else:
            slots[place % capacity] = image
    return slots


def frozen(draws, capacity):
    return list(range(capacity))


def every_step(g, r):
    return g - torch.dot(g, r) / r.norm() ** 2 * r


def of_length_one(old, new):
    return torch.nn.functional.normalize(new, dim=1) * old.norm(dim=1).mean()


@pytest.mark.parametrize(
    ("exercise", "wrong", "words"),
    [
        ("08-reservoir", always_in, "Every image gets in"),
        ("08-reservoir", frozen, "Nothing gets in"),
        ("08-reservoir", newest, "it differs, for instance"),
        ("08-projection", every_step, "You project always"),
        ("08-projection", lambda g, r: g, "That is g itself"),
        ("08-projection", lambda g, r: torch.minimum(g, r), "it differs, for instance"),
        ("08-aligning", of_length_one, "You give every new vector the same length"),
        ("08-aligning", lambda old, new: new * (old.norm() / new.norm()), "norm of a whole matrix"),
        ("08-aligning", lambda old, new: old.norm(dim=1).mean() / new.norm(dim=1).mean(), "That is the factor"),
    ],
)
def test_a_typical_mistake_is_named(hint, exercise, wrong, words):
    assert words in hint(exercise, wrong)


def test_the_package_s_own_functions_are_right():
    assert check("08-projection", projected).passed
    assert check("08-reservoir", reservoir).passed
    assert check("08-aligning", lambda old, new: torch.cat([old, aligned(old, new)])[len(old) :]).passed


def test_another_way_to_write_each_is_right_too():
    def backwards(draws, capacity):
        """A slot holds the last image that took it."""
        took = [image if image < capacity else place for image, place in enumerate(draws)]
        return [max(i for i, place in enumerate(took) if place == slot) for slot in range(capacity)]

    def nearest(g, r):
        """By least squares: the multiple of r that has to be added so that g is not against r."""
        return g if g @ r >= 0 else g + torch.linalg.lstsq(r[:, None], -g[:, None]).solution[0, 0] * r

    def by_mean(old, new):
        return new * (torch.linalg.vector_norm(old, dim=1).mean() / torch.linalg.vector_norm(new, dim=1).mean())

    answers = {"08-reservoir": backwards, "08-projection": nearest, "08-aligning": by_mean}
    for name, answer in answers.items():
        assert check(name, answer).passed, name


def test_every_image_of_a_stream_has_the_same_chance_in_the_reservoir():
    draw, counts = torch.Generator().manual_seed(1), torch.zeros(20)
    for _ in range(4000):
        counts[reservoir([int(torch.randint(i + 1, (), generator=draw)) for i in range(20)], 5)] += 1
    assert (counts / 4000 - 0.25).abs().max() < 0.03


def test_a_projected_gradient_is_not_against_the_reference():
    draw = torch.Generator().manual_seed(2)
    for _ in range(50):
        g, r = torch.randn(2, 8, generator=draw)
        assert projected(g, r) @ r >= -1e-5
