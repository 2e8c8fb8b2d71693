"""The event by which alerts leave the house: `aml.alert.raised`, for those who work on them.

Guards: thin data: what was found, how strongly, where to read on; no person, no account, no
merchant. It is confined: an endpoint of a merchant can neither subscribe to it nor get it, and `*`
does not take it along, since telling the customer or his merchant is tipping off (FATF
Recommendation 21; Directive (EU) 2015/849, Article 39).
"""

from __future__ import annotations

from typing import Final

import msgspec

from paywarden.aml.alerts.model import Alert
from paywarden.core.instants import format_rfc3339
from paywarden.kit.webhooks.catalogue import EventType

ALERT_RAISED: Final = "aml.alert.raised"
READ: Final = "aml_alerts:read"


class AlertRaised(msgspec.Struct, frozen=True):
    """An alert was raised. `interdicted`: a payment is held for it. `at`: when it happened."""

    id: str
    group: str
    kind: str
    subject: str
    entity_kind: str
    score: float
    threshold: float
    interdicted: bool
    at: str
    log_sequence: int


EVENT_TYPES: Final = (
    EventType(
        ALERT_RAISED,
        "An alert against money laundering; endpoints of no merchant that name it themselves",
        AlertRaised,
        confined_to=READ,
    ),
)


def told(alert: Alert) -> bytes:
    """The event's data as JSON."""
    return msgspec.json.encode(
        AlertRaised(
            alert.id, alert.group, alert.kind, alert.subject, alert.entity.kind, alert.score,
            alert.threshold, alert.interdicted, format_rfc3339(alert.at_us), alert.sequence,
        )
    )  # fmt: skip
