"""Domain-incremental streams: each change against another way to make it, and what they share."""

import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

import cltutor as cl
from cltutor.streams import Split, Task
from cltutor.streams.domains import CHANGES, coloured, merged, on_grounds, permuted, rotated, same_classes

DIGITS = cl.streams.digits(tasks=5)
SCENES = cl.streams.scenes(tasks=5, size=16, per_class=(3, 2))


@pytest.mark.parametrize("change", CHANGES)
def test_every_task_has_all_classes_and_images_and_code_makes_the_same_stream(change):
    base = SCENES if change == "grounds" else DIGITS
    stream = cl.streams.domains(base, change, tasks=3)
    assert stream.classes == base.classes
    assert stream.arrivals == (base.classes, (), ())
    for task in stream:
        assert task.classes == base.classes
        for part in ("train", "validation", "test"):
            assert len(getattr(task, part)) == sum(len(getattr(one, part)) for one in base)
        assert torch.equal(task.test.labels, stream[0].test.labels)
    pixels = [task.test.images.float() for task in stream]
    assert all((one != other).any() for one, other in zip(pixels, pixels[1:], strict=False))
    again = eval(f"cl.{stream.code}", {"cl": cl})
    assert again.fingerprint == stream.fingerprint
    assert "the same question" in str(stream.report.of("taken")[-1])
    assert not any("same question" in note.what for note in base.report)


def test_a_quarter_turn_is_that_of_numpy_and_the_first_task_is_as_it_was():
    split = DIGITS[0].test
    assert rotated(split, 0, 4, 0) is split
    turned = rotated(split, 2, 4, 0).images
    expected = np.rot90(split.images.numpy(), 1, axes=(2, 3))
    np.testing.assert_array_equal(turned.numpy(), expected)


def test_another_turn_is_nearly_that_of_pillow_and_masks_turn_along():
    images = SCENES[0].train.images
    split = Split(images, SCENES[0].train.labels, SCENES[0].train.masks)
    turned = rotated(split, 1, 6, 0)  # by 30 degrees
    picture = Image.fromarray(images[0].permute(1, 2, 0).numpy()).rotate(30, Image.Resampling.BILINEAR)
    inner = np.asarray(picture).transpose(2, 0, 1)[:, 4:12, 4:12].astype(float)
    assert np.abs(turned.images[0, :, 4:12, 4:12].numpy() - inner).mean() < 3
    mask = Image.fromarray(split.masks[0].numpy().astype(np.uint8) * 255).rotate(30, Image.Resampling.BILINEAR)
    assert (turned.masks[0].numpy() == (np.asarray(mask) > 127)).mean() > 0.97


def test_what_is_round_stays_round_when_an_image_that_is_no_square_turns():
    down, across = torch.meshgrid(torch.arange(20) - 9.5, torch.arange(40) - 19.5, indexing="ij")
    disc = ((down.square() + across.square() < 49) * 255).to(torch.uint8)[None, None]
    turned = rotated(Split(disc, torch.zeros(1).long()), 1, 4, 0).images
    assert ((turned.float() - disc.float()).abs() > 128).sum() <= 16  # at its rim


def test_the_first_permutation_is_the_images_as_they_are_and_masks_move_with_their_pixels():
    split = SCENES[0].train
    assert permuted(split, 0, 3, 0) is split
    marked = Split(split.masks[:, None].to(torch.uint8), split.labels, split.masks)
    moved = permuted(marked, 1, 3, 0)
    assert torch.equal(moved.images[:, 0] > 0, moved.masks)
    assert not torch.equal(moved.masks, marked.masks)


def test_the_first_domain_has_the_training_and_test_images_of_the_base():
    stream = cl.streams.domains(SCENES, "rotations", tasks=2)
    for part in ("train", "test"):
        own = getattr(stream[0], part)
        assert torch.equal(own.images, torch.cat([getattr(task, part).images for task in SCENES]))
        assert torch.equal(own.masks, torch.cat([getattr(task, part).masks for task in SCENES]))


def test_splits_with_and_without_masks_become_one_without():
    split = SCENES[0].train
    plain = Split(split.images, split.labels)
    assert merged([split, plain]).masks is None
    assert len(merged([split, split]).masks) == 2 * len(split)


def test_a_permutation_is_one_for_the_whole_task_and_loses_no_pixel():
    split = DIGITS[0].test
    moved, other = permuted(split, 1, 3, 0).images, permuted(split, 2, 3, 0).images
    for images in (moved, other):
        assert torch.equal(images.flatten(1).sort().values, split.images.flatten(1).sort().values)
    places = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8)
    order = permuted(Split(places, torch.zeros(1).long()), 1, 3, 0).images.flatten().long()
    assert torch.equal(moved.flatten(1), split.images.flatten(1)[:, order])
    assert not torch.equal(moved, other)
    assert not torch.equal(moved, permuted(split, 1, 3, 1).images)


def test_objects_keep_their_pixels_on_another_ground():
    split = SCENES[0].train
    moved = on_grounds(split, 3, 5, 0)
    inside = split.masks[:, None].expand_as(split.images)
    assert torch.equal(moved.images[inside], split.images[inside])
    assert (moved.images[~inside] != split.images[~inside]).float().mean() > 0.9
    assert not torch.equal(moved.images, on_grounds(split, 3, 5, 1).images), "another seed draws other grounds"


def test_a_ground_belongs_to_its_task():
    split = SCENES[0].train
    outside = ~split.masks[:, None].expand_as(split.images)

    def palette(task, seed):
        shown = on_grounds(split, task, 5, seed).images.float().where(outside, torch.tensor(torch.nan))
        return shown.nanmean(dim=(0, 2, 3))

    first, second = (torch.stack([palette(task, seed) for task in range(5)]) for seed in (0, 1))
    assert torch.cdist(first, second).argmin(dim=1).tolist() == [0, 1, 2, 3, 4]


