"""What the Deconvolutional Factorized CNN claims (Lee et al. 2019)."""

from functools import partial

from .claim import SIMILAR, Claim, Measure, Quantity, compared, constant
from .measures import BETTER, DROP, EPOCHS, KEPT, KEPT_OF_FIRST, PEAK, cifar_sizes, epochs

PARAMETERS = "parameters for ten tasks of CIFAR-100, millions"
RIVALS = ("single_task", "hard_sharing", "progressive")  # with the same convolutions; DEN's size follows its learning


claim = partial(compared, "dfcnn")


def counted(place: str, sentence: str, left: Quantity, side: str, right: Quantity, margin: float = 0.0) -> Claim:
    return Claim("dfcnn", place, sentence, PARAMETERS, left, side, right, margin, trials=1, counted=True)


def total(stream, method: str) -> float:
    return cifar_sizes(method)[-1] / 1e6


def largest_total(stream) -> float:
    return max(total(stream, method) for method in RIVALS)


def added(stream, method: str, task: int) -> float:
    """What the task number ``task``, from 1, adds to the network."""
    sizes = cifar_sizes(method)
    return (sizes[task - 1] - sizes[task - 2]) / 1e6


def size_of(method: str) -> Quantity:
    return Quantity(method, partial(total, method=method))


def added_by(method: str, task: int, label: str) -> Quantity:
    return Quantity(label, partial(added, method=method, task=task))


def twice_the_epochs(stream, run) -> float:
    return 2 * epochs(stream, run)


TWICE = Measure(EPOCHS.name, twice_the_epochs).on("dfcnn", "twice those of dfcnn")

CLAIMS = (
    claim("section 4.3, Figure 3a", "DF-CNN peaks above single-task learning.", PEAK, "dfcnn", "above", "single_task"),
    claim(
        "section 4.3, Figure 4",
        "DF-CNN peaks above single-task learning with a larger network.",
        PEAK,
        "dfcnn",
        "above",
        "single_task_large",
    ),
    claim("section 4.3, Figure 3a", "DF-CNN peaks above hard sharing.", PEAK, "dfcnn", "above", "hard_sharing"),
    claim("section 4.3, Figure 3a", "DF-CNN peaks above progressive networks.", PEAK, "dfcnn", "above", "progressive"),
    claim(
        "section 4.3", "Hard sharing peaks below single-task learning.", PEAK, "hard_sharing", "below", "single_task"
    ),
    claim(
        "section 4.3",
        "Dynamically expandable networks peak below single-task learning.",
        PEAK,
        "expandable",
        "below",
        "single_task",
    ),
    claim(
        "section 4.3",
        "Progressive networks gain next to nothing over single-task learning.",
        PEAK,
        "progressive",
        "equal",
        "single_task",
        SIMILAR,
    ),
    claim("section 4.3, Figure 3b", "DF-CNN keeps more than hard sharing.", KEPT, "dfcnn", "above", "hard_sharing"),
    claim(
        "section 4.3, Figure 3b",
        "DF-CNN keeps more than a dynamically expandable network.",
        KEPT,
        "dfcnn",
        "above",
        "expandable",
    ),
    claim("section 4.3, Figure 4a", "Hard sharing forgets.", DROP, "hard_sharing", "above", constant(0)),
    claim("section 4.3", "Dynamically expandable networks forget.", DROP, "expandable", "above", constant(0)),
    claim(
        "section 4.3",
        "Progressive networks forget nothing at all, by design.",
        DROP,
        "progressive",
        "equal",
        constant(0),
    ),
    claim(
        "section 4.3, Figure 3c",
        "DF-CNN converges more than twice as fast as single-task learning.",
        EPOCHS,
        TWICE,
        "below",
        "single_task",
    ),
    claim(
        "section 4.3, Figure 3c",
        "DF-CNN converges more than twice as fast as progressive networks.",
        EPOCHS,
        TWICE,
        "below",
        "progressive",
    ),
    claim(
        "section 4.3, Figure 3c",
        "DF-CNN converges in fewer epochs than hard sharing.",
        EPOCHS,
        "dfcnn",
        "below",
        "hard_sharing",
    ),
    claim(
        "section 4.3",
        "Hard sharing converges no faster than single-task learning.",
        EPOCHS,
        "hard_sharing",
        "above",
        "single_task",
    ),
    claim(
        "section 4.3, Figure 4c",
        "Later tasks improve earlier ones: some are better at the end than right after they were learned.",
        BETTER,
        "dfcnn",
        "above",
        constant(0),
    ),
    claim(
        "section 4.3",
        "The reduced DF-CNN peaks above single-task learning too.",
        PEAK,
        "dfcnn_small",
        "above",
        "single_task",
    ),
    claim(
        "section 4.3",
        "The reduced DF-CNN, with less shared knowledge, loses more of the first task.",
        KEPT_OF_FIRST,
        "dfcnn_small",
        "below",
        "dfcnn",
    ),
    claim(
        "section 4.3", "The reduced DF-CNN keeps more than hard sharing.", KEPT, "dfcnn_small", "above", "hard_sharing"
    ),
    counted(
        "section 4.2",
        "DF-CNN has 7.96 million parameters for ten tasks.",
        size_of("dfcnn"),
        "equal",
        constant(7.96),
        0.005,
    ),
    counted(
        "section 4.2",
        "Single-task learning has 3.28 million.",
        size_of("single_task"),
        "equal",
        constant(3.28),
        0.005,
    ),
    counted(
        "section 5",
        "DF-CNN trains more parameters than the others that start from the same network.",
        size_of("dfcnn"),
        "above",
        Quantity(f"the most of {', '.join(RIVALS)}", largest_total),
    ),
    counted(
        "section 3",
        "DF-CNN grows in proportion to the number of tasks.",
        added_by("dfcnn", 10, "what the tenth task adds to dfcnn"),
        "equal",
        added_by("dfcnn", 2, "what the second adds"),
    ),
    counted(
        "section 3",
        "Progressive networks grow faster than that: each task adds more than the one before.",
        added_by("progressive", 10, "what the tenth task adds to progressive"),
        "above",
        added_by("progressive", 2, "what the second adds"),
    ),
)
