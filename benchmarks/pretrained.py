"""LwF's own setting: a network pretrained on ImageNet learns a new task, and what becomes of the old one.

SqueezeNet 1.0; the old task is ImageNet, of which there are 1,000 pictures to test on and none to train on (so joint
training is impossible); the new task is a part of Caltech-101's classes. The 1,000 pictures may have been training
images of the network: not the level counts but the paired change on them, tested with McNemar's exact test. Every
method's rate is searched on other classes, by the accuracy on the new task's validation images, with the same grid.
"""

import argparse
import io
import os
import zipfile
from functools import partial
from math import comb
from pathlib import Path

import numpy as np
import report
import torch
from searching import ALIKE, learn, search
from streams import percent

import cltutor as cl
from cltutor.evaluation.answers import logits
from cltutor.streams import Split, Stream, Task

DATA = Path(os.environ.get("CLTUTOR_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
METHODS = ("finetune", "finetune_slow", "feature_extraction", "lwf")
RATES = (0.002, 0.008, 0.03)
BATCH = 10


def imagenet_pictures() -> Split:
    """One picture of each ImageNet class, (1000, 3, 227, 227) uint8: shorter side 256, centre crop 227."""
    from torchvision.transforms.v2 import functional as image

    pictures, labels = [], []
    with zipfile.ZipFile(DATA / "imagenet-1000-samples-256px.zip") as archive:
        for name in sorted(name for name in archive.namelist() if name.endswith(".jpg")):
            pictures.append(decode(archive.read(name), image))
            labels.append(int(Path(name).name.split("_")[0]))
    return Split(torch.stack(pictures), torch.tensor(labels))


def decode(data: bytes, image) -> torch.Tensor:
    from PIL import Image

    picture = image.pil_to_tensor(Image.open(io.BytesIO(data)).convert("RGB"))
    return image.center_crop(image.resize(picture, [256], antialias=True), [227, 227])


def stream_of(old: Split, classes: list[int], images: int, validation: float, seed: int) -> Stream:
    """ImageNet, which is known already, then ``classes`` of Caltech-101 with ``images`` training pictures each."""
    source = cl.streams.folder(DATA / "caltech-101-112px.zip", tasks=1, order=classes, classes=classes, size=112)
    new = source[0]
    draw = np.random.default_rng(seed)
    rows = [draw.permutation(np.flatnonzero(new.train.labels.numpy() == label))[:images] for label in classes]
    held = [int(round(validation * len(own))) for own in rows]
    train = torch.from_numpy(np.concatenate([own[n:] for own, n in zip(rows, held, strict=True)]))
    watch = torch.from_numpy(np.concatenate([own[:n] for own, n in zip(rows, held, strict=True)]))
    test = new.train.take(watch) if validation else new.test
    none = Split.empty((3, 112, 112))
    moved = [Split(split.images, split.labels + 1000) for split in (new.train.take(train), test)]
    tasks = [
        Task(0, tuple(range(1000)), none, none, old),
        Task(1, tuple(1000 + label for label in classes), moved[0], none, moved[1]),
    ]
    names = (*(f"ImageNet {i}" for i in range(1000)), *source.class_names)
    code = f"ImageNet, then Caltech-101 {classes}, {images} images, validation {validation}, seed {seed}"
    return Stream(tasks=tasks, class_names=names, name="pretrained", code=code)


def recipe_of(method: str, epochs: int, learning_rate: float) -> cl.Recipe:
    backbone = cl.networks.Torchvision("squeezenet1_0", weights=str(DATA / "squeezenet1_0-imagenet-fp16.pth"))
    crops = cl.streams.CropFlip(padding=8)
    settings = {
        "backbone": backbone,
        "learning_rate": learning_rate,
        "epochs": epochs,
        "batch_size": BATCH,
        "augmentation": crops,
    }
    return getattr(cl.methods, method)(**settings)


def new_task(run: cl.Run) -> float:
    return float(run.accuracy()[1, 1])


def mcnemar(before: np.ndarray, after: np.ndarray) -> tuple[int, int, float]:
    """Pictures lost, pictures gained, and the exact two-sided p of the sign test on them."""
    lost, gained = int((before & ~after).sum()), int((~before & after).sum())
    n, few = lost + gained, min(lost, gained)
    p = min(1.0, 2 * sum(comb(n, k) for k in range(few + 1)) / 2**n) if n else 1.0
    return lost, gained, p


def right_on_old(run: cl.Run, old: Split) -> np.ndarray:
    """Whether each old picture is classified rightly among the old classes, (1000,) bool."""
    columns = logits(run.model, old.images)[:, :1000]
    return (columns.argmax(1) == old.labels).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    names = np.random.default_rng(0).permutation(101).tolist()
    reported, searched = names[: options.classes], names[options.classes : 2 * options.classes]
    old = imagenet_pictures()
    # The loop tests on thumbnails, which cost nothing: the old task is measured below, once a run, at full size.
    thumbnails = Split(old.images[:, :, ::7, ::7].contiguous(), old.labels)
    tried = stream_of(thumbnails, searched, options.images, 0.25, 100)
    builds = {method: partial(recipe_of, method, options.epochs) for method in METHODS}
    rates = search(builds, RATES, lambda _: tried, [0], None, score=new_task, on="test", threads=None)
    before = None
    rows = []
    for method in METHODS:
        rate = rates[method]
        stream = stream_of(thumbnails, reported, options.images, 0.0, 0)
        recipe = builds[method](learning_rate=rate)
        runs = [learn(stream, recipe, seed, threads=None) for seed in range(options.seeds)]
        if before is None:
            before = logits(runs[0].model_after(0), old.images).argmax(1).eq(old.labels).numpy()
        changes = [mcnemar(before, right_on_old(run, old)) for run in runs]
        new = [new_task(run) for run in runs]
        change = [(gained - lost) / len(old) for lost, gained, _ in changes]
        tests = "; ".join(f"-{lost} +{gained}, p {p:.2g}" for lost, gained, p in changes)
        seconds = f"{np.mean([run.seconds['train'] for run in runs]):.0f}"
        rows.append([method, f"{rate:g}", percent(change), tests, percent(new), runs[0].updates, seconds])
        print(rows[-1], flush=True)
    header = [
        "method",
        "rate",
        "old task, points",
        "lost and gained, a seed",
        "new task %",
        "updates",
        "s",
    ]
    notes = (
        f"{__doc__.split(chr(10) + chr(10))[1]} Before: {100 * before.mean():.1f} % of the 1,000 pictures. New task: "
        f"{options.classes} classes, {options.images} training pictures each, 112 pixels, {options.epochs} epochs, "
        f"batches of {BATCH}, crops and mirrors. Mean ± half width of the 95 % t-interval over {options.seeds} seeds. "
        f"Rates from {RATES}, {ALIKE}."
    )
    report.write("pretrained", "Pretrained on ImageNet, then Caltech-101", header, rows, notes, range(options.seeds))


if __name__ == "__main__":
    main()
