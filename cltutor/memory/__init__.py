"""What is kept of old data, and the pool of images that a task is trained on."""

from .everything import Everything
from .pool import InterleavedPool, Pool, pool_of

__all__ = ["Everything", "InterleavedPool", "Pool", "pool_of"]
