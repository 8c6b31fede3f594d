"""A recipe as toggles and numbers, and the way back from a recipe to its toggles."""

from dataclasses import dataclass, fields, replace
from typing import Any

from ..describe import Part
from ..importance import MAS, Importance
from ..losses import (
    Anchor,
    AttentionDistillation,
    BinaryCrossEntropy,
    CrossEntropy,
    Distillation,
    TemporaryDistillation,
)
from ..losses.terms import Loss, Term
from ..memory import Everything, ExemplarMemory
from ..methods.lwf import fine_tuning
from ..methods.registry import JOINT, WARM_UP_THEN_JOINT
from ..networks import MultiHead, SmallCNN
from ..recipe.merging import AfterTask, Unmerged
from ..recipe.noise import GradientNoise
from ..recipe.recipe import Phase, Recipe, Schedule
from ..streams import Augmentation

NEW_TERMS = {
    "softmax": CrossEntropy(),
    "sigmoid": BinaryCrossEntropy(),
    "sigmoid, all": BinaryCrossEntropy("all"),
}
TERMS = {  # a term that protects old tasks -> the fields of its switch, its weight and its settings
    Distillation: ("distillation", "beta", ("kind", "temperature", "joined")),
    AttentionDistillation: ("attention", "gamma", ("distance", "maps")),
    Anchor: ("anchor", "omega", ("importance",)),
}
LEARNS = ("all", "fine-tune", "slow", "warm-up", "new", "new x5")
USUAL = Schedule()
FREE = "images", "epochs", "rate", "name"  # what may change in a recipe with parts that have no toggle


