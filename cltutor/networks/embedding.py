"""Fact learning: a network with three outputs into a space of words that all tasks share (MAS, section 5.2).

The paper embeds subject, predicate and object with Word2vec. Here a word's vector is random, seeded by the word
itself: distances between words carry no meaning, but a fact is still composed of its words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..describe import whole
from ..seeds import generator
from ..streams.facts import units
from .backbone import Backbone, BackboneArchitecture, SmallCNN, backbone_field
from .network import Architecture, Network, Output

UNITS = ("subject", "predicate", "object")


def word_vector(word: str, dimension: int) -> Tensor:
    """(dimension,) a unit vector of uniform direction, the same on every machine."""
    drawn = torch.randn(dimension, generator=generator("word", word), dtype=torch.float64)
    return (drawn / drawn.norm()).float()


def fact_vector(fact: str, dimension: int) -> Tensor:
    """(3 * dimension,) the vectors of subject, predicate and object one after another; ValueError as in `units`."""
    return torch.cat([word_vector(word, dimension) for word in units(fact)])


class FactNetwork(Network):
    """A backbone that forks into three outputs; every layer is shared by all tasks, the last included.

    ``facts`` (facts seen, 3 * dimension) are the embeddings of the words in the order of the tasks, a buffer.
    """

    facts: Tensor

    def __init__(self, backbone: Backbone, dimension: int):
        super().__init__()
        self.backbone, self.classes, self.dimension = backbone, [], dimension
        layers = {unit: nn.Linear(backbone.width, dimension) for unit in UNITS}
        for layer in layers.values():  # an output begins about as long as a word's vector, so that no ReLU dies
            nn.init.normal_(layer.weight, std=(backbone.width * dimension) ** -0.5)
            nn.init.zeros_(layer.bias)
        self.outputs = nn.ModuleDict(layers)
        self.register_buffer("facts", torch.empty(0, 3 * dimension))

    def grow(self, classes: int, names: Sequence[str] = ()) -> None:
        """Add the words of ``classes`` facts, ``names``; no random number is drawn, no parameter is added. ValueError
        unless there is one name per fact and each states a fact."""
        if len(names) != classes or classes < 1:
            raise ValueError(f"FactEmbedding needs the name of each of the {classes} facts, not {len(names)} names.")
        vectors = torch.stack([fact_vector(name, self.dimension) for name in names])
        self.facts = torch.cat([self.facts, vectors.to(self.facts.device)])
        self.classes.append(classes)

    def parts(self) -> dict[str, list[nn.Module]]:
        return {"shared": [self.backbone, self.outputs], "old": [], "new": []}

    def forward(self, images: Tensor) -> Output:
        """``features`` (N, 3 * dimension) is the embedding e; the logit of fact f is -||e - f||^2."""
        flat = self.backbone.flatten(self.backbone(images))
        embedding = torch.cat([self.outputs[unit](flat) for unit in UNITS], dim=1)

        def head(task: int) -> Tensor:
            return -(embedding[:, None] - self.facts_of(task)).square().sum(2)

        return Output(embedding, head, len(self.classes))

    def facts_of(self, task: int) -> Tensor:
        """(facts, 3 * dimension) the embeddings of the task's facts."""
        return self.facts.split(self.classes)[task]

    def response(self, output: Output, task: int | None = None) -> Tensor:
        """The embedding (N, 3 * dimension): the outputs that all tasks share, whose change MAS measures."""
        return output.features


@dataclass(frozen=True, repr=False)
class FactEmbedding(Architecture):
    """A backbone that forks into subject, predicate and object, each a vector of ``dimension`` numbers.

    The outputs are plain linear layers, not normalised: MAS minimises the pairwise distance between the visual and
    the language embedding (section 5.2), and measures how the squared length of the outputs would change (section
    4.1), which is zero for outputs of fixed length. An image is classified as the fact nearest to its embedding.
    """

    guards_any_output = True

    backbone: BackboneArchitecture = backbone_field(SmallCNN())
    dimension: int = whole(16, at_least=2)  # there are only two unit vectors of dimension 1

    def build(self, image_shape: tuple[int, int, int], pretrained: bool = True) -> FactNetwork:
        return FactNetwork(self.backbone.build(image_shape, pretrained), self.dimension)
