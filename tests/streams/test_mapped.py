"""Images in files: the same stream and the same run, without a copy in memory."""

import shutil
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode

import cltutor as cl
from cltutor.memory import pool_of
from cltutor.networks.backbone import Normalise
from cltutor.networks.modules import channel_statistics
from cltutor.streams.mapped import in_file, is_mapped, mapped

DIGITS = cl.streams.digits(tasks=2, classes=range(4), validation=0.1).fewer(0.3)


def test_the_stream_is_the_same_and_its_images_are_in_files(tmp_path):
    stream = mapped(DIGITS, tmp_path / "digits")
    assert stream.fingerprint == DIGITS.fingerprint
    assert sorted(path.name for path in (tmp_path / "digits").iterdir()) == [
        f"{t}-{k}.bin" for t in "01" for k in "012"
    ]
    for one, task in zip(stream, DIGITS, strict=True):
        for part in ("train", "validation", "test"):
            assert is_mapped(getattr(one, part).images)
            assert not is_mapped(getattr(task, part).images)
            assert torch.equal(getattr(one, part).images, getattr(task, part).images)


@pytest.fixture
def pictures(tmp_path):
    """A folder with two classes of more pictures than are decoded at a time, and one that cannot be read."""
    drawn = np.random.default_rng(0)
    for number in range(2600):
        path = tmp_path / "pictures" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn.integers(0, 256, (5, 4, 3), dtype=np.uint8)).save(path)
    (path.parent / "broken.png").write_bytes(b"no picture")
    return tmp_path / "pictures"


def test_a_folder_of_pictures_is_decoded_into_files_some_at_a_time(pictures, tmp_path):
    settings = {"tasks": 2, "size": 4, "validation": 2}
    with pytest.warns(UserWarning, match="1 of 2601 pictures"):
        stream = cl.streams.folder(pictures, **settings, mapped=str(tmp_path / "decoded"))
    with pytest.warns(UserWarning, match="1 of 2601 pictures"):
        expected = cl.streams.folder(pictures, **settings)
    assert stream.fingerprint == expected.fingerprint
    assert list(stream.report) == list(expected.report)
    assert f"mapped={str(tmp_path / 'decoded')!r}" in stream.code
    for one, task in zip(stream, expected, strict=True):
        for part in ("train", "validation", "test"):
            assert is_mapped(getattr(one, part).images)
            assert torch.equal(getattr(one, part).images, getattr(task, part).images)
    assert list((tmp_path / "decoded").iterdir()) == []


def test_domains_of_pictures_are_decoded_into_files_too(pictures, tmp_path):
    (pictures / "b" / "broken.png").unlink()
    shutil.copytree(pictures, tmp_path / "domains" / "one")
    shutil.copytree(pictures, tmp_path / "domains" / "two")
    stream = cl.streams.folder(tmp_path / "domains", domains=True, mapped=tmp_path / "decoded")
    assert [is_mapped(task.train.images) for task in stream] == [True, True]


def test_decoded_pictures_that_no_folder_takes_are_refused_in_one_sentence(pictures):
    with pytest.raises(ValueError, match=r"^'.*a/0.png' takes no images: File exists\.$"):
        cl.streams.folder(pictures, tasks=2, mapped=pictures / "a" / "0.png")


def test_a_task_is_trained_on_without_a_copy_of_its_images(tmp_path):
    stream = mapped(DIGITS, tmp_path)
    assert pool_of(stream, [1], torch.device("cpu")).images.data_ptr() == stream[1].train.images.data_ptr()


CROPS = cl.streams.CropFlip(padding=1)
LATER = dict.fromkeys(("er", "agem", "derpp", "bic", "wa", "gdumb"), {"capacity": 20, "epochs": 3})
OWN = {"eeil": {"memory": cl.memory.ExemplarMemory(20), "epochs": 7}, **LATER}
OWN |= {"bic": {**LATER["bic"], "augmentation": CROPS}, "joint": {"epochs": 2, "augmentation": CROPS}}
TWELVE = {"augmentation": cl.streams.PhotometricCropFlip(once=True)}
OWN |= {"eeil_da": {"memory": cl.memory.ExemplarMemory(20), "epochs": 1, **TWELVE}}


@pytest.mark.parametrize("name", ["lwf", "mas", "eeil", "eeil_da", "joint", "bic", "gdumb", "agem"])
def test_a_run_on_files_is_that_on_memory_bit_for_bit(name, tmp_path):
    own = OWN.get(name, {"epochs": 2})
    runs = [
        cl.learn(stream, cl.methods.named(name)(**own), device="cpu", progress=False)
        for stream in (DIGITS, mapped(DIGITS, tmp_path))
    ]
    for state, other in zip(*(run.states for run in runs), strict=True):
        assert all(torch.equal(value, other[key]) for key, value in state.items())


