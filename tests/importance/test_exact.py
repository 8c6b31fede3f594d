"""Importance is exact for any module, however it uses its weights, or refused: against a loop over images."""

from collections.abc import Callable

import pytest
import torch
from running import grown
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune

from cltutor.importance import fisher, mas
from cltutor.importance.gradients import provable
from cltutor.importance.samples import Responding, measuring
from cltutor.networks import MultiHead, Progressive, ResNet32, SmallCNN, TensorFactorization, Widening
from tests.importance.measuring import one_by_one, traces

N = 6


class Written(nn.Module):
    """Modules by name, and what a forward pass makes of them."""

    def __init__(self, use: Callable[["Written", Tensor], Tensor], **modules: nn.Module):
        super().__init__()
        self.use = use
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x: Tensor) -> Tensor:
        return self.use(self, x)


def tied_embedding() -> nn.Module:
    model = Written(lambda m, x: m.out(torch.tanh(m.words(x).mean(1))), words=nn.Embedding(7, 5), out=nn.Linear(5, 7))
    model.out.weight = model.words.weight
    return model


def patches(m: Written, x: Tensor) -> Tensor:
    return m.out(torch.relu(m.layer(x.reshape(-1, 2))).reshape(len(x), -1, 4).mean(1))


def patches_of_maps(m: Written, x: Tensor) -> Tensor:
    parts = x.unfold(2, 3, 3).unfold(3, 3, 3).reshape(-1, 1, 3, 3)
    return m.out(torch.relu(m.layer(parts)).reshape(len(x), -1, 4).mean(1))


def positions_first(m: Written, x: Tensor) -> Tensor:
    return m.out(torch.relu(m.layer(x.transpose(0, 1))).mean(0))


def in_place(m: Written, x: Tensor) -> Tensor:
    return m.out((2 * m.layer(x)).relu_().add(x).mul_(2))


def by_rows(m: Written, x: Tensor) -> Tensor:
    return torch.stack([m.layer(row) * m.out(row) if row.sum().item() > 0 else m.layer(row) for row in x])


def routed(m: Written, x: Tensor) -> Tensor:
    chosen, y = x.sum(1) > 0, x.new_zeros(len(x), 4)
    y[chosen], y[~chosen] = m.layer(x[chosen]), 2 * m.out(x[~chosen])
    return y


def pruned() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    prune.random_unstructured(model[0], "weight", 0.3)
    return model


class Alias(nn.Module):
    """A weight that is read through a list, where no module is asked for it."""

    def __init__(self):
        super().__init__()
        self.scale, self.out = nn.Parameter(torch.randn(4)), nn.Linear(4, 3)
        self.also = [self.scale]

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x * self.also[0])


def two(use: Callable[[Written, Tensor], Tensor], layer: nn.Module | None = None, last: int = 3) -> nn.Module:
    return Written(use, layer=layer or nn.Linear(4, 4), out=nn.Linear(4, last))


def normed(norm: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), norm, nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))


