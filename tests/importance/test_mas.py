"""MAS, eq. 2 and section 4.1's substitution, against a loop over single samples."""

import pytest
import torch
from torch import nn

import cltutor as cl
from cltutor.importance import MAS, fisher, mas, mas_local, running_mean
from cltutor.networks import MultiHead, ResNet32, SmallCNN

pytestmark = pytest.mark.filterwarnings("ignore:.*overshoot")


def squared_norm(answer, _):
    return answer.square().sum()


def logits(answer, _):
    return answer


def test_it_is_the_mean_over_images_of_each_images_own_absolute_gradient(case, loop):
    model, images = case
    expected = {name: g[:, 0].abs().mean(0) for name, g in loop(model, images, squared_norm).items()}
    found = mas(model, images, chunk=4)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-12)
        assert value.max() > 0


def test_for_a_vector_output_the_norm_over_outputs_is_taken_a_sample_and_then_the_mean(case, loop):
    model, images = case
    expected = {name: g.square().sum(1).sqrt().mean(0) for name, g in loop(model, images, logits).items()}
    found = mas(model, images, output="vector", chunk=4)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-12)


def test_it_is_not_the_absolute_gradient_of_the_batch(case):
    model, images = case
    found = mas(model, images)
    model.eval()
    batch = torch.autograd.grad((model(images).square().sum() / len(images)), list(model.parameters()))
    of_batch = {name: g.abs() for (name, _), g in zip(model.named_parameters(), batch, strict=True)}
    gaps = [(found[name] - of_batch[name]).norm() / found[name].norm() for name in found]
    assert max(gaps) > 0.05


def test_it_changes_with_finite_differences_of_the_squared_norm():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)).double()
    images, step = torch.randn(5, 4, dtype=torch.float64), 1e-6
    found = mas(model, images)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            for place in range(parameter.numel()):
                values = []
                for move in (step, -2 * step):
                    parameter.view(-1)[place] += move
                    values.append(model(images).square().sum(1))
                parameter.view(-1)[place] += step
                slope = ((values[0] - values[1]) / (2 * step)).abs().mean()
                assert found[name].view(-1)[place].item() == pytest.approx(slope.item(), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("backbone", [SmallCNN(channels=(4, 4), hidden=(8,)), ResNet32()])
def test_in_single_precision_it_is_exact_to_1e_5_on_the_networks_of_the_package(backbone):
    torch.manual_seed(0)
    network = MultiHead(backbone).build((3, 16, 16))
    for classes in (2, 3):
        network.grow(classes)
    images = torch.randint(0, 256, (5, 3, 16, 16), dtype=torch.uint8)
    found = mas(network, images, task=1, chunk=2)
    network.eval()
    expected = {name: torch.zeros_like(p) for name, p in network.named_parameters()}
    for image in images:
        value = network(image.unsqueeze(0)).head(1).square().sum()
        grads = torch.autograd.grad(value, list(network.parameters()), allow_unused=True)
        for (name, _), grad in zip(network.named_parameters(), grads, strict=True):
            expected[name] += (grad.abs() if grad is not None else 0) / len(images)
    for name, value in expected.items():
        assert (found[name] - value).norm() <= 1e-5 * max(value.norm().item(), 1e-3), name
    assert found["heads.0.weight"].abs().sum() == 0
    assert found["heads.1.weight"].abs().sum() > 0


def test_without_a_task_all_logits_of_a_network_count():
    torch.manual_seed(0)
    network = MultiHead(SmallCNN(channels=(2,), hidden=(4,))).build((1, 8, 8))
    for classes in (2, 3):
        network.grow(classes)
    found = mas(network, torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8))
    assert found["heads.0.weight"].abs().sum() > 0
    assert found["heads.1.weight"].abs().sum() > 0


def test_measuring_changes_no_parameter_buffer_mode_or_random_state(case):
    model, images = case
    model[0].requires_grad_(False) if isinstance(model, nn.Sequential) else None
    state = {name: value.clone() for name, value in model.state_dict().items()}
    asking = [parameter.requires_grad for parameter in model.parameters()]
    modes = [module.training for module in model.modules()]
    random = torch.random.get_rng_state()
    mas(model, images)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert [parameter.requires_grad for parameter in model.parameters()] == asking
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.random.get_rng_state(), random)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


