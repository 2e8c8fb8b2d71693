"""Values of customer risk: levels, a model of weighted factors, an assessment. Pure.

Guards: points are whole and never negative, so that one more risk factor never lowers a score; a
score is exactly the sum of its explanation; `prohibited` comes from a knock-out alone. Units:
points 0 to 100. Source: FATF Recommendations 1 and 10 with their interpretive notes; EBA
guidelines EBA/GL/2021/02, 3.1 to 3.7 (weighting); EU 2024/1624 (AMLR), articles 20, 29, 33, 34, 42.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from paywarden.risk.rules.cel.program import Program

FULL: Final = 100
"""Points of a score at most; weights of the groups add up to it."""
CustomerKind = Literal["person", "company"]
KINDS: Final[tuple[str, ...]] = get_args(CustomerKind)
GROUPS: Final = (
    "verification", "customer", "occupation", "ownership", "geography", "product", "channel",
    "screening", "behaviour",
)  # fmt: skip
"""Families of factors, in the order in which an explanation shows them."""


class Level(enum.IntEnum):
    """How much diligence a customer takes; `prohibited`: no business at all."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    PROHIBITED = 4

    @property
    def word(self) -> str:
        """As models, the API and rules write it."""
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> Level:
        """Inverse of `word`. Errors: KeyError."""
        return _LEVELS[word]


_LEVELS: Final = {level.word: level for level in Level}
LEVEL_WORDS: Final = tuple(_LEVELS)


@dataclass(frozen=True, slots=True)
class Factor:
    """One readable reason for risk.

    `program`: condition over facts. `points`: when it holds. `missing`: points when a fact that it
    reads is not known. `at_least`: least level when it holds (PROHIBITED: a knock-out);
    `missing_at_least`: when it cannot be told. `kinds`: customers whom it speaks of. `says`: a
    sentence with facts in braces. `sources`: where it is written.
    """

    id: str
    group: str
    program: Program
    reads: tuple[str, ...]
    points: int
    missing: int
    says: str
    sources: tuple[str, ...]
    kinds: frozenset[str]
    at_least: Level = Level.LOW
    missing_at_least: Level = Level.LOW


@dataclass(frozen=True, slots=True)
class NamedTable:
    """A table of words that conditions ask with `in tables.NAME`, with its source and date."""

    name: str
    values: frozenset[str]
    source: str
    as_of: str
    refresh_days: int


@dataclass(frozen=True, slots=True)
class DiligenceItem:
    """One thing to be done for a customer: of these levels, or when one of these factors holds."""

    id: str
    text: str
    levels: frozenset[Level]
    factors: frozenset[str]
    kinds: frozenset[str]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReviewTerms:
    """Days between reviews by level, and days until one after a customer rose to a level."""

    every_days: Mapping[Level, int]
    on_rise_days: int


@dataclass(frozen=True, slots=True)
class BehaviourTerms:
    """Windows of the policy by behaviour fact (`payer` and `merchant` ones), and how often read."""

    windows: Mapping[str, Mapping[str, str]]
    every_hours: int


@dataclass(frozen=True, slots=True)
class ReserveStep:
    """From this share of loss on (percent of volume), so much of payouts is kept back."""

    loss_percent: float
    reserve_percent: int


@dataclass(frozen=True, slots=True)
class ExposureTerms:
    """How a merchant's open exposure is reckoned.

    `captured`: window of the policy by days, rising. `refunds`, `chargebacks`, `base`: windows of
    sums over `ratio_days`. `delay_days`: days until delivery by merchant category group, `other`
    for the rest. `levels`: points of reserve added by the merchant's level. `hold_minor`: exposure
    above which payouts wait for a person, by level.
    """

    captured: tuple[tuple[int, str], ...]
    refunds: str
    chargebacks: str
    base: str
    ratio_days: int
    delay_days: Mapping[str, int]
    steps: tuple[ReserveStep, ...]
    levels: Mapping[Level, int]
    hold_minor: Mapping[Level, int]


@dataclass(frozen=True, slots=True)
class RiskModel:
    """A model as its text says it; `id` is `rm_` and the SHA-256 of the text."""

    id: str
    name: str
    text: str
    weights: Mapping[str, int]
    thresholds: Mapping[Level, int]
    tables: Mapping[str, NamedTable]
    factors: tuple[Factor, ...]
    diligence: tuple[DiligenceItem, ...]
    reviews: ReviewTerms
    behaviour: BehaviourTerms
    exposure: ExposureTerms | None
    threshold_percent: Mapping[Level, int] = field(default_factory=dict)

    def level_of(self, score: int) -> Level:
        """The level that a score alone gives: never `prohibited`."""
        reached = [level for level, least in self.thresholds.items() if score >= least]
        return max(reached, default=Level.LOW)


State = Literal["present", "unknown", "cap"]


@dataclass(frozen=True, slots=True)
class Contribution:
    """A line of an explanation; lines add up to the score.

    `state`: the factor holds, or cannot be told since `missing` facts lack, or (`cap`) the weight
    of the group cuts what its factors gave, with points below zero.
    """

    factor: str
    group: str
    state: State
    points: int
    says: str
    missing: tuple[str, ...] = ()
    at_least: Level = Level.LOW
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a model says of a customer. `floor`: least level by factors; `level` never below it."""

    model: str
    score: int
    level: Level
    floor: Level
    lines: tuple[Contribution, ...]
    missing: tuple[str, ...]

    @property
    def factors(self) -> frozenset[str]:
        """Factors that hold."""
        return frozenset(line.factor for line in self.lines if line.state == "present")
