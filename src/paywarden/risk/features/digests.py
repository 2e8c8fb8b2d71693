"""Keyed 64-bit digests of keys and high-cardinality texts.

Guards: windows, the log and back-tests see numbers that nobody can turn back into a card, an
address or an e-mail without the key (BLAKE2b, RFC 7693, keyed, 8 bytes), and equal texts of
different kinds never share a number (the kind is part of the message, length first). 0 means
absent and is never given. At 100 million texts of a kind a collision has odds of 1 to 3,700.
Not done here: canonicalisation (`paywarden.risk.enrichment`) and keeping the key.

>>> from paywarden.core.secret import Secret
>>> digester = Digester(Secret(bytes(32)))
>>> digester.digest("card", "card-77") == digester.digest("card", "card-77")
True
>>> digester.digest("card", "card-77") == digester.digest("device", "card-77")
False
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from paywarden.core.secret import Secret

_MASK = (1 << 64) - 1
_CACHE_ENTRIES = 32_768
_KEY_BYTES_LEAST = 16
_KEY_BYTES_MOST = 64


class Digester:
    """Digests under one key; keeps the most recent answers (two generations of `remembered`)."""

    def __init__(self, key: Secret[bytes], remembered: int = _CACHE_ENTRIES) -> None:
        if not _KEY_BYTES_LEAST <= len(key.expose()) <= _KEY_BYTES_MOST:
            raise ValueError("a digest key has 16 to 64 bytes")
        self._start = hashlib.blake2b(digest_size=8, key=key.expose(), person=b"paywarden-digest")
        self._remembered = remembered
        self._young: dict[tuple[str, str], int] = {}
        self._old: dict[tuple[str, str], int] = {}

    def digest(self, kind: str, value: str) -> int:
        """Digest of a text of a kind, 1 to 2**64 - 1; the empty text is a text."""
        name = (kind, value)
        found = self._young.get(name) or self._old.get(name)
        if found is None:
            found = self._compute(kind, value)
        if len(self._young) >= self._remembered:
            self._old, self._young = self._young, {}
        self._young[name] = found
        return found

    def forget(self) -> None:
        """Drop the texts that are remembered; they are computed again when they come back."""
        self._young, self._old = {}, {}

    def _compute(self, kind: str, value: str) -> int:
        hasher = self._start.copy()
        label = kind.encode()
        hasher.update(len(label).to_bytes(2, "big") + label)
        hasher.update(value.encode("utf-8", "surrogatepass"))
        return int.from_bytes(hasher.digest(), "big") or 1


def mix(word: int) -> int:
    """A bijection of 64-bit words that spreads every bit (xor-shift and multiply)."""
    word &= _MASK
    word = ((word ^ (word >> 32)) * 0xD6E8FEB86659FD93) & _MASK
    word = ((word ^ (word >> 32)) * 0xD6E8FEB86659FD93) & _MASK
    return word ^ (word >> 32)


def combined(keys: Sequence[int]) -> int:
    """One word for one to three keys, 0 if any is absent; equals the arena's compiled form."""
    if 0 in keys:
        return 0
    word = keys[0]
    for key in keys[1:]:
        word = mix(mix(word) ^ key)
    return word or 1
