"""Questions about people, written to the audit log before they are answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from paywarden.core.clock import Clock
from paywarden.identity.ports import Committer
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.authenticator import Principal
from paywarden.privacy.erasure.model import Standing, State


class Readings:
    """Writes one event per question."""

    def __init__(self, committer: Committer, audit: AuditLog, clock: Clock) -> None:
        self._committer = committer
        self._audit = audit
        self._clock = clock

    async def found(self, asker: Principal, standings: Sequence[Standing]) -> None:
        """Durable on return: how many subjects were asked about, and how they stood."""
        counts = Counter(one.state for one in standings)
        detail = {state.value: counts[state] for state in State}
        event = AuditEvent(
            asker.scope, "privacy:subject:find", asker.actor, AuditOutcome.DONE,
            self._clock.now_us(), detail,
        )  # fmt: skip
        unit = UnitOfWork()
        self._audit.record(unit, event)
        await self._committer.commit(unit)
