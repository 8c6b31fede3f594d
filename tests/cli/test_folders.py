"""`cltutor run` on a folder of pictures says what it took and left out, and takes train/ as a split or as a class."""

import numpy as np
from PIL import Image

from cltutor import cli

METHOD = ["finetune", "--tasks", "1", "--epochs", "1", "--device", "cpu"]


def test_run_prints_the_report_of_a_folder_and_lets_splits_be_chosen(tmp_path, capsys):
    for place, path in enumerate(["train/cat/{}", "train/dog/{}", "test/maths/{}", "test/latin/{}"]):
        for i in range(3):
            file = tmp_path / path.format(f"{i}.png")
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8, 3), 50 * place + i, dtype=np.uint8)).save(file)
    (tmp_path / ".hidden").mkdir()
    pictures = str(tmp_path)
    assert cli.main(["run", pictures, *METHOD, "--splits", "yes"]) == 2
    assert "has no training image" in capsys.readouterr().err
    assert cli.main(["run", pictures, *METHOD, "--splits", "no"]) == 0
    said = capsys.readouterr()
    assert "guessed    pictures deeper inside a class's folder are of that class (12)" in said.err
    assert "system (1): .hidden" in said.err
    assert "finetune" in said.out
    assert cli.main(["run", "digits", *METHOD]) == 0
    assert "skipped" not in capsys.readouterr().err
