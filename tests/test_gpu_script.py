"""benchmarks/gpu.py tries its own code where there is no GPU, and measures nothing there."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "gpu.py"


def run(tmp_path, *arguments):
    """The script where PyTorch sees no GPU."""
    places = {"CLTUTOR_RESULTS": str(tmp_path / "results"), "TMPDIR": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, env={**os.environ, **places}
    )


def test_a_rehearsal_runs_every_part_and_keeps_nothing(tmp_path):
    done = run(tmp_path, "--rehearse")
    assert done.returncode == 0, done.stderr
    titles = ("A Correctness", "B Resuming", "C A full memory", "D Throughput", "E EEIL's paper schedule")
    assert [title for title in titles if f"\n{title}\n" in done.stdout] == list(titles)
    assert "| NO" not in done.stdout  # a CPU agrees with itself
    assert not (tmp_path / "results").exists()


def test_without_a_gpu_it_ends_with_one_sentence(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "This script measures a CUDA GPU, and PyTorch sees none here; --rehearse tries its code on the CPU."
    )
