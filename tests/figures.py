"""Every figure of `cl.show`, as a browser's tests draw it.

A new figure needs one entry in FIGURES: the code that draws it, and code for the exact words of one spot.
"""

from cltutor.show import Picture

SETUP = """import cltutor as cl
stream = cl.streams.digits(tasks=[4, 3, 3], order=0)
learned = {"epochs": 2, "progress": False, "record": "predictions", "threads": 1}
runs = [cl.learn(stream, name, **learned) for name in ("finetune", "lwf")]
names = [", ".join(stream.class_names[label] for label in task.classes) for task in stream]
matrix, lwf = 100 * runs[0].accuracy(), runs[1].accuracy()
from cltutor.evaluation import metrics
import torch
from cltutor.networks import DFCNN, TaskCNN
images, network = stream[0].test.images, DFCNN(TaskCNN((5,)), ((2, 4),), ((3, 4),), bias=False).build((3, 8, 8))
for task in range(2):
    network.requires_grad_(False).grow(2)"""
FIGURES = {
    "accuracy_over_time": (
        "cl.show.accuracy_over_time(runs)",
        'f"lwf, task 1, after task 3: {100 * runs[1].accuracy()[2, 0]:.1f} %"',
    ),
    "accuracy_matrix": (
        "cl.show.accuracy_matrix(runs[0])",
        'f"after task 3 ({names[2]}), on task 1 ({names[0]}): {matrix[2, 0]:.1f} %"',
    ),
    "loss_parts": (
        "cl.show.loss_parts(runs[1])",
        'f"this batch {next(iter(runs[1].curves.loss.values()))[0]:.3g}"',
    ),
    "forgetting": ("cl.show.forgetting(runs)", 'f"lwf, forgetting: {100 * metrics.forgetting(lwf):.1f} points, 1 run"'),
    "gallery": (
        "cl.show.gallery(runs)",
        'f"lwf, trained per task: {100 * metrics.average_accuracy(lwf):.1f} %, 1 run"',
    ),
    "old_and_new": (
        "cl.show.old_and_new(runs)",
        'f"lwf, trained per task, task known at test: {100 * metrics.old_task_accuracy(lwf):.1f} % on old tasks, "'
        ' f"{100 * metrics.new_task_accuracy(lwf):.1f} % on new tasks, 1 run"',
    ),
    "convergence": (
        'cl.show.convergence({"here": {"dfcnn": [[0.1, 0.25]], "joint": [[0.2, 0.3]]}})',
        '"dfcnn, here, after epoch 2: 25.0 %"',
    ),
    "accuracy_by_share": (
        "cl.show.accuracy_by_share({1.0: runs, 0.1: runs})",
        'f"lwf, newest task, with 10 % of the images: {100 * lwf[2, 2]:.1f} %"',
    ),
    "accuracy_over_parameters": (
        'cl.show.accuracy_over_parameters({"dfcnn": (7_963_252, [0.5, 0.6]), "joint": (9e6, 0.7)})',
        '"1 seed, 9,000,000 parameters"',
    ),
    "growth": ('cl.show.growth({"dfcnn": [800, 1600]})', '"dfcnn, 2 tasks: 1,600 parameters"'),
    "damage": (
        'cl.show.damage((0, 0.25), {"least": [[0.9], [0.8]], "most": [[0.9], [0.5]]})',
        '"most important, task 1, 25 % of the weights set to zero: 50.0 %"',
    ),
    "adaptation": (
        'cl.show.adaptation({"mas": [[0.9, 0.8], [0.7, 0.6]]}, ("chosen", "others"))',
        '"mas, others, after task 2: 60.0 %"',
    ),
    "agreement": (
        'cl.show.agreement([0, 0.5, 1.0], [0.5, 1.0, 0], ("mas", "ewc"))',
        '"97.5 to 100 by mas, 0 to 2.5 by ewc; weights here: 1"',
    ),
    "temperature": (
        'cl.show.temperature(stream[0].test.images[0], [2.0, 1.0, 0.0], ["a", "b", "c"], 1.0)',
        '"a: 66.5 % at T = 1, logit 2"',
    ),
    "storage": (
        'cl.show.storage({"ewc": [{"network": 310_000, "Anchor": 620_000 * k} for k in (1, 2)]})',
        '"ewc, task 3: 1.55 MB (network 0.31, importance and anchor 1.24)"',
    ),
    "attention_maps": (
        'cl.show.attention_maps(images[:2], {"lwm": [[[[1.0, 0]], [[0, 1.0]]]] * 2}, ["a", "b"], ["M0", "M1"])',
        '"lwm, b, M1: drift from M0 2.000"',
    ),
    "attention_drift": (
        'cl.show.attention_drift({"lwm": [[0, 1.0], [0, 2.0]]}, ["M0", "M1"])',
        '"lwm, M1: drift from M0 1.500 ± 0.707 over 2 images"',
    ),
    "ablation": (
        'cl.show.ablation({"eeil": [1.0, 0.5]}, [2, 2])',
        '"eeil, after task 2, 4 classes seen: 50.0 %"',
    ),
    "confusions": (
        'cl.show.confusions({"end": [[3, 1], [0, 4]]}, [1, 1], ["a", "b"])',
        '"end: a taken for b: 25.0 %, 1 of 4 test images"',
    ),
    "last_layer": (
        'cl.show.last_layer({"end": [0.5, 1.0]}, {"end": [1.0, 2.0]}, [1, 1], ["a", "b"])',
        '"end, b, one of the new classes: weight norm 2.000"',
    ),
    "rescaling": (
        'cl.show.rescaling([0.5, 1], {"old classes": [0.9, 0.8]}, 1.0, 0.7)',
        '"old classes, factor 0.50: 90.0 %"',
    ),
    "masks": (
        'cl.show.masks({"conv 1": [[0, 1], [1, -1]]}, "conv 1")',
        '"conv 1, task 2: 50.0 % of the weights"',
    ),
    "reservoir": (
        'cl.show.reservoir(images[:4], list("abab"), [0, 0, 1, 1], [[0, 1], [0, 3]], [2, 4])',
        '"slot 2: b of task 2, the 4th image to arrive"',
    ),
    "knowledge": (
        "cl.show.knowledge(network, 0, 1)",
        'f"channel 2 of L: norm {network.knowledge_base(0)[..., 1].norm():.3g}, weights"',
    ),
    "knowledge_shares": (
        "cl.show.knowledge_shares([[0.25, 0.75], [0.5, 0.5]])",
        '"task 1, channel 2: 75.00 % of its filters"',
    ),
    "importance": (
        'cl.show.importance({"mas": {"w": torch.tensor([[0.0, 1.0], [2.0, 3.0]])}}, "w")',
        '"mas, output 2, input 2: rank 100 % in the layer"',
    ),
    "selection": (
        'cl.show.selection([[0, 0], [2, 2], [1, 0]], [2, 0], {"herding": [0.5, 0.25]}, "herding", 2, ("x", "y"))',
        '"herding, 2 exemplars: distance 0.2500 (no unit)"',
    ),
    "exemplars": ("cl.show.exemplars(images[:9], 5)", '"exemplar 5 of 9"'),
    "evictions": (
        "cl.show.evictions(images[:4], {2: 4, 4: 2})",
        '"exemplar 3: evicted when 4 classes have been seen"',
    ),
    "reverse_transfer": (
        "cl.show.reverse_transfer([[0.5, 0.1], [0.4, 0.75]], [0, 1])",
        '"task 2, epoch 2, while task 2 is learned: 75.0 %, its peak"',
    ),
    "transfer_table": (
        "cl.show.transfer_table([[0.5, 0.1], [0.4, 0.75]], [0, 1])",
        '"after task 2: -10.0 points on task 1 since it was learned"',
    ),
    "filter_changes": (
        'cl.show.filter_changes([[[0.0], [0.25]], [[float("nan")], [0.0]]])',
        '"task 1, layer 1, after task 2: filters changed by 25.0 %"',
    ),
    "wall": (
        "cl.show.wall(runs, stream)",
        'f"finetune, {stream.class_names[stream[0].classes[0]]} (task 1), image 3: taken for "',
    ),
    "tasks": ("cl.show.tasks(stream)", 'f"task 2, {stream.class_names[stream[1].classes[0]]}, image 1 of "'),
}
LAYERS = {"accuracy_over_time", "loss_parts", "old_and_new", "convergence", "accuracy_by_share", "growth", "damage"}
LAYERS |= {"wall", "accuracy_over_parameters", "adaptation", "storage"}
LAYERS |= {
    "attention_drift",
    "ablation",
    "last_layer",
    "rescaling",
    "reservoir",
    "selection",
    "reverse_transfer",
    "filter_changes",
}
FRAMES = {"accuracy_over_time", "accuracy_matrix", "loss_parts"}
FRAMES |= {
    "masks",
    "reservoir",
    "temperature",
    "damage",
    "wall",
    "attention_maps",
    "knowledge",
    "exemplars",
    "evictions",
    "reverse_transfer",
}


def drawn() -> dict[str, Picture]:
    """Every figure, drawn."""
    names: dict[str, object] = {}
    exec(SETUP, names)
    return {name: eval(code, names) for name, (code, _) in FIGURES.items()}
