"""Schedules by name: settings that every method takes, so that compared methods train alike."""

from typing import Annotated, Any

from ..checked import checked
from ..describe import Choice, rule
from ..networks import OfficeHomeCNN, ResNet32, ResNet34, TaskCNN, Torchvision
from ..streams import CropFlip, PhotometricCropFlip

Data = Annotated[str, Choice(("cifar100", "office_home"))]
UNCLIPPED = 1e9  # a norm that no gradient reaches, for papers without clipping
TWELVE = {"augmentation": PhotometricCropFlip(once=True)}
MIRRORED_MEANS = {"predict": "nearest_mean_mirrored"}
# What EEIL's section 6 trains, each by its own program.
EEIL_OWN: dict[str, dict[str, Any]] = {"eeil": TWELVE, "eeil_da": TWELVE, "eeil_bf": {}, "eeil_base": {}}
ICARL_OWN: dict[str, dict[str, Any]] = {"icarl": MIRRORED_MEANS, "hybrid1": {}, "lwf_mc": {}}


@checked(method=Choice((*EEIL_OWN, *ICARL_OWN)))
def eeil_paper(method: str = "eeil") -> dict[str, Any]:
    """The settings of one method in EEIL's experiments on CIFAR-100: "eeil", its ablations "eeil_base", "eeil_da" and
    "eeil_bf", or "icarl", "hybrid1" and "lwf_mc", which EEIL ran with iCaRL's program (EEIL, section 5).

    EEIL and its ablations (EEIL, sections 5 and 6): ResNet-32, 40 + 30 epochs, batches of 128, a rate of 0.1 (0.01 in
    balanced fine-tuning) that is divided by 10 every 10 epochs, momentum, weight decay; with augmentation all twelve
    images of each are made, so that an epoch has twelve times the updates (``PhotometricCropFlip()`` draws one of the
    twelve instead). The first task trains for all 70 epochs: at a rate of 0.00001 the last 30 change nothing.

    iCaRL's program: 70 epochs, the rate divided by 5 after 49 and 63, padded crops and mirrors, and for iCaRL itself
    means of the exemplars and their mirrors. Its loss is a mean over 100 outputs and adds 1e-5 ||w||^2; ours is the
    sum over classes, 100 times as large. Its steps of 2.0 times the gradient are thus steps of 0.02 here, and its pull
    to zero of 2.0 * 2e-5 a step is a weight decay of 0.002. (There, biases and batch norm do not decay.)

    Raises:
        ValueError: a method that EEIL did not run so.
    """
    if method in EEIL_OWN:
        own = {"learning_rate": 0.1, "drop_every": 10, "weight_decay": 0.0001, **EEIL_OWN[method]}
    else:
        rate = {"learning_rate": 0.02, "drop_at": (49, 63), "drop_by": 5.0, "weight_decay": 0.002}
        own = {**rate, "augmentation": CropFlip(), **ICARL_OWN[method]}
    return {"backbone": ResNet32(), "epochs": 70, "batch_size": 128, **own, "momentum": 0.9, "clip": UNCLIPPED}


@checked(weights=rule(Torchvision, "weights"))
def lwf_paper(weights: str | None = None) -> dict[str, Any]:
    """LwF from ImageNet to CUB, for pictures of 227 pixels and a stream with validation images: AlexNet with the
    ``weights`` of a local file, momentum, weight decay, and a rate that drops once on a plateau (LwF, section 3).

    The authors' program has batches of 192, a rate of 0.0008 and 72 + 72 epochs for this pair; the paper says "0.1 to
    0.02 times the original rate" (0.01). Ours: five epochs make a plateau; a fifth of the epochs warms up; crops reach
    14 pixels into a black border instead of a picture of 256 pixels, and colours are not varied.
    """
    return {
        "backbone": Torchvision("alexnet", weights),
        "epochs": 144,
        "batch_size": 192,
        "learning_rate": 0.0008,
        "patience": 5,
        "weight_decay": 0.0005,
        "momentum": 0.9,
        "augmentation": CropFlip(padding=14),
        "clip": UNCLIPPED,
    }


def lwm_paper() -> dict[str, Any]:
    """LwM on iCIFAR-100 (sections 5.3 and 5.4): ResNet-34, 10 epochs for the base classes and for every step, a rate of
    0.01. On larger pictures the paper has ResNet-18: ``backbone=Torchvision("resnet18")``.

    Data are prepared as in iCaRL's program, which the paper follows (section 5.2): batches of 128, padded crops,
    mirrors. Ours, as neither tells: momentum 0.9, weight decay 0.0005, and beta = gamma = 1.
    """
    return {
        "backbone": ResNet34(),
        "epochs": 10,
        "batch_size": 128,
        "learning_rate": 0.01,
        "weight_decay": 0.0005,
        "momentum": 0.9,
        "augmentation": CropFlip(),
        "clip": UNCLIPPED,
    }


def classroom() -> dict:
    """Seconds on two cores: a small network, and thirty epochs, as augmented images need on digits."""
    return {"epochs": 30, "batch_size": 32, "learning_rate": 0.02}


def online() -> dict:
    """Online learning: one pass over every task, in batches of 10 as the images arrive (Chaudhry et al. 2019, "On Tiny
    Episodic Memories in Continual Learning"). Methods that replay draw from their memory at every step; the others have
    no more than this one pass."""
    return {"epochs": 1, "batch_size": 10}


def dfcnn_paper() -> dict:
    """DF-CNN, section 4.2: 2,000 epochs per task in batches of 10. RMSProp at a rate of 0.0001, without weight decay or
    clipping, comes from the authors' program; ours: no decay of the rate, PyTorch's form of RMSProp and the
    initialisation and normalisation of all methods here. ``dfcnn_authors()`` follows that program in these too."""
    return {"epochs": 2000, "batch_size": 10, "learning_rate": 0.0001, **dfcnn_optimiser()}


@checked
def dfcnn_authors(data: Data = "cifar100") -> dict[str, Any]:
    """All networks in the DF-CNN authors' program on "cifar100" or "office_home" (epochs: section 4.2; all else:
    Lifelong-ML/DF-CNN, main_train_cl.py, utils/utils_env_cl.py and utils/utils.py): the task's CNN with its
    initialisation, and TensorFlow's RMSProp at a rate that is lowered by an epoch counter through all tasks.

    Images are normalised one by one; ours: their program puts each of a task's three sets through this standardisation
    as a whole on CIFAR-100, and none on Office-Home. Their loss is a sum over the batch, which a schedule cannot say:
    ``cl.methods.dfcnn_authors()``, ``single_task_authors()``, ... have it.

    Raises:
        ValueError: other data.
    """
    if data == "cifar100":
        backbone: Any = TaskCNN(initialisation="truncated_normal", normalise="image")
        own = {"epochs": 2000, "batch_size": 10, "learning_rate": 1e-4, "rate_decay": 1 / 4000}
    else:
        backbone = OfficeHomeCNN(initialisation="truncated_normal", normalise="image")
        own = {"epochs": 1000, "batch_size": 16, "learning_rate": 5e-6, "rate_decay": 1 / 1000}
    return {"backbone": backbone, **own, **dfcnn_optimiser(), "optimiser": "rmsprop_tf1"}


def dfcnn_optimiser() -> dict:
    """The optimiser of the DF-CNN authors for all networks, without rate and length."""
    return {"optimiser": "rmsprop", "momentum": 0.0, "weight_decay": 0.0, "clip": UNCLIPPED}
