"""What the methods after the five papers cannot do is refused in one sentence, before any time is spent on training."""

import pytest
import torch
from running import first_known

import cltutor as cl
from cltutor.memory import ExemplarMemory
from cltutor.methods import ClassMeans, Corrected, GradientMemory, Packed, ValidatedMemory, WeightAligning
from cltutor.networks import ResNet32, SmallCNN, Torchvision
from cltutor.recipe.merging import MeanMerge, ModeMerge, Restart
from cltutor.streams.split import of_marks

DIGITS = cl.streams.digits(tasks=2, classes=range(4)).fewer(0.2)
LARGE = cl.streams.scenes(2, classes=range(4), size=40, per_class=(3, 2))
SEVERAL = cl.streams.several(2, size=8, per_task=(12, 10))
DOMAINS = cl.streams.domains(DIGITS, "rotations", tasks=2)
BLACK = torch.zeros(5, 1, 8, 8, dtype=torch.uint8)
IMAGES, MARKS = torch.zeros(3, 1, 8, 8, dtype=torch.uint8), torch.tensor([[1, 0], [0, 0], [1, 1]])


def learning(method, stream=DIGITS):
    def never(event):
        raise AssertionError("training has begun")

    return lambda: cl.learn(stream, method(), progress=False, epochs=3, callback=never)


CASES = {
    **{
        f"{name} of size zero": (lambda name=name: cl.methods.named(name)(capacity=0), "capacity is a whole number")
        for name in ("er", "agem", "derpp", "bic", "wa", "gdumb")
    },
    **{
        f"{name} without a size": (
            lambda name=name: cl.methods.named(name)(capacity=None),
            r"needs a capacity in all or per_class: \w+\(2000\)",
        )
        for name in ("agem", "bic", "wa")
    },
    **{
        f"{name} with fewer images than classes": (
            learning(lambda name=name: cl.methods.named(name)(capacity=3)),
            "cannot hold one of each of 4 classes: capacity must be at least 4",
        )
        for name in ("agem", "wa", "gdumb")
    },
    "bic with one image of a class": (learning(lambda: cl.methods.bic(7)), "two of each of 4 classes: .* at least 8"),
    "bic with a class of one image": (
        learning(cl.methods.bic, cl.streams.tensors(BLACK, [0, 0, 1, 1, 2], BLACK, [0, 0, 1, 1, 2], tasks=3)),
        "Class '2' has one training image, and one is held out: give it two",
    ),
    "no share held out": (lambda: ValidatedMemory(20, share=0), "share is a number above 0 to 0.5, not 0"),
    "most held out": (lambda: ValidatedMemory(20, share=0.6), "share is a number above 0 to 0.5, not 0.6"),
    "bic with a memory that holds nothing out": (
        lambda: cl.methods.bic(memory=ExemplarMemory(20)),
        r"bic is made of ValidatedMemory\(\), its memory; ExemplarMemory",
    ),
    "bic without a memory": (lambda: cl.methods.bic(memory=None), r"made of ValidatedMemory\(\), its memory; None"),
    "agem with a memory to learn from": (
        lambda: cl.methods.agem(memory=ExemplarMemory(20)),
        r"agem is made of GradientMemory\(\), its memory; ExemplarMemory",
    ),
    **{
        f"{name} where no task is given": (
            lambda name=name: cl.methods.named(name)(heads="class"),
            rf"^{name} takes no heads='class': \w+ must be given an image's task at test: use heads=\"task\"\.$",
        )
        for name in ("packnet", "progressive", "single_task", "single_task_large", "dfcnn", "dfcnn_tc2", "expandable")
    },
    **{
        f"{name} with a size and a memory": (
            lambda name=name: cl.methods.named(name)(20, memory=ExemplarMemory(20)),
            f"^{name} takes capacity or memory, not both",
        )
        for name in ("agem", "bic", "wa")
    },
    "ncm with a memory": (lambda: cl.methods.ncm(memory=ExemplarMemory(20)), "^ncm has its own memory: leave it out"),
    "ncm by exemplars": (lambda: cl.methods.ncm(predict="nearest_mean"), "^ncm has its own predict: leave it out"),
    **{
        f"{step!r} of {name}": (
            learning(lambda name=name, step=step: cl.methods.named(name)(after_task=step, heads="class")),
            r"heads that are one fully connected layer each, .*: use MultiHead\(\)",
        )
        for step in (WeightAligning(), ClassMeans())
        for name in ("feature_extraction", "hard_sharing", "tensor_factorization")
    },
    **{
        f"{step!r} of {name}": (learning(lambda name=name, step=step: cl.methods.named(name)(after_task=step)), words)
        for step in (MeanMerge(), ModeMerge())
        for name, words in {
            "single_task": "A merge needs parameters that tasks share, and SingleTaskNetwork has none: use MultiHead",
            "progressive": "A merge needs parameters that tasks share, and ProgressiveNetwork has none: use MultiHead",
            "expansion": "A merge needs a network that keeps its shared parameters: there were",
            "packnet": "A merge needs a network that keeps its shape while it learns a task, and PackedNetwork does",
            "expandable": "A merge needs a network that keeps its shape while it learns a task, and ExpandableNetwork",
            "tensor_factorization": "A merge needs a network that keeps its shape while it learns a task",
        }.items()
    },
    **{
        f"a restart of {name}": (
            learning(lambda name=name: cl.methods.named(name)(after_task=Restart())),
            "A restart needs a network that keeps its shape while it learns a task, and",
        )
        for name in ("packnet", "expandable")
    },
    "an anchor of single tasks": (
        learning(lambda: cl.Recipe("mine", cl.losses.CrossEntropy() + cl.losses.Anchor(), cl.networks.SingleTask())),
        "An anchor needs parameters that tasks share, and SingleTaskNetwork has none: use MultiHead",
    ),
    "weights aligned where none compete": (
        lambda: cl.methods.finetune(after_task=WeightAligning()),
        "^finetune takes no heads='task': heads of different tasks do not compete then, .* nothing to align",
    ),
    "logits corrected where none compete": (
        lambda: cl.Recipe("mine", cl.losses.CrossEntropy(), Corrected()),
        "^mine takes no heads='task': heads of different tasks do not compete then, .* nothing to correct",
    ),
    "packnet that prunes nothing": (lambda: cl.methods.packnet(pruned=0), "pruned is a number above 0"),
    "packnet that prunes all": (lambda: cl.methods.packnet(pruned=1.0), "pruned is a number above 0"),
    "packnet with no weights left": (
        learning(lambda: cl.methods.packnet(pruned=0.2, backbone=SmallCNN((1,), ())), cl.streams.digits(tasks=5)),
        "No weights are left for task 2: the smallest layer has 9, of which each task leaves 20 % of those it finds; "
        "raise pruned, or take a larger backbone",
    ),
    **{
        f"packnet of {backbone!r}": (
            lambda backbone=backbone: Packed(backbone).build((3, 32, 32)),
            "only convolutions and fully connected layers are divided among tasks",
        )
        for backbone in (ResNet32(), Torchvision("resnet18"))
    },
    "gdumb without images of a class": (
        learning(cl.methods.gdumb, first_known(DIGITS)),
        "Class '.' has no training images, and the memory is to keep some of each class",
    ),
    "packnet from a network that knows the first task": (
        learning(cl.methods.packnet, first_known(DIGITS)),
        "A task is trained again after pruning, and task 0 has no training images: give it some",
    ),
    "bic in domains": (learning(lambda: cl.methods.bic(20), DOMAINS), "grows at every task"),
    "packnet in domains": (learning(cl.methods.packnet, DOMAINS), "grows at every task"),
    "ncm without its file": (
        learning(lambda: cl.methods.ncm(backbone=cl.networks.Torchvision("resnet18", "no/such/file.pth")), LARGE),
        "file.pth",
    ),
    **{
        f"{share} of a class later": (
            lambda share=share: cl.streams.blurred(DIGITS, share),
            "share is a number above 0",
        )
        for share in (0, 1, -0.5, float("nan"))
    },
    **{
        f"{name} with several labels": (
            learning(lambda name=name: cl.methods.for_several_labels(name), SEVERAL),
            "Images of this stream have several labels, and .* takes one",
        )
        for name in ("er", "derpp", "agem", "bic", "wa", "gdumb", "ncm")
    },
    "an image without a label": (
        lambda: of_marks(IMAGES, MARKS),
        r"image 1 has no label: each row of marks has one class or more",
    ),
}


