"""Binder installs from conda-forge, everybody else from pyproject.toml: the two must not drift."""

import os
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
# Where conda-forge's name for a package is not the one that pip knows.
PIP_NAMES = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}
GPU = re.compile(r"cuda|cudnn|nvidia|nccl|pytorch-gpu|\bgpu\b|\btriton\b", re.IGNORECASE)


def binder_requirements(text: str) -> dict[str, Requirement]:
    """The packages of an environment.yml by their pip names, those of its pip section included."""
    listed = []
    for entry in yaml.safe_load(text)["dependencies"]:
        listed += entry["pip"] if isinstance(entry, dict) else [entry]
    # conda writes python=3.12 for what pip calls python==3.12.*
    exact = [re.sub(r"^([\w-]+)=([\d.]+)$", r"\1==\2.*", entry) for entry in listed]
    found = [Requirement(entry) for entry in exact]
    return {PIP_NAMES.get(one.name, one.name): one for one in found}


def gpu_packages(text: str) -> list[str]:
    """What in an environment.yml, comments apart, would bring a GPU build."""
    lines = [line.split("#")[0].strip(" -") for line in text.splitlines()]
    # Plain pytorch may be solved as a CUDA build; pip's torch on Linux always is one.
    plain = re.compile(r"(pytorch|torch)\b(?!-cpu|vision)")
    return [line for line in lines if GPU.search(line) or plain.match(line)]


def lowest(requirement: Requirement) -> Version:
    bounds = [Version(one.version) for one in requirement.specifier if one.operator == ">="]
    assert len(bounds) == 1, f"{requirement} should name one lowest version"
    return bounds[0]


@pytest.fixture(scope="module")
def environment() -> str:
    return (ROOT / "binder" / "environment.yml").read_text()


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_runtime_dependency_is_there_within_the_projects_range(environment, project):
    binder = binder_requirements(environment)
    for line in project["project"]["dependencies"]:
        wanted = Requirement(line)
        assert wanted.name in binder, f"binder/environment.yml lacks {wanted.name}"
        assert lowest(binder[wanted.name]) in wanted.specifier
        upper = [one for one in wanted.specifier if one.operator != ">="]
        assert set(upper) <= set(binder[wanted.name].specifier)


def test_beside_what_the_project_needs_it_asks_only_for_what_answers_a_hubs_links(environment, project):
    needed = {Requirement(line).name for line in project["project"]["dependencies"]}
    needed |= {Requirement(line).name for line in project["build-system"]["requires"]}
    assert set(binder_requirements(environment)) - needed == {"python", "pip", "nbgitpuller"}


def test_its_builder_and_its_python_are_within_the_projects_range(environment, project):
    binder = binder_requirements(environment)
    (python,) = binder["python"].specifier
    version = Version(python.version.removesuffix(".*"))
    assert version in Requirement(f"python{project['project']['requires-python']}").specifier
    (builder,) = map(Requirement, project["build-system"]["requires"])
    assert lowest(binder[builder.name]) in builder.specifier


def test_no_package_brings_a_gpu_build(environment):
    assert gpu_packages(environment) == []


@pytest.mark.parametrize(
    "line",
    [
        *("cuda-toolkit", "cudatoolkit=12", "nvidia-cudnn-cu12", "pytorch-gpu", "torch>=2.11"),
        *("pytorch=2.11=*cuda*", "pytorch>=2.11", "pytorch-cuda", "libtorch=*=cuda129*", "triton"),
    ],
)
def test_a_gpu_build_would_be_seen(line):
    assert gpu_packages(f"dependencies:\n  - pytorch-cpu\n  - torchvision\n  - {line}\n") == [line]


def test_everything_comes_from_conda_forge(environment):
    assert yaml.safe_load(environment)["channels"] == ["conda-forge"]


def test_nothing_beside_binder_is_meant_for_repo2docker_which_would_not_read_it():
    others = ("environment.yml", "requirements.txt", "Dockerfile", "apt.txt", "runtime.txt", "postBuild", "start")
    assert [name for name in others if (ROOT / name).exists()] == []
    assert sorted(path.name for path in (ROOT / "binder").iterdir()) == ["environment.yml", "postBuild", "start"]


def test_its_scripts_install_the_package_alone_and_end_by_becoming_the_server():
    scripts = {name: (ROOT / "binder" / name).read_text() for name in ("postBuild", "start")}
    for name, script in scripts.items():
        assert os.access(ROOT / "binder" / name, os.X_OK)
        assert script.startswith("#!/bin/bash\n")
    (install,) = re.findall(r"^pip install .*$", scripts["postBuild"], re.MULTILINE)
    assert "--no-deps" in install
    assert "--editable ." in install
    assert scripts["start"].rstrip().splitlines()[-1] == 'exec "$@"'
