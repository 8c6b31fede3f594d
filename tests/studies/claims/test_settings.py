"""The streams of the claims are what their settings say, and a search sees no picture of a trial."""

import pytest
import torch

from cltutor.studies.claims.settings import SEARCH, SETTINGS, first_class, setting_of

OWN = {name: setting for name, setting in SETTINGS.items() if not setting.data}


def pictures(split):
    return {image.numpy().tobytes() for image in split.images}


@pytest.mark.parametrize("name", OWN)
def test_a_stream_is_what_its_setting_says_and_the_searchs_pictures_are_no_trials(name):
    setting = OWN[name]
    trial, searched = setting.make(0), setting.make(SEARCH[0])
    for stream in (trial, searched):
        assert tuple(len(task.classes) for task in stream) == setting.tasks
        for task in stream:
            images = setting.first_images if task.index == 0 and setting.first_images else setting.images
            counts = torch.bincount(task.train.labels)[list(task.classes)].tolist()
            assert counts == [images] * len(task.classes)
    tests = [set().union(*(pictures(task.test) for task in stream)) for stream in (trial, searched)]
    trained = set().union(*(pictures(task.train) for task in searched))
    assert not tests[0] & tests[1]
    assert not tests[0] & trained


def test_trials_differ_and_are_the_same_every_time():
    make = OWN["pair"].make
    assert make(3).fingerprint == make(3).fingerprint != make(4).fingerprint


def test_the_first_class_is_that_of_the_trials_order():
    for trial in (0, 5):
        assert first_class(trial) == OWN["eight tasks"].make(trial)[0].classes[:1]


def test_facts_of_a_setting_are_in_the_papers_units():
    assert setting_of("4 a step").facts == {
        "classes per step, % of all": 20,
        "tasks": 5,
        "training images per class": 40,
    }
    with pytest.raises(ValueError, match="there is no stream of the claims 'pears'; did you mean 'pair'"):
        setting_of("pears")


def test_tiny_imagenet_is_read_from_the_data_folder_or_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("CLTUTOR_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="Claims on Tiny-ImageNet read tiny-imagenet-100-32px.zip"):
        SETTINGS["Tiny-ImageNet, 10 a step"].make(0)
