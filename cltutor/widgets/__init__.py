"""Interactive widgets: controls around the pictures of `show` and the events of `train`.

ipywidgets is imported with the first widget that is used.
"""

from ..lazy import lazy

__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "AttentionDrift": "attention_drift",
        "Balance": "balance",
        "FilterReconstruction": "filter_reconstruction",
        "HerdingExplorer": "herding_explorer",
        "ImportanceExplorer": "importance_explorer",
        "LastLayer": "last_layer",
        "MethodToggle": "method_toggle",
        "PackedMasks": "packed_masks",
        "Playground": "playground",
        "Reservoir": "reservoir_filling",
        "ReverseTransfer": "reverse_transfer",
        "Stage": "stage",
        "Temperature": "temperature",
        "WhatNotToForget": "what_not_to_forget",
        "errors": "stage",
    },
)