@dataclass(frozen=True)
class Composition:
    """The values of a playground's toggles; each field is a control, and ``recipe`` what they make together.

    ``new``: a name of ``NEW_TERMS``; the three terms that protect old tasks are switched by a field of their own and
    keep their settings while they are off. Weights are those in the loss, as its equation shows them. ``others``: terms
    that have no toggle, such as your own, with their weights. ``memory``: "none", "exemplars" (so many in all), "per
    class", "everything", or a memory of your own. ``learns``: a name of ``LEARNS``; ``network``: a description with the
    usual backbone, if it has one, ``backbone`` what it is built on; ``rest``: the fields of the schedule that no
    control changes; ``name``: of the recipe. ``whole``: a recipe with parts that have no toggle, said in ``why``: only
    the fields in ``FREE`` may change in it.
    """

    new: str = "softmax"
    distillation: bool = False
    kind: str = "softmax"
    joined: bool = False
    temperature: float = 2.0
    beta: float = 1.0
    attention: bool = False
    distance: str = "l1"
    maps: str = "grad_cam"
    gamma: float = 1.0
    anchor: bool = False
    importance: Importance = MAS()
    omega: float = 0.5
    others: tuple[tuple[float, Term], ...] = ()
    memory: str | Part = "none"
    images: int = 100
    selection: str = "herding"
    balanced: bool = False
    network: Any = MultiHead()
    backbone: Any = SmallCNN()
    after_task: AfterTask = Unmerged()
    predict: str = "logits"
    heads: str = "task"
    learns: str = "fine-tune"
    augmentation: Augmentation | None = None
    noise: GradientNoise | None = None
    epochs: int = USUAL.epochs
    rate: float = USUAL.learning_rate
    rest: Schedule = USUAL
    name: str = "own"
    whole: Recipe | None = None
    why: str = ""

    @property
    def recipe(self) -> Recipe:
        """The recipe that the toggles make; ValueError for one that cannot be."""
        return holding(self.toggled if self.whole is None else self._changed(self.whole), self.images)

    def _changed(self, whole: Recipe) -> Recipe:
        usual = _fixed(whole, self.why)
        if any(getattr(self, one.name) != getattr(usual, one.name) for one in fields(self) if one.name not in FREE):
            raise ValueError(f"{self.why} Only its epochs, its rate and the size of its memory can be changed.")
        schedule = replace(whole.schedule, epochs=self.epochs, learning_rate=self.rate)
        return replace(whole, name=self.name, schedule=schedule)

    @property
    def keeps(self) -> bool:
        """Whether ``images`` says how many it keeps in all."""
        recipe = self.recipe
        return bool(capacity_of(recipe.memory, *(term for _, term in recipe.loss.terms)))

    @property
    def toggled(self) -> Recipe:
        """The recipe of the toggles alone."""
        how = {"augmentation": self.augmentation, "noise": self.noise, "later": self.later}
        return Recipe(
            name=self.name,
            loss=self.loss,
            network=on(self.network, self.backbone),
            memory=self.kept,
            schedule=replace(self.rest, epochs=self.epochs, learning_rate=self.rate, **how),
            heads=self.heads,
            after_task=self.after_task,
            predict=self.predict,
        )

    @property
    def loss(self) -> Loss:
        loss = Loss(((1.0, NEW_TERMS[self.new]),))
        for weight, term in (*self.protecting, *self.others):
            loss = loss + weight * term
        return loss

    @property
    def protecting(self) -> list[tuple[float, Term]]:
        """The terms that protect old tasks, with their weights."""
        found = []
        for kind, (switch, weight, settings) in TERMS.items():
            own = {name: getattr(self, name) for name in settings}
            if self.kind != "softmax":  # only the softmax has a temperature; an idle one would stand in the code
                own.pop("temperature", None)
            if getattr(self, switch):
                found.append((float(getattr(self, weight)), kind(**own)))
        return found

    @property
    def kept(self) -> Part | None:
        """The memory."""
        if not isinstance(self.memory, str):
            return self.memory
        if self.memory == "none":
            return None
        if self.memory == "everything":  # with a head per task, tasks take turns (as `methods.joint`)
            return Everything(interleaved=self.heads == "task")
        if self.memory == "per class":
            return ExemplarMemory(per_class=self.images, selection=self.selection)
        return ExemplarMemory(self.images, selection=self.selection)

    @property
    def main(self) -> tuple[Phase, ...]:
        """The phases of a later task, without balanced fine-tuning."""
        return {
            "fine-tune": fine_tuning(1.0, self.heads),
            "slow": fine_tuning(0.1, self.heads),
            "all": JOINT,
            "warm-up": WARM_UP_THEN_JOINT,
            "new": (Phase(new=1.0),),
            "new x5": (Phase(new=5.0),),
        }[self.learns]

    @property
    def later(self) -> tuple[Phase, ...]:
        """The phases of a later task; fine-tuning takes 3 of 7 parts of the epochs (EEIL, section 5)."""
        if not self.balanced:
            return self.main
        main = tuple(replace(phase, share=4.0 * phase.share) for phase in self.main)
        if len(main) == 1:
            main = (replace(main[0], name="train"),)
        return (*main, Phase("balanced fine-tuning", 3.0, shared=0.1, old=0.1, new=0.1, loss=self.fine, balanced=True))

    @property
    def fine(self) -> Loss | None:
        """Balanced fine-tuning's own loss: where old answers are distilled, the newest are too (EEIL, section 4)."""
        distilled = [(weight, term) for weight, term in self.protecting if isinstance(term, Distillation)]
        if not distilled:
            return None
        (weight, term), *_ = distilled
        return self.loss + weight * TemporaryDistillation(term.temperature, term.kind)


def on(network: Any, backbone: Any) -> Any:
    """The network built on this backbone, if it is built on one."""
    return replace(network, backbone=backbone) if hasattr(network, "backbone") else network


def holding(recipe: Recipe, images: int) -> Recipe:
    """The recipe with so many images in all in its memory, a term's own too."""
    terms = tuple((weight, _sized(term, images)) for weight, term in recipe.loss.terms)
    return replace(recipe, loss=Loss(terms), memory=_sized(recipe.memory, images))


def _sized(part: Any, images: int) -> Any:
    return replace(part, capacity=images) if capacity_of(part) else part


def capacity_of(*parts: Part | None) -> int | None:
    """How many images in all the first of these parts keeps that has a memory of a fixed size; None if none has."""
    found = (getattr(part, "capacity", None) for part in parts if not getattr(part, "per_class", None))
    return next(filter(None, found), None)


