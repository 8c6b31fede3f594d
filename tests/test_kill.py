"""benchmarks/kill.py and store_faults.py in small: kills at random moments and faults of the disk change no number."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
CODE = """
import random, sys, torch, kill
torch.set_num_threads(1)
method, kills = sys.argv[1], int(sys.argv[2])
score, stream = kill.Score(), kill.cl.streams.digits(tasks=5, order=0)  # learning takes longer than a kill may wait
killed = kill.learn_killed(stream, kill.recipe_of(method), 0, score, kills, random.Random(0))
print(killed, score.broken, score.lost, score.different)
"""
LONG = [pytest.param(method, 10, marks=pytest.mark.long) for method in ("eeil", "si", "imm_mode", "lwm")]


@pytest.mark.parametrize(("method", "kills"), [("eeil", 3), *LONG])
def test_a_killed_run_loses_nothing_beyond_its_last_checkpoint_and_ends_with_the_same_numbers(method, kills):
    command = [sys.executable, "-c", CODE, method, str(kills)]
    done = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    killed, broken, lost, different = map(int, done.stdout.split())
    assert killed > 0, "every worker finished before it could be killed"
    assert (broken, lost, different) == (0, 0, 0)


def test_a_fault_of_the_disk_is_told_and_changes_no_number():
    code = "import random, torch, store_faults as s; torch.set_num_threads(1); print(s.meet(1, random.Random(0)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    assert done.stdout.count("times=1,") == 4
    assert done.stdout.count("wrong=0, broken=0, raw=0") == 4
