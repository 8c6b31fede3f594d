"""Figures: plain functions that turn a run, several runs or arrays into a `Picture`.

matplotlib is imported when the first function is used.
"""

from ..lazy import lazy

NAMES = {
    "attention": "attention_drift attention_maps",
    "balance": "ablation confusions last_layer rescaling",
    "costs": "accuracy_over_parameters growth storage",
    "filling": "masks reservoir",
    "filters": "knowledge knowledge_shares",
    "herding": "evictions exemplars selection",
    "importances": "agreement importance",
    "listing": "source",
    "over_time": "accuracy_over_time convergence loss_parts",
    "panels": "accuracy_by_share adaptation damage",
    "picture": "Picture",
    "probabilities": "temperature",
    "results": "accuracy_matrix forgetting gallery old_and_new",
    "rows": "table",
    "tiles": "tasks wall",
    "transfer": "filter_changes reverse_transfer transfer_table",
}
MODULES = {name: module for module, names in NAMES.items() for name in names.split()}
__all__, __getattr__, __dir__ = lazy(__name__, MODULES)
