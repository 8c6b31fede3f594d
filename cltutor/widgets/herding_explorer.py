"""How the exemplars of a class are chosen, and which are evicted as classes arrive (EEIL, sections 3.1 and 6.3)."""

import itertools
from dataclasses import dataclass, field, replace

import ipywidgets
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .. import show
from ..checked import checked
from ..describe import Kind, Whole
from ..memory import ExemplarMemory, select
from ..memory.exemplars import features_of
from ..memory.selection import SELECTIONS
from ..runs.run import Run
from ..seeds import seed_of
from ..show.herding import MOST
from ..streams import Stream
from .base import Tool, buttons, dropdown, sentence
from .behind import Behind, in_thread
from .controls import Controls
from .inputs import Knob
from .stage import Draw, Drawing, draw

FEWEST = 3  # images of a class that can be chosen from, and mapped
PROJECTIONS = {"pca": "PCA", "tsne": "t-SNE"}
ABOUT = {  # a strategy, a projection
    "herding": "each choice brings the mean of the chosen nearest to the class mean",
    "closest": "the images nearest to the class mean, nearest first",
    "random": "drawn without looking at the features",
    "histogram": "at each distance from the class mean in proportion to the class's images there",
    "pca": "the two directions in which the features differ most",
    "tsne": "a map that keeps neighbours together; offered once it has been computed",
}
T_SNE = "t-SNE, first coordinate (no unit)", "t-SNE, second coordinate (no unit)"
OTHERS = (
    "This run chose other images: with its network as it was before the step after the task, which is not kept. What "
    "is shown would be chosen with the network after that step. "
)
OF_PLACES = "t-SNE keeps neighbours, not means: on this map both means are those of places; the curves are of features."


