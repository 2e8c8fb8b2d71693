"""The drift desk: once a minute judges, tells of alarms and shows the figures.

Guards: an alarm's audit event and its webhook are one commit, and it waits until that commit is
durable. At most TOLD_AT_ONCE are told in one round; the rest waits for the next. Webhooks tell of
the beginning, the audit log of the end too. What looks like a card number is told as `withheld`,
whatever a sender named. Comparing rows of a model runs on a thread beside the payments.
Labels of metrics: environments, kinds, and inputs of models that serve; never a merchant.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from prometheus_client import Counter, Gauge

from paywarden.core.instants import format_rfc3339
from paywarden.core.scope import Scope
from paywarden.decision.drift.watch import DriftWatch, ScopeWatch, compared
from paywarden.decision.ledger import Ledger
from paywarden.decision.webhook_types import DRIFT_ALARM, DriftAlarm
from paywarden.evidence.screen import may_not_be_logged
from paywarden.kit.audit import AuditEvent, AuditOutcome, Scalar
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.log import logger
from paywarden.kit.metrics import Metrics
from paywarden.kit.outbox import enqueue
from paywarden.risk.drift import fields, novelty, outcomes, sample, slices
from paywarden.risk.drift.alarms import Alarm

TOLD_AT_ONCE: Final = 50
KINDS: Final = (fields.KIND, novelty.KIND, outcomes.KIND, sample.KIND, slices.KIND)
ACTOR: Final = "process:api"
WITHHELD: Final = "withheld"


class DriftMetrics:
    """What alarms stand and began, and the PSI of each input of what serves."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self.alarms = Counter(
            "paywarden_drift_alarms_total", "Alarms of drift that were told",
            ("environment", "kind"), registry=registry,
        )  # fmt: skip
        self._standing = Gauge(
            "paywarden_drift_alarms_standing", "Alarms of drift that stand",
            ("environment", "kind"), registry=registry,
        )  # fmt: skip
        self._psi = Gauge(
            "paywarden_drift_psi", "Population stability index of a model's input, last hour",
            ("environment", "input"), registry=registry,
        )  # fmt: skip

    def show(self, scope: Scope, watch: ScopeWatch) -> None:
        """Take over the figures of a scope; of two models, the greater index of an input."""
        environment = scope.environment.value
        for kind in KINDS:
            count = sum(key.kind == kind for key in watch.book.standing)
            self._standing.labels(environment, kind).set(count)
            self.alarms.labels(environment, kind)  # there from the start, at 0
        greatest: dict[str, float] = {}
        for held in watch.models:
            for drift in held.hour:
                greatest[drift.name] = max(drift.psi, greatest.get(drift.name, 0.0))
        for name, value in greatest.items():
            self._psi.labels(environment, name).set(value)

    def forget_inputs(self) -> None:
        """Drop the indices: a model may have gone."""
        self._psi.clear()


class DriftDesk:
    """Judges every scope and tells what changed."""

    def __init__(self, watch: DriftWatch, ledger: Ledger, metrics: Metrics) -> None:
        self.watch = watch
        self._ledger = ledger
        self._metrics = DriftMetrics(metrics)

    async def look(self) -> None:
        """One round. Errors: those of a commit; what was not told waits for the next round."""
        self._metrics.forget_inputs()
        for scope, watch in list(self.watch.scopes.items()):
            now_us = self._ledger.clock.now_us()
            watch.turn(now_us)
            samples = watch.samples()
            watch.take(await asyncio.to_thread(compared, samples), samples, now_us)
            self._metrics.show(scope, watch)
            await self._tell(scope, watch)

    async def _tell(self, scope: Scope, watch: ScopeWatch) -> None:
        told = list(watch.book.untold)[:TOLD_AT_ONCE]
        if not told:
            return
        unit, now_us = UnitOfWork(), self._ledger.clock.now_us()
        for alarm in told:
            self._write(unit, scope, alarm, now_us)
        await self._ledger.stores.writer.commit(unit)
        for alarm in told:
            watch.book.told(alarm)
            if alarm.raised:
                self._metrics.alarms.labels(scope.environment.value, alarm.key.kind).inc()

    def _write(self, unit: UnitOfWork, scope: Scope, alarm: Alarm, now_us: int) -> None:
        said = view_of(alarm)
        detail: dict[str, Scalar] = {
            "kind": said.kind, "what": said.what, "where": said.where,
            "before_ppm": round(said.before * 1e6), "now_ppm": round(said.now * 1e6),
            "since": said.since,
        }  # fmt: skip
        act = "raise" if alarm.raised else "clear"
        event = AuditEvent(scope, f"drift:alarm:{act}", ACTOR, AuditOutcome.DONE, now_us, detail)
        self._ledger.stores.audit.record(unit, event)
        if alarm.raised:
            enqueue(unit, scope, DRIFT_ALARM, msgspec.json.encode(said), now_us)
            logger().warning("drift_alarm", environment=scope.environment.value, reason=said.kind)


def view_of(alarm: Alarm) -> DriftAlarm:
    """Wire form of an alarm."""
    key, change = alarm.key, alarm.change
    where = WITHHELD if may_not_be_logged(key.where) else key.where
    before, now = round(change.before, 6), round(change.now, 6)
    return DriftAlarm(key.kind, key.what, where, before, now, format_rfc3339(alarm.since_us))