def test_files_of_the_same_images_are_used_again_and_others_written_anew(tmp_path):
    mapped(DIGITS, tmp_path)
    path = tmp_path / "1-0.bin"
    before = path.stat().st_mtime_ns
    mapped(DIGITS, tmp_path)
    assert path.stat().st_mtime_ns == before
    path.write_bytes(bytes(path.stat().st_size))
    assert mapped(DIGITS, tmp_path).fingerprint == DIGITS.fingerprint


def test_a_run_on_files_needs_no_room_for_its_images(tmp_path):
    from cltutor.training.room import needed

    recipe = cl.methods.finetune()
    assert needed(DIGITS, recipe, (100, 120))[0]["images"] > 0
    assert needed(mapped(DIGITS, tmp_path), recipe, (100, 120))[0]["images"] == 0
    assert needed(mapped(DIGITS, tmp_path), cl.methods.joint(), (100, 120))[0]["images"] == 0
    accelerator = torch.device("cuda")  # has no files
    assert needed(mapped(DIGITS, tmp_path), recipe, (100, 120), accelerator)[0]["images"] > 0


class Allocated(TorchDispatchMode):
    """Counts the images of the largest tensor of images that any operation makes in memory, not in a file."""

    most = 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        found = function(*arguments, **(named or {}))
        for one in found if isinstance(found, tuple | list) else [found]:
            if isinstance(one, torch.Tensor) and tuple(one.shape[1:]) == (1, 8, 8) and not is_mapped(one):
                self.most = max(self.most, one.untyped_storage().nbytes() // (64 * one.element_size()))
        return found


FILED = ["finetune", "lwf", "mas", "eeil_base", "eeil_da", "icarl", "joint", "packnet", "ncm", *LATER]


@pytest.mark.parametrize("name", FILED)
def test_no_task_is_copied_into_memory_by_training_testing_importance_or_memory(name, tmp_path, monkeypatch):
    """Every task has 200 training images; a chunk has at most 64."""
    monkeypatch.setattr("cltutor.memory.pool.CHUNK", 50)
    monkeypatch.setattr(sys.modules[mapped.__module__], "CHUNK", 50 * 64)
    for constant, value in (("PIXELS", 64 * 64), ("TOGETHER", 64)):
        monkeypatch.setattr(f"cltutor.evaluation.answers.{constant}", value)
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(4).repeat_interleave(100)
    images = torch.randint(0, 256, (400, 1, 8, 8), dtype=torch.uint8, generator=draw)
    stream = mapped(cl.streams.tensors(images, labels, images, labels, tasks=2), tmp_path)
    settings = {"epochs": 3, "augmentation": CROPS} | ({"capacity": 20} if name in LATER else {})
    if name == "eeil_da":
        settings = {"epochs": 1, **TWELVE}
    if name in ("eeil_base", "eeil_da", "icarl"):
        settings["memory"] = cl.memory.ExemplarMemory(20)
    with Allocated() as allocated:
        cl.learn(stream, cl.methods.named(name)(**settings), device="cpu", progress=False)
    assert 0 < allocated.most <= 64
    assert [path for path in tmp_path.iterdir() if path.suffix != ".bin"] == []


@pytest.mark.parametrize("count", [1, 7, 60])
def test_the_twelve_kinds_of_images_in_a_file_are_those_in_memory_and_in_a_file_too(count, tmp_path, monkeypatch):
    images = torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    augmentation = TWELVE["augmentation"]
    expected = augmentation.expand(images, torch.Generator().manual_seed(1))
    monkeypatch.setattr(sys.modules[mapped.__module__], "CHUNK", 40 * 3 * 64)  # ten images as floats
    found = augmentation.expand(in_file([images], tmp_path), torch.Generator().manual_seed(1))
    assert torch.equal(found, expected)
    assert is_mapped(found)
    assert not is_mapped(expected)
    assert list(tmp_path.iterdir()) == []


def test_what_is_copied_is_counted(tmp_path):
    stream = mapped(DIGITS, tmp_path)
    with Allocated() as allocated:
        torch.cat([stream[0].train.images, stream[1].train.images])
    assert allocated.most == len(stream[0].train) + len(stream[1].train)


def test_a_full_disk_is_reported_in_one_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"missing' takes no images: .*\.$"):
        in_file([DIGITS[0].train.images], tmp_path / "missing")


def test_the_statistics_of_many_pixels_are_those_of_few():
    images = torch.randint(0, 256, (50, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    plain, (mean, deviation) = Normalise([0.0] * 3, [1.0] * 3), channel_statistics(images, 7)
    plain.fit(images)
    torch.testing.assert_close(mean.float(), plain.mean.flatten(), rtol=1e-6, atol=0)
    torch.testing.assert_close(deviation.float(), plain.std.flatten(), rtol=1e-6, atol=0)


def test_a_folder_that_takes_nothing_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"file.*' takes no images: .*\.$"):
        mapped(DIGITS, tmp_path / "file")