def test_a_coloured_picture_is_as_bright_as_it_is_in_grey():
    split = SCENES[0].train
    moved = coloured(split, 0, 3, 0).images[0]  # in red
    grey = np.asarray(Image.fromarray(split.images[0].permute(1, 2, 0).numpy()).convert("L"))
    np.testing.assert_allclose(moved[0].numpy().astype(float), grey, atol=1.5)


def test_a_colour_is_one_hue_and_as_bright_where_the_image_was():
    split = DIGITS[0].test
    moved = coloured(split, 1, 3, 0).images.float() / 255  # a third round the circle: green
    assert moved.shape[1] == 3
    assert torch.equal(moved[:, 1].mul(255).round().to(torch.uint8), split.images[:, 0])
    torch.testing.assert_close(moved[:, 0], 0.2 * moved[:, 1], atol=0.003, rtol=0)
    torch.testing.assert_close(moved[:, 0], moved[:, 2])


def test_one_head_learns_all_domains_and_both_evaluations_are_equal():
    stream = cl.streams.domains(DIGITS.fewer(0.1), "rotations", tasks=3).fewer(0.1)
    for method in ("finetune", "lwf", "er"):
        run = cl.learn(stream, cl.methods.named(method)(epochs=2), device="cpu", progress=False)
        assert run.model.classes == [10]
        assert run.competes
        np.testing.assert_array_equal(run.accuracy(), run.accuracy(known_task=False))
        assert not torch.equal(run.states[0]["heads.0.weight"], run.states[2]["heads.0.weight"])


@pytest.mark.parametrize("name", ["packnet", "bic", "dfcnn", "progressive", "duplicate"])
def test_a_network_that_grows_at_every_task_is_refused_in_one_sentence(name):
    stream = cl.streams.domains(DIGITS, "rotations", tasks=2)
    with pytest.raises(ValueError, match=r'grows at every task, .* outputs="new"\.$'):
        cl.learn(stream, name, progress=False)


def test_grounds_without_masks_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match='change="grounds" needs the pixels of the objects'):
        cl.streams.domains(DIGITS, "grounds")


@pytest.mark.parametrize("channels", [2, 4])
def test_colours_of_other_than_grey_or_rgb_images_are_refused_in_one_sentence(channels):
    images, labels = torch.zeros(8, channels, 8, 8, dtype=torch.uint8), torch.arange(8) % 2
    words = rf'^change="colours" takes grey or RGB images, of 1 or 3 channels, not {channels}\.$'
    with pytest.raises(ValueError, match=words):
        cl.streams.domains(cl.streams.tensors(images, labels, images, labels, tasks=2), "colours")


def test_domains_of_different_classes_are_refused_in_one_sentence():
    tasks = [Task(place, task.classes, task.train, task.validation, task.test) for place, task in enumerate(DIGITS)]
    with pytest.raises(ValueError, match=r"domains have the same classes, and class '\d' is not in both domain 0 and"):
        same_classes(tasks, DIGITS.class_names, "own", "own()")


def pictures(folder, domains):
    for shade, (domain, classes) in enumerate(domains.items()):
        for label in classes:
            for number in range(5):
                place = folder / domain / label
                place.mkdir(parents=True, exist_ok=True)
                Image.new("L", (6, 6), 40 * shade + number).save(place / f"{number}.png")


def test_a_folder_of_domains_has_a_task_for_each(tmp_path):
    pictures(tmp_path, {"art": "abc", "photo": "abc"})
    stream = cl.streams.folder(tmp_path, size=6, domains=True)
    assert stream.class_names == ("a", "b", "c")
    assert stream.arrivals == ((0, 1, 2), ())
    assert [len(task.train) for task in stream] == [12, 12]
    assert stream[0].train.images.max() < 40 <= stream[1].train.images.min()
    assert "art: " in repr(stream.report)


def test_a_folder_of_domains_of_different_classes_or_of_one_is_refused_in_one_sentence(tmp_path):
    pictures(tmp_path, {"art": "abc", "photo": "abd"})
    with pytest.raises(ValueError, match="class 'c' is not in both domain 0 and domain 1: leave it out with classes="):
        cl.streams.folder(tmp_path, size=6, domains=True)
    with pytest.raises(ValueError, match="domains are two folders or more in"):
        cl.streams.folder(tmp_path / "art" / "a", size=6, domains=True)
    with pytest.raises(ValueError, match="leave out tasks and order"):
        cl.streams.folder(tmp_path, tasks=2, size=6, domains=True)


def test_splits_above_domains_and_a_zip_file_are_refused_in_one_sentence(tmp_path):
    """Taken for domains, the splits would make a stream of two tasks whose classes are the domains."""
    pictures(tmp_path, {"train/art": "abc", "train/photo": "abc", "test/art": "abc", "test/photo": "abc"})
    with pytest.raises(ValueError, match="has splits where domains are expected: lay the pictures out as <domain>"):
        cl.streams.folder(tmp_path, size=6, domains=True)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("art/a/0.png", b"")
    with pytest.raises(ValueError, match=r"are in a folder, and '.*all.zip' is a file: unpack it, and give the folder"):
        cl.streams.folder(tmp_path / "all.zip", size=6, domains=True)


def test_each_domain_may_have_splits_of_its_own(tmp_path):
    pictures(tmp_path, {f"{domain}/{part}": "ab" for domain in ("art", "photo") for part in ("train", "test")})
    stream = cl.streams.folder(tmp_path, size=6, domains=True)
    assert [len(part) for task in stream for part in (task.train, task.test)] == [10] * 4
