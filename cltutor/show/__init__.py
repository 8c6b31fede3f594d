"""What is seen: plain functions that turn a run (or runs, or pictures) into a `Picture`.

matplotlib is imported with the first function that is asked for.
"""

from ..lazy import lazy

__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "Picture": "picture",
        "ablation": "balance",
        "accuracy_by_share": "share",
        "accuracy_matrix": "matrix",
        "accuracy_over_parameters": "growing",
        "accuracy_over_time": "curves",
        "adaptation": "groups",
        "agreement": "scatter",
        "attention_drift": "attention",
        "attention_maps": "attention",
        "confusions": "balance",
        "damage": "shares",
        "evictions": "herding",
        "exemplars": "herding",
        "filter_changes": "transfer",
        "forgetting": "bars",
        "gallery": "gallery",
        "growth": "growing",
        "importance": "heatmaps",
        "knowledge": "filters",
        "knowledge_shares": "filters",
        "last_layer": "balance",
        "loss_parts": "parts",
        "reverse_transfer": "transfer",
        "selection": "herding",
        "source": "listing",
        "storage": "sizes",
        "table": "rows",
        "tasks": "samples",
        "temperature": "probabilities",
        "transfer_table": "transfer",
    },
)
