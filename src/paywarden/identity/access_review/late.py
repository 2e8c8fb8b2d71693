"""Reviews that should have been closed: an event and a webhook once a day, figures always."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from paywarden.core.instants import DAY_US, format_rfc3339
from paywarden.core.scope import Scope
from paywarden.identity.access_review.events import OVERDUE, AccessReviewOverdue
from paywarden.identity.access_review.model import Review
from paywarden.identity.access_review.notes import Notes
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.outbox import enqueue


class LateReviews:
    """Tells of reviews that are overdue: once a day an event, always the figures of metrics."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self.overdue = 0
        self.open = 0

    def last_closed(self) -> Mapping[Scope, int]:
        """When the last campaign of each scope was closed."""
        return self._notes.store.last_closed()

    async def look(self) -> None:
        """Count open and overdue reviews; tell of those not told of for a day."""
        now = self._notes.clock.now_us()
        found = await asyncio.to_thread(self._notes.store.open_reviews)
        late = [one for one in found if one.overdue_at(now)]
        self.open, self.overdue = len(found), len(late)
        for one in late:
            if one.told_at_us is None or now - one.told_at_us >= DAY_US:
                await self._tell(one, now)

    async def _tell(self, review: Review, now_us: int) -> None:
        store, unit = self._notes.store, UnitOfWork()
        left = store.counts(review.scope, review.review)["open"]
        store.told(unit, review, now_us)
        self._notes.note(unit, review, "review:overdue", "process:system", open_items=left)
        due = format_rfc3339(review.due_at_us)
        told = AccessReviewOverdue(review.review.text, review.occasion.value, due, left)
        enqueue(unit, review.scope, OVERDUE, msgspec.json.encode(told), now_us)
        await self._notes.committer.commit(unit)
