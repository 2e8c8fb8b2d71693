"""What the operations of webhooks and the act behind the gate share: stores, clock, one commit.

Guards: whatever changes an endpoint is one unit of work with its audit event.
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.core.clock import Clock, Randomness
from paywarden.core.scope import Scope
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.webhooks.catalogue import Catalogue
from paywarden.kit.webhooks.model import Endpoint
from paywarden.kit.webhooks.ports import Deliveries, Endpoints


@dataclass(frozen=True, slots=True)
class Desk:
    """Stores and clock, and the way in which an endpoint is changed."""

    endpoints: Endpoints
    deliveries: Deliveries
    catalogue: Catalogue
    writer: Writer
    audit: AuditLog
    clock: Clock
    randomness: Randomness

    def stopped(self, endpoint: Endpoint) -> str | None:
        """Why the worker gave an endpoint up, or None."""
        return self.deliveries.disabled().get(endpoint.id)

    async def commit(
        self, unit: UnitOfWork, scope: Scope, actor: str, act: str, endpoint: str
    ) -> None:
        """Commit a change with its event. Args: `actor` as `kind:identifier`."""
        event = AuditEvent(
            scope, f"webhook:endpoint:{act}", actor, AuditOutcome.DONE, self.clock.now_us(),
            {"endpoint": endpoint},
        )  # fmt: skip
        self.audit.record(unit, event)
        await self.writer.commit(unit)
