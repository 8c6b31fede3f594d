"""What every importance must satisfy, a user's own included: one number per shared parameter, and no trace."""

import pytest
import torch
from running import grown
from torch.nn import functional as F

from cltutor.describe import State
from cltutor.importance import Importance
from cltutor.losses import Anchor, Batch, Context
from cltutor.networks import MultiHead, SmallCNN
from cltutor.recipe.parser import read
from cltutor.streams import Split, Task
from tests.importance.measuring import traces
from tests.losses.variants import restored, variants

PARTS = variants(Importance)
EVERY = pytest.mark.parametrize("importance", PARTS, ids=repr)
HEADS = pytest.mark.parametrize("heads", ["task", "class"])


def task_of(split: Split) -> Task:
    return Task(1, (2, 3, 4), split, Split.empty((1, 8, 8)), split)


def context_of(heads: str) -> Context:
    """The second task of images of noise, and a network in double precision that trains on it."""
    network = grown(MultiHead(SmallCNN(channels=(2,), hidden=(4,))), 2, 3)
    network.train_only(["shared", "new"])
    images, labels = torch.randint(0, 256, (9, 1, 8, 8), dtype=torch.uint8), torch.arange(9) % 3 + 2
    return Context(network.double(), 1, heads, task_of(Split(images, labels)))


def trained(importance: Importance, heads: str) -> tuple[Context, State]:
    """The context and the importance's state after two steps down the cross-entropy."""
    context, state = context_of(heads), {}
    labels = context.positions(context.data.train.labels)
    importance.begin_task(context, state)
    for _ in range(2):
        task_of, places = torch.tensor([0, 0, 1, 1, 1]), torch.arange(9)
        batch = Batch(context, context.data.train.images, labels, places, [1], task_of, heads, {})
        F.cross_entropy(batch.student.logits, labels).backward()
        importance.before_update(batch, state)
        with torch.no_grad():
            for parameter in context.network.parameters():
                if parameter.grad is not None:
                    parameter -= 0.1 * parameter.grad
                    parameter.grad = None
        importance.after_update(batch, state)
    return context, state


@EVERY
@HEADS
def test_it_is_one_finite_number_from_zero_up_per_shared_parameter_measured_without_a_trace(importance, heads):
    context, state = trained(importance, heads)
    before = traces(context.network)
    omega = importance.of_task(context, state)
    assert omega.shape == context.flat_shared().shape
    assert omega.isfinite().all()
    assert (omega >= 0).all()
    assert omega.max() > 0
    assert not omega.requires_grad
    assert all(map(torch.equal, before, traces(context.network)))


@EVERY
@HEADS
def test_measured_again_and_with_its_state_from_a_file_it_is_the_same(importance, heads):
    omegas = []
    for part, back in ((importance, dict), (read(repr(importance)), restored)):
        assert part == importance
        context, state = trained(part, heads)
        omegas.append(part.of_task(context, back(state)))
    assert torch.equal(*omegas)


@pytest.mark.parametrize("importance", [one for one in PARTS if getattr(one, "given", True)], ids=repr)  # else a draw
@HEADS
def test_over_images_it_is_the_mean_of_the_importances_of_single_images(importance, heads):
    context, state = trained(importance, heads)
    whole, singles = context.data, []
    for i in range(len(whole.train)):
        context.data = task_of(whole.train.take(torch.tensor([i])))
        singles.append(importance.of_task(context, dict(state)))
    context.data = whole
    torch.testing.assert_close(importance.of_task(context, state), torch.stack(singles).mean(0))


@EVERY
def test_over_tasks_an_anchor_keeps_a_sum_or_a_row_for_each_task(importance):
    context, state = trained(importance, "task")
    anchor = Anchor(importance)
    first, now = importance.of_task(context, dict(state)), context.flat_shared()
    anchor.end_task(context, state)
    torch.testing.assert_close(state["importance"], first.unsqueeze(0))
    assert torch.equal(state["anchor"], now.unsqueeze(0))
    importance.begin_task(context, state)
    second = importance.of_task(context, dict(state))
    anchor.end_task(context, state)
    together = torch.stack([first, second]) if importance.separate else importance.accumulate(first, second, 2)[None]
    torch.testing.assert_close(state["importance"], together)
    assert len(state["anchor"]) == len(state["importance"]) == 1 + importance.separate