@dataclass(frozen=True)
class Choice:
    """A class: images (N, C, H, W), features (N, D) and these at length one, what draws, PCA, and a ``note``."""

    images: np.ndarray
    features: Tensor
    rows: np.ndarray
    seed: int
    places: np.ndarray
    axes: tuple[str, str]
    note: str = ""
    made: dict[int, tuple[dict[str, np.ndarray], dict[str, np.ndarray]]] = field(default_factory=dict)

    def by_strategy(self, kept: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Orders (N,) and distances (N,) by strategy: first the images that a memory chooses to keep that many, which
        is not the beginning of a larger choice by histogram, then the others."""
        if kept not in self.made:
            orders = {name: order_of(name, self.features, kept, self.seed) for name in SELECTIONS}
            self.made[kept] = orders, {name: distances_of(self.rows, order) for name, order in orders.items()}
        return self.made[kept]


class HerdingExplorer(Tool):
    """Exemplars of a class chosen one at a time, by four strategies, and their eviction as classes arrive.

    The features, of length one, are those of the network after the class's own task, when a memory chooses; what
    random and histogram draw is drawn as the run draws. run: finished; stream: the one that it learned; label: the
    class, the first one if None; strategy: "herding", "closest", "random" or "histogram"; projection: "pca", or "tsne"
    which is computed behind the page; step: how many exemplars are chosen; capacity: K, the images that the memory
    keeps of all classes, or of each class for a run with ``ExemplarMemory(per_class=...)``, the run's own if None (10
    per class where it has none, or keeps everything); draw, behind: used to draw, and to work behind the page (tests
    give others).

    Raises:
        ValueError: a run that is not finished or learned other images, or a setting that there is not.
    """

    @staticmethod
    def check_run(run: Run, stream: Stream) -> None:
        """ValueError where this run has no classes to choose from."""
        check_finished(run, stream)

    @checked
    def __init__(
        self,
        run: Run,
        stream: Stream,
        *,
        label: int | None = None,
        strategy: str = "herding",
        projection: str = "pca",
        step: int | None = None,
        capacity: int | None = None,
        draw: Draw = draw,
        behind: Behind = in_thread,
    ) -> None:
        super().__init__("cltutor-herding-explorer", draw)
        check_finished(run, stream)
        self.run, self.stream, self.behind = run, stream, behind
        sizes = {k: int((task.train.labels == k).sum()) for task in stream for k in task.classes}
        self.classes = [k for k, size in sizes.items() if size >= FEWEST]
        if not self.classes:
            raise ValueError(f"No class of the stream has {FEWEST} training images or more to choose from.")
        self.most = min(MOST, *(sizes[k] for k in self.classes))
        usual = {"label": self.classes[0], "step": min(5, self.most), "capacity": capacity_of(run)}
        self._choices: dict[int, Choice] = {}
        self._maps: dict[int, np.ndarray] = {}  # t-SNE (N, 2), by class
        self._looked_at: set[int] = set()
        self._make_controls(usual)
        self.controls.start(label=label, strategy=strategy, projection=projection, step=step, capacity=capacity)
        self._choices[self.label.value] = self.choice_of(self.label.value)
        self._show()

    def _make_controls(self, usual: dict) -> None:
        count, most = len(self.stream.classes), self.most
        classes = [(self.stream.class_names[k], k) for k in self.classes]
        self.label = dropdown("class", classes, "the class whose training images are chosen from")
        self.strategy = buttons(
            "strategy", "how exemplars are chosen", list(SELECTIONS), [ABOUT[s] for s in SELECTIONS]
        )
        maps = [(shown, name) for name, shown in PROJECTIONS.items()]
        how = "how the features are drawn in two dimensions"
        self.projection = buttons("map", how, maps, [ABOUT[name] for name in PROJECTIONS])
        self.step = Knob("exemplars", (1, most, 1), Whole(1, most), "how many exemplars are chosen", self.guarded)
        words, how = "capacity K", "how many images of all classes the memory keeps"
        if self.counts_each_class:
            words, how, count = "images per class", "how many images of each class the memory keeps", 1
        span = count, max(usual["capacity"], count * most), max(1, count // 2)
        self.capacity = Knob(words, span, Whole(at_least=count), how, self.guarded)
        named = {name: getattr(self, name) for name in ("label", "strategy", "projection", "step", "capacity")}
        words = f"a class of {FEWEST} training images or more, such as {self.classes[0]}"
        rules = {"label": Kind(words, lambda value: type(value) is int and value in self.classes)}
        self.controls = Controls(self, named, usual, {}, self._show, rules)
        self.note, self.panes = ipywidgets.HTML(), [self.stage() for _ in range(3)]
        self.fill(list(named.values()), [self.note, *self.panes])

    def _show(self, name: str | None = None) -> None:
        """Show what the controls say, as far as it has been computed; a thread computes the rest."""
        values = self.controls.values
        label, ready, words = values["label"], values["label"] in self._maps, ""
        self.projection.disabled = not ready
        if label not in self._choices:
            words = f"The features of class {self.stream.class_names[label]} are being computed."
        else:
            choice = self._choices[label]
            words, kept = choice.note, max(self._kept(label, len(choice.images), values["capacity"]).values())
            if values["step"] > kept:
                words += f"Such a memory keeps {kept} images of this class: it would not choose those after them. "
            if values["projection"] == "tsne":
                words += OF_PLACES if ready else "t-SNE of this class is being computed: until then the map is PCA."
            for pane, page in zip(self.panes, self._pages(**values), strict=True):
                pane.drawing = page
        self.note.value = sentence(words, "status")
        if label not in self._looked_at:  # last, as it may fail at once and say so
            self._looked_at.add(label)
            self.behind(lambda: self._work(label))

    def _work(self, label: int) -> None:
        """Compute the features of a class, map them, and draw every strategy on both maps; for a thread."""
        try:
            if label not in self._choices:
                self._choices[label] = self.choice_of(label)
                if label == self.label.value:
                    self._show()
            self._maps[label] = tsne(self._choices[label].rows)
            if label == self.label.value:
                self._show()
            for strategy, projection in itertools.product(SELECTIONS, PROJECTIONS):
                if label != self.label.value:
                    return
                self._pages(**self.controls.values | {"strategy": strategy, "projection": projection})
        except Exception as error:  # a thread's exception would be lost
            if not self.closed:
                self.note.value = ""
                self.show_error(error)
                self._looked_at.discard(label)

    def _pages(self, label: int, strategy: str, projection: str, step: int, capacity: int) -> list[Drawing]:
        """The three pictures, each drawn once."""
        choice, what = self._choices[label], f"class {self.stream.class_names[label]}"
        most, by, kept = self.most, f"{what}, {strategy}", self._kept(label, len(choice.images), capacity)
        first, memory = max(kept.values()), f"{capacity} per class" if self.counts_each_class else f"K = {capacity}"
        orders, distances = choice.by_strategy(first)
        order, distances = orders[strategy], {name: values[:most] for name, values in distances.items()}
        images = choice.images[order]
        places, axes = choice.places, choice.axes
        if mapped := projection == "tsne" and label in self._maps:
            places, axes = self._maps[label], T_SNE
        pictures = {
            ("map", strategy, step, mapped, first): lambda: show.selection(
                places, order[:most], distances, strategy, step, axes, what
            ),
            ("images", strategy, step, first if strategy == "histogram" else 0): lambda: show.exemplars(
                images[:most], step, by
            ),
            ("evicted", strategy, capacity): lambda: show.evictions(images[:first], kept, f"{memory}, {by}"),
        }
        return [self.album.page((label, *key), make) for key, make in pictures.items()]

    @property
    def counts_each_class(self) -> bool:
        """Whether the run's memory keeps a number of images of each class, so that none is ever evicted."""
        memory = self.run.recipe.memory
        return isinstance(memory, ExemplarMemory) and memory.per_class is not None

    def _kept(self, label: int, size: int, capacity: int) -> dict[int, int]:
        """Number of classes seen, from the class's own task on -> how many of its images a memory keeps."""
        memory = ExemplarMemory(None, capacity) if self.counts_each_class else ExemplarMemory(capacity)
        seen = np.cumsum([len(task.classes) for task in self.stream]).tolist()
        own = next(task.index for task in self.stream if label in task.classes)
        return {classes: min(size, memory.quota(classes)) for classes in seen[own:]}

    def choice_of(self, label: int) -> Choice:
        """The features of a class, computed as for a memory: by the network after the class's own task, which has all
        the task's images at once."""
        (task,) = (task for task in self.stream if label in task.classes)
        network, own = self.run.model_after(task.index), task.train.labels == label
        features = features_of(network.to(memory_format=torch.channels_last), task.train.images)[own]
        images, rows = task.train.images[own], F.normalize(features.double(), dim=1).numpy()
        choice = Choice(images.numpy(), features, rows, seed_of(("exemplars", self.run.seed, label)), *pca(rows))
        return choice if self._as_recorded(label, choice) else replace(choice, note=OTHERS)

    def _as_recorded(self, label: int, choice: Choice) -> bool:
        """Whether the exemplars of the class with which the run ended are those that are shown for its own memory."""
        memory, recorded = self.run.recipe.memory, self.run.part_states.get("memory")
        if not isinstance(memory, ExemplarMemory) or not recorded:
            return True
        kept = recorded["images"][recorded["labels"] == self.stream.classes.index(label)].numpy()
        first = max(self._kept(label, len(choice.images), capacity_of(self.run)).values())
        return np.array_equal(choice.images[choice.by_strategy(first)[0][memory.selection]][: len(kept)], kept)


