"""How many images a second `streams.scenes` draws, by image size and number of threads.

Usage: python benchmarks/scenes_speed.py
"""

import time

import torch

import cltutor as cl


def main() -> None:
    cl.streams.scenes(per_class=(2, 1))  # the shapes' tables are made once
    print(f"{'size':>6} {'threads':>8} {'images':>8} {'seconds':>8} {'images/s':>9}   (best of 3)")
    for size, count in ((32, 250), (64, 75), (128, 20)):
        for threads in (1, 2):
            torch.set_num_threads(threads)
            seconds = min(_seconds(size, count) for _ in range(3))
            images = 20 * (count + count // 5)
            print(f"{size:>6} {threads:>8} {images:>8,} {seconds:>8.2f} {images / seconds:>9,.0f}")


def _seconds(size: int, count: int) -> float:
    start = time.perf_counter()
    cl.streams.scenes(size=size, per_class=(count, count // 5))
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
