"""Figures: plain functions that turn a run, several runs or arrays into a `Picture`.

matplotlib is imported when the first function is used.
"""

from ..lazy import lazy

__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "Picture": "picture",
        "ablation": "balance",
        "accuracy_by_share": "fewer_images",
        "accuracy_matrix": "matrix",
        "accuracy_over_parameters": "parameters",
        "accuracy_over_time": "curves",
        "adaptation": "class_groups",
        "agreement": "scatter",
        "attention_drift": "attention",
        "attention_maps": "attention",
        "confusions": "balance",
        "convergence": "learning_speed",
        "damage": "damaged_weights",
        "evictions": "herding",
        "exemplars": "herding",
        "filter_changes": "transfer",
        "forgetting": "bars",
        "gallery": "regimes",
        "growth": "parameters",
        "importance": "heatmaps",
        "knowledge": "filters",
        "knowledge_shares": "filters",
        "last_layer": "balance",
        "loss_parts": "loss_terms",
        "old_and_new": "tradeoff",
        "reverse_transfer": "transfer",
        "selection": "herding",
        "source": "listing",
        "storage": "stored_bytes",
        "table": "rows",
        "tasks": "samples",
        "temperature": "probabilities",
        "transfer_table": "transfer",
        "wall": "tiles",
    },
)
