"""What a serving model saw: a sample of its input rows over the last day, judged by its reference.

Guards: memory is SLOTS times ROWS rows, whatever the traffic; each slot of ten minutes keeps an
even sample of its rows (Vitter, ACM TOMS 11 (1985) 37, algorithm R). Slots join in proportion to
their traffic: a busy hour weighs more than a quiet one. Rows hold numbers only, as the model reads
them: no text, no identifier. The score is compared like an input where the artefact's reference
has it. One round of noise moves PSI by about nine over the number of rows, so few rows give no
verdict (`scoring.drift`). Shapes: n rows, k inputs and the score last.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from paywarden.risk.drift.alarms import AlarmBook, Change, Key
from paywarden.risk.scoring.drift import ACT, SCORE, WATCH, Drift, compare
from paywarden.risk.scoring.inputs import Floats

KIND: Final = "psi"
SLOT_MINUTES: Final = 10
SLOTS: Final = 144
ROWS: Final = 64
HOUR_SLOTS: Final = 6
MODELS: Final = 3
LEAST: Final = 200


class Sampled(Protocol):
    """A model as its sample needs it: inputs by place, and the reference of its artefact."""

    @property
    def name(self) -> str:
        """Name of the model."""
        ...

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of its inputs by place."""
        ...

    @property
    def reference(self) -> Mapping[str, Any]:
        """What its training rows looked like, by name."""
        ...


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Drift of every input over the last hour and the last day, greatest PSI first."""

    model: str
    hour: tuple[Drift, ...]
    day: tuple[Drift, ...]


class Sample:
    """Rows of one model."""

    def __init__(self, model: Sampled, chance: random.Random, minute: int) -> None:
        self.model = model
        self._chance = chance
        width = len(model.inputs) + 1
        self._rows = np.zeros((SLOTS, ROWS, width), np.float32)
        self._seen = [0] * SLOTS
        self._slot = minute // SLOT_MINUTES

    def add(self, row: Sequence[float], probability: float) -> None:
        """Take a row, or not."""
        place = self._slot % SLOTS
        number = self._seen[place]
        self._seen[place] = number + 1
        if number >= ROWS:
            number = int(self._chance.random() * (number + 1))
            if number >= ROWS:
                return
        kept = self._rows[place, number]
        kept[:-1] = row
        kept[-1] = probability

    def turn(self, minute: int) -> None:
        """Go on to the slot of `minute`; slots that were passed over are empty."""
        slot = minute // SLOT_MINUTES
        for passed in range(self._slot + 1, min(slot, self._slot + SLOTS) + 1):
            self._seen[passed % SLOTS] = 0
        self._slot = max(slot, self._slot)

    def rows(self, slots: int) -> Floats:
        """A sample of the last `slots`, in proportion to their traffic, [n, k + 1]."""
        last = self._slot
        places = [(last - back) % SLOTS for back in range(slots)]
        most = max(self._seen[place] for place in places)
        if not most:
            return np.zeros((0, self._rows.shape[2]), np.float32)
        share = min(most, ROWS) / most
        return np.concatenate(
            [self._rows[place, : math.ceil(self._seen[place] * share)] for place in places]
        )


def verdicts(model: Sampled, hour: Floats, day: Floats) -> Verdicts:
    """Compare both samples with the reference; a score that it lacks is left out."""
    names = (*model.inputs, SCORE)
    found = [tuple(compare(model.reference, rows, names)) for rows in (hour, day)]
    return Verdicts(model.name, *found)


def judge_psi(held: Sequence[Verdicts], hours: Mapping[str, int], now_us: int,
              book: AlarmBook) -> None:  # fmt: skip
    """Alarms of inputs whose PSI over the last hour asks to act; they end below WATCH.

    `hours`: rows behind the verdicts of the last hour by model.
    """
    rising, staying = {}, []
    for one in held:
        for drift in one.hour if hours[one.model] >= LEAST else ():
            key = Key(KIND, drift.name, one.model)
            if drift.psi >= ACT:
                rising[key] = Change(ACT, drift.psi)
            if drift.psi >= WATCH:
                staying.append(key)
    book.take(KIND, rising, staying, now_us)
