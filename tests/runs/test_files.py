"""Files: written atomically, all damage noticed, nothing executed."""

import os
import pickle
import resource
from pathlib import Path

import pytest
import torch

from cltutor.runs import files

TENSORS = {"a/b": torch.arange(6.0).reshape(2, 3), "empty": torch.zeros(0, 2), "one": torch.tensor(True)}
TENSORS |= {"turned": torch.arange(6.0).reshape(2, 3).T, "a stride of 0": torch.tensor(7).expand(1)}
FACTS = {"name": "lwf", "numbers": [0.1, float("-inf")], "text": "x" * 40}


@pytest.fixture
def path(tmp_path) -> Path:
    files.write(tmp_path / "folder" / "file", TENSORS, FACTS)
    return tmp_path / "folder" / "file"


def test_what_is_written_is_read(path):
    tensors, facts = files.read(path)
    assert facts == FACTS
    assert tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        assert torch.equal(tensors[name], value)
        assert tensors[name].dtype == value.dtype
    assert files.facts_of(path) == {"format": files.FORMAT, **FACTS}


def test_every_flipped_bit_is_noticed(path):
    """Or it changes nothing: a space in the header's padding."""
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        try:
            tensors, facts = files.read(path)
        except ValueError:
            continue
        assert facts == FACTS
        assert all(torch.equal(tensors[name], value) for name, value in TENSORS.items())


def test_a_file_of_any_other_length_is_noticed(path):
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="damaged or not a cltutor run"):
            files.read(path)
    path.write_bytes(whole + b"0")
    with pytest.raises(ValueError, match="damaged or not a cltutor run"):
        files.read(path)


class Trap:
    """A pickle that runs code where it is loaded."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_a_pickle_is_refused_and_not_executed(tmp_path):
    mark = tmp_path / "executed"
    for write in (pickle.dump, torch.save):
        with open(tmp_path / "file", "wb") as file:
            write(Trap(mark), file)
        with pytest.raises(ValueError, match="damaged or not a cltutor run"):
            files.read(tmp_path / "file")
    assert not mark.exists()
    with open(tmp_path / "file", "rb") as file:
        torch.load(file, weights_only=False)
    assert mark.exists(), "this pickle does nothing: the test would not see it executed"


def test_a_write_that_the_disk_refuses_leaves_the_old_file_and_no_draft(path):
    """The kernel itself refuses: a file that may not grow, and a folder where the file should be."""
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    (path.parent / "folder").mkdir()
    with pytest.raises(files.NotWritten, match="no file"):
        files.write(path.parent / "folder", TENSORS, FACTS)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(files.NotWritten, match="File too large"):
            files.write(path, TENSORS, FACTS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, "folder"]


def test_the_drafts_of_others_are_found_and_the_own_are_not(path):
    theirs, own = (path.with_name(f".{path.name}.{pid}-1") for pid in (os.getpid() + 1, os.getpid()))
    for draft in (theirs, own):
        draft.touch()
    assert list(files.drafts(path)) == [theirs]
