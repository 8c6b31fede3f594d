"""A run that has no room in memory is refused with an estimate, and one that has room is not."""

import numpy as np
import pytest
import torch
from pretending import Pretending
from running import learn

import cltutor as cl
from cltutor.networks.devices import free_memory
from cltutor.training.loop import check
from cltutor.training.rehearsal import TooLarge, Undrawn, rehearse
from cltutor.training.room import check_room, needed, place_of_tests

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def stream_of(tasks, classes=2, images=4, side=8):
    labels = torch.arange(tasks * classes).repeat_interleave(images)
    drawn = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (len(labels), 1, side, side), dtype=torch.uint8, generator=drawn)
    return cl.streams.tensors(pictures, labels, pictures[::images], labels[::images], tasks=tasks)


@pytest.mark.parametrize("name", ["finetune", "joint", "lwf", "mas", "ewc", "icarl", "single_task", "progressive"])
def test_the_estimate_is_below_what_a_run_keeps_and_of_the_same_order(name):
    stream, recipe = stream_of(4), cl.methods.named(name)(epochs=5)
    trained, kept = needed(stream, recipe, rehearse(stream, recipe))
    run = learn(stream, recipe)
    states = sum(value.nbytes for state in run.states for value in state.values())
    assert 0.4 * states < sum(kept.values()) <= states
    assert trained["the network"] <= run.memory["network"] <= 2 * trained["the network"]
    for purpose, part in (("images", "images"), ("importances and anchors", "Anchor")):
        if part in run.memory:
            assert 0 < trained[purpose] <= run.memory[part] + stream[-1].train.images.nbytes


@pytest.mark.parametrize(
    ("stream", "name", "what"),
    [
        (stream_of(60), "finetune", "the network after every task 20.5 MB"),
        (stream_of(2, images=500, side=64), "joint", "images 8.2 MB"),
        (stream_of(2, classes=2000, images=1), "lwf", "teachers' logits 16.0 MB"),
    ],
)
def test_tasks_images_and_classes_without_room_are_refused_in_a_sentence_with_the_estimate(stream, name, what):
    recipe = cl.methods.named(name)()
    networks = rehearse(stream, recipe)
    total = sum(size for part in needed(stream, recipe, networks) for size in part.values())
    sentence = rf"^This run of {name} needs at least [0-9.]+ MB of memory \(.*{what}.*\), and this machine has "
    with pytest.raises(ValueError, match=sentence):
        check_room(stream, recipe, CPU, networks, free=lambda device: total - 1)
    check_room(stream, recipe, CPU, networks, free=lambda device: total)
    check_room(stream, recipe, CPU, networks, free=lambda device: None)


def test_a_gpu_needs_room_for_what_trains_and_the_machine_for_the_networks_it_keeps():
    stream, recipe = stream_of(60), cl.methods.finetune()
    networks = rehearse(stream, recipe)
    trained, kept = (sum(part.values()) for part in needed(stream, recipe, networks))
    check_room(stream, recipe, GPU, networks, free={GPU: trained, CPU: kept}.get)
    for full, owner in ((GPU, "cuda"), (CPU, "this machine")):
        with pytest.raises(ValueError, match=f"and {owner} has"):
            check_room(stream, recipe, GPU, networks, free=lambda device, full=full: 1000 if device == full else 10**12)


def test_a_network_without_room_is_refused_before_its_weights_are_drawn(tiny):
    with Undrawn(room=4000), pytest.raises(TooLarge, match="take more than the 0.0 GB of memory that this machine has"):
        torch.nn.Linear(1001, 1)
    for hidden in (10**6, 10**8):
        recipe = cl.methods.finetune(backbone=cl.networks.SmallCNN(hidden=(hidden, hidden)))
        with pytest.raises(ValueError, match="cannot learn images of 1x8x8 .* its weights take more than .* free"):
            check(tiny, recipe)


def test_test_images_stay_on_the_cpu_where_a_gpu_has_little_room_for_them(tiny):
    total = sum(task.test.images.nbytes for task in tiny)
    assert place_of_tests(tiny, CPU, free=lambda device: 0) == CPU
    assert place_of_tests(tiny, GPU, free=lambda device: 10 * total) == GPU
    assert place_of_tests(tiny, GPU, free=lambda device: None) == GPU
    assert place_of_tests(tiny, GPU, free=lambda device: 10 * total - 1) == CPU
    with Pretending() as state:  # from there they are shown to a network on the device
        network = cl.learn(tiny, "finetune", epochs=1, device="cuda", progress=False).model_on("cuda")
        tests = [(task.test.images, tiny.positions(task.test.labels)) for task in tiny]
        assert np.isfinite(cl.evaluation.answers.accuracies(network, tests, (1,))["unknown_top1"]).all()
    assert not state.faults


def test_free_memory_is_the_machines_or_what_a_containers_limit_leaves(tmp_path):
    meminfo, cgroup = tmp_path / "meminfo", tmp_path / "cgroup"
    assert free_memory(CPU, meminfo, cgroup) is None
    meminfo.write_text("MemTotal:  9000 kB\nMemAvailable:  5000 kB\nHugePages_Total:  0\n")
    assert free_memory(CPU, meminfo, cgroup) == 5000 * 1024
    cgroup.mkdir()
    (cgroup / "memory.current").write_text("900000\n")
    (cgroup / "memory.stat").write_text("anon 1\ninactive_file 200000\n")
    for limit, free in (("max", 5000 * 1024), ("1000000", 300000), ("500000", 0)):
        (cgroup / "memory.max").write_text(f"{limit}\n")
        assert free_memory(CPU, meminfo, cgroup) == free
