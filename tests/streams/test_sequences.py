"""Streams made of streams: a row of unlike ones, classes that return, and blurred boundaries."""

import pytest
import torch
from torch.nn import functional as F

import cltutor as cl

DIGITS = cl.streams.digits(tasks=5)
SCENES = cl.streams.scenes(tasks=4, size=16, per_class=(3, 2))


def test_a_sequence_has_the_tasks_of_all_with_one_shape_of_images_and_names_of_their_own():
    stream = cl.streams.sequence([DIGITS, SCENES])
    assert len(stream) == 9
    assert stream.image_shape == (3, 16, 16)
    assert {tuple(task.train.images.shape[1:]) for task in stream} == {(3, 16, 16)}
    assert stream.class_names[:2] == ("0", "1")
    assert stream.class_names[10:12] == SCENES.class_names[:2]
    assert [len(task.classes) for task in stream] == [2] * 5 + [5] * 4
    assert torch.equal(stream[5].train.images, SCENES[0].train.images)
    assert torch.equal(stream[5].train.labels, SCENES[0].train.labels + 10)
    grey = DIGITS[2].test.images.float()
    larger = F.interpolate(grey, (16, 16), mode="bilinear", antialias=True).round().to(torch.uint8)
    assert torch.equal(stream[2].test.images, larger.expand(-1, 3, -1, -1))
    assert eval(f"cl.{stream.code}", {"cl": cl}).fingerprint == stream.fingerprint


def test_of_two_streams_with_the_same_class_names_each_has_its_own():
    stream = cl.streams.sequence([DIGITS, DIGITS], size=8)
    assert stream.class_names[0] == "digits: 0"
    assert stream.class_names[10] == "digits 2: 0"
    assert len(set(stream.classes)) == 20


def test_a_sequence_of_one_or_of_anything_else_is_refused_in_one_sentence():
    for wrong in ([DIGITS], [DIGITS, "scenes"], DIGITS[0]):
        with pytest.raises(ValueError, match=r"^streams is a list of 2 or more in which each is a stream, not"):
            cl.streams.sequence(wrong)


def test_a_class_that_returns_keeps_its_output_and_other_images_come():
    stream = cl.streams.returning(DIGITS, (0, 1, 0), "same")
    assert stream.arrivals == (DIGITS[0].classes, DIGITS[1].classes, ())
    first, again = stream[0].train, stream[2].train
    assert len(first) + len(again) == len(DIGITS[0].train)
    seen = {tuple(image.flatten().tolist()) for image in first.images}
    fresh = [tuple(image.flatten().tolist()) not in seen for image in again.images]
    assert sum(fresh) > 0.95 * len(fresh)  # the digits have a few twins
    run = cl.learn(stream, "finetune", epochs=1, progress=False, device="cpu")
    assert run.model.classes == [2, 2]
    assert run.model_after(1).classes == [2, 2]
    columns = torch.tensor([0, 0, 1, 1])
    logits = run.model(stream[2].test.images).logits
    labels = stream.positions(stream[2].test.labels)
    right = cl.losses.compete(logits, labels, columns, "task").argmax(1) == labels
    assert run.accuracy()[2, 2] == right.double().mean()
    assert run.accuracy()[2, 0] == run.accuracy()[2, 2], "the same test images and the same head"


def test_with_the_task_known_the_head_of_a_class_that_returns_learns_and_the_others_stay():
    stream = cl.streams.returning(DIGITS, (0, 1, 0), "same")
    run = cl.learn(stream, cl.methods.lwf(epochs=2, weight_decay=0.0), progress=False, device="cpu")
    assert not torch.equal(run.states[1]["heads.0.weight"], run.states[2]["heads.0.weight"])


