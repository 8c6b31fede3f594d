"""What Learning without Memorizing claims (Dhar et al. 2019), on scenes, which have objects to attend to."""

from . import measures
from .claim import SIMILAR, Claim, Measure, Quantity, Trained, compared, constant, trained
from .measures import DRIFT, INCREMENTAL, OLD


def on_scenes(method: str) -> Trained:
    return trained(method, "scenes", "class")


def claim(place: str, sentence: str, measure: Measure, left, side: str, right, margin: float = 0.0) -> Claim:
    """A claim on one statistic of two methods on scenes, or of one method and a number."""
    left, right = (on_scenes(s) if isinstance(s, str) else s for s in (left, right))
    return compared("lwm", place, sentence, measure, left, side, right, margin)


def lead(stream, lwm, lwf_mc, after: int) -> float:
    """LwM's lead over LwF-MC in accuracy over all classes seen after a task."""
    return measures.step(lwm, after) - measures.step(lwf_mc, after)


def lead_at_end(stream, lwm, lwf_mc) -> float:
    return lead(stream, lwm, lwf_mc, -1)


def lead_at_first(stream, lwm, lwf_mc) -> float:
    return lead(stream, lwm, lwf_mc, 1)


BOTH = (on_scenes("lwm"), on_scenes("lwf_mc"))

CLAIMS = (
    claim("section 6, Figure 5", "LwM is more accurate than LwF-MC.", INCREMENTAL, "lwm", "above", "lwf_mc"),
    claim("section 6, Table 4", "LwM is more accurate than fine-tuning.", INCREMENTAL, "lwm", "above", "finetune"),
    claim(
        "section 6, Figure 5", "LwF-MC is more accurate than fine-tuning.", INCREMENTAL, "lwf_mc", "above", "finetune"
    ),
    claim(
        "section 6, Table 5",
        "Attention alone, with the answers not held, is less accurate than LwM.",
        INCREMENTAL,
        "lwm_attention_only",
        "below",
        "lwm",
    ),
    claim(
        "section 6, Figure 5",
        "LwM, which keeps no image, is more accurate than iCaRL, which does.",
        INCREMENTAL,
        "lwm",
        "above",
        "icarl",
    ),
    Claim(
        "lwm",
        "section 6, Figure 5",
        "LwM's lead over LwF-MC grows with the number of classes.",
        "accuracy on all classes seen, points",
        Quantity("lwm - lwf_mc after the last task", lead_at_end, BOTH),
        "above",
        Quantity("after the second", lead_at_first, BOTH),
    ),
    claim("section 6, Figure 4", "LwM looks where it first looked, more than LwF-MC.", DRIFT, "lwm", "below", "lwf_mc"),
    claim(
        "section 6, Figure 4",
        "LwF-MC looks where it first looked, more than fine-tuning.",
        DRIFT,
        "lwf_mc",
        "below",
        "finetune",
    ),
    claim(
        "section 1",
        "Trained on the new classes alone, a network forgets the old ones completely.",
        OLD,
        "finetune",
        "equal",
        constant(0),
        SIMILAR,
    ),
    Claim(
        "lwm",
        "section 2",
        "It is easier to be asked within a known task than across all classes.",
        "accuracy on all tasks at the end, %",
        Quantity("lwm, task known", measures.known, BOTH[:1]),
        "above",
        Quantity("task unknown", measures.whole, BOTH[:1]),
    ),
)
