"""Reviews of access: opened, judged item by item, closed with evidence; late ones are told.

Guards: whoever judges is a person, not the one reviewed, and not who gave the access; what nobody
is known to own is confirmed by two. Every item is settled before a review closes; what shall be
revoked is revoked by the approved act `access.revoke` (`revoking.py`) and by nothing here. A review
of the sealed role is judged and closed by people who neither opened nor used it. Every act is an
event of the audit log in its own commit; the leaf of the closing holds the SHA-256 of the evidence.
Open a campaign every six months: how long ago the last one was closed is a metric.
Source: PCI DSS 4.0.1, 7.2.4 (all accounts and access, every six months, inappropriate access is
addressed, management acknowledges) and 7.2.5.1; GB/T 22239-2019, 8.1.4.2.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from paywarden.core.clock import Randomness
from paywarden.core.errors import Conflict, InvalidRequest, NotFound, NotPermitted
from paywarden.core.identifiers import PersonId
from paywarden.core.instants import DAY_US
from paywarden.core.scope import Scope
from paywarden.identity.access_review import evidence
from paywarden.identity.access_review.model import (
    Cover,
    Item,
    Kind,
    Occasion,
    Review,
    ReviewId,
    Verdict,
    counts_of,
    digest_of,
)
from paywarden.identity.access_review.notes import Notes
from paywarden.identity.access_review.ports import Deeds, DeedsOf, HeldKeys
from paywarden.identity.access_review.revoking import RevokePayload, must_keep_one
from paywarden.identity.access_review.snapshot import Snapshots
from paywarden.identity.approvals.catalogue import ACCESS_REVOKE
from paywarden.identity.approvals.execution import Maker
from paywarden.identity.approvals.model import State
from paywarden.identity.approvals.service import Approvals, Waiting
from paywarden.kit.db.unit import UnitOfWork

DUE_LIMIT_US: Final = 92 * DAY_US
PAGE: Final = 1_000
REASONS_LIMIT: Final = 1_010
"""Characters of two reviewers' reasons."""


