"""Reveal a card number: the exception, under two signatures, once, and logged before it is told.

Guards, in this order: the signed grant, verified against this process' own roster, covers exactly
this scope, merchant, token, purpose and ticket, and ends within a day; the day's budget; the
approval is spent, durably; canaries; the key agent's budget; the event is on the disk; then the
number is given. Nothing in a request says "approved". A code is never revealed (PCI DSS 4.0.1,
3.3.1.2).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from paywarden.cde.egress.forwarding import Touch, Watch
from paywarden.cde.egress.opening import Asked, Opening
from paywarden.cde.egress.ports import Ledger
from paywarden.cde.events import EventLog
from paywarden.cde_client.card_acts import REVEAL_ACTION, Reveal, payload
from paywarden.cde_client.challenge import hash_payload
from paywarden.cde_client.grants import Expected, Refused, Verified, verify
from paywarden.cde_client.messages import ApprovalGrant
from paywarden.cde_client.roster import PinnedRoster
from paywarden.core.clock import Clock
from paywarden.core.errors import Conflict, LimitExceeded, NotPermitted
from paywarden.core.scope import Scope

ACTION: Final = REVEAL_ACTION
APPROVALS: Final = 2
APPROVER_ROLES: Final = frozenset({"approver", "privacy_officer", "security_officer"})
LIFE_LIMIT_US: Final = 24 * 3_600 * 1_000_000
DAY_US: Final = 24 * 3_600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Wish:
    """A request to reveal."""

    scope: Scope
    merchant: str
    key_id: str
    request_id: str
    token: str
    purpose: str
    ticket: str
    grant: ApprovalGrant


@dataclass(frozen=True, slots=True)
class Revealed:
    """A number as text, its expiry (YYYY-MM), and who approved. Never logged nor stored."""

    number: str
    expiry: str
    approvers: tuple[str, ...]

    def __repr__(self) -> str:
        return "<revealed card>"


def payload_of(wish: Wish) -> bytes:
    """The octets that were approved."""
    return payload(Reveal(wish.merchant, wish.purpose, wish.scope.text, wish.ticket, wish.token))


class Revealing:
    """The use case; `per_day` reveals of a scope."""

    def __init__(
        self,
        opening: Opening,
        roster: PinnedRoster,
        ledger: Ledger,
        watch: Watch,
        events: EventLog,
        clock: Clock,
        per_day: int,
    ) -> None:
        self._opening = opening
        self._roster = roster
        self._ledger = ledger
        self._watch = watch
        self._events = events
        self._clock = clock
        self._per_day = per_day

    async def reveal(self, wish: Wish) -> Revealed:
        """Errors: NotPermitted `grant_refused`, Conflict `grant_used`, LimitExceeded, NotFound."""
        touch = Touch(wish.scope, wish.merchant, wish.key_id, wish.request_id, wish.token)
        approved = await self._approved(wish, touch)
        await asyncio.to_thread(self._spend, wish, approved)
        await self._watch.token(touch)
        asked = Asked(wish.scope, wish.merchant, wish.token, "reveal", wish.ticket)
        async with self._opening.card(asked) as card:
            await self._watch.card(touch, card)
            about = {**touch.detail, "purpose": wish.purpose, "ticket": wish.ticket,
                     "approvers": ",".join(approved.approvers),
                     "approval": wish.grant.approval_id}  # fmt: skip
            await asyncio.wrap_future(
                self._events.append("card_revealed", "warning", wish.scope.text, about)
            )
            return Revealed(card.pan.expose().decode(), card.expiry, approved.approvers)

    async def _approved(self, wish: Wish, touch: Touch) -> Verified:
        now = self._clock.now_us()
        digest = hash_payload(ACTION, payload_of(wish))
        expected = Expected(wish.scope, ACTION, digest, APPROVALS, APPROVER_ROLES)
        found = verify(wish.grant, self._roster, now, expected)
        if isinstance(found, Verified) and wish.grant.expires_at_us > now + LIFE_LIMIT_US:
            found = Refused("grant_too_long", "a grant to reveal ends within a day")
        if isinstance(found, Refused):
            about = {**touch.detail, "code": found.code}
            await asyncio.wrap_future(
                self._events.append("reveal_refused", "warning", wish.scope.text, about)
            )
            raise NotPermitted("grant_refused", f"{found.code}: {found.detail}")
        return found

    def _spend(self, wish: Wish, approved: Verified) -> None:
        now = self._clock.now_us()
        if not self._ledger.spend(approved.once_key, now):
            raise Conflict("grant_used", "this approval was used before")
        if self._ledger.count(f"reveal:{wish.scope.text}", str(now // DAY_US)) > self._per_day:
            raise LimitExceeded(
                "reveal_budget_exceeded", "the day's budget of reveals is spent",
                retry_after_seconds=3_600,
            )  # fmt: skip