def test_a_class_that_returns_with_new_outputs_is_a_class_of_its_own():
    stream = cl.streams.returning(DIGITS, (0, 1, 0), "new")
    assert len(stream.classes) == 6
    assert [stream.class_names[label] for label in stream[2].classes] == [
        f"{DIGITS.class_names[label]} (visit 2)" for label in DIGITS[0].classes
    ]
    assert not stream.returning
    run = cl.learn(stream, cl.methods.packnet(epochs=3), progress=False, device="cpu")
    assert run.model.classes == [2, 2, 2]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (((0, 5), "same"), "has 5 tasks, counted from 0; there is no task 5"),
        (((0,) * 200, "same"), r"class '\d' has \d+ training images, too few for 200 visits"),
        (((0, 0), "both"), "outputs is one of same, new, not 'both'"),
    ],
)
def test_what_cannot_return_is_refused_in_one_sentence(given, words):
    with pytest.raises(ValueError, match=words):
        cl.streams.returning(DIGITS, *given)


def test_blurred_boundaries_move_a_share_of_every_class_to_later_tasks_and_lose_no_image():
    stream = cl.streams.blurred(DIGITS, 0.2)
    assert stream.classes == DIGITS.classes
    assert stream.arrivals == tuple(task.classes for task in DIGITS)
    for split in ("train", "test"):
        rows = [
            sorted(map(tuple, torch.cat([getattr(t, split).images for t in one]).flatten(1).tolist()))
            for one in (stream, DIGITS)
        ]
        assert rows[0] == rows[1]
    for own, task in zip(DIGITS, stream, strict=True):
        for label in own.classes:
            there = int((task.train.labels == label).sum())
            share = 0.2 if own.index < 4 else 0.0
            assert there == pytest.approx((1 - share) * int((own.train.labels == label).sum()), abs=1)
        assert torch.equal(task.test.images, own.test.images)
    counts = [int(torch.isin(task.train.labels, torch.tensor(DIGITS[0].classes)).sum()) for task in stream[1:]]
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("images", [2, 3, 5])
def test_boundaries_of_many_small_tasks_are_blurred_too(images):
    """A task has fewer late images than there are tasks that follow."""
    labels = torch.arange(10).repeat(images)
    pixels = torch.randint(0, 256, (len(labels), 1, 8, 8), dtype=torch.uint8)
    base = cl.streams.tensors(pixels, labels, pixels, labels, tasks=10)
    stream = cl.streams.blurred(base, 0.5)
    assert sum(len(task.train) for task in stream) == len(labels)
    assert all(len(task.train) for task in stream)
    assert [len(task.classes) > 1 for task in stream][:2] == [False, True]


@pytest.mark.parametrize(("method", "heads"), [("er", "class"), ("lwf", "task"), ("eeil", "class"), ("mas", "task")])
def test_a_blurred_stream_is_learned_by_methods_with_and_without_memory(method, heads):
    stream = cl.streams.blurred(DIGITS, 0.3).fewer(0.2)
    own = {"memory": cl.memory.ExemplarMemory(60)} if method == "eeil" else {}
    run = cl.learn(stream, cl.methods.named(method)(heads=heads, epochs=7, **own), progress=False, device="cpu")
    assert run.model.classes == [2] * 5
    if own:
        assert len(run.part_states["memory"]["labels"]) <= 60


def test_with_forward_transfer_a_task_is_tested_before_it_is_learned():
    stream = cl.streams.domains(DIGITS, "rotations", tasks=3).fewer(0.1)
    run = cl.learn(stream, "finetune", epochs=3, progress=False, device="cpu")
    before = cl.probing.before_learning(run, stream)
    labels = stream.positions(stream[2].test.labels)
    by_hand = (run.model_after(1)(stream[2].test.images).logits.argmax(1) == labels).double().mean().item()
    assert before[2] == pytest.approx(by_hand)
    expected = (before[1] - 0.1 + before[2] - 0.1) / 2
    assert cl.metrics.forward_transfer(before, [0.1] * 3) == pytest.approx(expected)
    few = DIGITS.fewer(0.1)
    other = cl.learn(few, "finetune", epochs=1, progress=False, device="cpu")
    with pytest.raises(ValueError, match="brings new classes, which have no outputs before it is learned"):
        cl.probing.before_learning(other, few)
