"""Keyed digests of values that must be comparable but not readable.

Guards: equal values of one scope give equal digests, values of two scopes never do, and nobody
without the key can test guesses (card references, e-mails and phones are few enough to guess).
Source: BLAKE2b in keyed mode, RFC 7693 section 2.9.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.kit.crypto.framing import framed

DIGEST_OCTETS: Final = 32


class KeyedDigest:
    """Digests under one derived key."""

    def __init__(self, key: Secret[bytes]) -> None:
        if not 16 <= len(key.expose()) <= 64:
            raise ValueError("the key has 16 to 64 octets")
        self._keyed = blake2b(digest_size=DIGEST_OCTETS, key=key.expose())

    def of(self, scope: Scope, *parts: bytes) -> bytes:
        """Digest (32 octets) of `parts`, in this order, within `scope`."""
        state = self._keyed.copy()
        state.update(framed(scope.text.encode(), *parts))
        return state.digest()
