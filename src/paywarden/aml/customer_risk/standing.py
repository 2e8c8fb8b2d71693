"""Where a customer stands: level after overrides, review due, diligence still to be done. Pure.

Guards: an override never goes below the floor that factors set (a confirmed sanction, a politically
exposed person, a country of high risk: the law leaves no choice there); one that raises ends with
its day, one that lowers ends with its day too, and as soon as the model finds a higher level than
the one it answered to. A review is due so many days after the last by the level, and soon after a
rise. Source: EU 2024/1624, articles 20(2), 26 and 34; FATF R.10 and INR.10, paragraph 23.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from paywarden.aml.customer_risk.model import Assessment, DiligenceItem, Level, RiskModel
from paywarden.core.instants import DAY_US

OVERRIDE_DAYS: Final = 366
"""An override lasts at most so long."""
Ended = Literal["expired", "outgrown"]


@dataclass(frozen=True, slots=True)
class Override:
    """A person's level in place of the model's. `model_level`: what it answered to."""

    level: Level
    model_level: Level
    reason: str
    actor: str
    approvers: tuple[str, ...]
    at_us: int
    until_us: int

    @property
    def lowers(self) -> bool:
        """Whether it says less risk than the model did."""
        return self.level < self.model_level


@dataclass(frozen=True, slots=True)
class Done:
    """An item of diligence: done, or not needed, by whom and when."""

    state: Literal["done", "not_needed"]
    actor: str
    at_us: int
    note: str


def ended(override: Override, assessment: Assessment, now_us: int) -> Ended | None:
    """Why an override holds no longer; None while it does."""
    if override.until_us <= now_us:
        return "expired"
    if override.lowers and assessment.level > override.model_level:
        return "outgrown"
    return None


def effective(assessment: Assessment, override: Override | None) -> Level:
    """The level that counts, by a standing override."""
    if override is None:
        return assessment.level
    if override.lowers:
        return max(override.level, assessment.floor)
    return max(override.level, assessment.level)


def review_due_us(model: RiskModel, level: Level, reviewed_us: int, risen_us: int | None) -> int:
    """When the next review is due: by the level, and sooner after a rise since the last one."""
    due = reviewed_us + model.reviews.every_days[level] * DAY_US
    if risen_us is not None and risen_us > reviewed_us:
        due = min(due, risen_us + model.reviews.on_rise_days * DAY_US)
    return due


def required(
    model: RiskModel, level: Level, kind: str, factors: frozenset[str]
) -> list[DiligenceItem]:
    """Items that a customer takes; for a prohibited one those of a high level too."""
    levels = {level} | ({Level.HIGH} if level is Level.PROHIBITED else set())
    return [
        item
        for item in model.diligence
        if kind in item.kinds and (levels & item.levels or factors & item.factors)
    ]


def undone(items: list[DiligenceItem], done: Mapping[str, Done]) -> list[str]:
    """Ids of items that nobody finished."""
    return [item.id for item in items if item.id not in done]
