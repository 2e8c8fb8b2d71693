"""Reviews of access wired over one database, and the job that tells of late ones."""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.core.clock import Clock, Randomness
from paywarden.entrypoints.people_wiring import People
from paywarden.identity.access_review.late import LateReviews
from paywarden.identity.access_review.metrics import ReviewMetrics
from paywarden.identity.access_review.notes import Notes
from paywarden.identity.access_review.ports import HeldKeys
from paywarden.identity.access_review.revoking import RevokeActs
from paywarden.identity.access_review.service import Reviews
from paywarden.identity.access_review.snapshot import Snapshots
from paywarden.identity.access_review.stores.sqlite import SqliteDeeds, SqliteReviews
from paywarden.identity.approvals.service import Approvals
from paywarden.kit.audit import AuditLog
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer
from paywarden.kit.metrics import Metrics


@dataclass(frozen=True, slots=True)
class AccessParts:
    """What an installation holds of access reviews."""

    reviews: Reviews
    late: LateReviews
    metrics: ReviewMetrics

    async def look(self) -> None:
        """One round of the job: tell of late reviews, show the figures."""
        await self.late.look()
        self.metrics.show(self.late)


def access_parts(
    people: People, keys: HeldKeys, approvals: Approvals, reader: Reader, writer: Writer,
    audit: AuditLog, clock: Clock, randomness: Randomness, metrics: Metrics,
) -> AccessParts:  # fmt: skip
    """Wire the room, and register who carries revoking out."""
    notes = Notes(SqliteReviews(reader), writer, audit, clock)
    snapshots = Snapshots(people.records, keys)
    reviews = Reviews(notes, snapshots, keys, SqliteDeeds(reader), approvals, randomness)
    RevokeActs(notes.store, people.directory, people.roster, keys, writer).register(approvals)
    return AccessParts(reviews, LateReviews(notes), ReviewMetrics(metrics))
