"""Events of this room that leave the house as webhooks.

Guards: thin data only: identifiers and what the answer said; neutral reason codes, AML's never, no
personal field. `merchant_id` decides which merchant's endpoints get it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from paywarden.kit.webhooks.catalogue import EventType

DECISION_RECORDED: Final = "decision.recorded"
RULESET_PUBLISHED: Final = "ruleset.published"
LIST_CHANGED: Final = "list.changed"
LABELS_FLOODED: Final = "labels.flooded"


class DecisionRecorded(msgspec.Struct, frozen=True, omit_defaults=True):
    """A payment was challenged, held or blocked, or a rule's action asks for follow-up."""

    id: str
    payment_id: str
    attempt: str
    outcome: str
    points: int
    reasons: tuple[str, ...]
    log_sequence: int
    merchant_id: str | None = None


class RulesetPublished(msgspec.Struct, frozen=True):
    """Another ruleset decides from `log_sequence` on."""

    ruleset: str
    log_sequence: int


class ListChanged(msgspec.Struct, frozen=True):
    """Entries of a list were added or removed; their values are not told."""

    list: str
    action: str
    entries: int
    log_sequence: int


class LabelsFlooded(msgspec.Struct, frozen=True):
    """A sender brought more labels within an hour than is usual; `since` is its beginning."""

    source: str
    labels: int
    usual_per_hour: float
    since: str


EVENT_TYPES: Final = (
    EventType(
        DECISION_RECORDED,
        "A decision that was not a plain allow; read it by its id for more",
        DecisionRecorded,
    ),
    EventType(RULESET_PUBLISHED, "A ruleset was published; operators' endpoints", RulesetPublished),
    EventType(LIST_CHANGED, "A list was changed; operators' endpoints", ListChanged),
    EventType(
        LABELS_FLOODED, "Unusually many labels from one sender; operators' endpoints", LabelsFlooded
    ),
)
