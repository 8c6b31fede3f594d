import re
from pathlib import Path

from cltutor.runs import provenance as origin


def test_the_versions_are_those_of_what_computes():
    assert re.fullmatch(r"Python 3\.\S+, torch \d\S+, numpy \d\S+, cltutor \d\S+", origin.versions())


def test_the_hardware_is_told_with_its_cores_and_threads():
    assert re.search(r", \d+ cores, \d+ threads$", origin.hardware())


def test_a_system_that_does_not_tell_its_processor_is_told_all_the_same(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert re.search(r"\S, \d+ cores, \d+ threads$", origin.hardware())
