"""Hand card numbers to another vault: under two signatures, sealed to one key, part by part.

Guards, in this order: the signed grant, verified against this process' own roster, covers exactly
this scope, merchant, recipient key, purpose, ticket, number of cards and the digest of every part;
the part is the one that its digest names; the event is on the disk, before a card is opened; each
card spends the key agent's budget and meets the canaries. What leaves is sealed to the key that
people signed (`transfer.sealed_file`), so a caller that is stolen gets nothing it could read.
A part may be asked for again until the grant ends, since an answer can be lost: it goes to the same
key, and costs budget again. A token that is not there is told by its row, not by its name.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from paywarden.cde.egress.forwarding import Touch, Watch
from paywarden.cde.egress.opening import Asked, Opening
from paywarden.cde.events import EventLog, Scalar
from paywarden.cde.transfer.sealed_file import sealed
from paywarden.cde_client.card_acts import EXPORT_ACTION, PART_TOKENS, Export, part_digest, payload
from paywarden.cde_client.challenge import hash_payload
from paywarden.cde_client.grants import Expected, Refused, Verified, verify
from paywarden.cde_client.messages import ApprovalGrant
from paywarden.cde_client.roster import PinnedRoster
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import InvalidRequest, NotFound, NotPermitted
from paywarden.core.scope import Scope

APPROVALS: Final = 2
APPROVER_ROLES: Final = frozenset({"approver", "security_officer"})
LIFE_LIMIT_US: Final = 24 * 3_600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an export, who asks for it, and the grant of the whole."""

    scope: Scope
    key_id: str
    request_id: str
    wanted: Export
    digests: Sequence[bytes]
    number: int
    tokens: Sequence[str]
    grant: ApprovalGrant


@dataclass(frozen=True, slots=True)
class Sealed:
    """The sealed octets, how many cards are in them, and rows whose token is not there."""

    sealed: bytes
    cards: int
    missing: list[int]


class Card(msgspec.Struct, frozen=True):
    """One line inside."""

    token: str
    number: str
    expiry: str

    def __repr__(self) -> str:
        return "<Card>"


class Exporting:
    """The use case."""

    def __init__(
        self,
        opening: Opening,
        roster: PinnedRoster,
        watch: Watch,
        events: EventLog,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._opening = opening
        self._roster = roster
        self._watch = watch
        self._events = events
        self._clock = clock
        self._randomness = randomness

    async def part(self, part: Part) -> Sealed:
        """Errors: NotPermitted `grant_refused`, InvalidRequest `export_part_other`; of opening."""
        approved = self._approved(part)
        about = _detail(part)
        if isinstance(approved, Refused):
            await self._note("export_refused", part, {**about, "code": approved.code})
            raise NotPermitted("grant_refused", f"{approved.code}: {approved.detail}")
        _check(part)
        about = {**about, "approvers": ",".join(approved.approvers),
                 "approval": part.grant.approval_id}  # fmt: skip
        await self._note("cards_exported", part, about)
        return await self._sealed(part)

    async def _sealed(self, part: Part) -> Sealed:
        lines: list[bytes] = []
        missing: list[int] = []
        for row, token in enumerate(part.tokens):
            try:
                lines.append(await self._line(part, token))
            except NotFound:
                missing.append(row)
        recipient = base64.b64decode(part.wanted.recipient)
        octets = b"".join(sealed(lines, recipient, self._randomness))
        return Sealed(octets, len(lines), missing)

    async def _line(self, part: Part, token: str) -> bytes:
        wanted = part.wanted
        touch = Touch(part.scope, wanted.merchant, part.key_id, part.request_id, token)
        await self._watch.token(touch)
        asked = Asked(part.scope, wanted.merchant, token, "export", wanted.ticket)
        async with self._opening.card(asked) as card:
            await self._watch.card(touch, card)
            line = Card(token, card.pan.expose().decode(), card.expiry)
            return msgspec.json.encode(line) + b"\n"

    def _approved(self, part: Part) -> Verified | Refused:
        now = self._clock.now_us()
        digest = hash_payload(EXPORT_ACTION, payload(part.wanted))
        expected = Expected(part.scope, EXPORT_ACTION, digest, APPROVALS, APPROVER_ROLES)
        found = verify(part.grant, self._roster, now, expected)
        if isinstance(found, Verified) and part.grant.expires_at_us > now + LIFE_LIMIT_US:
            return Refused("grant_too_long", "a grant to export ends within a day")
        return found

    async def _note(self, kind: str, part: Part, detail: dict[str, Scalar]) -> None:
        await asyncio.wrap_future(self._events.append(kind, "warning", part.scope.text, detail))


def _check(part: Part) -> None:
    """Errors: InvalidRequest `export_part_other`."""
    count, number = part.wanted.count, part.number
    # Every part but the last is full, so that the number that people signed is the number of cards.
    fits = len(part.digests) == -(-count // PART_TOKENS) and number < len(part.digests)
    size = min(PART_TOKENS, count - number * PART_TOKENS)
    digest = part_digest(part.tokens)
    if (
        not fits
        or len(part.tokens) != size
        or not hmac.compare_digest(digest, part.digests[number])
    ):
        raise InvalidRequest("export_part_other", "these tokens are not that part", pointer="/part")


def _detail(part: Part) -> dict[str, Scalar]:
    wanted = part.wanted
    return {
        "merchant": wanted.merchant, "key": part.key_id, "request": part.request_id,
        "part": part.number, "cards": len(part.tokens), "recipient": wanted.recipient,
        "purpose": wanted.purpose, "ticket": wanted.ticket,
    }  # fmt: skip
