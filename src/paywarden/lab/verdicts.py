"""Outcomes of many payments: each distinct set of fired rules in its surroundings is combined once.

Guards: `decision.combine` itself makes every verdict; this file only finds equal cases. A verdict
is named by a small number, so that a file of any length keeps four octets a payment.
Shapes: n payments, f fired rules in all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.core.outcome import Outcome
from paywarden.decision.combine import CombineContext, Combined, combine
from paywarden.decision.conduct import PolicyRuntime
from paywarden.risk.rules.columns import Column

Codes = npt.NDArray[np.int32]
CONTEXT = ("payment.phase", "payment.initiator")
_DEFAULTS = ("pre_auth", "customer")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Phase, initiator and segment of a payment: what `combine` asks beside the rules."""

    phase: str
    initiator: str
    segment: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One distinct case: rules that fired (ascending) and what they came to."""

    fired: tuple[int, ...]
    surroundings: Surroundings
    combined: Combined

    @property
    def outcome(self) -> Outcome:
        """The outcome."""
        return self.combined.outcome


def surroundings_of(
    columns: Mapping[str, Column], segment: Column
) -> tuple[list[Surroundings], npt.NDArray[np.int64]]:
    """Distinct surroundings and, per payment, which of them; `columns` hold those of CONTEXT."""
    texts = [segment.dictionary]
    codes = [segment.data.astype(np.int64)]
    for path, default in zip(CONTEXT, _DEFAULTS, strict=True):
        column = columns.get(path)
        dictionary = (default,) if column is None else (*column.dictionary, default)
        data = np.zeros(len(segment)) if column is None else column.data
        texts.append(dictionary)
        codes.append(np.where(data < 0, len(dictionary) - 1, data).astype(np.int64))
    mixed = (codes[0] * len(texts[1]) + codes[1]) * len(texts[2]) + codes[2]
    distinct, which = np.unique(mixed, return_inverse=True)
    around = []
    for number in distinct.tolist():
        rest, initiator = divmod(number, len(texts[2]))
        place, phase = divmod(rest, len(texts[1]))
        around.append(Surroundings(texts[1][phase], texts[2][initiator], texts[0][place]))
    return around, which


class Verdicts:
    """Every distinct verdict so far; `cases[number]`."""

    def __init__(self, runtime: PolicyRuntime) -> None:
        self._runtime = runtime
        self._settled: dict[tuple[tuple[int, ...], Surroundings], int] = {}
        self._numbers: dict[tuple[bytes, Surroundings], int] = {}
        self.cases: list[Verdict] = []

    def numbers(
        self,
        offsets: npt.NDArray[np.int64],
        rules: Codes,
        around: list[Surroundings],
        which: npt.NDArray[np.int64],
    ) -> Codes:
        """Verdict number of each payment, [n].

        `offsets` [n + 1] and `rules` [f]: fired rules in compressed rows. `around[which[i]]`: the
        surroundings of payment i.
        """
        found = np.empty(len(which), np.int32)
        quiet = np.array([self._number(b"", one) for one in around], np.int32)
        found[:] = quiet[which]
        raw = rules.astype(np.int32).tobytes()
        marks = (offsets * 4).tolist()
        places = which.tolist()
        for row in np.flatnonzero(np.diff(offsets)).tolist():
            key = raw[marks[row] : marks[row + 1]]
            found[row] = self._number(key, around[places[row]])
        return found

    def _number(self, key: bytes, around: Surroundings) -> int:
        name = (key, around)
        number = self._numbers.get(name)
        if number is None:
            held = np.frombuffer(key, np.int32).tolist()
            fired = tuple(self._runtime.typologies.settled(held))
            number = self._numbers[name] = self._settled.setdefault(
                (fired, around), len(self.cases)
            )
            if number == len(self.cases):
                self.cases.append(Verdict(fired, around, self.combined(fired, around)))
        return number

    def combined(self, fired: tuple[int, ...], around: Surroundings) -> Combined:
        """What these rules come to in these surroundings."""
        runtime = self._runtime
        context = CombineContext(
            phase=around.phase,
            initiator=around.initiator,
            challenge_unavailable=runtime.challenge_unavailable(around.segment),
        )
        rows = [runtime.rows[index] for index in fired]
        return combine(rows, runtime.policy.points, runtime.policy.model, None, context)