ATTENTION = nn.MultiheadAttention(4, 2, batch_first=True).double()
FLAT, ROWS, MAPS, WORDS = (4,), (5, 4), (1, 6, 6), (3,)
EXACT: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "a weight as an argument": (lambda: two(lambda m, x: m.out(torch.tanh(F.linear(x, m.layer.weight)))), FLAT),
    "a layer and its weight": (lambda: two(lambda m, x: m.out(m.layer(x) + 0.01 * F.linear(x, m.layer.weight))), FLAT),
    "a cosine head": (
        lambda: two(lambda m, x: F.linear(F.normalize(m.layer(x)), F.normalize(m.out.weight))),
        FLAT,
    ),
    "a tied autoencoder": (
        lambda: Written(lambda m, x: F.linear(torch.tanh(m.layer(x)), m.layer.weight.T), layer=nn.Linear(4, 2)),
        FLAT,
    ),
    "an embedding tied to the output": (tied_embedding, WORDS),
    "patches in the batch": (lambda: two(patches, nn.Linear(2, 4)), FLAT),
    "patches of maps in the batch": (lambda: two(patches_of_maps, nn.Conv2d(1, 4, 2)), MAPS),
    "images in the second dimension": (lambda: two(positions_first), ROWS),
    "as many positions as images": (lambda: two(positions_first), (N, 4)),
    "images behind a dimension of one": (lambda: two(lambda m, x: m.out(m.layer(x[None]).relu())[0]), FLAT),
    "operations in place": (lambda: two(in_place), FLAT),
    "a loop over rows": (lambda: two(by_rows, last=4), FLAT),
    "images that go different ways": (lambda: two(routed, last=4), FLAT),
    "a pruned layer": (pruned, FLAT),
    "a weight norm": (lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 5)), nn.Linear(5, 3)), FLAT),
    "a spectral norm": (lambda: nn.Sequential(parametrizations.spectral_norm(nn.Linear(4, 5)), nn.Linear(5, 3)), FLAT),
    "a PReLU": (lambda: nn.Sequential(nn.Linear(4, 5), nn.PReLU(5), nn.Linear(5, 3)), FLAT),
    "an LSTM": (lambda: two(lambda m, x: m.out(m.layer(x)[0][:, -1]), nn.LSTM(4, 4, batch_first=True)), ROWS),
    "attention": (lambda: two(lambda m, x: m.out(m.layer(x, x, x)[0].mean(1)), ATTENTION), ROWS),
    "a parameter through a list": (Alias, FLAT),
    "unused layers": (lambda: two(lambda m, x: m.layer(x)), FLAT),
    "a part without gradients": (lambda: two(lambda m, x: m.out(m.layer(x).detach().relu())), FLAT),
    "one number per image": (lambda: Written(lambda m, x: m.layer(x)[:, 0], layer=nn.Linear(4, 1)), FLAT),
    "an instance norm": (lambda: normed(nn.InstanceNorm2d(4, affine=True)), MAPS),
    "a transposed convolution": (
        lambda: nn.Sequential(nn.ConvTranspose2d(1, 2, 2), nn.Flatten(), nn.Linear(98, 3)),
        MAPS,
    ),
}


def images_of(shape: tuple[int, ...]) -> Tensor:
    return torch.randint(0, 7, (N, *shape)) if shape == WORDS else torch.randn(N, *shape, dtype=torch.float64)


def as_rows(output: Tensor) -> Tensor:
    return output.reshape(len(output), -1)


@pytest.mark.parametrize("name", EXACT)
def test_it_is_exact_however_a_model_uses_its_weights(name):
    torch.manual_seed(0)
    make, shape = EXACT[name]
    model, images = make().double(), images_of(shape)
    labels = torch.arange(N) % as_rows(model(images)).shape[1]
    before = traces(model.train())
    found = {
        "mas": mas(model, images, chunk=4),
        "vector": mas(model, images, output="vector", chunk=4),
        "fisher": fisher(model, images, labels, chunk=4),
    }
    assert all(map(torch.equal, before, traces(model)))
    numbers = one_by_one(model, images, lambda y, k: torch.cat([as_rows(y).square().sum()[None], as_rows(y)[0]]))
    likelihood = one_by_one(model, images, lambda y, k: as_rows(y).log_softmax(1)[0, labels[k]])
    for parameter, gradient in numbers.items():
        norms = {"mas": gradient[:, 0].abs(), "vector": gradient[:, 1:].square().sum(1).sqrt()}
        norms["fisher"] = likelihood[parameter][:, 0].square()
        for measure, values in norms.items():
            torch.testing.assert_close(
                found[measure][parameter], values.mean(0), rtol=1e-8, atol=1e-12, msg=f"{measure} of {parameter}"
            )


def test_a_weight_behind_units_that_are_dead_on_the_samples_measured_alone_is_exact_on_the_others():
    torch.manual_seed(0)
    model = two(lambda m, x: m.out(F.linear(x, m.layer.weight) * F.relu(x[:, :1]))).double()
    images = torch.randn(N, 4, dtype=torch.float64)
    images[:, 0] = torch.tensor([-1.0, 1.0, 2.0, -1.0, 1.0, -1.0])  # of the first four, the first and the last are dead
    numbers = one_by_one(model, images, lambda y, k: y.square().sum()[None])
    found = mas(model, images, chunk=4)
    assert found["layer.weight"].max() > 0
    for name, gradient in numbers.items():
        torch.testing.assert_close(found[name], gradient[:, 0].abs().mean(0), rtol=1e-8, atol=1e-12, msg=name)


def dependent(use: Callable[[Tensor], Tensor]) -> nn.Module:
    return Written(lambda m, x: use(m.layer(x)), layer=nn.Linear(4, 20))


