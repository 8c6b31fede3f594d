"""What Memory Aware Synapses claims (Aljundi et al. 2018)."""

from functools import partial

from . import measures
from .claim import SIMILAR, Claim, Measure, Quantity, compared, constant, trained
from .measures import DROP, LAST, NEW, OLD, WHOLE, drop, first_class, largest, last, least

ADAPTED = trained("mas", classes=first_class)
IMM = (trained("imm_mean"), trained("imm_mode"))
RIVALS = ("lwf", "ebll", "imm_mean", "imm_mode", "ewc", "si")


claim = partial(compared, "mas")


def stored(place: str, sentence: str, statistic: str, left: Quantity, side: str, right: Quantity) -> Claim:
    return Claim("mas", place, sentence, statistic, left, side, right, trials=1, counted=True)


def megabytes(method: str) -> Quantity:
    return Quantity(method, partial(measures.megabytes, method=method))


def least_megabytes(stream) -> float:
    return min(measures.megabytes(stream, method) for method in RIVALS)


def growth(method: str) -> Quantity:
    return Quantity(method, partial(measures.growth, method=method))


def pruned(which: str) -> Quantity:
    """The loss by the "least", "random" or "most" important weights."""
    return Quantity(f"{which} weights of mas", partial(measures.lost, which=which), (trained("mas"),))


LOST = Measure("accuracy lost with 30 % of the shared weights, points", measures.lost)
ADAPTATION = Measure("drop of the first class, and of its whole task, points", measures.drop_of_first_task)
BYTES, GROWN = "stored for the last task, MB", "importance and anchors stored for the last task beyond the second, MB"

CLAIMS = (
    claim("section 5.1, Table 1", "MAS forgets less than fine-tuning.", DROP, "mas", "below", "finetune"),
    claim("section 5.1, Table 1 and Figure 5b", "MAS forgets less than LwF.", DROP, "mas", "below", "lwf"),
    claim(
        "section 5.1, Table 1 and Figure 5b",
        "MAS forgets less than IMM, whichever of its two merges does better.",
        DROP,
        "mas",
        "below",
        Quantity("the better of imm_mean and imm_mode", partial(least, of=drop), IMM),
    ),
    claim("section 5.1, Table 1 and Figure 5b", "MAS forgets less than SI.", DROP, "mas", "below", "si"),
    claim(
        "section 5.1, Table 1",
        "Even the worst of LwF, IMM, SI and MAS forgets less than fine-tuning.",
        DROP,
        Quantity(
            "the worst of lwf, imm_mean, imm_mode, si, mas",
            partial(largest, of=drop),
            (trained("lwf"), *IMM, trained("si"), trained("mas")),
        ),
        "below",
        "finetune",
    ),
    claim(
        "section 5.1, Table 1",
        "MAS learns new tasks almost as well as fine-tuning: within three points.",
        NEW,
        "mas",
        "equal",
        "finetune",
        3.0,
    ),
    claim("section 5.1, longer sequence", "Over all tasks MAS ends above SI.", WHOLE, "mas", "above", "si"),
    claim(
        "section 5.1, longer sequence",
        "Merging at the end costs IMM accuracy on the last task, whichever merge does better.",
        LAST,
        Quantity("the better of imm_mean and imm_mode", partial(largest, of=last), IMM),
        "below",
        "mas",
    ),
    claim(
        "section 5.1, longer sequence",
        "Nothing is as good on the last task as fine-tuning.",
        LAST,
        Quantity(
            "the best of lwf, imm_mean, imm_mode, si, mas",
            partial(largest, of=last),
            (trained("lwf"), *IMM, trained("si"), trained("mas")),
        ),
        "below",
        "finetune",
    ),
    claim(
        "section 5.1, longer sequence",
        "With a lambda of 1, never tuned, MAS forgets next to nothing.",
        DROP,
        "mas",
        "equal",
        constant(0),
        SIMILAR,
    ),
    claim(
        "section 5.1, Table 2",
        "Importance found layer by layer does about as well as that of the whole function.",
        WHOLE,
        "mas_local",
        "equal",
        "mas",
        SIMILAR,
    ),
    claim(
        "section 5.1, Table 2",
        "Importance found layer by layer forgets more than that of the whole function.",
        DROP,
        "mas_local",
        "above",
        "mas",
    ),
    claim(
        "section 5.1, Table 2",
        "Importance needs no labels: found on test images it keeps old tasks as well.",
        OLD,
        trained("mas", on="test"),
        "equal",
        "mas",
        SIMILAR,
    ),
    claim(
        "section 5.1, Table 2",
        "Layer by layer too, importance found on test images keeps old tasks as well.",
        OLD,
        trained("mas_local", on="test"),
        "equal",
        "mas_local",
        SIMILAR,
    ),
    claim(
        "section 5.1, l2 vs. vector output",
        "One gradient of the output's squared norm forgets no more than a gradient for every output.",
        DROP,
        trained("mas", output="vector"),
        "equal",
        "mas",
        SIMILAR,
    ),
    claim(
        "section 4.1",
        "Weights of little importance can change with less harm than random ones.",
        LOST,
        pruned("least"),
        "below",
        pruned("random"),
    ),
    claim(
        "section 4.1",
        "Important weights must not change: to lose them costs more than to lose random ones.",
        LOST,
        pruned("most"),
        "above",
        pruned("random"),
    ),
    claim(
        "section 5.1, adaptation test",
        "MAS that has met one class alone keeps this class better than the rest of its task.",
        ADAPTATION,
        Quantity("mas on one class: that class", measures.drop_of_first_class, (ADAPTED,)),
        "below",
        ADAPTATION.on(ADAPTED, "its whole task"),
    ),
    claim(
        "section 5.1, adaptation test",
        "MAS that has met one class alone learns later tasks better than MAS that has met all.",
        NEW,
        NEW.on(ADAPTED, "mas on one class"),
        "above",
        "mas",
    ),
    stored(
        "Figures 2 and 6",
        "What MAS stores does not grow with the number of tasks.",
        GROWN,
        growth("mas"),
        "equal",
        constant(0),
    ),
    stored("Figures 2 and 6", "What EWC stores grows with every task.", GROWN, growth("ewc"), "above", constant(0)),
    stored(
        "section 5.1, Figure 6",
        "After fine-tuning, MAS needs the least memory of all.",
        BYTES,
        megabytes("mas"),
        "below",
        Quantity(f"the least of {', '.join(RIVALS)}", least_megabytes),
    ),
)
