"""The watch over labels: how late they come, what they do, and whether too many come at once.

Guards: labels in bulk are never dropped in silence. Over the rate (`risk.labels.rate`) an alarm is
written to the audit log with the very labels that raised it, told to operators' webhooks and
counted. With `on_flood = "hold"`, in environments where acts need approval, what is over the rate
waits for a second person (`label_holding.py`); with "refuse" it is refused, each label with
`label_rate_exceeded`, until the hour ends or the operator changes the setting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from paywarden.core.errors import LimitExceeded
from paywarden.core.instants import format_rfc3339
from paywarden.core.scope import Scope
from paywarden.decision.webhook_types import LABELS_FLOODED, LabelsFlooded
from paywarden.identity.approvals.catalogue import CATALOGUE, LABEL_FLOOD
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome, Scalar
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.log import logger
from paywarden.kit.metrics import Metrics
from paywarden.kit.outbox import enqueue
from paywarden.risk.labels.model import Effect
from paywarden.risk.labels.rate import Alarm, LabelRates, RateLimits

UNSTATED = "unstated"
OnFlood = Literal["alarm", "hold", "refuse"]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends labels of which source: `actor` as in the audit log."""

    scope: Scope
    source: str
    actor: str


class LabelWatch:
    """Watches the labels of every scope."""

    def __init__(
        self, audit: AuditLog, metrics: Metrics, limits: RateLimits, on_flood: OnFlood
    ) -> None:
        self._audit = audit
        self._metrics = metrics
        self._rates = LabelRates(limits)
        self._on_flood = on_flood

    def holds(self, sender: Sender, at_us: int, payments: int, usual: float) -> bool:
        """Whether one more label must wait. `usual`: the source's largest hour of a usual day.

        Errors: LimitExceeded `label_rate_exceeded`, where the setting says so.
        """
        if self._on_flood == "alarm" or not self._rates.over(sender, at_us, payments, usual):
            return False
        if self._on_flood == "refuse":
            source, place = sender.source or UNSTATED, sender.scope.environment.value
            self._metrics.labels.labels(place, source, "refused").inc()
            logger().warning("labels_flooded", source=source)
            raise LimitExceeded(
                "label_rate_exceeded",
                "too many labels of this source from this sender within the hour",
            )
        return sender.scope.environment in CATALOGUE[LABEL_FLOOD].environments

    def note(
        self, unit: UnitOfWork, sender: Sender, at_us: int, payments: int, usual: float,
        effect: Effect,
    ) -> None:  # fmt: skip
        """Count a label that is staged in `unit`; the alarm that it raises joins the unit."""
        source = sender.source or UNSTATED
        self._metrics.labels.labels(sender.scope.environment.value, source, effect.verdict).inc()
        alarm = self._rates.note(sender, at_us, payments, usual)
        if alarm is not None:
            self._ring(unit, sender, source, at_us, alarm)

    def late(self, sender: Sender, delay_us: int) -> None:
        """Note how long after its payment a label came."""
        source = sender.source or UNSTATED
        self._metrics.label_delay_seconds.labels(source).observe(max(0, delay_us) / 1e6)

    def _ring(
        self, unit: UnitOfWork, sender: Sender, source: str, at_us: int, alarm: Alarm
    ) -> None:
        scope = sender.scope
        self._metrics.label_floods.labels(scope.environment.value, source).inc()
        logger().warning("labels_flooded", source=source, count=alarm.count)
        usual = round(alarm.usual)
        detail: dict[str, Scalar] = {"source": source, "count": alarm.count, "usual": usual}
        event = AuditEvent(
            scope, "label:rate:exceed", sender.actor, AuditOutcome.DONE, at_us, detail
        )
        self._audit.record(unit, event)
        told = LabelsFlooded(source, alarm.count, alarm.usual, format_rfc3339(alarm.hour_us))
        enqueue(unit, scope, LABELS_FLOODED, msgspec.json.encode(told), at_us)
