"""Nonces already accepted: each signature counts once, also after a restart.

Guards: a nonce is taken only after its signature verified, is unique per key, and is kept past the
signature's expiry and the skew of clocks. Memory answers alone and at once: it holds every live
nonce, because `load` reads them from the store before the first request, and because the writer is
the only one of its file. It is bounded, in all and per key; at the bound requests are refused, not
forgotten. The row travels with the act's own writes in one transaction, so no act is durable
without it; the answer waits for it. A clock that steps back does not reopen what has expired: the
latest instant seen counts, and over a restart the newest record tells how late it was at least
(records outlive their signatures by the longest life of one, so it is there).
Not done here: the table (`identity.stores.client_keys`).
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from paywarden.core.clock import Clock
from paywarden.core.errors import LimitExceeded, NotAuthenticated, Unavailable
from paywarden.core.instants import MICROSECONDS
from paywarden.core.message_signature import LIFETIME_LIMIT_SECONDS
from paywarden.core.scope import Scope
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.http.signing.ports import NonceStore, Pending

SKEW_SECONDS: Final = 60
"""By so much clocks of senders and ours may differ, either way."""
LONGEST_US: Final = (LIFETIME_LIMIT_SECONDS + 2 * SKEW_SECONDS) * MICROSECONDS
"""Nothing is kept for longer after the instant at which it was accepted."""
TOTAL_LIMIT: Final = 1_048_576
KEY_LIMIT: Final = 262_144
DIGEST_OCTETS: Final = 16
SWEEP_EVERY: Final = 1_000
LOAD_ROWS: Final = 10_000
_BUCKET_US: Final = 60 * MICROSECONDS
Board = Callable[[UnitOfWork], Pending]


class Nonces:
    """What was accepted lately; belongs to one event loop.

    Args: `board` lets writes travel with the next unit of work.
    """

    def __init__(
        self,
        store: NonceStore,
        board: Board,
        clock: Clock,
        *,
        total_limit: int = TOTAL_LIMIT,
        key_limit: int = KEY_LIMIT,
    ) -> None:
        self._store, self._board, self._clock = store, board, clock
        self._total_limit, self._key_limit = total_limit, key_limit
        self._held: set[bytes] = set()
        self._of_keys: dict[str, int] = {}
        self._buckets: dict[int, _Bucket] = {}
        self._latest_us = 0
        self._minute = 0
        self._taken = 0
        self._loaded = False

    def load(self) -> None:
        """Read every live nonce from the store. Errors: Unavailable, Corrupt."""
        self._loaded = False
        self._buckets.clear()
        self._of_keys.clear()
        self._held.clear()
        now, last_id = self.now_us(), 0
        while rows := self._store.live(now, last_id, LOAD_ROWS):
            for _, digest, keep_until_us in rows:
                self._remember("", digest, keep_until_us)
                # Accepted at the earliest so long before: never believe an earlier clock.
                self._latest_us = max(self._latest_us, keep_until_us - LONGEST_US + MICROSECONDS)
            last_id = rows[-1][0]
        self._loaded = True

    def now_us(self) -> int:
        """The clock's instant, never before one that was seen."""
        now = self._clock.now_us()
        if now > self._latest_us:
            self._latest_us = now
        return self._latest_us

    def take(self, scope: Scope, key_id: str, nonce: bytes, keep_until_us: int) -> Pending:
        """Accept a nonce once; what comes back tells when that is durable.

        Errors: NotAuthenticated `signature_replayed`, LimitExceeded `signature_nonces_full`,
        Unavailable.
        """
        if not self._loaded:
            raise Unavailable("signature_nonces_loading", "accepted signatures are being read")
        now = self.now_us()
        if now // _BUCKET_US != self._minute:
            self._forget(now // _BUCKET_US)
        digest = _digest(scope, key_id, nonce)
        if digest in self._held:
            raise NotAuthenticated(
                "signature_replayed", "this signature was used already; sign each try anew"
            )
        of_key = self._of_keys.get(key_id, 0)
        if len(self._held) >= self._total_limit or of_key >= self._key_limit:
            raise LimitExceeded(
                "signature_nonces_full", "too many live signatures; let them expire sooner"
            )
        pending = self._keep(digest, keep_until_us)
        self._remember(key_id, digest, keep_until_us)
        return pending

    def _keep(self, digest: bytes, keep_until_us: int) -> Pending:
        unit = UnitOfWork()
        self._store.add(unit, digest, keep_until_us)
        self._taken += 1
        if self._taken % SWEEP_EVERY == 0:
            self._store.sweep(unit, self._latest_us - LONGEST_US)
        return self._board(unit)

    def _remember(self, key_id: str, digest: bytes, keep_until_us: int) -> None:
        number = keep_until_us // _BUCKET_US
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = _Bucket()
        bucket.digests.append(digest)
        bucket.keys[key_id] = bucket.keys.get(key_id, 0) + 1
        self._held.add(digest)
        self._of_keys[key_id] = self._of_keys.get(key_id, 0) + 1

    def _forget(self, minute: int) -> None:
        """Drop what was to be kept until a minute that is over."""
        self._minute = minute
        for number in [one for one in self._buckets if one < minute]:
            bucket = self._buckets.pop(number)
            self._held.difference_update(bucket.digests)
            for key_id, count in bucket.keys.items():
                self._of_keys[key_id] -= count
                if not self._of_keys[key_id]:
                    del self._of_keys[key_id]


class _Bucket:
    """What is kept until one minute: digests, and how many by key."""

    __slots__ = ("digests", "keys")

    def __init__(self) -> None:
        self.digests: list[bytes] = []
        self.keys: dict[str, int] = {}


def _digest(scope: Scope, key_id: str, nonce: bytes) -> bytes:
    """Digest of a nonce within its key; neither scopes nor key ids hold a line's end."""
    named = f"{scope.text}\n{key_id}\n".encode()
    return blake2b(named + nonce, digest_size=DIGEST_OCTETS).digest()
