"""Where acts on reviews are written: store, writer, audit log, clock."""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.core.clock import Clock
from paywarden.identity.access_review.model import Review
from paywarden.identity.access_review.ports import Store
from paywarden.identity.ports import Committer
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome, Scalar
from paywarden.kit.db.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Notes:
    """Where acts are written: the store, the writer, the audit log, the clock."""

    store: Store
    committer: Committer
    audit: AuditLog
    clock: Clock

    def note(
        self, unit: UnitOfWork, review: Review, act: str, actor: str, **detail: Scalar
    ) -> None:
        """Add the audit event of an act to its unit."""
        told = {"review": review.review.text, **detail}
        event = AuditEvent(
            review.scope, f"access:{act}", actor, AuditOutcome.DONE, self.clock.now_us(), told
        )
        self.audit.record(unit, event)
