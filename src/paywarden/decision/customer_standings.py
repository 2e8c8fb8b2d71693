"""What decisions know of customers: level and points by keyed reference, terms of exposure.

Guards: a fold over the log, like everything that can change an answer: entries `customer_risk` move
it, and a start fills it from rows that were committed with them. Values that a payment reads are
recorded with it, so that replay needs none of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from paywarden.aml.customer_risk.model import ExposureTerms, Level, RiskModel
from paywarden.aml.customer_risk.ports import Rated


class Standing(NamedTuple):
    """Level as rules read it, and points."""

    level: str
    score: int


@lru_cache(512)
def _standing(level: str, score: int) -> Standing:
    """One object for everybody of equal standing: there are few."""
    return Standing(level, score)


@dataclass(slots=True)
class CustomerStandings:
    """Of one scope; false while there is nothing to read."""

    known: dict[int, Standing] = field(default_factory=dict)
    exposure: ExposureTerms | None = None
    percents: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.known) or self.exposure is not None

    def take(self, rated: Iterable[Rated], model: RiskModel | None) -> None:
        """Fold ratings, and the terms of the model that made them."""
        for one in rated:
            self.known[int(one.ref, 16)] = _standing(one.level, one.score)
        if model is not None:
            self.exposure = model.exposure
            percents = {level.word: share for level, share in model.threshold_percent.items()}
            highest = model.threshold_percent.get(Level.HIGH)
            if highest is not None:
                percents[Level.PROHIBITED.word] = highest
            self.percents = percents
