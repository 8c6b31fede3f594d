"""What Learning without Forgetting claims (Li and Hoiem 2016)."""

from functools import partial

from .claim import SIMILAR, Claim, Quantity, compared, constant, trained
from .measures import DROP, FIRST, NEW, OLD, SIZE, UPDATES, WHOLE, gap, new, old

claim = partial(compared, "lwf")


def fewer_images(place: str, sentence: str, statistic: str, of, other: str) -> Claim:
    """LwF's lead over another method with fewer images of the new tasks, against its lead with all of them."""
    methods = ("lwf", other)
    scarce = tuple(trained(method, "digits, fewer images", epochs=33) for method in methods)
    plenty = tuple(trained(method) for method in methods)
    lead = partial(gap, of=of)
    left = Quantity(f"lwf - {other} with 30 % of the images, as many updates", lead, scarce)
    return Claim("lwf", place, sentence, statistic, left, "above", Quantity("with all images", lead, plenty))


CLAIMS = (
    claim("section 4.1, Table 1a", "LwF keeps old tasks better than fine-tuning.", OLD, "lwf", "above", "finetune"),
    claim("section 4.1, Table 1a", "LwF learns new tasks better than fine-tuning.", NEW, "lwf", "above", "finetune"),
    claim(
        "section 4.1, Table 1a",
        "LwF learns new tasks better than a classifier on frozen features.",
        NEW,
        "lwf",
        "above",
        "feature_extraction",
    ),
    claim(
        "section 4.1, Table 1a",
        "LwF keeps the first task less well than frozen features do.",
        FIRST,
        "lwf",
        "below",
        "feature_extraction",
    ),
    claim("section 4.1", "Fine-tuning makes old tasks worse.", DROP, "finetune", "above", constant(0)),
    claim(
        "section 4.1",
        "Over old and new tasks together LwF is about as good as joint training.",
        WHOLE,
        "lwf",
        "equal",
        "joint",
        SIMILAR,
    ),
    claim("section 4.1", "LwF learns new tasks a little better than joint training.", NEW, "lwf", "above", "joint"),
    claim("section 4.1", "LwF keeps old tasks a little less well than joint training.", OLD, "lwf", "below", "joint"),
    claim(
        "section 3, efficiency; Figure 1",
        "LwF trains with less work than joint training, which goes through the old images again.",
        UPDATES,
        "lwf",
        "below",
        "joint",
    ),
    claim(
        "Figure 1, storage",
        "A fine-tuned copy of the network for every task has more parameters than LwF's one network.",
        SIZE,
        "duplicate",
        "above",
        "lwf",
    ),
    fewer_images(
        "section 4.1, Figure 5",
        "LwF's lead over fine-tuning on old tasks grows when new tasks have fewer images.",
        OLD.name,
        old,
        "finetune",
    ),
    fewer_images(
        "section 4.1, Figure 5",
        "LwF's lead over frozen features on new tasks grows when new tasks have fewer images.",
        NEW.name,
        new,
        "feature_extraction",
    ),
    claim(
        "section 4.2, Table 2a",
        "It brings nothing to give each task two layers of its own in place of one.",
        WHOLE,
        trained("lwf", task_specific_layers=2),
        "equal",
        "lwf",
        SIMILAR,
    ),
    claim(
        "section 4.2, Table 2b",
        "Network expansion alone learns new tasks less well than LwF.",
        NEW,
        "expansion",
        "below",
        "lwf",
    ),
    claim(
        "section 4.2, Table 2b",
        "Network expansion alone learns new tasks better than frozen features.",
        NEW,
        "expansion",
        "above",
        "feature_extraction",
    ),
    claim(
        "section 4.2, Table 2b",
        "Network expansion with LwF learns new tasks less well than LwF alone.",
        NEW,
        "expansion_lwf",
        "below",
        "lwf",
    ),
    claim(
        "section 4.2, Table 2b",
        "Holding the outputs keeps old tasks better than holding the weights.",
        OLD,
        "lwf",
        "above",
        "l2",
    ),
    claim(
        "section 4.2, Table 2b",
        "Holding the weights keeps old tasks better than fine-tuning.",
        OLD,
        "l2",
        "above",
        "finetune",
    ),
    claim(
        "section 4.2, Table 2b",
        "Holding the weights learns new tasks less well than fine-tuning.",
        NEW,
        "l2",
        "below",
        "finetune",
    ),
    claim(
        "section 4.2, Table 2c",
        "The L2 distance of responses keeps old tasks less well than knowledge distillation.",
        OLD,
        trained("lwf", loss="l2"),
        "below",
        "lwf",
    ),
    claim(
        "section 4.2, Table 2c",
        "The L1 distance of responses does about as well as knowledge distillation.",
        WHOLE,
        trained("lwf", loss="l1"),
        "equal",
        "lwf",
        SIMILAR,
    ),
    claim(
        "section 4.2, Table 2c",
        "Cross-entropy of responses, without a temperature, does about as well as knowledge distillation.",
        WHOLE,
        trained("lwf", loss="cross_entropy"),
        "equal",
        "lwf",
        SIMILAR,
    ),
    claim(
        "section 4.2, Table 2d",
        "Fine-tuning still makes old tasks worse when the shared weights learn at a tenth of the rate.",
        DROP,
        "finetune_slow",
        "above",
        constant(0),
    ),
    claim(
        "section 4.2, Table 2d",
        "A tenth of the rate for the shared weights makes fine-tuning worse on new tasks.",
        NEW,
        "finetune_slow",
        "below",
        "finetune",
    ),
)
