"""`cltutor run` and `cltutor compare`: what they print, what they write, and how they refuse."""

import contextlib
import io

import cltutor as cl
from cltutor import cli

QUICK = ["digits", "--tasks", "2", "--epochs", "1", "--device", "cpu"]


class Terminal(io.TextIOWrapper):
    """Of a Japanese Windows, which has neither a dash nor a plus or minus sign."""

    def __init__(self):
        super().__init__(io.BytesIO(), encoding="cp932")

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode("cp932")


def test_run_writes_table_figures_and_run_and_prints_the_table_wherever_it_is(tmp_path):
    with contextlib.redirect_stdout(Terminal()) as terminal:
        assert cli.main(["run", *QUICK, "lwf", "--seed", "2", "--out", str(tmp_path / "out")]) == 0
    printed = terminal.text()
    assert "Trained with a head per task, task known at test" in printed
    assert "5 files in" in printed
    assert "?" in printed, "this terminal can print all of it: the test would not see a character that it cannot"
    names = {path.name for path in (tmp_path / "out").iterdir()}
    pictures = {f"{what}.png" for what in ("old_and_new", "accuracy_head_per_task", "forgetting_head_per_task")}
    assert names == {"table.md", "runs"} | pictures
    (path,) = (tmp_path / "out" / "runs").glob("*.safetensors")
    run = cl.Run.load(path)
    assert (run.name, run.seed, run.recipe.schedule.epochs, run.complete) == ("lwf", 2, 1, True)
    table = (tmp_path / "out" / "table.md").read_text()
    assert table.startswith("# cltutor run")
    assert "| lwf |" in table


def test_run_takes_settings_and_keeps_its_run_in_the_store_alone(tmp_path):
    assert cli.main(["run", *QUICK, "lwf", "--set", "temperature=1", "--store", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("*.safetensors")
    assert cl.Run.load(path).recipe == cl.methods.lwf(temperature=1, epochs=1)


def test_compare_groups_regimes_and_writes_pictures_of_both(tmp_path, capsys):
    methods = ["finetune", "lwf", "lwf_mc"]
    assert cli.main(["compare", *QUICK, *methods, "--seeds", "0", "1", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.index("Trained with a head per task") < printed.index("Trained with all classes competing")
    assert "seeds 0, 1; 1 epoch per task" in printed
    names = {path.name for path in tmp_path.glob("*.png")}
    assert names == {
        "old_and_new.png",
        *(f"{what}_{who}.png" for what in ("accuracy", "forgetting") for who in ("head_per_task", "all_classes")),
    }
    assert len(list((tmp_path / "runs").glob("*.safetensors"))) == 6
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.glob("*.png"))


def test_workers_are_processes_that_learn_the_same(tmp_path, capsys):
    typed = ["compare", *QUICK, "finetune", "l2", "--seeds", "0", "--out", str(tmp_path)]
    assert cli.main([*typed, "--workers", "2"]) == 0
    runs = {path.name: cl.Run.load(path) for path in (tmp_path / "runs").glob("*.safetensors")}
    assert {run.name for run in runs.values()} == {"finetune", "l2"}
    assert cli.main(typed) == 0  # found again, under the same names
    assert {path.name for path in (tmp_path / "runs").glob("*.safetensors")} == set(runs)


def test_a_run_that_diverges_is_reported_in_one_line(capsys):
    typed = ["run", *QUICK, "finetune", "--set", "learning_rate=1e30", "--set", "clip=1e30"]
    assert cli.main(typed) == 1
    assert "lower learning_rate=1e+30" in capsys.readouterr().err.splitlines()[-1]
