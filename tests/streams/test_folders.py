import zipfile

import pytest
from PIL import Image

from cltutor.streams import folder


def _picture(path, colour, size=(9, 6), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


@pytest.fixture
def divided(tmp_path):
    """Two classes, already in train/ and test/; one picture of each has its number as its red."""
    for part, count in (("train", 6), ("test", 2)):
        for label, name in enumerate(("cat", "dog")):
            for i in range(count):
                red = 100 * label + 10 * (part == "test") + i
                _picture(tmp_path / part / name / f"{i}.png", (red, 50, 60))
    return tmp_path


def test_train_and_test_folders_are_kept_apart(divided):
    stream = folder(divided, tasks=2, order=None, size=4)
    assert stream.class_names == ("cat", "dog")
    assert stream.image_shape == (3, 4, 4)
    reds = [split.images[:, 0, 0, 0].tolist() for split in (stream[1].train, stream[1].test)]
    assert reds == [[100, 101, 102, 103, 104, 105], [110, 111]]


def test_a_zip_file_gives_the_same_stream_as_its_folder(divided, tmp_path_factory):
    packed = tmp_path_factory.mktemp("zips") / "pictures.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in divided.rglob("*.png"):
            archive.write(file, file.relative_to(divided))
    assert folder(packed, tasks=1).fingerprint == folder(divided, tasks=1).fingerprint


def test_a_folder_that_is_not_divided_gets_a_fifth_of_each_class_as_test(tmp_path):
    for name, count in (("a", 10), ("b", 5)):
        for i in range(count):
            _picture(tmp_path / name / f"{i}.jpg", (i, 0, 0))
    stream = folder(tmp_path, tasks=2, order=None)
    assert [(len(t.train), len(t.test)) for t in stream] == [(8, 2), (4, 1)]
    assert stream.fingerprint == folder(tmp_path, tasks=2, order=None).fingerprint


def test_a_picture_is_resized_by_its_shorter_side_and_its_middle_kept(tmp_path):
    for i in range(2):
        _picture(path := tmp_path / "a" / f"{i}.png", 0, size=(60, 20))
        with Image.open(path) as picture:
            picture.paste((200, 200, 200), (20, 0, 40, 20))  # the middle third
            picture.save(path)
    image = folder(tmp_path, tasks=1, size=10)[0].train.images[0]
    assert bool((image[:, :, 1:-1] == 200).all())
    assert image.shape == (3, 10, 10)


def test_pictures_of_any_mode_become_rgb(tmp_path):
    _picture(tmp_path / "a" / "grey.png", 77, mode="L")
    _picture(tmp_path / "a" / "opaque.png", (77, 77, 77, 255), mode="RGBA")
    stream = folder(tmp_path, tasks=1, size=4)
    for split in (stream[0].train, stream[0].test):
        assert bool((split.images == 77).all())


def test_broken_pictures_are_left_out_counted_and_named_once(divided):
    (divided / "train" / "cat" / "0.png").write_bytes(b"no picture")
    whole = (divided / "train" / "dog" / "3.png").read_bytes()
    (divided / "train" / "dog" / "3.png").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning, match="2 of 16 pictures.*train/cat/0.png, train/dog/3.png") as w:
        stream = folder(divided, tasks=1, size=4)
    assert len(w) == 1
    assert len(stream[0].train) == 10
    assert sorted(stream[0].train.images[:, 0, 0, 0].tolist())[0] == 1


def test_pictures_of_classes_that_are_not_chosen_are_not_read(divided):
    (divided / "train" / "dog" / "0.png").write_bytes(b"no picture")  # reading it would be a warning, an error here
    assert folder(divided, tasks=1, classes=["cat"]).classes == (0,)


def test_a_class_without_a_test_picture_is_named_before_any_is_read(divided):
    for file in (divided / "test" / "dog").iterdir():
        file.unlink()
    (divided / "train" / "cat" / "0.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="class 'dog' has no test image"):
        folder(divided, tasks=1)


def test_absent_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no folder or zip file"):
        folder(tmp_path / "nowhere")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("no picture")
    with pytest.raises(ValueError, match="no pictures in sub-folders"):
        folder(tmp_path)
    _picture(tmp_path / "train" / "a" / "0.png", 0)
    for settings, words in (({}, "train/ but no test/"), ({"size": 0}, "^size is a whole number from 1 up")):
        with pytest.raises(ValueError, match=words):
            folder(tmp_path, **settings)
