"""Memories of earlier tasks' images, and the pool of images that a task is trained on."""

from .base import Memory
from .everything import Everything
from .exemplars import ExemplarMemory
from .pool import InterleavedPool, Pool, pool_of
from .selection import SELECTIONS, closest, herding, histogram, random, select

__all__ = [
    "SELECTIONS",
    "Everything",
    "ExemplarMemory",
    "InterleavedPool",
    "Memory",
    "Pool",
    "closest",
    "herding",
    "histogram",
    "pool_of",
    "random",
    "select",
]
