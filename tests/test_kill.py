"""benchmarks/kill.py in small: a few kills at random moments, and the run is what it would have been."""

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
CODE = """
import random, torch, kill
torch.set_num_threads(1)
score = kill.Score()
stream = kill.cl.streams.digits(tasks=5, order=0)  # takes longer than a kill may wait
killed = kill.learn_killed(stream, kill.recipe_of("eeil"), 0, score, kills=5, draw=random.Random(0))
print(killed, score.broken, score.lost, score.different)
"""


def test_a_run_killed_several_times_loses_nothing_beyond_its_last_checkpoint_and_ends_equal():
    done = subprocess.run([sys.executable, "-c", CODE], cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    killed, broken, lost, different = map(int, done.stdout.split())
    assert killed > 0, "every worker was done before it could be killed"
    assert (broken, lost, different) == (0, 0, 0)
