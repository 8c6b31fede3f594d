"""Random numbers by name: every draw of a run comes from (seed, what for, task, epoch, ...).

So no random state needs saving, and the global one is not disturbed.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seed_of(key: tuple[int | str, ...]) -> int:
    """A 63-bit seed for ``key``, the same on every machine and in every process."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(*key: int | str) -> torch.Generator:
    """A CPU generator of its own for ``key``."""
    return torch.Generator().manual_seed(seed_of(key))


_ONE_AT_A_TIME = threading.RLock()  # PyTorch's global generators are shared by all threads


@contextmanager
def seeded(key: tuple[int | str, ...]) -> Iterator[None]:
    """Inside the block PyTorch's global generators are seeded with ``key``; outside they are as they were."""
    with _ONE_AT_A_TIME, torch.random.fork_rng():
        torch.manual_seed(seed_of(key))
        yield
