"""Folders as people have them: each is read as a person would, and what was guessed or left out is reported."""

import os
import warnings
import zipfile

import pytest
import torch

from cltutor.streams import folder
from tests.streams.awkward import locked, picture, pictures, zipped


@pytest.fixture
def animals(tmp_path):
    for name, colour in (("cat", 10), ("dog", 110)):
        pictures(tmp_path / "in" / name, 4, colour)
    return tmp_path / "in"


@pytest.fixture
def parted(tmp_path):
    """A function that makes folders of splits by these names."""

    def make(*names):
        for place, name in enumerate(names):
            for label, colour in (("cat", 10), ("dog", 110)):
                pictures(tmp_path / name / label, 2, colour + 20 * place)
        return tmp_path

    return make


def read(path, tasks=1, order=None, size=4, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return folder(path, tasks=tasks, order=order, size=size, **settings)


def notes(stream, kind):
    return [str(note) for note in stream.report.of(kind)]


def greys(stream):
    """The greys of the training, validation and test pictures of all tasks."""
    return [
        sorted(int(image[0, 0, 0]) for task in stream for image in getattr(task, split).images)
        for split in ("train", "validation", "test")
    ]


@pytest.mark.parametrize(
    "junk",
    [
        *("cat/.ipynb_checkpoints/0-checkpoint.png", "cat/.thumbnails/1.png", "cat/@eaDir/1.png", "@eaDir/1.png"),
        *(
            "__MACOSX/cat/._0.png",
            "$RECYCLE.BIN/x/1.png",
            "cat/._0.png",
            ".git/objects/1.png",
            "cat/$Recycle.Bin/a.png",
        ),
        *(".hidden/1.png", "System Volume Information/x/1.png", "cat/Thumbs.db/1.png", ".ipynb_checkpoints/1.png"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_hidden_folders_copies_and_those_of_the_system_are_skipped_and_reported(animals, tmp_path, junk, packed):
    clean = read(animals)
    picture(animals / junk, (250, 0, 0))
    (animals / "cat" / ".DS_Store").write_bytes(b"\0")
    stream = read(zipped(animals, tmp_path / "in.zip") if packed else animals)
    assert stream.fingerprint == clean.fingerprint
    assert stream.class_names == ("cat", "dog")
    (hidden,) = [note for note in stream.report.of("skipped") if "hidden" in note.what]
    assert hidden.number == 2
    assert "cat/.DS_Store" in hidden.examples


def test_hidden_pictures_do_not_make_classes_in_splits_either(parted):
    path = parted("train", "test")
    picture(path / "test" / ".ipynb_checkpoints" / "0-checkpoint.png")
    picture(path / "train" / ".ipynb_checkpoints" / "0-checkpoint.png")
    assert read(path).class_names == ("cat", "dog")


@pytest.mark.parametrize("train", ["train", "Train", "TRAIN", "training", "training_set", "seg-train", "TrainImages"])
@pytest.mark.parametrize("test", ["test", "Test", "testing", "TESTING", "test_set"])
def test_splits_have_many_names(parted, train, test):
    stream = read(parted(train, test))
    assert stream.class_names == ("cat", "dog")
    assert greys(stream) == [[10, 11, 110, 111], [], [30, 31, 130, 131]]
    assert notes(stream, "taken")[0] == "; ".join(
        sorted([f"{train}/ is the training split", f"{test}/ is the test split"])
    )


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val", "VALIDATION"])
def test_a_validation_folder_is_the_test_split_only_where_there_is_no_other(parted, val):
    without = read(parted("train", val))
    assert greys(without) == [[10, 11, 110, 111], [], [30, 31, 130, 131]]
    assert notes(without, "guessed") == [f"{val}/ is the test split, as there is no test/"]
    pictures(parted() / "test" / "cat", 1, 200)
    pictures(parted() / "test" / "dog", 1, 220)
    stream = read(parted(), tasks=2)
    assert greys(stream) == [[10, 11, 110, 111], [30, 31, 130, 131], [200, 220]]
    assert [task.validation.labels.tolist() for task in stream] == [[0, 0], [1, 1]]
    assert notes(stream, "guessed") == []
    assert greys(read(parted(), validation=1))[1][:1] != []
    assert len(greys(read(parted(), validation=1))[1]) == 6, "two more, of train"


def test_a_class_may_be_called_train(tmp_path):
    for name in ("bus", "car", "train", "plane"):
        pictures(tmp_path / name, 5)
    stream = read(tmp_path)
    assert stream.class_names == ("bus", "car", "plane", "train")
    assert "train/ is a class" in notes(stream, "guessed")[0]
    assert "splits" not in stream.code
    pictures(tmp_path / "train" / "steam", 9)
    assert read(tmp_path).class_names == ("bus", "car", "plane", "train"), "as the others have no such folder"
    assert read(tmp_path, splits=False).fingerprint == read(tmp_path).fingerprint
    pictures(tmp_path / "steam train", 5)
    pictures(tmp_path / "test_tube", 5)
    assert read(tmp_path).class_names == ("bus", "car", "plane", "steam train", "test_tube", "train")
    pictures(tmp_path / "train" / "bus", 99)
    with pytest.raises(ValueError, match="has train/ but no test/ .* splits=False"):
        read(tmp_path)


def test_where_two_readings_remain_both_are_named_and_splits_chooses(parted):
    path = parted("train", "test")
    for name in ("bus", "car"):
        pictures(path / name)
    assert read(path).class_names == ("cat", "dog"), "train/ and test/ have the same classes: splits"
    assert "folders beside the splits (4)" in notes(read(path), "skipped")[0]
    classes = read(path, splits=False)
    assert classes.class_names == ("bus", "car", "test", "train")
    assert "splits=False" in classes.code
    for name in ("cat", "dog"):
        (path / "test" / name).rename(path / "test" / f"another {name}")
    with pytest.raises(ValueError, match=r"two ways: test/, train/ as splits .*splits=True.* bus/, car/.*splits=False"):
        read(path)
    assert len(read(path, splits=False).class_names) == 4


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("train",), "has train/ but no test/"),
        (("test",), "two ways"),
        (("val", "test"), "two ways"),
        (("train", "Train", "test"), "two ways"),
        (("train", "test", "val", "valid"), "two ways"),
        (("train", "extra"), "has train/ but no test/"),
    ],
)
def test_splits_that_are_not_whole_are_refused(parted, names, words):
    path = parted(*names)
    with pytest.raises(ValueError, match=words):
        read(path)
    with pytest.raises(ValueError, match=r"splits=True takes one folder train/ and one test/ or val/"):
        read(path, splits=True)
    if names == ("train",):
        assert read(path, splits=False).class_names == ("cat", "dog")
    for wrong in ("yes", 1, 0):
        with pytest.raises(ValueError, match="^splits is True or False"):
            read(path, splits=wrong)


def test_test_pictures_without_classes_are_no_test_split(parted):
    path = parted("train")
    pictures(path / "test", 5)
    with pytest.raises(ValueError, match="no test/ with pictures in folders of classes"):
        read(path)


@pytest.mark.parametrize("depth", [1, 3])
def test_a_folder_around_all_classes_or_splits_is_opened(animals, parted, tmp_path, depth):
    for path in (animals, parted("a/train", "a/test") / "a"):
        stream = read(path)
        around = tmp_path / "around" / path.name / "/".join(["data"] * depth)
        around.parent.mkdir(parents=True)
        path.rename(around)
        deeper = read(tmp_path / "around" / path.name)
        assert deeper.fingerprint == stream.fingerprint
        assert "the classes lie in data/" in notes(deeper, "guessed")[0]


def test_pictures_deeper_inside_a_class_are_of_that_class_and_strays_of_none(animals):
    picture(animals / "cat" / "siamese" / "a" / "0.png", (15, 15, 15))
    picture(animals / "overview.png", (250, 0, 0))
    (animals / "labels.csv").write_text("x")
    (animals / "cat" / "notes.txt").write_text("x")
    (animals / "fox" / "empty").mkdir(parents=True)
    stream = read(animals)
    assert sorted(sum(greys(stream), [])) == [10, 11, 12, 13, 15, 110, 111, 112, 113]
    assert "of that class (1): cat/siamese/a/0.png" in notes(stream, "guessed")[0]
    assert stream.class_names == ("cat", "dog")
    skipped = " ".join(notes(stream, "skipped"))
    for words in (
        "classes (1): overview.png",
        "pictures (2): cat/notes.txt, labels.csv",
        "picture (2): fox/, fox/empty/",
    ):
        assert words in skipped


def test_links_are_followed_but_never_round_in_circles(animals, tmp_path):
    os.symlink(animals, animals / "cat" / "all")
    os.symlink("loop.png", animals / "cat" / "loop.png")
    os.symlink(tmp_path / "nowhere.png", animals / "cat" / "broken.png")
    pictures(tmp_path / "elsewhere", 3, 60)
    os.symlink(tmp_path / "elsewhere", tmp_path / "elsewhere" / "again")
    os.symlink(tmp_path / "elsewhere", animals / "eel")
    os.symlink(picture(tmp_path / "one.png", (90, 90, 90)), animals / "dog" / "linked.png")
    os.mkfifo(animals / "dog" / "pipe.png")
    stream = read(animals)
    assert stream.class_names == ("cat", "dog", "eel")
    assert sorted(sum(greys(stream), [])) == [10, 11, 12, 13, 60, 61, 62, 90, 110, 111, 112, 113]
    skipped = " ".join(notes(stream, "skipped"))
    assert "links to a folder above them (1): cat/all/" in skipped
    assert "neither file nor folder (3)" in skipped


def test_names_of_any_script_case_and_spelling_are_read(tmp_path):
    names = ("çat with spaces", "Ünïcode 猫", "e\u0301te\u0301", "-rf", "50%", "نیم\u200cفاصله")
    for name in names:
        pictures(tmp_path / name)
        picture(tmp_path / name / "IMAGE 1.JPG", 50)
        picture(tmp_path / name / "b.TiFf", 50)
        picture(tmp_path / name / "ünï 猫.Png", 50)
        picture(tmp_path / name / "x.jfif", 50, format="JPEG")
    (tmp_path / "-rf").rename(tmp_path / "a\nb")
    (tmp_path / "50%").rename(tmp_path / "\udcff")
    stream = read(tmp_path)
    assert set(stream.class_names) == {"çat with spaces", "Ünïcode 猫", "été", "a\\u000ab", "\\udcff", names[-1]}
    assert sum(len(split) for split in (stream[0].train, stream[0].test)) == 36
    str(stream.report).encode("utf-8")


def test_a_class_of_broken_pictures_is_named_with_them(animals):
    for file in (animals / "dog").iterdir():
        file.write_bytes(b"no picture")
    words = "4 of 8 pictures .* left out: dog/0.png"
    with pytest.warns(UserWarning, match=words), pytest.raises(ValueError, match="class 'dog' has no training image"):
        folder(animals, tasks=1)


def test_a_folder_without_pictures_says_what_lies_there(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "photo.heic").write_bytes(b"x")
    with pytest.raises(
        ValueError, match=r"has no pictures in sub-folders \(files .* \(1\): cat/photo.heic.*; put them"
    ):
        read(tmp_path)


def test_copies_are_reported(animals):
    (animals / "dog" / "copy of 0.png").write_bytes((animals / "cat" / "0.png").read_bytes())
    assert "copies of another picture (1): dog/copy of 0.png" in notes(read(animals), "taken")


def test_a_zip_file_of_windows_has_folders_too(animals, tmp_path):
    stream = read(zipped(animals, tmp_path / "in.zip", "\\"))
    assert stream.fingerprint == read(animals).fingerprint
    assert "backslashes" in notes(stream, "guessed")[0]


def test_of_two_entries_of_one_name_the_last_counts_as_when_unpacked(animals, tmp_path):
    file = zipped(animals, tmp_path / "in.zip")
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("cat/0.png", picture(tmp_path / "new.png", (99, 99, 99)).read_bytes())
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert read(file).fingerprint == read(tmp_path / "unpacked").fingerprint


def test_encrypted_pictures_are_refused_with_the_way_out(animals, tmp_path):
    file = locked(zipped(animals, tmp_path / "in.zip"))
    with pytest.raises(ValueError, match=r"1 pictures in .*such as 'dog/3.png', are encrypted; unpack .* password"):
        read(file)


def test_files_that_are_no_zip_files_are_refused_in_one_sentence(animals, tmp_path):
    import tarfile

    with tarfile.open(tmp_path / "in.tar.gz", "w:gz") as archive:
        archive.add(animals, "in")
    content = zipped(animals, tmp_path / "in.zip").read_bytes()
    (tmp_path / "in.zip").write_bytes(content[:-30])
    os.mkfifo(tmp_path / "pipe")
    for name, words in (
        ("in.tar.gz", "unpack other archives"),
        ("in.zip", "damaged"),
        ("in/cat/0.png", "no folder or zip file"),
        ("nothing", "there is no folder or zip file"),
    ):
        with pytest.raises(ValueError, match=words) as caught:
            read(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_the_home_folder_may_be_written_as_a_tilde(animals, monkeypatch):
    monkeypatch.setenv("HOME", str(animals.parent))
    stream = read("~/in")
    assert stream.fingerprint == read(animals).fingerprint
    assert stream.code == "streams.folder('~/in', tasks=1, order=None, size=4)"


def test_of_a_class_with_broken_pictures_a_fifth_of_the_others_is_still_the_test_split(tmp_path):
    for name, colour in (("cat", 10), ("dog", 110)):
        pictures(tmp_path / "whole" / name, 11, colour)
    whole = read(tmp_path / "whole", tasks=2, validation=2)
    for name in ("cat/a.png", "cat/5a.png", "dog/z.png"):
        (tmp_path / "whole" / name).write_bytes(b"no picture")
    with pytest.warns(UserWarning, match="3 of 25 pictures .*: cat/5a.png, cat/a.png, dog/z.png"):
        stream = folder(tmp_path / "whole", tasks=2, order=None, size=4, validation=2)
    assert stream.fingerprint == whole.fingerprint
    assert all(split.images.is_contiguous() for task in stream for split in (task.train, task.test))
    assert "cannot be read (3): cat/5a.png" in notes(stream, "skipped")[-1]


def test_reports_are_shown_with_the_stream_and_change_neither_code_nor_fingerprint(animals):
    quiet = read(animals)
    picture(animals / ".hidden" / "<b>.png")
    stream = read(animals)
    assert (stream.code, stream.fingerprint, repr(stream)) == (quiet.code, quiet.fingerprint, repr(quiet))
    assert "skipped    hidden" in str(stream.report)
    assert "<table><tr><th>taken</th>" in stream._repr_html_()
    assert "<b>" not in stream._repr_html_()
    assert str(stream.fewer(0.5).report) == str(stream.report)
    assert "taken      8 pictures of 2 classes, 6 for training, 0 for validation, 2 for test" in str(stream.report)
    assert torch.equal(stream[0].train.images, quiet[0].train.images)


def test_of_chosen_classes_alone_the_pictures_are_read(animals):
    pictures(animals / "eel", 3)
    (animals / "eel" / "0.png").write_bytes(b"no picture")
    assert read(animals, classes=["cat", "dog"]).classes == (0, 1)
