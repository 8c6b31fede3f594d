import builtins
import re
import sys
from functools import partial
from importlib import metadata

import pytest

from cltutor.cli import doctor, lab


@pytest.fixture
def versions(monkeypatch):
    """What pip knows: change an entry to change it, delete one to uninstall it."""
    known = {"cltutor": "0.1.0", "torch": "2.11.0+cpu", "torchvision": "0.26.0", "captum": "0.9.0"}

    def version(name):
        if name not in known:
            raise metadata.PackageNotFoundError(name)
        return known[name]

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(metadata, "requires", lambda _: ["torch>=2.11", "captum>=0.9", 'pytest>=8; extra == "test"'])
    return known


def memory_files(root, files):
    """A /proc and a cgroup folder with these files below `root`: `free_memory`'s arguments."""
    (root / "proc").mkdir()
    (root / "cgroup" / "memory").mkdir(parents=True)
    (root / "proc" / "meminfo").write_text("MemFree: 1 kB\nMemAvailable: 8000000 kB\n")
    for name, text in files.items():
        (root / "cgroup" / name).write_text(text)
    return root / "proc", root / "cgroup"


def test_the_report_fits_one_screen(capsys):
    doctor.report()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    labels = {line[2:].split()[0] for line in lines if line}
    assert labels >= {
        *("cltutor", "Python", "torch", "torchvision", "captum", "ipywidgets", "jupyterlab"),
        *("numpy", "matplotlib", "device", "memory", "data", "notebooks"),
    }


def test_a_sound_report_ends_well_with_code_0(capsys):
    assert doctor.report([lambda: doctor.Finding("torch", "2.11.0")]) == 0
    assert capsys.readouterr().out == "  torch        2.11.0\n\nAll is well.\n"


def test_a_problem_is_marked_takes_the_place_of_the_value_and_gives_code_1(capsys):
    assert doctor.report([lambda: doctor.Finding("torch", "1.0", "too old: pip")]) == 1
    assert capsys.readouterr().out == "! torch        too old: pip\n\n1 to mend, marked with !\n"


def test_a_line_that_is_too_long_is_cut(capsys):
    doctor.report([lambda: doctor.Finding("data", "x" * 200)])
    line = capsys.readouterr().out.splitlines()[0]
    assert len(line) == 80
    assert line.endswith("x...")


def test_a_missing_package_is_named_with_the_command_that_brings_it(versions):
    del versions["captum"]
    assert doctor.check_package("captum").problem == 'missing: pip install "captum>=0.9"'


@pytest.mark.parametrize(("version", "old"), [("0.8.3", True), ("0.9", False), ("0.9.0rc1", False), ("0.10.0", False)])
def test_an_old_package_is_recognised_by_number_and_not_by_letter(version, old, versions):
    versions["captum"] = version
    expected = f'{version} is too old: pip install "captum>=0.9"' if old else None
    assert doctor.check_package("captum").problem == expected