def test_the_chunk_changes_nothing_but_the_memory(case):
    model, images = case
    for name, value in mas(model, images, chunk=1).items():
        torch.testing.assert_close(value, mas(model, images, chunk=64)[name])


@pytest.mark.parametrize("measure", [mas, mas_local, fisher])
def test_no_more_than_a_chunk_of_images_goes_through_the_model_at_once(measure):
    model, seen = nn.Sequential(nn.Linear(3, 2)), []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    measure(model, torch.randn(10, 3), chunk=4)
    assert max(seen) == 4


def test_what_cannot_be_measured_is_refused_in_one_sentence():
    model, images = nn.Sequential(nn.Linear(3, 2)), torch.randn(4, 3)
    with pytest.raises(ValueError, match="no parameter"):
        mas(nn.Flatten(), images)
    with pytest.raises(ValueError, match="no image"):
        mas(model, images[:0])
    with pytest.raises(ValueError, match="NaN"):
        mas(model, images * float("nan"))
    with pytest.raises(ValueError, match="norm, vector"):
        mas(model, images, output="l2")
    with pytest.raises(ValueError, match="train, test, both"):
        MAS(on="validation")
    with pytest.raises(ValueError, match="one label or more"):
        MAS(classes=())
    with pytest.raises(ValueError, match=r"0 \(BatchNorm1d\)"):
        mas(nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False), nn.Linear(3, 2)), images)


def test_nothing_is_half_changed_by_a_refusal():
    model = nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False), nn.Dropout(), nn.Linear(3, 2)).train()
    with pytest.raises(ValueError, match="BatchNorm1d"):
        mas(model, torch.randn(4, 3))
    assert all(module.training for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


def shared_omega(run: cl.Run, task: int, images: torch.Tensor) -> torch.Tensor:
    network = run.model_after(task)
    omega = mas(network, images, task=task)
    return torch.cat([omega[name].flatten() for name, _ in network.named_parameters() if name.startswith("backbone.")])


@pytest.fixture(scope="module")
def stream() -> cl.streams.Stream:
    return cl.streams.digits(tasks=[4, 3, 3], order=0)


@pytest.mark.parametrize("on", ["train", "test", "both"])
def test_over_tasks_it_sums_the_importance_of_each_on_its_own_images(stream, on):
    run = cl.learn(stream, cl.methods.mas(on=on), epochs=1, progress=False)
    expected = 0
    for t, task in enumerate(stream):
        images = {"train": [task.train], "test": [task.test], "both": [task.train, task.test]}[on]
        expected = expected + shared_omega(run, t, torch.cat([split.images for split in images]))
    torch.testing.assert_close(run.part_states["Anchor"]["importance"][0], expected)


def test_averaged_over_tasks_it_is_their_mean(stream):
    run = cl.learn(stream, cl.methods.mas(average=True), epochs=1, progress=False)
    expected = sum(shared_omega(run, t, task.train.images) for t, task in enumerate(stream)) / 3
    torch.testing.assert_close(run.part_states["Anchor"]["importance"][0], expected)


def test_with_classes_only_their_images_count_and_a_task_without_them_adds_nothing(stream):
    wanted = stream[0].classes[:1]
    run = cl.learn(stream, cl.methods.mas(classes=wanted), epochs=1, progress=False)
    first = stream[0].train
    images = first.images[first.labels == wanted[0]]
    torch.testing.assert_close(run.part_states["Anchor"]["importance"][0], shared_omega(run, 0, images))


def test_updated_with_new_images_it_is_that_of_all_images_together(case):
    model, images = case
    found = running_mean(mas(model, images[:5]), 5, mas(model, images[5:]), len(images) - 5)
    for name, value in mas(model, images).items():
        torch.testing.assert_close(found[name], value)


def test_an_update_of_other_parameters_or_with_no_image_is_refused():
    omega = {"weight": torch.ones(2)}
    with pytest.raises(ValueError, match="differ in parameters: bias"):
        running_mean(omega, 1, {**omega, "bias": torch.ones(1)}, 1)
    with pytest.raises(ValueError, match="not from 1 over 0"):
        running_mean(omega, 1, omega, 0)
