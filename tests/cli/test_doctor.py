import re
from importlib import metadata
from types import SimpleNamespace

import pytest

from cltutor.cli import doctor
from cltutor.cli.doctor import Finding

VERSIONS = {"cltutor": "0.1.0", "torch": "2.11.0+cpu", "torchvision": "0.26.0", "captum": "0.9.0"}
REQUIRED = {"torch": "2.11", "captum": "0.9"}


def check_package(name, **versions):
    """With other versions than ``VERSIONS``; None for a package that is missing."""
    return doctor.check_package(name, {**VERSIONS, **versions}.get, REQUIRED)


def failing(error):
    """In place of an import: a broken build raises ``error``."""

    def load(name):
        raise error

    return load


@pytest.fixture
def package(tmp_path):
    """Of a checkout with one notebook."""
    (tmp_path / "checkout" / "notebooks").mkdir(parents=True)
    (tmp_path / "checkout" / "notebooks" / "01.ipynb").write_text("")
    return tmp_path / "checkout" / "cltutor"


def test_the_report_fits_one_screen(capsys):
    doctor.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    labels = {line[2:].split()[0] for line in lines if line}
    assert labels >= {
        *("cltutor", "Python", "torch", "torchvision", "captum", "ipywidgets", "jupyterlab"),
        *("numpy", "matplotlib", "device", "memory", "data", "notebooks"),
    }


@pytest.mark.parametrize(
    ("finding", "code", "printed"),
    [
        (Finding("torch", "2.11.0"), 0, "  torch        2.11.0\n\nAll is well.\n"),
        (Finding("torch", "1.0", "too old: pip"), 1, "! torch        too old: pip\n\n1 to fix, marked with !\n"),
        (Finding("data", "x" * 200), 0, f"  data         {'x' * 62}...\n\nAll is well.\n"),
    ],
)
def test_a_problem_is_marked_and_gives_code_1_and_a_long_line_is_cut(finding, code, printed, capsys):
    assert doctor.main(checks=[lambda: finding]) == code
    assert capsys.readouterr().out == printed


REINSTALL = "pip install --force-reinstall torch torchvision"
BROKEN = failing(RuntimeError("operator torchvision::nms does not exist"))
NO_TORCH = failing(ModuleNotFoundError("No module named 'torch'"))


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (lambda: check_package("captum", captum=None), 'missing: pip install "captum>=0.9"'),
        (lambda: check_package("captum", captum="0.8.3"), '0.8.3 is too old: pip install "captum>=0.9"'),
        (lambda: check_package("captum", captum="0.9"), None),
        (lambda: check_package("captum", captum="0.9.0rc1"), None),
        (lambda: check_package("captum", captum="0.10.0"), None),  # by number, not by letter
        (lambda: check_package("torch", torch=None), "missing: pip install --upgrade torch torchvision"),
        (lambda: doctor.check_package("torch", VERSIONS.get, {}), None),
        (lambda: doctor.check_package("cltutor", {}.get, {}), "missing: pip install -e . in the checkout"),
        (lambda: doctor.check_python((3, 10, 14)), "3.10.14 is too old: install 3.11 or newer"),
        (lambda: doctor.check_python((3, 11, 0)), None),
        (lambda: doctor.check_torchvision(BROKEN, VERSIONS.get), f"wrong for torch: {REINSTALL}"),
        (lambda: doctor.check_torchvision(BROKEN, {}.get), "missing: pip install --upgrade torch torchvision"),
        (lambda: doctor.check_device(failing(OSError("libcudart.so"))), f"torch fails: {REINSTALL}"),
        (lambda: doctor.check_device(NO_TORCH), None),  # reported by the check of torch
        (lambda: doctor.check_memory(lambda: 900_000_000), "0.9 GB free, a notebook takes 1.2: close programs"),
        (lambda: doctor.check_memory(lambda: 1_250_000_000), None),
        (lambda: doctor.check_memory(lambda: None), None),
    ],
)
def test_what_is_wrong_is_named_with_its_fix_on_one_line(check, problem):
    assert check().problem == problem
    assert len(problem or "") <= 80 - 15


