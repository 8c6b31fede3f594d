"""The files for maintainers agree with the project."""

import importlib
import re
from pathlib import Path

import yaml

import cltutor

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()


def read(path: str):
    return yaml.safe_load((ROOT / path).read_text())


def test_the_guide_names_make_targets_that_exist():
    targets = set(re.findall(r"`make ([\w-]+)", GUIDE))
    assert targets >= {"lab", "check", "test", "test-quick", "test-all"}
    assert targets <= set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_guide_lists_the_rooms_in_which_the_package_is_divided():
    table = GUIDE[GUIDE.index("| room |") : GUIDE.index("## Test one part")]
    rooms = {path.parent.name for path in (ROOT / "cltutor").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == rooms


def test_the_guide_names_files_and_classes_that_exist():
    files = {name for name in re.findall(r"`((?:[\w.]+/)+[\w.]*)`", GUIDE) if "NAME" not in name}
    assert [name for name in files if not any((ROOT / top / name).exists() for top in ("", "cltutor"))] == []
    classes = re.findall(r"subclass of `([\w.]+)\.(\w+)`", GUIDE)
    assert [pair for pair in classes if not hasattr(importlib.import_module(f"cltutor.{pair[0]}"), pair[1])] == []


def test_the_workflow_calls_what_everybody_calls():
    (job,) = read(".github/workflows/test.yml")["jobs"].values()
    assert job["steps"][-1]["run"] == "bash .ci/run"
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12"]


def test_the_hooks_before_a_commit_fetch_nothing():
    (local,) = read(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    assert {hook["entry"].split()[0] for hook in local["hooks"]} == {".venv/bin/ruff", ".venv/bin/mypy"}


def test_the_citation_and_the_changelog_have_the_version():
    citation = read("CITATION.cff")
    assert citation["version"] == cltutor.__version__
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert f"## [{cltutor.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


README = (ROOT / "README.md").read_text()


def test_the_readme_names_every_method_of_a_paper_once_in_its_table():
    table = README[README.index("## Methods, by paper") : README.index("## Add your own")]
    named = re.findall(r"`(\w+)`", "\n".join(line for line in table.splitlines() if line.startswith("|")))
    assert len(named) == len(set(named))
    shipped = {name for name in cltutor.methods.names() if not name.startswith("example_")}
    shipped = {name for name in shipped if cltutor.methods.named(name).__module__.startswith("cltutor.")}
    # Of those trained as in the authors' program one is named, and that there are three more.
    assert shipped - set(named) == {f"{name}_authors" for name in ("single_task", "hard_sharing", "progressive")}
    assert set(named) <= shipped


def test_the_readme_says_in_its_first_screen_what_it_is_and_its_two_commands_and_shows_a_moving_picture():
    first = "\n".join(README.splitlines()[:24])
    assert "    make lab" in first
    assert "    make test" in first
    assert "Inside: " in first
    picture, width = re.search(r'<img src="([^"]+)" width="(\d+)" alt="[^"]{40,}">', first).groups()
    assert (ROOT / picture).read_bytes()[:3] == b"GIF"
    assert int(width) <= 700, "higher than what a screen of 720 pixels has left"


def test_the_links_of_the_readme_and_of_the_guides_lead_to_files():
    missing = []
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if not target.startswith(("http:", "https:")) and not (page.parent / target).exists():
                missing.append(f"{page.name}: {target}")
    assert missing == []


def test_the_site_is_published_by_the_command_that_everybody_runs():
    (job,) = read(".github/workflows/site.yml")["jobs"].values()
    assert "make site TORCH=cpu" in [step.get("run") for step in job["steps"]]
    (kept,) = (step["with"]["path"] for step in job["steps"] if "upload-pages" in step.get("uses", ""))
    assert kept == "build/site/html"