@pytest.mark.parametrize(("attempt", "words"), CASES.values(), ids=list(CASES))
def test_it_is_refused_in_one_sentence_before_training(attempt, words):
    with pytest.raises(ValueError, match=words) as caught:
        attempt()
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")


def test_weights_of_another_shape_are_refused_in_one_sentence(tmp_path):
    torch.save({"conv1.weight": torch.zeros(3, 3)}, tmp_path / "other.pth")
    backbone = cl.networks.Torchvision("resnet18", str(tmp_path / "other.pth"))
    with pytest.raises(ValueError, match=r"other\.pth") as caught:
        cl.learn(LARGE, cl.methods.ncm(backbone=backbone), progress=False)
    assert "\n" not in str(caught.value)


def test_a_memory_of_the_methods_own_kind_is_taken():
    assert cl.methods.bic(memory=ValidatedMemory(20, share=0.4)).memory == ValidatedMemory(20, share=0.4)
    assert cl.methods.agem(memory=GradientMemory(None, 3)).memory == GradientMemory(None, 3)


def test_the_first_task_of_weight_aligning_is_that_of_its_loss():
    """There are no old class weights to align the first ones with."""
    one = cl.streams.digits(tasks=1, classes=range(3)).fewer(0.1)
    aligned, plain = (
        cl.learn(one, recipe, progress=False, epochs=1, device="cpu").states[0]
        for recipe in (cl.methods.wa(20), cl.methods.finetune(heads="class"))
    )
    assert all(torch.equal(value, plain[name]) for name, value in aligned.items())
