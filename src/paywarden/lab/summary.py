"""What a decided file came to: outcomes, and what was caught and hurt where labels are known.

Guards: caught and hurt mean any outcome but allow. Values are minor units of the file's one
currency; a file of several currencies is valued in the policy's base currency, and payments that
cannot be converted are counted in `unvalued`, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.outcome import Outcome
from paywarden.lab.labels import FRAUD, GENUINE
from paywarden.lab.verdicts import Verdict

Marks = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Counts and values (minor units of `currency`) of labelled payments."""

    fraud: int
    fraud_value_minor: int
    caught: int
    caught_value_minor: int
    genuine: int
    genuine_hurt: int
    currency: str
    unvalued: int


@dataclass(frozen=True, slots=True)
class RuleCounts:
    """One rule: payments on which it fired, by label, and what its absence would change.

    `hurt_alone`: genuine payments that would pass without it. `caught_alone`: frauds that would.
    """

    rule: str
    fired: int
    fraud: int
    genuine: int
    hurt_alone: int
    caught_alone: int


@dataclass(frozen=True, slots=True)
class FileSummary:
    """The answer of `decide_file`; `rules` in order of the policy, only those that fired."""

    payments: int
    seconds: float
    outcomes: Mapping[str, int]
    labelled: Labelled | None
    ruleset: str
    degraded: Mapping[str, int] = field(default_factory=dict)
    repeated: int = 0
    rules: tuple[RuleCounts, ...] = ()
    stages: Mapping[str, float] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """What the command prints with --json."""
        labelled = None
        if self.labelled is not None:
            names = Labelled.__slots__
            labelled = {name: getattr(self.labelled, name) for name in names}
        return {
            "payments": self.payments,
            "seconds": round(self.seconds, 3),
            "outcomes": dict(self.outcomes),
            "labelled": labelled,
            "ruleset": self.ruleset,
            "degraded": dict(self.degraded),
            "repeated": self.repeated,
        }


def outcomes_of(outcomes: npt.NDArray[np.int8]) -> dict[str, int]:
    """Payments per outcome word, all four."""
    counts = np.bincount(outcomes, minlength=len(Outcome)).tolist()
    return {outcome.word: counts[outcome] for outcome in Outcome}


def labelled_of(
    outcomes: npt.NDArray[np.int8],
    marks: Marks,
    value: npt.NDArray[np.int64],
    valued: npt.NDArray[np.bool_],
    currency: str,
) -> Labelled:
    """Counts over labelled payments; all arrays of shape [n]."""
    fraud, genuine, stopped = marks == FRAUD, marks == GENUINE, outcomes != Outcome.ALLOW
    return Labelled(
        int(fraud.sum()),
        _total(value, fraud & valued),
        int((fraud & stopped).sum()),
        _total(value, fraud & stopped & valued),
        int(genuine.sum()),
        int((genuine & stopped).sum()),
        currency,
        int((fraud & ~valued).sum()),
    )


def _total(value: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> int:
    """An exact sum: 64 bits may not hold it, so high and low halves are summed apart."""
    picked = value[chosen]
    return (int((picked >> 20).sum()) << 20) + int((picked & ((1 << 20) - 1)).sum())


def rule_counts(
    cases: list[Verdict],
    numbers: npt.NDArray[np.int32],
    marks: Marks,
    names: list[str],
    without: Any,
) -> tuple[RuleCounts, ...]:
    """Counts per rule. `without(case, rule)`: the case combined again without the rule."""
    size = len(cases)
    every = np.bincount(numbers, minlength=size)
    fraud = np.bincount(numbers[marks == FRAUD], minlength=size)
    genuine = np.bincount(numbers[marks == GENUINE], minlength=size)
    table = np.zeros((len(names), 5), np.int64)
    for number, case in enumerate(cases):
        for rule in case.fired:
            alone = case.outcome is not Outcome.ALLOW and (
                without(case, rule).outcome is Outcome.ALLOW
            )
            row = (every[number], fraud[number], genuine[number])
            table[rule] += (*row, alone * genuine[number], alone * fraud[number])
    return tuple(
        RuleCounts(names[rule], *table[rule].tolist())
        for rule in np.flatnonzero(table[:, 0]).tolist()
    )
