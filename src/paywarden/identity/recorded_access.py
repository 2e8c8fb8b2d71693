"""Requests of those who are watched themselves: auditors, and whoever broke the glass.

Guards: the audit event is durable before the operation runs, so that nothing is read unseen.
Source: PCI DSS 4.0.1, 10.2.1.2 and 10.2.1.3; GB/T 22239-2019, 8.1.5.2.
"""

from __future__ import annotations

from paywarden.core.clock import Clock
from paywarden.identity.permissions.table import RECORDED_ROLES
from paywarden.identity.ports import Committer
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.authenticator import Principal


class RecordedAccess:
    """`Recorder` of requests by roles that the table marks."""

    def __init__(self, committer: Committer, audit: AuditLog, clock: Clock) -> None:
        self._committer = committer
        self._audit = audit
        self._clock = clock

    async def record(self, principal: Principal, operation: str, request_id: str) -> None:
        """Record the request durably, if the caller is watched. Errors: Unavailable."""
        watched = principal.roles & RECORDED_ROLES
        if not watched:
            return
        unit = UnitOfWork()
        detail = {"operation": operation, "request_id": request_id,
                  "roles": ",".join(sorted(watched))}  # fmt: skip
        event = AuditEvent(
            principal.scope, "access:operation:use", principal.actor, AuditOutcome.DONE,
            self._clock.now_us(), detail,
        )  # fmt: skip
        self._audit.record(unit, event)
        await self._committer.commit(unit)
