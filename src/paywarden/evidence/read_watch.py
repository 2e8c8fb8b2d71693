"""Reads of personal data and of the log itself, logged durably before the data leaves.

Guards: if the event cannot be made durable, the reader gets a refusal and no data.
"""

from __future__ import annotations

from collections.abc import Mapping

from paywarden.core.clock import Clock
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome, Scalar
from paywarden.kit.audit_personal import PersonalDetail
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.http.authenticator import Principal


class ReadWatch:
    """Writes one event per read."""

    def __init__(self, audit: AuditLog, writer: Writer, clock: Clock) -> None:
        self._audit = audit
        self._writer = writer
        self._clock = clock

    async def read(
        self,
        asker: Principal,
        action: str,
        detail: Mapping[str, Scalar],
        persons: Mapping[str, PersonalDetail] | None = None,
    ) -> None:
        """Durable on return that `asker` reads what `detail` names, and of whom it tells.

        Errors: Unavailable.
        """
        unit = UnitOfWork()
        event = AuditEvent(
            asker.scope, action, asker.actor, AuditOutcome.DONE, self._clock.now_us(),
            detail, persons or {},
        )  # fmt: skip
        self._audit.record(unit, event)
        await self._writer.commit(unit)