def test_the_bounds_are_those_of_pyproject_without_its_extras_or_none_without_cltutor_installed():
    lines = ["torch>=2.11", "captum>=0.9", 'pytest>=8; extra == "test"']
    assert doctor.required_versions(lambda _: lines) == REQUIRED
    assert doctor.required_versions(failing(metadata.PackageNotFoundError("cltutor"))) == {}


def test_the_gpu_is_named_or_the_cores_and_threads_of_the_cpu():
    found = SimpleNamespace(type="cuda")
    accelerator = SimpleNamespace(is_available=lambda: True, current_accelerator=lambda: found)
    cuda = SimpleNamespace(get_device_name=lambda _: "Example GPU")
    torch = SimpleNamespace(accelerator=accelerator, cuda=cuda, get_num_threads=lambda: 3)
    assert doctor.check_device(lambda _: torch).value == "Example GPU"
    found.type = "mps"
    assert doctor.check_device(lambda _: torch).value == "mps (PyTorch's name)"
    accelerator.is_available = lambda: False
    assert re.fullmatch(r"CPU, \d+ cores, torch uses 3 threads", doctor.check_device(lambda _: torch).value)


CGROUP_2 = ("memory.max", "memory.current", "memory.stat")
CGROUP_1 = tuple(f"memory/memory.{name}" for name in ("limit_in_bytes", "usage_in_bytes", "stat"))


@pytest.mark.parametrize(
    ("names", "texts", "free"),
    [
        ((), (), 8_192_000_000),
        (CGROUP_2, ("max\n", "7\n", ""), 8_192_000_000),
        (CGROUP_2, ("2000000000\n", "700000000\n", "inactive_file 100000000\n"), 1_400_000_000),
        (CGROUP_1, ("2000000000\n", "700000000\n", "inactive_file 100000000\n"), 1_400_000_000),
    ],
)
def test_free_memory_is_the_hosts_or_what_a_lower_limit_leaves_where_file_cache_is_free(names, texts, free, tmp_path):
    proc, cgroup = tmp_path / "proc", tmp_path / "cgroup"
    proc.mkdir()
    (cgroup / "memory").mkdir(parents=True)
    (proc / "meminfo").write_text("MemFree: 1 kB\nMemAvailable: 8000000 kB\n")
    for name, text in zip(names, texts, strict=True):
        (cgroup / name).write_text(text)
    assert doctor.free_memory(proc, cgroup) == free
    assert doctor.free_memory(tmp_path / "none", tmp_path / "none") is None  # not Linux


def test_the_sets_in_the_data_folder_are_named_and_a_missing_folder_is_a_problem(monkeypatch, tmp_path, package):
    (tmp_path / "cifar-100-python").mkdir()
    (tmp_path / "MNIST").mkdir()
    monkeypatch.setenv("CLTUTOR_DATA", str(tmp_path))
    assert doctor.check_data() == ("data", f"CIFAR100, MNIST in {tmp_path}", None)
    monkeypatch.setenv("CLTUTOR_DATA", str(tmp_path / "gone"))
    assert doctor.check_data().problem == f"CLTUTOR_DATA is no folder: {tmp_path / 'gone'}"
    monkeypatch.delenv("CLTUTOR_DATA")
    assert doctor.check_data(package).problem is None


def test_missing_notebooks_and_a_read_only_folder_are_problems(tmp_path, package):
    assert doctor.check_notebooks(tmp_path / "none" / "cltutor").problem == "none found: install cltutor again"
    assert doctor.check_notebooks(package) == ("notebooks", f"1 in {package.parent / 'notebooks'}", None)
    problem = doctor.check_notebooks(package, lambda *_: False).problem
    assert problem == "read-only folder: use cltutor lab --folder PLACE"