@pytest.mark.parametrize(
    ("model", "images", "sentence"),
    [
        (normed(nn.BatchNorm2d(4, track_running_stats=False)), torch.randn(N, *MAPS), r"1 \(BatchNorm2d\) without"),
        (normed(nn.BatchNorm2d(4, affine=False, track_running_stats=False)), torch.randn(N, *MAPS), r"1 \(Batch"),
        (dependent(lambda y: y - y[:1]), torch.randn(N, 4), "otherwise alone than beside others"),
        (dependent(lambda y: y.cumsum(0)), torch.randn(N, 4), "otherwise alone than beside others"),
        (dependent(lambda y: y.flip(0).cumsum(0).flip(0)), torch.randn(N, 4), "otherwise alone than beside others"),
        (dependent(F.dropout), torch.randn(N, 4), "by chance"),
        (dependent(lambda y: (y, y)), torch.randn(N, 4), "returns one tensor of real numbers.*not a tuple"),
        (dependent(lambda y: y.sum()), torch.randn(N, 4), r"not torch.float32 \(\)"),
        (dependent(lambda y: y.argmax(1)), torch.randn(N, 4), "not torch.int64"),
        (nn.Linear(4, 3).half(), torch.randn(N, 4).half(), "weight is torch.float16"),
        (nn.Linear(4, 3, dtype=torch.complex64), torch.randn(N, 4), "weight is torch.complex64"),
        (dependent(lambda y: y.square().sum(1, keepdim=True).sqrt()), torch.zeros(N, 4), "is NaN or infinite"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 64])
def test_what_has_no_importance_of_its_own_is_refused_in_one_sentence(model, images, sentence, chunk):
    if hasattr(model, "layer"):
        nn.init.zeros_(model.layer.bias)
    before = traces(model)
    with pytest.raises(ValueError, match=sentence):
        mas(model, images, chunk=chunk)
    assert all(map(torch.equal, before, traces(model)))


SMALL, IMAGES = SmallCNN(channels=(3, 4), hidden=(6, 5)), (3, 8, 8)


@pytest.mark.parametrize(
    "architecture", [MultiHead(SMALL), Progressive(SMALL), Widening(SMALL), TensorFactorization(SMALL)]
)
def test_networks_of_the_package_are_exact_after_two_tasks(architecture):
    network = grown(architecture, 2, 3, image_shape=IMAGES)
    network.begin_phase("factorized", torch.zeros(1, *IMAGES, dtype=torch.uint8), torch.zeros(1))
    images = torch.randint(0, 256, (N, *IMAGES), dtype=torch.uint8)
    found = mas(network.double(), images, task=1, chunk=4)
    for name, gradient in one_by_one(network, images, lambda output, _: output.head(1).square().sum()).items():
        torch.testing.assert_close(found[name], gradient[:, 0].abs().mean(0), rtol=1e-8, atol=1e-12, msg=name)
    assert sum(bool(value.any()) for value in found.values()) >= len(found) / 3


@pytest.mark.parametrize("backbone", [SmallCNN(), ResNet32()])
def test_no_closed_form_of_a_right_network_is_doubted_in_single_precision(backbone):
    torch.manual_seed(0)
    network = grown(MultiHead(backbone), 2, 3, image_shape=(3, 16, 16))
    images = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8)
    responding = Responding(network, 1)
    with measuring(responding):
        exact, rest = provable(responding, images)
    assert rest == set()
    assert exact == {name for name, _ in responding.named_parameters()}


@pytest.mark.parametrize("task", [-1, 2, 0.5, True])
@pytest.mark.parametrize("measure", [mas, fisher])
def test_a_task_that_the_network_has_no_head_for_is_refused(measure, task):
    network = grown(MultiHead(SMALL), 2, 3, image_shape=IMAGES)
    with pytest.raises(ValueError, match="task is a whole number"):
        measure(network, torch.zeros(2, *IMAGES, dtype=torch.uint8), task=task)
    with pytest.raises(ValueError, match="task chooses a head of a cltutor network, and a Linear has none"):
        measure(nn.Linear(4, 3), torch.zeros(2, 4), task=0)


@pytest.mark.parametrize("labels", [[0, 3, 1], [0, -1, 1], [0, 1], [0.0, 1.0, 2.0], [[0], [1], [2]]])
def test_labels_outside_the_output_are_refused(labels):
    with pytest.raises(
        ValueError,
        match="labels are 3 columns of the output, .* from 0 to 2|labels is a tensor",
    ):
        fisher(nn.Linear(4, 3), torch.zeros(3, 4), torch.tensor(labels))
