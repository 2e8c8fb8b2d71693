"""What a decided file came to: outcomes, and what was caught and hurt where labels are known.

Guards: caught and hurt mean any outcome but allow. Values are minor units of the file's one
currency; a file of several currencies is valued in the policy's base currency, and payments that
cannot be converted are counted in `unvalued`, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.outcome import Outcome
from paywarden.lab.labels import FRAUD, GENUINE
from paywarden.lab.verdicts import Verdict, Verdicts

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
class CaseCount:
    """One distinct set of fired rules: their ids, the outcome, and payments by label.

    `without(rules)`: the outcome if only these of its rules had fired.
    """

    rules: tuple[str, ...]
    outcome: Outcome
    payments: int
    fraud: int
    genuine: int
    without: Callable[[Sequence[str]], Outcome]


@dataclass(frozen=True, slots=True)
class FileSummary:
    """The answer of `decide_file`; `cases`: every distinct case with a rule that fired."""

    payments: int
    seconds: float
    outcomes: Mapping[str, int]
    labelled: Labelled | None
    ruleset: str
    degraded: Mapping[str, int] = field(default_factory=dict)
    repeated: int = 0
    cases: tuple[CaseCount, ...] = ()
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
        total(value, fraud & valued),
        int((fraud & stopped).sum()),
        total(value, fraud & stopped & valued),
        int(genuine.sum()),
        int((genuine & stopped).sum()),
        currency,
        int((fraud & ~valued).sum()),
    )


def total(value: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> int:
    """An exact sum: 64 bits may not hold it, so high and low halves are summed apart."""
    picked = value[chosen]
    return (int((picked >> 20).sum()) << 20) + int((picked & ((1 << 20) - 1)).sum())


def case_counts(
    verdicts: Verdicts, numbers: npt.NDArray[np.int32], marks: Marks, names: Sequence[str]
) -> tuple[CaseCount, ...]:
    """Counts per distinct case with a rule that fired. `names`: rule ids by index."""
    size = len(verdicts.cases)
    every = np.bincount(numbers, minlength=size).tolist()
    fraud = np.bincount(numbers[marks == FRAUD], minlength=size).tolist()
    genuine = np.bincount(numbers[marks == GENUINE], minlength=size).tolist()
    return tuple(
        CaseCount(
            tuple(names[rule] for rule in case.fired),
            case.outcome,
            every[number],
            fraud[number],
            genuine[number],
            _without(verdicts, case, names),
        )
        for number, case in enumerate(verdicts.cases)
        if case.fired and every[number]
    )


def _without(
    verdicts: Verdicts, case: Verdict, names: Sequence[str]
) -> Callable[[Sequence[str]], Outcome]:
    def outcome(kept: Sequence[str]) -> Outcome:
        chosen = tuple(rule for rule in case.fired if names[rule] in kept)
        return verdicts.combined(chosen, case.surroundings).outcome

    return outcome
