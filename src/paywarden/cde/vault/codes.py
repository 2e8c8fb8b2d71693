"""Security codes: in memory only, sealed under a key of this boot, taken once.

Guards: a code lies for at most 15 minutes, sealed by AES-256-GCM under a key that is made at start
and written nowhere, bound to its record; taking removes it first, so that none is given twice, even
when what follows fails. The number held is bounded (by the limit and one group more): a full store
refuses the newest rather than forget one that was promised. PCI DSS 4.0.1, 3.3.1.2 and 3.3.2
(never kept after authorisation).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from paywarden.cde.card import Cvv
from paywarden.core.clock import Clock, Randomness

TTL_SECONDS: Final = 15 * 60
HELD_LIMIT: Final = 100_000


class SecurityCodes:
    """Codes by record identifier."""

    def __init__(
        self, clock: Clock, randomness: Randomness,
        *, ttl_seconds: int = TTL_SECONDS, limit: int = HELD_LIMIT,
    ) -> None:  # fmt: skip
        if not 0 < ttl_seconds <= TTL_SECONDS:
            raise ValueError("a security code is kept for at most 15 minutes")
        self._clock, self._randomness = clock, randomness
        self._ttl_ns, self._limit = ttl_seconds * 1_000_000_000, limit
        self._boot_key = AESGCM(randomness.octets(32))
        self._held: OrderedDict[str, tuple[int, bytes]] = OrderedDict()

    def __len__(self) -> int:
        self.sweep()
        return len(self._held)

    @property
    def is_full(self) -> bool:
        """Whether no further code should be promised."""
        return len(self) >= self._limit

    def keep(self, record_id: str, code: Cvv) -> None:
        """Hold a code (ask `is_full` before). A new code takes an old one's place."""
        self._held.pop(record_id, None)
        nonce = self._randomness.octets(12)
        sealed = nonce + self._boot_key.encrypt(nonce, code.expose(), record_id.encode())
        self._held[record_id] = (self._clock.monotonic_ns() + self._ttl_ns, sealed)

    def take(self, record_id: str) -> Cvv | None:
        """The code, once; it is gone before this returns."""
        found = self._held.pop(record_id, None)
        if found is None or found[0] <= self._clock.monotonic_ns():
            return None
        sealed = found[1]
        return Cvv(self._boot_key.decrypt(sealed[:12], sealed[12:], record_id.encode()))

    def drop(self, record_id: str) -> None:
        """Forget a code."""
        self._held.pop(record_id, None)

    def sweep(self) -> None:
        """Forget what is over its time; the oldest stand first."""
        now = self._clock.monotonic_ns()
        while self._held:
            record_id, (ends, _sealed) = next(iter(self._held.items()))
            if ends > now:
                return
            del self._held[record_id]
