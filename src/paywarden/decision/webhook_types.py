"""Events of this room that leave the house as webhooks.

Guards: thin data only: identifiers and what the answer said; neutral reason codes, AML's never, no
personal field. `merchant_id` decides which merchant's endpoints get it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from paywarden.identity.access_review.events import OVERDUE, AccessReviewOverdue
from paywarden.kit.webhooks.catalogue import EventType

DECISION_RECORDED: Final = "decision.recorded"
RULESET_PUBLISHED: Final = "ruleset.published"
LIST_CHANGED: Final = "list.changed"
LABELS_FLOODED: Final = "labels.flooded"
LABELS_HELD: Final = "labels.held"
ROLLOUT_MOVED: Final = "rollout.moved"
DRIFT_ALARM: Final = "drift.alarm"


class Alert(msgspec.Struct, frozen=True):
    """A rule asks that somebody looks, whatever the outcome was."""

    rule: str
    severity: str
    text: str


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
    alerts: tuple[Alert, ...] = ()


class RulesetPublished(msgspec.Struct, frozen=True):
    """Another ruleset decides from `log_sequence` on."""

    ruleset: str
    log_sequence: int


class RolloutMoved(msgspec.Struct, frozen=True):
    """A roll-out began, reached another stage or share, or ended; `reason` says why it ended."""

    id: str
    ruleset: str
    stage: str
    share_percent: float
    reason: str


class DriftAlarm(msgspec.Struct, frozen=True, rename={"before": "from", "now": "to"}):
    """Live traffic has changed.

    `kind`: missing, novelty, alerts, psi or fairness. `what`: the field, outcome, input or measure.
    `where`: merchant, segment, model or slice; empty for everything together. `from`, `to`: shares;
    for psi and fairness the bound and the value.
    """

    kind: str
    what: str
    where: str
    before: float
    now: float
    since: str


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


class LabelsHeld(msgspec.Struct, frozen=True):
    """A flood of labels waits for a decision, or was decided; `hold` names it.

    `state`: waiting, releasing or refused. `labels`: how many it holds by now.
    """

    hold: int
    source: str
    state: str
    labels: int
    usual_per_hour: float


EVENT_TYPES: Final = (
    EventType(
        DECISION_RECORDED,
        "A decision that was not a plain allow; read it by its id for more",
        DecisionRecorded,
    ),
    EventType(RULESET_PUBLISHED, "A ruleset was published; operators' endpoints", RulesetPublished),
    EventType(
        ROLLOUT_MOVED, "A roll-out of a ruleset moved or ended; operators' endpoints", RolloutMoved
    ),
    EventType(OVERDUE, "A review of access is overdue; told once a day", AccessReviewOverdue),
    EventType(DRIFT_ALARM, "Live traffic has changed; operators' endpoints", DriftAlarm),
    EventType(LIST_CHANGED, "A list was changed; operators' endpoints", ListChanged),
    EventType(
        LABELS_FLOODED, "Unusually many labels from one sender; operators' endpoints", LabelsFlooded
    ),
    EventType(
        LABELS_HELD, "A flood of labels waits or was decided; operators' endpoints", LabelsHeld
    ),
)
