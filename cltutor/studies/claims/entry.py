"""A claim with what was found for it: its trials, its verdict, and how they are said."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .choosing import Choice
from .claim import Claim
from .deciding import NOT_RUN, Trial, interval, p_value, verdict
from .differences import KINDS


@dataclass(frozen=True)
class Found:
    """What was measured for a claim: what the search chose, the trials, those of its variants, and the keys of the
    trials' records."""

    choice: Choice = field(default_factory=lambda: Choice(0.0))
    trials: list[Trial] = field(default_factory=list)
    variants: dict[str, list[Trial]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Entry:
    """A claim and what was found: nothing if it has not been run."""

    claim: Claim
    found: Found | None = None

    @property
    def trials(self) -> list[Trial]:
        """The trials that were made, none where there are none yet."""
        return self.found.trials if self.found else []

    @property
    def complete(self) -> bool:
        """Whether there are all trials."""
        return len(self.trials) == self.claim.trials

    @property
    def differences(self) -> list[float]:
        """Left minus right, one per trial."""
        return [trial.difference for trial in self.trials]

    @cached_property
    def verdict(self) -> str:
        """One of ``VERDICTS``, computed from the trials."""
        return verdict(self.claim, self.trials)

    @cached_property
    def p(self) -> float | None:
        """The p-value of the claim; None for a count, or where there is none yet."""
        return p_value(self.claim, self.trials)

    @property
    def difference(self) -> tuple[float, float]:
        """(mean, half width) of the 95 % interval of left - right; nan where there is none."""
        return interval(self.differences, self.claim.counted)

    @property
    def said(self) -> str:
        """The verdict, with what a variant says where it says something else."""
        if self.verdict == NOT_RUN:
            return f"{NOT_RUN}: {len(self.trials)} of {self.claim.trials} trials" if self.trials else NOT_RUN
        words = {"own": "each at its own best rate", "published": "with the published weights"}
        others = {
            kind: verdict(self.claim, trials) for kind, trials in (self.found.variants if self.found else {}).items()
        }
        return "; ".join(
            [self.verdict, *(f"{words[k]}: {v}" for k, v in others.items() if v not in (self.verdict, NOT_RUN))]
        )

    def numbers(self) -> tuple[str, str, str, str]:
        """Left, right, difference and p-value as printed."""
        if not self.trials:
            return "", "", "", ""
        means = np.mean([(trial.left, trial.right) for trial in self.trials], axis=0)
        largest = np.abs(means).max()
        decimals = 3 if self.claim.counted else 2 if largest < 10 else 1 if largest < 1000 else 0
        mean, half = self.difference
        gap = f"{mean:+.{decimals}f}" + ("" if self.claim.counted else f" ± {half:.{decimals}f}")
        p = "" if self.p is None else "< 0.0001" if self.p < 1e-4 else f"{self.p:.4f}"
        return f"{means[0]:.{decimals}f}", f"{means[1]:.{decimals}f}", gap, p

    @property
    def differing(self) -> str:
        """What differs between the sides, and why what is not claimed cannot be avoided."""
        words = []
        for kind in self.claim.differences:
            reason = self.claim.also.get(kind)
            words.append(KINDS[kind] if kind in self.claim.differs else f"{KINDS[kind]} ({reason})")
        return "; ".join(words) or "nothing"

    @property
    def settings(self) -> str:
        """The rate and the weights that the search chose, and how many configurations each side tried."""
        if self.found is None or not self.claim.sides:
            return ""
        choice, words = self.found.choice, [f"rate {self.found.choice.rate:g}"]
        for label, weights in choice.weights.items():
            listed = ", ".join(f"{name} {value:g}" for name, value in weights.items())
            words.append(f"{label}: {listed} (of {choice.tried[label]})")
        return "; ".join([*words, *choice.edges])
