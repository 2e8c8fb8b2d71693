"""Challenges of WebAuthn ceremonies: made without being stored, used once.

Guards: a challenge is fresh randomness with an end and a keyed digest over scope, purpose and
subject (a session, or nobody yet), so it fits one ceremony only, and strangers who ask for
thousands fill no memory. Used once: the digest of a used one is spent in the unit that uses it.
Layout: nonce 16 octets, end in microseconds 8, digest 32. Source: WebAuthn level 3, section 13.4.3.
"""

from __future__ import annotations

import hmac
from typing import Final

from paywarden.core.clock import Clock, Randomness
from paywarden.core.instants import MINUTE_US
from paywarden.core.scope import Scope
from paywarden.identity.changes import Spent
from paywarden.identity.refusals import challenge_refused
from paywarden.kit.crypto.digest import DIGEST_OCTETS, KeyedDigest

LIFE_US: Final = 5 * MINUTE_US
_NONCE: Final = 16
_END: Final = 8
_OCTETS: Final = _NONCE + _END + DIGEST_OCTETS


class Challenges:
    """Makes and checks challenges under one key."""

    def __init__(self, digest: KeyedDigest, clock: Clock, randomness: Randomness) -> None:
        self._digest = digest
        self._clock = clock
        self._randomness = randomness

    def make(self, scope: Scope, purpose: str, subject: str) -> bytes:
        """56 octets for one ceremony within five minutes."""
        end = self._clock.now_us() + LIFE_US
        body = self._randomness.octets(_NONCE) + end.to_bytes(_END, "big")
        return body + self._sign(scope, purpose, subject, body)

    def check(self, scope: Scope, purpose: str, subject: str, challenge: bytes) -> Spent:
        """The change that spends it. Errors: NotAuthenticated `challenge_refused`."""
        body, given = challenge[: _NONCE + _END], challenge[_NONCE + _END :]
        wanted = self._sign(scope, purpose, subject, body)
        if len(challenge) != _OCTETS or not hmac.compare_digest(wanted, given):
            raise challenge_refused()
        end = int.from_bytes(body[_NONCE:], "big")
        if end <= self._clock.now_us():
            raise challenge_refused()
        return Spent(scope, "challenge", given, end)

    def _sign(self, scope: Scope, purpose: str, subject: str, body: bytes) -> bytes:
        return self._digest.of(scope, b"challenge", purpose.encode(), subject.encode(), body)
