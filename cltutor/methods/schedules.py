"""Schedules by name: settings that every method takes, so that compared methods train alike."""

from ..networks import ResNet32

UNCLIPPED = 1e9  # a norm that no gradient reaches, for papers without clipping


def eeil_paper() -> dict:
    """EEIL, section 5: ResNet-32, 40 + 30 epochs, batches of 128, a rate of 0.1 (0.01 in balanced fine-tuning) that is
    divided by 10 every 10 epochs. The first task trains for all 70: at a rate of 0.00001 the last 30 change nothing."""
    return {
        "backbone": ResNet32(),
        "epochs": 70,
        "batch_size": 128,
        "learning_rate": 0.1,
        "drop_every": 10,
        "weight_decay": 0.0001,
        "momentum": 0.9,
        "clip": UNCLIPPED,
    }


def classroom() -> dict:
    """Seconds on two cores: a small network, and thirty epochs, as augmented images need on digits."""
    return {"epochs": 30, "batch_size": 32, "learning_rate": 0.02}


def dfcnn_paper() -> dict:
    """DF-CNN, section 4.2: 2,000 epochs per task in batches of 10. RMSProp at a rate of 0.0001, without weight decay or
    clipping, comes from the authors' program; its slow decay of the rate, to two thirds in a task, is left out."""
    return {"epochs": 2000, "batch_size": 10, "learning_rate": 0.0001, **dfcnn_optimiser()}


def dfcnn_optimiser() -> dict:
    """The optimiser of the DF-CNN authors for all networks, without rate and length."""
    return {"optimiser": "rmsprop", "momentum": 0.0, "weight_decay": 0.0, "clip": UNCLIPPED}
