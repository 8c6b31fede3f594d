"""What matters: one number per parameter."""

from .base import Importance, Uniform, flat, running_mean
from .damage import by_name, damage, damages, layer_names, shared_weights
from .fisher import Fisher, OnlineFisher, fisher
from .mas import MAS, LocalMAS, mas, mas_local
from .path_integral import PathIntegral, path_integral

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
    "layer_names",
    "mas",
    "mas_local",
    "path_integral",
    "running_mean",
    "shared_weights",
]
