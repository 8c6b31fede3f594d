"""What End-to-End Incremental Learning claims (Castro et al. 2018).

All methods train for the thirty epochs of `schedules.classroom`, three times the gallery's: augmented images need them.
"""

from functools import partial

from ...memory import ExemplarMemory
from ...methods import schedules
from .claim import SIMILAR, Claim, Measure, Quantity, Trained, compared, trained
from .measures import gap, incremental, whole

EPOCHS = schedules.classroom()["epochs"]
CAPACITY, FEW, MANY = 100, 10, 20  # images kept in all, as in the gallery; kept of each class, where that is fixed

INCREMENTAL = Measure(f"average incremental accuracy, {EPOCHS} epochs, %", incremental)
AT_END = Measure(f"accuracy on all tasks at the end, {EPOCHS} epochs, %", whole)


def across(method: str, stream: str = "digits", **changed: object) -> Trained:
    """A method whose classes compete, those of all tasks."""
    return trained(method, stream, "class", epochs=EPOCHS, **changed)


def claim(
    place: str, sentence: str, left, side: str, right, measure: Measure = INCREMENTAL, margin: float = 0
) -> Claim:
    """A claim on two methods by name, or on two runs with their labels."""
    left, right = (measure.on(*s) if isinstance(s, tuple) else measure.on(across(s), s) for s in (left, right))
    return compared("eeil", place, sentence, measure, left, side, right, margin)


def chosen_by(selection: str) -> tuple[Trained, str]:
    """EEIL with another choice of what to keep, and its name; herding is the gallery's."""
    if selection == "herding":
        return across("eeil"), "eeil by herding"
    return across("eeil", memory=ExemplarMemory(CAPACITY, selection=selection)), f"eeil by {selection}"


def keeping(count: int) -> tuple[Trained, str]:
    memory = ExemplarMemory(capacity=None, per_class=count)
    return across("eeil", memory=memory), f"eeil with {count} images a class"


def five_a_step(method: str) -> tuple[Trained, str]:
    return across(method, "digits in two tasks"), f"{method}, 5 classes a step"


def two_a_step(method: str) -> tuple[Trained, str]:
    return across(method), f"{method}, 2 a step"


def lead_over_icarl(label: str, step) -> Quantity:
    return Quantity(label, partial(gap, of=incremental), tuple(step(method)[0] for method in ("eeil", "icarl")))


CLAIMS = (
    claim("section 6.1, Table 1a", "EEIL is more accurate than iCaRL.", "eeil", "above", "icarl"),
    claim(
        "section 6.1, Table 1a",
        "iCaRL, which answers by nearest means, is more accurate than hybrid1, which answers by its outputs.",
        "icarl",
        "above",
        "hybrid1",
    ),
    claim("section 6.1, Table 1a", "hybrid1 is more accurate than LwF-MC.", "hybrid1", "above", "lwf_mc"),
    claim(
        "section 6.1, Table 1a",
        "The memory matters: EEIL is more accurate than LwF-MC, which keeps no image.",
        "eeil",
        "above",
        "lwf_mc",
    ),
    claim(
        "section 6.1, Figure 3",
        "EEIL stays below training with all images of all classes.",
        "eeil",
        "below",
        "joint",
        AT_END,
    ),
    claim("section 6.3, Table 2b", "Augmentation alone improves on the base.", "eeil_da", "above", "eeil_base"),
    claim("section 6.3, Table 2b", "Balanced fine-tuning alone improves on the base.", "eeil_bf", "above", "eeil_base"),
    claim(
        "section 6.3, Table 2b",
        "Balanced fine-tuning improves on augmentation alone.",
        "eeil",
        "above",
        "eeil_da",
    ),
    claim(
        "section 6.3, Table 2b",
        "Augmentation improves on balanced fine-tuning alone.",
        "eeil",
        "above",
        "eeil_bf",
    ),
    claim(
        "section 6.3",
        "A memory chosen by herding is about as good as a random one.",
        chosen_by("herding"),
        "equal",
        chosen_by("random"),
        margin=SIMILAR,
    ),
    claim(
        "section 6.3",
        "A memory chosen by herding is better than one chosen by a histogram of distances.",
        chosen_by("herding"),
        "above",
        chosen_by("histogram"),
    ),
    claim(
        "section 6.3",
        "A random memory is better than one chosen by a histogram of distances.",
        chosen_by("random"),
        "above",
        chosen_by("histogram"),
    ),
    claim(
        "section 6.2, Table 2a",
        "The more images are kept of a class, the better.",
        keeping(MANY),
        "above",
        keeping(FEW),
    ),
    claim(
        "section 6.1, Table 1a",
        "EEIL does not mind how many classes come at a time.",
        five_a_step("eeil"),
        "equal",
        two_a_step("eeil"),
        margin=SIMILAR,
    ),
    claim(
        "section 6.1, Table 1a",
        "LwF-MC is better when more classes come at a time.",
        five_a_step("lwf_mc"),
        "above",
        two_a_step("lwf_mc"),
    ),
    claim(
        "section 6.1, Table 1a",
        "iCaRL is better when more classes come at a time.",
        five_a_step("icarl"),
        "above",
        two_a_step("icarl"),
    ),
    Claim(
        "eeil",
        "section 6.1, Figure 3",
        "iCaRL comes closer to EEIL when more classes come at a time.",
        f"lead in average incremental accuracy, {EPOCHS} epochs, points",
        lead_over_icarl("eeil - icarl, 5 classes a step", five_a_step),
        "below",
        lead_over_icarl("2 a step", two_a_step),
    ),
)