def test_a_package_without_cltutor_installed_is_still_reported(versions, monkeypatch):
    def requires(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    del versions["cltutor"]
    assert doctor.check_package("torch") == ("torch", "2.11.0+cpu", None)
    assert doctor.check_cltutor().problem == "not installed: pip install -e . in the checkout"


def test_the_bounds_are_those_of_pyproject_without_its_extras(versions):
    assert doctor.required_versions() == {"torch": "2.11", "captum": "0.9"}


@pytest.mark.parametrize(("version", "old"), [((3, 10, 14), True), ((3, 11, 0), False)])
def test_an_old_python_is_refused(version, old, monkeypatch):
    monkeypatch.setattr(sys, "version_info", version)
    expected = "3.10.14 is too old: install 3.11 or newer" if old else None
    assert doctor.check_python().problem == expected


def broken_import(monkeypatch, name, error):
    """Let `import name` raise `error`, as a broken build of it does."""
    real = builtins.__import__

    def fake(asked, *rest, **more):
        if asked == name:
            raise error
        return real(asked, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", fake)


def test_a_torchvision_of_another_build_than_torch_is_recognised(versions, monkeypatch):
    error = RuntimeError("operator torchvision::nms does not exist")
    broken_import(monkeypatch, "torchvision", error)
    problem = doctor.check_torchvision().problem
    assert problem == "wrong for torch: pip install --force-reinstall torch torchvision"


def test_a_missing_torchvision_is_missing_and_not_mismatched(versions):
    del versions["torchvision"]
    assert doctor.check_torchvision().problem.startswith("missing: pip install")


def test_a_torch_that_does_not_load_is_said(monkeypatch):
    broken_import(monkeypatch, "torch", OSError("libcudart.so: cannot open shared object file"))
    problem = "torch fails: pip install --force-reinstall torch torchvision"
    assert doctor.check_device().problem == problem


def test_a_missing_torch_is_told_once_and_always_with_torchvision(versions, monkeypatch):
    del versions["torch"]
    broken_import(monkeypatch, "torch", ModuleNotFoundError("No module named 'torch'"))
    missing = "missing: pip install --upgrade torch torchvision"
    assert doctor.check_package("torch").problem == missing
    assert doctor.check_device() == ("device", "unknown without torch", None)


def test_the_gpu_is_named_when_there_is_one(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Example GPU")
    assert doctor.check_device().value == "Example GPU"


def test_the_cpu_is_told_with_its_cores_and_threads(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert re.fullmatch(r"CPU, \d+ cores, torch uses 3 threads", doctor.check_device().value)


def test_free_memory_without_a_limit_is_what_the_host_has_available(tmp_path):
    assert doctor.free_memory(*memory_files(tmp_path, {})) == 8_192_000_000


@pytest.mark.parametrize(
    ("limit", "used", "stat"),
    [
        ("memory.max", "memory.current", "memory.stat"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
    ],
)
def test_a_lower_limit_of_the_container_counts_and_its_file_cache_is_free(limit, used, stat, tmp_path):
    files = {limit: "2000000000\n", used: "700000000\n", stat: "inactive_file 100000000\n"}
    assert doctor.free_memory(*memory_files(tmp_path, files)) == 1_400_000_000


def test_a_container_without_a_limit_does_not_count(tmp_path):
    files = {"memory.max": "max\n", "memory.current": "7\n"}
    assert doctor.free_memory(*memory_files(tmp_path, files)) == 8_192_000_000


def test_a_system_that_does_not_say_has_no_problem(tmp_path, monkeypatch):
    assert doctor.free_memory(tmp_path / "none", tmp_path / "none") is None
    monkeypatch.setattr(doctor, "free_memory", lambda: None)
    assert doctor.check_memory().problem is None


@pytest.mark.parametrize(("free", "enough"), [(1_250_000_000, True), (900_000_000, False)])
def test_less_memory_than_a_notebook_takes_is_said(free, enough, monkeypatch):
    monkeypatch.setattr(doctor, "free_memory", lambda: free)
    expected = None if enough else "0.9 GB free, a notebook takes 1.2: close programs"
    assert doctor.check_memory().problem == expected


def test_the_sets_in_the_data_folder_are_named(monkeypatch, tmp_path):
    (tmp_path / "cifar-100-python").mkdir()
    (tmp_path / "MNIST").mkdir()
    monkeypatch.setenv("CLTUTOR_DATA", str(tmp_path))
    assert doctor.check_data() == ("data", f"CIFAR100, MNIST in {tmp_path}", None)


def test_a_data_folder_that_is_none_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.setenv("CLTUTOR_DATA", str(tmp_path / "gone"))
    assert doctor.check_data().problem == f"CLTUTOR_DATA is no folder: {tmp_path / 'gone'}"


def test_no_data_folder_is_no_problem(monkeypatch, tmp_path):
    monkeypatch.delenv("CLTUTOR_DATA", raising=False)
    monkeypatch.setattr(lab, "PACKAGE", tmp_path / "checkout" / "cltutor")
    assert doctor.check_data().problem is None


def test_missing_notebooks_and_a_read_only_folder_are_problems(monkeypatch, tmp_path):
    monkeypatch.setattr(lab, "PACKAGE", tmp_path / "cltutor")
    assert doctor.check_notebooks().problem == "none found: install cltutor again"
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01.ipynb").write_text("")
    assert doctor.check_notebooks() == ("notebooks", f"1 in {tmp_path / 'notebooks'}", None)
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    assert doctor.check_notebooks().problem == "read-only folder: use cltutor lab --folder PLACE"


def test_every_problem_fits_its_line(versions, monkeypatch, capsys):
    broken_import(monkeypatch, "torchvision", ImportError())
    monkeypatch.setattr(doctor, "free_memory", lambda: 1)
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    missing = partial(doctor.check_package, "scikit-learn")
    checks = [doctor.check_torchvision, doctor.check_memory, doctor.check_notebooks, missing]
    doctor.report(checks)
    assert "..." not in capsys.readouterr().out
