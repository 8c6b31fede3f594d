"""What matters: one number per parameter."""

from .base import Importance, flat, running_mean
from .damage import by_name, damage, damages, shared_weights
from .fisher import Fisher, OnlineFisher, fisher
from .local import LocalMAS, mas_local
from .mas import MAS, mas
from .path_integral import PathIntegral, path_integral
from .uniform import Uniform

__all__ = [
    "MAS",
    "Fisher",
    "Importance",
    "LocalMAS",
    "OnlineFisher",
    "PathIntegral",
    "Uniform",
    "by_name",
    "damage",
    "damages",
    "fisher",
    "flat",
    "mas",
    "mas_local",
    "path_integral",
    "running_mean",
    "shared_weights",
]