def check_finished(run: Run, stream: Stream) -> None:
    """ValueError for a run of another stream, or one that is not finished."""
    if run.fingerprint != stream.fingerprint:
        raise ValueError(
            f"This run learned {run.stream_code}, not these images of {stream.code}: give the stream it learned."
        )
    if not run.complete:
        raise ValueError(f"This run has learned {run.learned} of {len(run.tasks)} tasks: let it finish first.")


def capacity_of(run: Run) -> int:
    """K of the run's memory or its number per class, or 10 images per class where it has none."""
    memory, classes = run.recipe.memory, sum(map(len, run.tasks))
    return (memory.per_class or memory.capacity) if isinstance(memory, ExemplarMemory) else 10 * classes


def order_of(strategy: str, features: Tensor, kept: int, seed: int) -> np.ndarray:
    """The places (N,) of a class's images: those chosen to keep ``kept``, then the others as all would be chosen."""
    chosen, every = (select(strategy, features, n, seed).numpy() for n in (kept, len(features)))
    return np.concatenate([chosen, every[~np.isin(every, chosen)]])


def distances_of(rows: np.ndarray, order: np.ndarray) -> np.ndarray:
    """From the mean of the first m rows (N, D) in that order to the mean of all, for m from 1 up: (N,)."""
    means = rows[order].cumsum(0) / np.arange(1, len(order) + 1)[:, None]
    return np.linalg.norm(means - rows.mean(0), axis=1)


def pca(rows: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    """Places (N, 2) of rows (N, D) along the two directions in which they differ most, and the names of these."""
    centred = rows - rows.mean(0)
    _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
    shares = 100 * lengths**2 / max(np.sum(lengths**2), 1e-12)
    first, second = (f"principal component ({share:.0f} % of variance)" for share in shares[:2])
    return centred @ directions[:2].T, (f"first {first}", f"second {second}")


def tsne(rows: np.ndarray) -> np.ndarray:
    """Places (N, 2) of rows (N, D) on a map that keeps neighbours together."""
    from sklearn.manifold import TSNE  # slow to import, and computed in a thread

    return TSNE(perplexity=min(30, (len(rows) - 1) / 3), init="pca", random_state=0).fit_transform(rows)
