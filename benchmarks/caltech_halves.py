"""From a pretrained network, as in MAS, Tables 1 and 2: two tasks made of two groups of Caltech-101's classes.

SqueezeNet 1.0, pretrained on ImageNet, learns one group and then the other, in both orders. Accuracy of the first task
at the end with its drop, and of the second, for fine-tuning, LwF, IMM, SI, and MAS and local MAS with Omega from
training images, test images (unlabelled) or both. Every lambda is searched on one grid with other classes, by the mean
accuracy of the two tasks on validation images.
"""

import argparse
import os
from functools import partial
from pathlib import Path

import numpy as np
import report
import torch
from searching import ALIKE, learn, search
from streams import percent

import cltutor as cl
from cltutor.streams import Split, Stream, Task

DATA = Path(os.environ.get("CLTUTOR_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
GRID = (1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0)
SIZE, RATE, BATCH, TEST = 64, 0.01, 10, 20
SEARCHED = ("lwf", "imm_mean", "imm_mode", "si", "mas", "mas_local")
ON = ("train", "test", "both")


def stream_of(groups: list[list[int]], images: int, validation: float, seed: int) -> Stream:
    """Two tasks of Caltech-101's classes with at most ``images`` training pictures of each class."""
    order = [label for group in groups for label in group]
    sizes = [len(group) for group in groups]
    source = cl.streams.folder(DATA / "caltech-101-112px.zip", tasks=sizes, order=order, classes=order, size=SIZE)
    draw, tasks, none = np.random.default_rng(seed), [], Split.empty((3, SIZE, SIZE))
    for task in source:
        labels = task.train.labels.numpy()
        rows = [draw.permutation(np.flatnonzero(labels == label))[:images] for label in task.classes]
        held = [round(validation * len(own)) for own in rows]
        train = np.concatenate([own[n:] for own, n in zip(rows, held, strict=True)])
        watch = np.concatenate([own[:n] for own, n in zip(rows, held, strict=True)])
        parts = [task.train.take(torch.from_numpy(places)) for places in (train, watch)]
        asked = task.test.labels.numpy()
        test = np.concatenate([np.flatnonzero(asked == label)[:TEST] for label in task.classes])
        watched = parts[1] if validation else none
        tasks.append(Task(task.index, task.classes, parts[0], watched, task.test.take(torch.from_numpy(test))))
    code = f"Caltech-101 {groups}, {images} images, validation {validation}, seed {seed}"
    return Stream(tasks=tasks, class_names=source.class_names, name="caltech halves", code=code)


def recipe_of(method: str, epochs: int, **settings) -> cl.Recipe:
    backbone = cl.networks.Torchvision("squeezenet1_0", weights=str(DATA / "squeezenet1_0-imagenet-fp16.pth"))
    crops = cl.streams.CropFlip(padding=4)
    common = {"backbone": backbone, "augmentation": crops, "learning_rate": RATE, "epochs": epochs, "batch_size": BATCH}
    return getattr(cl.methods, method)(**common, **settings)


def searched(groups: list[list[int]], images: int, epochs: int) -> dict[str, float]:
    stream = stream_of(groups, images, 1 / 3, 100)
    builds = {method: partial(recipe_of, method, epochs) for method in SEARCHED}
    return search(builds, GRID, lambda _: stream, [0], None, "lam", threads=None)


def settings_of(lams: dict[str, float]) -> list[tuple[str, str, dict]]:
    """(label, method, settings) of every row."""
    plain = [("finetune", "finetune", {}), *((m, m, {"lam": lams[m]}) for m in ("lwf", "imm_mean", "imm_mode", "si"))]
    pairs = [(m, on) for m in ("mas", "mas_local") for on in ON]
    own = [(f"{m}, Omega on {on}", m, {"lam": lams[m], "on": on}) for m, on in pairs]
    return [*plain, *own, ("mas, lambda 1", "mas", {"lam": 1.0})]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=10, help="classes of each group")
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    names, n = np.random.default_rng(0).permutation(101).tolist(), options.classes
    first, second, *others = [names[i * n : (i + 1) * n] for i in range(4)]
    lams = searched(others, options.images, options.epochs)
    rows = []
    for label, method, settings in settings_of(lams):
        row, drops = [label, f"{settings.get('lam', '')}"], []
        for groups in ([first, second], [second, first]):
            stream = stream_of(groups, options.images, 0.0, 0)
            recipe = recipe_of(method, options.epochs, **settings)
            found = [learn(stream, recipe, seed, threads=None).accuracy() for seed in range(options.seeds)]
            own = [a[0, 0] - a[1, 0] for a in found]
            drops += own
            row.append(f"{100 * np.mean([a[1, 0] for a in found]):.1f} ({-100 * np.mean(own):+.1f})")
            row.append(f"{100 * np.mean([a[1, 1] for a in found]):.1f}")
        rows.append([*row, percent(drops)])
        print(rows[-1], flush=True)
    header = ["method", "lambda", "A to B: A (drop)", "B", "B to A: B (drop)", "A", "drop of the first, points"]
    notes = (
        f"Two groups of {n} classes, {options.images} training and at most {TEST} test pictures each, {SIZE} pixels, "
        f"{options.epochs} epochs of crops and mirrors at rate {RATE}, batches of {BATCH}; means over {options.seeds} "
        "seeds; the last column is the mean ± half width of the 95 % t-interval over both orders and all seeds, taken "
        f"as independent. Lambda from {GRID}, {ALIKE}, on other classes, a third of their pictures held out."
    )
    report.write(
        "caltech_halves", "Two tasks from a pretrained network", header, rows, notes, [*range(options.seeds), 100]
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
