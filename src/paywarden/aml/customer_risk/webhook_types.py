"""Events of customer risk that leave the house as webhooks, to operators' endpoints alone.

Guards: a keyed reference and words; no id, no fact, no reason (tipping-off: a customer must not
learn of it, and a merchant's endpoint never gets these).
"""

from __future__ import annotations

from typing import Final

import msgspec

from paywarden.kit.webhooks.catalogue import EventType

LEVEL_CHANGED: Final = "customer_risk.level_changed"
REVIEW_OVERDUE: Final = "customer_risk.review_overdue"


class LevelChanged(msgspec.Struct, frozen=True):
    """A customer's level is another one from `log_sequence` on; `customer` is a keyed reference."""

    customer: str
    before: str | None
    level: str
    cause: str
    log_sequence: int


class ReviewOverdue(msgspec.Struct, frozen=True):
    """A review of a customer was due and was not done."""

    customer: str
    level: str
    due_at: str


EVENT_TYPES: Final = (
    EventType(LEVEL_CHANGED, "A customer's risk level changed; operators' endpoints", LevelChanged),
    EventType(
        REVIEW_OVERDUE, "A customer's review is overdue; operators' endpoints", ReviewOverdue
    ),
)
