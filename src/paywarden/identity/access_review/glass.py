"""A review for each time the sealed role was opened, in the commit that opens it.

Guards: nobody breaks the glass without a review that somebody else must close: who opened it, who
approved that and who used it (the same person as who opened it) may neither judge nor close. The
evidence tells what was done meanwhile, and between which leaves of the log it stands.
Source: PCI DSS 4.0.1, 7.2.4 and 10.2.1.2; GB/T 22239-2019, 8.1.5.
"""

from __future__ import annotations

from typing import Final

from paywarden.core.clock import Randomness
from paywarden.core.instants import DAY_US
from paywarden.core.scope import Scope
from paywarden.identity.access_review.model import (
    Cover,
    Kind,
    Occasion,
    Review,
    ReviewId,
    Snapshot,
    digest_of,
)
from paywarden.identity.access_review.notes import Notes
from paywarden.identity.permissions.model import Role
from paywarden.kit.db.unit import UnitOfWork

DUE_US: Final = 3 * DAY_US
SYSTEM: Final = "system"


class GlassReviews:
    """Opens them; called by the act that opens the sealed role."""

    def __init__(self, notes: Notes, randomness: Randomness) -> None:
        self._notes = notes
        self._randomness = randomness

    def stage(
        self, unit: UnitOfWork, scope: Scope, maker: str, approvers: tuple[str, ...], ends_us: int
    ) -> None:
        """Add the review of one opening to the unit that opens; `maker` holds the role."""
        now = self._notes.clock.now_us()
        found = Snapshot(
            Kind.BREAK_GLASS, maker, (maker, *approvers), role=Role.BREAK_GLASS.value,
            granted_by=maker, since_us=now, expires_at_us=ends_us,
        )  # fmt: skip
        review = Review(
            scope, ReviewId.new(self._randomness), Occasion.BREAK_GLASS,
            frozenset({Cover.PEOPLE}), SYSTEM, now, ends_us + DUE_US, digest_of([found]),
        )  # fmt: skip
        self._notes.store.open(unit, review, [found])
        self._notes.note(
            unit, review, "review:open", f"process:{SYSTEM}", items=1, subject=maker,
            snapshot_sha256=review.snapshot_sha256.hex(),
        )  # fmt: skip