class Reviews:
    """Use cases of people; `person` is who asks."""

    def __init__(
        self,
        notes: Notes,
        snapshots: Snapshots,
        keys: HeldKeys,
        deeds: DeedsOf,
        approvals: Approvals,
        randomness: Randomness,
    ) -> None:
        self._notes = notes
        self._store = notes.store
        self._snapshots = snapshots
        self._keys = keys
        self._deeds = deeds
        self._approvals = approvals
        self._randomness = randomness
        self._one_at_a_time = asyncio.Lock()

    # --- looking --------------------------------------------------------------------------

    def find(self, scope: Scope, name: str) -> Review:
        """A review. Errors: NotFound."""
        try:
            found = self._store.find(scope, ReviewId.parse(name))
        except ValueError:
            found = None
        if found is None:
            raise NotFound("access_review_not_found", "no such review in this tenant")
        return found

    def page(self, scope: Scope, after: str, limit: int) -> Sequence[Review]:
        """Reviews, newest first."""
        return self._store.page(scope, after, limit)

    def counts(self, review: Review) -> Mapping[str, int]:
        """How many items there are, were confirmed, revoked, and are left to settle."""
        return self._store.counts(review.scope, review.review)

    def items(self, review: Review, after: int, limit: int) -> Sequence[Item]:
        """Items with a number above `after`, ascending."""
        return self._store.items(review.scope, review.review, after, limit)

    def all_items(self, review: Review) -> list[Item]:
        """Every item."""
        found: list[Item] = []
        while page := self.items(review, len(found), PAGE):
            found += page
        return found

    def deeds(self, review: Review, item: Item) -> Deeds | None:
        """What was done under the sealed role; None for other items."""
        found = item.found
        if found.kind is not Kind.BREAK_GLASS or found.since_us is None:
            return None
        until = found.expires_at_us or self._notes.clock.now_us()
        return self._deeds(review.scope, f"person:{found.subject}", found.since_us, until)

    # --- acts -----------------------------------------------------------------------------

    async def open(
        self, scope: Scope, covers: frozenset[Cover], due_at_us: int, person: PersonId
    ) -> Review:
        """Open a campaign. Errors: InvalidRequest, TooLarge, Conflict `access_review_empty`."""
        now = self._notes.clock.now_us()
        if not now < due_at_us <= now + DUE_LIMIT_US:
            raise InvalidRequest(
                "access_review_due", "let it be due within 92 days from now", pointer="/due_at"
            )
        found = await asyncio.to_thread(self._snapshots.take, scope, covers, now)
        if not found:
            raise Conflict("access_review_empty", "there is nothing to review")
        review = Review(
            scope, ReviewId.new(self._randomness), Occasion.CAMPAIGN, covers, person.text, now,
            due_at_us, digest_of(found),
        )  # fmt: skip
        unit = UnitOfWork()
        self._store.open(unit, review, found)
        self._notes.note(
            unit, review, "review:open", f"person:{person.text}", items=len(found),
            covers=" ".join(sorted(covers)), snapshot_sha256=review.snapshot_sha256.hex(),
        )  # fmt: skip
        await self._notes.committer.commit(unit)
        return review

    async def decide(
        self, scope: Scope, name: str, number: int, verdict: Verdict, reason: str, maker: Maker
    ) -> Item:
        """Judge an item; revoking asks for approval where that is needed.

        Errors: NotFound, NotPermitted `access_review_own`, Conflict.
        """
        async with self._one_at_a_time:
            review, item = self._judged(scope, name, number, maker.actor)
            if verdict is item.verdict is Verdict.CONFIRM:
                await self._second(review, item, reason, maker)
                return self._item(review, number)
            if verdict is Verdict.REVOKE and item.found.kind is Kind.CERTIFICATE:
                must_keep_one(self._keys, scope, item.found, self._notes.clock.now_us())
            said = replace(
                item, verdict=verdict, decided_by=maker.actor,
                decided_at_us=self._notes.clock.now_us(), reason=reason, approval=None,
            )  # fmt: skip
            await self._say(review, said, maker.audit_actor)
            if verdict is Verdict.REVOKE:
                await self._ask(review, said, maker)
            return self._item(review, number)

    async def close(self, scope: Scope, name: str, person: PersonId, statement: str) -> Review:
        """Close a settled review; its evidence stands from then on. Errors: as `decide`."""
        async with self._one_at_a_time:
            review = self._open_review(scope, name)
            items = await asyncio.to_thread(self.all_items, review)
            counts = counts_of(items)
            if left := counts["open"]:
                raise Conflict("access_review_unsettled", f"{left} items are not settled")
            if review.occasion is Occasion.BREAK_GLASS:
                for item in items:
                    _must_be_independent(item, person.text)
            closed = replace(review, closed_at_us=self._notes.clock.now_us(), closed_by=person.text)
            deeds = await asyncio.to_thread(self._all_deeds, review, items)
            made = evidence.document(closed, items, statement, deeds)
            unit = UnitOfWork()
            self._store.close(unit, replace(closed, evidence=made))
            self._notes.note(
                unit, closed, "review:close", f"person:{person.text}",
                evidence_sha256=hashlib.sha256(made).hexdigest(),
                confirmed=counts["confirmed"], revoked=counts["revoked"],
            )  # fmt: skip
            await self._notes.committer.commit(unit)
            return self.find(scope, name)

    def evidence(self, scope: Scope, name: str) -> bytes:
        """The document of a closed review. Errors: NotFound, Conflict `access_review_open`."""
        found = self.find(scope, name)
        if found.evidence is None:
            raise Conflict("access_review_open", "the review is not closed")
        return found.evidence

    # --- inside ---------------------------------------------------------------------------

    def _open_review(self, scope: Scope, name: str) -> Review:
        found = self.find(scope, name)
        if not found.open:
            raise Conflict("access_review_closed", "the review is closed")
        return found

    def _item(self, review: Review, number: int) -> Item:
        found = self._store.item(review.scope, review.review, number)
        if found is None:
            raise NotFound("access_review_item_not_found", "no such item in this review")
        return found

    def _judged(self, scope: Scope, name: str, number: int, person: str) -> tuple[Review, Item]:
        review = self._open_review(scope, name)
        item = self._item(review, number)
        _must_be_independent(item, person)
        if item.settled:
            raise Conflict("access_review_item_settled", "this item is settled")
        if item.approval is not None:
            asked = self._approvals.find(scope, item.approval)
            ended = asked.state is not State.OPEN
            late = asked.asked.expires_at_us <= self._notes.clock.now_us()
            if not (ended or late):
                raise Conflict("access_review_item_waits", "the revoking waits for approval")
        return review, item

    async def _second(self, review: Review, item: Item, reason: str, maker: Maker) -> None:
        """Confirm what another reviewer confirmed and nobody is known to own."""
        if item.decided_by == maker.actor:
            raise Conflict(
                "access_review_needs_second",
                "nobody is known to own this, so another reviewer has to confirm it too",
            )
        unit = UnitOfWork()
        both = f"{item.reason}; {reason}"[:REASONS_LIMIT]
        self._store.decide(unit, review, replace(item, seconded_by=maker.actor, reason=both))
        self._notes.note(
            unit, review, "item:second", maker.audit_actor, item=item.number,
            subject=item.found.subject,
        )  # fmt: skip
        await self._notes.committer.commit(unit)

    async def _say(self, review: Review, item: Item, actor: str) -> None:
        unit = UnitOfWork()
        self._store.decide(unit, review, item)
        act = "item:confirm" if item.verdict is Verdict.CONFIRM else "item:object"
        self._notes.note(unit, review, act, actor, item=item.number, subject=item.found.subject)
        await self._notes.committer.commit(unit)

    async def _ask(self, review: Review, item: Item, maker: Maker) -> None:
        payload = RevokePayload.of(review, item).payload()
        done = await self._approvals.perform(
            review.scope, ACCESS_REVOKE, payload, maker, f"access review: {item.reason}"[:500]
        )
        if isinstance(done, Waiting):
            unit = UnitOfWork()
            asked = replace(item, approval=done.request.asked.approval_id.text)
            self._store.decide(unit, review, asked)
            await self._notes.committer.commit(unit)

    def _all_deeds(self, review: Review, items: Sequence[Item]) -> Mapping[int, Deeds]:
        found = ((one.number, self.deeds(review, one)) for one in items)
        return {number: deeds for number, deeds in found if deeds is not None}


def _must_be_independent(item: Item, person: str) -> None:
    if person in item.found.excluded:
        raise NotPermitted(
            "access_review_own", "somebody else judges this: it is yours, or you gave it"
        )
