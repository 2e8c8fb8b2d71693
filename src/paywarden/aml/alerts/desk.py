"""The desk where alerts are raised, in the process that writes the log.

Guards: whatever raises an alert in an act of its own joins the act's unit of work (`join`); what
reads the log afterwards hands alerts over in bulk (`raise_all` from a thread, `raised` from a
task), and may do so again after a crash. Metrics count what was kept. Not done here: who may read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from paywarden.aml.alerts.model import ALERT_KINDS, Alert
from paywarden.aml.alerts.ports import AlertStore
from paywarden.core.clock import Clock
from paywarden.core.scope import Scope
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.metrics import Metrics

AT_ONCE: Final = 200
"""Alerts of one transaction."""


class AlertDesk:
    """`Alerts` over a store and the writer of the log's database.

    `on_kept`: told of alerts once they are durable, at least once; it neither waits nor fails.
    """

    def __init__(self, store: AlertStore, writer: Writer, clock: Clock, metrics: Metrics) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self.on_kept: Callable[[Scope, Sequence[Alert]], None] = lambda _scope, _alerts: None
        self._raised = metrics.aml_alerts
        for kind in ALERT_KINDS:
            for held in ("false", "true"):
                self._raised.labels(kind, held)

    def join(self, unit: UnitOfWork, scope: Scope, alerts: Sequence[Alert]) -> None:
        """Keep `alerts` in the transaction of `unit`; call `count` once it is durable."""
        now = self._clock.now_us()
        for alert in alerts:
            self._store.add(unit, scope, alert, now)

    def count(self, scope: Scope, alerts: Sequence[Alert]) -> int:
        """How many of the alerts of a durable unit were kept; metrics count them."""
        ids = [alert.id for alert in alerts]
        kept = self._store.kept(scope, ids)
        fresh = [alert for alert in alerts if alert.id in kept]
        for alert in fresh:
            self._raised.labels(alert.kind, str(alert.interdicted).lower()).inc()
        if fresh:
            self.on_kept(scope, fresh)
        return len(fresh)

    def raise_all(self, scope: Scope, alerts: Sequence[Alert]) -> int:
        """Keep those that are new, durably; how many were. Blocking: for threads.

        Errors: LimitExceeded, Unavailable, with what came before already kept.
        """
        new = 0
        for unit, fresh in self._units(scope, alerts):
            self._writer.submit(unit).result()
            new += self.count(scope, fresh)
        return new

    async def raised(self, scope: Scope, alerts: Sequence[Alert]) -> int:
        """As `raise_all`, for tasks."""
        new = 0
        for unit, fresh in self._units(scope, alerts):
            await self._writer.commit(unit)
            new += await asyncio.to_thread(self.count, scope, fresh)
        return new

    def _units(
        self, scope: Scope, alerts: Sequence[Alert]
    ) -> Iterator[tuple[UnitOfWork, Sequence[Alert]]]:
        for start in range(0, len(alerts), AT_ONCE):
            part = list({one.id: one for one in alerts[start : start + AT_ONCE]}.values())
            known = self._store.kept(scope, [one.id for one in part])
            fresh = [one for one in part if one.id not in known]
            if fresh:
                unit = UnitOfWork()
                self.join(unit, scope, fresh)
                yield unit, fresh
