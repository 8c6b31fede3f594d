import hashlib
import pickle

import numpy as np
import pytest
from torchvision.datasets import CIFAR100, VisionDataset

from cltutor.streams import torchvision

NAMES = [f"class{label:03}" for label in range(100)]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A small CIFAR-100 in its real format: 4 training and 2 test images of each class."""
    generator = np.random.default_rng(0)
    base = tmp_path / "cifar-100-python"
    base.mkdir()

    def write(name, content):
        (base / name).write_bytes(pickle.dumps(content))
        return hashlib.md5((base / name).read_bytes()).hexdigest()

    def images(count):
        pixels = generator.integers(0, 256, (100 * count, 3072), dtype=np.uint8)
        return {"data": pixels, "fine_labels": list(range(100)) * count}

    monkeypatch.setattr(CIFAR100, "train_list", [["train", write("train", images(4))]])
    monkeypatch.setattr(CIFAR100, "test_list", [["test", write("test", images(2))]])
    md5 = write("meta", {"fine_label_names": NAMES})
    monkeypatch.setattr(CIFAR100, "meta", {**CIFAR100.meta, "md5": md5})
    return tmp_path


@pytest.fixture
def offline(monkeypatch):
    """A proxy that refuses every connection."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")


def test_cifar_is_read_pixel_by_pixel(root):
    stream = torchvision("CIFAR100", root=root, order=None)
    assert len(stream) == 10
    assert stream.class_names == tuple(NAMES)
    raw = pickle.loads((root / "cifar-100-python" / "train").read_bytes())
    rows = [row for row, label in enumerate(raw["fine_labels"]) if label < 10]
    assert np.array_equal(stream[0].train.images.flatten(1), raw["data"][rows])
    assert stream[0].train.labels.tolist() == [raw["fine_labels"][row] for row in rows]
    assert len(stream[3].test) == 20


def test_per_class_takes_the_same_few_images_of_each_class(root):
    few = torchvision("CIFAR100", root=root, per_class=3)
    assert [len(few[0].train), len(few[0].test)] == [30, 20]
    fewer = torchvision("CIFAR100", root=root, per_class=(2, 1), classes=NAMES[:10], tasks=[4, 6])
    assert [len(task.train) for task in fewer] == [8, 12]
    assert [len(task.test) for task in fewer] == [4, 6]
    assert eval(fewer.code, {"streams": type("", (), {"torchvision": torchvision})}).fingerprint == (fewer.fingerprint)


def test_the_environment_names_the_folder(root, monkeypatch):
    monkeypatch.setenv("CLTUTOR_DATA", str(root))
    assert "root" not in torchvision("CIFAR100").code
    assert len(torchvision("CIFAR100", tasks=[50, 50])[0].test) == 100


@pytest.mark.usefixtures("offline")
def test_absent_data_without_a_network_name_the_folder_and_the_way_to_get_them(tmp_path):
    with pytest.raises(ValueError, match="absent or damaged") as caught:
        torchvision("CIFAR100", root=tmp_path / "nothing")
    message = str(caught.value)
    for words in (str(tmp_path / "nothing"), "refused", "download=True", "CLTUTOR_DATA"):
        assert words in message
    assert "\n" not in message


@pytest.mark.usefixtures("offline")
def test_a_damaged_archive_fails_its_checksum(root):
    with (root / "cifar-100-python" / "train").open("r+b") as file:
        file.seek(5000)
        file.write(b"damage")
    with pytest.raises(ValueError, match="CIFAR100 is absent or damaged"):
        torchvision("CIFAR100", root=root)


def test_an_unknown_name_is_refused_with_the_nearest_right_one():
    for name, near in (("cifar100", "'CIFAR100'"), ("FashonMNIST", "'Fashion")):
        with pytest.raises(ValueError, match=f"did you mean {near}"):
            torchvision(name)


def test_per_class_is_one_number_of_images_or_two():
    for per_class in (0, (1, 0), (1, 2, 3), 0.5):
        with pytest.raises(ValueError, match="^per_class is a "):
            torchvision("CIFAR100", per_class=per_class)


class _Undivided(VisionDataset):
    """A data set without a division of its own, whose images may differ in size."""

    sizes = (8, 8)

    def __init__(self, root):
        super().__init__(root)
        self.targets = [0, 1] * 10

    def __len__(self):
        return 20

    def __getitem__(self, row):
        from PIL import Image

        return Image.new("L", (self.sizes[row % 2], 8), row), self.targets[row]


def test_a_set_without_its_own_division_gets_a_fifth_of_each_class_as_test(tmp_path, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.SEMEION", _Undivided)
    stream = torchvision("SEMEION", tasks=2, root=tmp_path, order=None)
    assert [(len(t.train), len(t.test)) for t in stream] == [(8, 2), (8, 2)]
    rows = [s.images[:, 0, 0, 0].tolist() for t in stream for s in (t.train, t.test)]
    assert sorted(sum(rows, [])) == list(range(20))
    monkeypatch.setattr(_Undivided, "classes", [("crane", "bird"), ("crane", "machine")], raising=False)
    assert torchvision("SEMEION", tasks=2, root=tmp_path).class_names == ("crane", "crane (1)"), "as in ImageNet"
    monkeypatch.setattr(_Undivided, "sizes", (8, 9))
    with pytest.raises(ValueError, match=r"differ in size .*streams.folder\(path, size=...\)"):
        torchvision("SEMEION", tasks=2, root=tmp_path)
