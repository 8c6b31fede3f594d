"""What the rows of Learning without Forgetting mean (Li and Hoiem 2016)."""

from collections.abc import Callable
from functools import partial

from .claim import Quantity, Trained, Vocabulary, trained
from .measures import STATISTICS, gap, new, old


def leads(of: Callable[..., float], other: str) -> list[Trained | Quantity]:
    """LwF's lead over another method: with fewer images of the new tasks but as many updates, and with all images."""
    methods = ("lwf", other)
    fewer = tuple(trained(method, "digits, fewer images", epochs=33) for method in methods)
    lead = partial(gap, of=of)
    return [
        Quantity(f"lwf - {other} with 30 % of the images, as many updates", lead, fewer),
        Quantity("with all images", lead, tuple(map(trained, methods))),
    ]


SIDES: dict[str, list[Trained | Quantity]] = {
    "old": [trained("lwf", loss="l2"), *leads(old, "finetune")],
    "new": leads(new, "feature_extraction"),
    "whole": [trained("lwf", task_specific_layers=2), *(trained("lwf", loss=loss) for loss in ("l1", "cross_entropy"))],
}
VOCABULARY = Vocabulary(STATISTICS, SIDES)
