"""Idempotency keys: the same request twice is one act with one answer.

Guards: for one tenant and environment, a key is bound to the keyed digest of its first body; the
stored answer is committed in the same unit of work as the act, so a crash between act and answer
cannot happen. Requests in flight are kept in memory: after a crash they were not acknowledged and
may be sent again. Legal order: `begin` -> (`complete` in the act's unit, commit) -> `release`,
always, in a `finally`. Neither key nor body is stored, only digests under a derived key. Not done
here: HTTP (kit.http); bodies with card data never come here.
Source: draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Final

from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest, LimitExceeded
from paywarden.core.instants import DAY_US
from paywarden.core.scope import Scope
from paywarden.kit.crypto.digest import KeyedDigest
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.statement import Change, Insert
from paywarden.kit.db.unit import UnitOfWork

IN_FLIGHT_LIMIT: Final = 10_000
LIFETIME_US: Final = DAY_US
ANSWER_LIMIT_OCTETS: Final = 1_048_576
_KEY = re.compile(r"[\x20-\x7e]{1,255}\Z")
_STORE = Insert(
    "idempotency", ("scope", "key_digest", "body_digest", "status", "answer", "expires_at_us")
)
_FORGET = Change("forget_idempotency", "DELETE FROM idempotency WHERE scope = ? AND key_digest = ?")
_SWEEP = Change(
    "sweep_idempotency",
    "DELETE FROM idempotency WHERE rowid IN"
    " (SELECT rowid FROM idempotency WHERE expires_at_us <= ? ORDER BY expires_at_us LIMIT ?)",
)
_EXPIRED = "SELECT 1 FROM idempotency WHERE expires_at_us <= ? LIMIT 1"
_FIND = (
    "SELECT body_digest, status, answer, expires_at_us FROM idempotency"
    " WHERE scope = ? AND key_digest = ?"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to perform the act of one key; `stale` when an expired answer must go first."""

    scope: Scope
    key_digest: bytes
    body_digest: bytes
    stale: bool


@dataclass(frozen=True, slots=True)
class Replay:
    """The act was done: answer the same again."""

    status: int
    answer: bytes


class InFlight:
    """The first request with this key is still being worked on (409)."""


class OtherBody:
    """The key belongs to another body (422)."""


Begun = Claim | Replay | InFlight | OtherBody


class Idempotency:
    """Keys of all tenants; safe to use from several threads."""

    def __init__(self, reader: Reader, digest: KeyedDigest, clock: Clock) -> None:
        self._reader = reader
        self._digest = digest
        self._clock = clock
        self._in_flight: dict[tuple[str, bytes], bytes] = {}
        self._changing = threading.Lock()

    def begin(self, scope: Scope, key: str, body: bytes) -> Begun:
        """Claim `key` for `body`, or learn why not.

        Errors: InvalidRequest `bad_idempotency_key`, LimitExceeded `idempotency_in_flight_full`.
        """
        if not _KEY.match(key):
            raise InvalidRequest("bad_idempotency_key", "use 1 to 255 printable ASCII characters")
        name = (scope.text, self._digest.of(scope, b"key", key.encode()))
        body_digest = self._digest.of(scope, b"body", body)
        with self._changing:
            running = self._in_flight.get(name)
            if running is not None:
                return InFlight() if running == body_digest else OtherBody()
            begun = self._look_up(scope, name, body_digest)
            if isinstance(begun, Claim):
                if len(self._in_flight) >= IN_FLIGHT_LIMIT:
                    raise LimitExceeded("idempotency_in_flight_full", "too many keys in flight")
                self._in_flight[name] = body_digest
            return begun

    def complete(self, unit: UnitOfWork, claim: Claim, status: int, answer: bytes) -> None:
        """Add the answer to the act's `unit`; kept for a day from now."""
        if len(answer) > ANSWER_LIMIT_OCTETS:
            raise ValueError(f"answer holds at most {ANSWER_LIMIT_OCTETS} octets")
        scope = claim.scope.text
        if claim.stale:
            unit.add(_FORGET, (scope, claim.key_digest))
        expires = self._clock.now_us() + LIFETIME_US
        unit.add(_STORE, (scope, claim.key_digest, claim.body_digest, status, answer, expires))

    def release(self, claim: Claim) -> None:
        """The request is over, answered or not. Calling it twice does no harm."""
        with self._changing:
            self._in_flight.pop((claim.scope.text, claim.key_digest), None)

    def sweep(self, limit: int) -> UnitOfWork | None:
        """A unit that removes at most `limit` expired answers of all tenants; None if none is."""
        now = self._clock.now_us()
        if self._reader.one(_EXPIRED, (now,)) is None:
            return None
        unit = UnitOfWork()
        unit.add(_SWEEP, (now, limit))
        return unit

    def _look_up(self, scope: Scope, name: tuple[str, bytes], body_digest: bytes) -> Begun:
        row = self._reader.one(_FIND, name)
        if row is None:
            return Claim(scope, name[1], body_digest, stale=False)
        stored, status, answer, expires_at_us = row
        if expires_at_us <= self._clock.now_us():
            return Claim(scope, name[1], body_digest, stale=True)
        return Replay(status, answer) if stored == body_digest else OtherBody()
