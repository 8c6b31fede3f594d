"""What the rows of Memory Aware Synapses mean (Aljundi et al. 2018)."""

from functools import partial

from ...streams import Stream
from . import measures
from .claim import Measure, Quantity, Trained, Vocabulary, trained
from .measures import drop, first_class, largest, last, least

ADAPTED = trained("mas", classes=first_class)
IMM = (trained("imm_mean"), trained("imm_mode"))
OTHERS = (trained("lwf"), *IMM, trained("si"), trained("mas"))
RIVALS = ("lwf", "ebll", "imm_mean", "imm_mode", "ewc", "si")


def least_megabytes(stream: Stream) -> float:
    return min(measures.megabytes(stream, method) for method in RIVALS)


def pruned(which: str) -> Quantity:
    """The accuracy lost without the "least", "random" or "most" important weights."""
    return Quantity(f"{which} weights of mas", partial(measures.lost, which=which), (trained("mas"),))


STATISTICS = measures.STATISTICS | {
    "lost": Measure("accuracy lost with 30 % of the shared weights, points", measures.lost),
    "adaptation": Measure("drop of the first class, and of its whole task, points", measures.drop_of_first_task),
    "megabytes": Measure("stored for the last task, MB", measures.megabytes, counted=True),
    "growth": Measure(
        "importance and anchors stored for the last task beyond the second, MB", measures.growth, counted=True
    ),
}
SIDES: dict[str, list[Trained | Quantity]] = {
    "drop": [
        Quantity("the better of imm_mean and imm_mode", partial(least, of=drop), IMM),
        Quantity("the worst of lwf, imm_mean, imm_mode, si, mas", partial(largest, of=drop), OTHERS),
        trained("mas", output="vector"),
    ],
    "last": [
        Quantity("the better of imm_mean and imm_mode", partial(largest, of=last), IMM),
        Quantity("the best of lwf, imm_mean, imm_mode, si, mas", partial(largest, of=last), OTHERS),
    ],
    "old": [trained("mas", on="test"), trained("mas_local", on="test")],
    "lost": [pruned("least"), pruned("random"), pruned("most")],
    "adaptation": [
        Quantity("mas on one class: that class", measures.drop_of_first_class, (ADAPTED,)),
        Quantity("its whole task", measures.drop_of_first_task, (ADAPTED,)),
    ],
    "new": [Quantity("mas on one class", measures.new, (ADAPTED,))],
    "megabytes": [Quantity(f"the least of {', '.join(RIVALS)}", least_megabytes)],
}
VOCABULARY = Vocabulary(STATISTICS, SIDES)
