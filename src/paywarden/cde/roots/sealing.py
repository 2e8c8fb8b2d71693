"""How a root that is 32 octets in memory seals a key: AES-256-GCM-SIV, bound to its context.

    sealed = version 1 | generation 4 | nonce 12 | ciphertext and tag

Guards: the root's name, its generation and the context are in the associated data, so that nothing
sealed for one place opens in another; the mode forgives a nonce used twice (RFC 8452).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from paywarden.cde import primitives
from paywarden.core.clock import Randomness
from paywarden.core.errors import Corrupt
from paywarden.core.secret import Secret

SCHEMA: Final = b"pw.root.1"
_VERSION: Final = b"\x01"
_HEAD_OCTETS: Final = 17
_KEY_LIMITS: Final = (16, 64)


class RootInMemory:
    """A root whose key this process holds, in one or more generations."""

    def __init__(
        self,
        name: str,
        kind: str,
        keys: Mapping[int, Secret[bytes]],
        randomness: Randomness,
    ) -> None:
        if not keys:
            raise ValueError("a root has a key")
        self.name, self.kind = name, kind
        self._keys, self._randomness = dict(keys), randomness

    @property
    def generation(self) -> int:
        """The generation that seals now."""
        return max(self._keys)

    def seal(self, key: bytes, context: bytes) -> bytes:
        """`key` (16 to 64 octets) sealed and bound to `context`. ValueError for other lengths."""
        checked_length(key)
        number = self.generation
        nonce = self._randomness.octets(primitives.NONCE_OCTETS)
        bound = self._bound(number, context)
        sealed = primitives.seal_siv(self._keys[number], nonce, key, bound)
        return _VERSION + number.to_bytes(4, "big") + nonce + sealed

    def unseal(self, sealed: bytes, context: bytes) -> Secret[bytes]:
        """The key. Errors: Corrupt `key_file_corrupt`."""
        number = int.from_bytes(sealed[1:5], "big")
        key = self._keys.get(number)
        if sealed[:1] != _VERSION or len(sealed) < _HEAD_OCTETS or key is None:
            raise not_ours()
        try:
            nonce, rest = sealed[5:_HEAD_OCTETS], sealed[_HEAD_OCTETS:]
            return primitives.open_siv(key, nonce, rest, self._bound(number, context))
        except Corrupt:
            raise not_ours() from None

    def _bound(self, number: int, context: bytes) -> bytes:
        return primitives.bound(SCHEMA, self.name.encode(), number.to_bytes(4, "big"), context)


def checked_length(key: bytes) -> None:
    """ValueError unless the key has 16 to 64 octets."""
    if not _KEY_LIMITS[0] <= len(key) <= _KEY_LIMITS[1]:
        raise ValueError("a root seals keys of 16 to 64 octets")


def not_ours() -> Corrupt:
    """The fault of octets that this root did not seal for this context."""
    return Corrupt("key_file_corrupt", "the key was not sealed by this root for this place")