def composition_of(recipe: Recipe) -> Composition:
    """The toggles that make this very recipe; where they cannot, the recipe as a ``whole``."""
    try:
        return _toggles_of(recipe)
    except ValueError as error:
        return _fixed(recipe, str(error))


def _fixed(recipe: Recipe, why: str) -> Composition:
    """The recipe as it is, ``why`` says what of it no toggle makes."""
    schedule, memory = recipe.schedule, recipe.memory
    images = capacity_of(memory, *(term for _, term in recipe.loss.terms)) or Composition.images
    settings = {"epochs": schedule.epochs, "rate": schedule.learning_rate, "heads": recipe.heads, "name": recipe.name}
    return Composition(memory=memory or "none", images=images, **settings, whole=recipe, why=why)


def _toggles_of(recipe: Recipe) -> Composition:
    """The toggles that make this very recipe; ValueError where none do, which says what has no control."""
    network, schedule, terms = recipe.network, recipe.schedule, _terms(recipe.loss)
    found = Composition(
        **terms,
        **_memory(recipe.memory, terms["others"]),
        balanced=any(phase.balanced for phase in schedule.later),
        network=on(network, SmallCNN()),
        backbone=getattr(network, "backbone", SmallCNN()),
        after_task=recipe.after_task,
        predict=recipe.predict,
        heads=recipe.heads,
        augmentation=schedule.augmentation,
        noise=schedule.noise,
        epochs=schedule.epochs,
        rate=schedule.learning_rate,
        rest=replace(schedule, later=USUAL.later, augmentation=None, noise=None, epochs=USUAL.epochs),
        name=recipe.name,
    )
    made = [replace(found, learns=learns) for learns in LEARNS]
    if fitting := [composition for composition in made if composition.recipe == recipe]:
        return fitting[0]
    raise ValueError(_difference(recipe, made[0].recipe))


def _terms(loss: Loss) -> dict:
    """The fields of a composition for this loss."""
    found, others, (weight, new) = {}, (), loss.terms[0]
    names = {term: name for name, term in NEW_TERMS.items()}
    if weight != 1 or new not in names:
        raise ValueError(f"The toggles make a loss that begins with a cross-entropy of weight 1, not with {loss!r}.")
    for weight, term in loss.terms[1:]:
        if isinstance(term, TemporaryDistillation):
            raise ValueError(f"{term!r} acts in balanced fine-tuning only: switch that on instead.")
        if type(term) not in TERMS:
            others = (*others, (weight, term))
            continue
        switch, own_weight, settings = TERMS[type(term)]
        if switch in found:
            raise ValueError(f"The toggles have each term once, and this loss has {type(term).__name__} twice.")
        found |= {switch: True, own_weight: weight} | {name: getattr(term, name) for name in settings}
    return {"new": names[new], "others": others, **found}


def _memory(memory: Part | None, others: tuple[tuple[float, Term], ...]) -> dict:
    """The fields of a composition for this memory, or that of a term."""
    if memory is None or type(memory) is Everything:
        own = capacity_of(*(term for _, term in others)) or Composition.images
        return {"memory": "none" if memory is None else "everything", "images": own}
    if type(memory) is not ExemplarMemory or memory.balancing != "strict":
        return {"memory": memory, "images": capacity_of(memory) or Composition.images}
    kind, images = ("exemplars", memory.capacity) if memory.per_class is None else ("per class", memory.per_class)
    return {"memory": kind, "images": images, "selection": memory.selection}


def _difference(recipe: Recipe, made: Recipe) -> str:
    """The first thing in a recipe that the toggles would make differently."""
    for field in fields(recipe):
        wanted, own = getattr(recipe, field.name), getattr(made, field.name)
        if wanted != own and field.name == "schedule":
            return f"No toggle makes these phases of later tasks ({' + '.join(phase.name for phase in wanted.later)})."
        if wanted != own:
            return f"No toggle makes {field.name}={wanted!r}; the nearest is {own!r}."
    raise AssertionError("the two recipes are equal")
