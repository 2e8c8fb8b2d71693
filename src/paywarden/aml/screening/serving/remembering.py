"""What was found of a party, remembered while the lists stand still.

Guards: parties are remembered by a keyed digest, never by name; what was found of them holds words
of theirs, so it is dropped whole when somebody is erased (`forget`). Bounded: the party that was
not asked about for longest goes. One memory is of one set of lists and goes with it.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final

import msgspec

from paywarden.aml.screening.serving.messages import AskedParty, Found
from paywarden.core.secret import Secret

REMEMBERED: Final = 100_000
"""Parties; some 100 octets each, those with hits some 2,000."""
_encode = msgspec.msgpack.Encoder().encode


def digest_of(key: Secret[bytes], party: AskedParty) -> bytes:
    """What a party is remembered by: everything that it is asked with, under a key."""
    return hashlib.blake2b(_encode(party), key=key.expose(), digest_size=16).digest()


class Remembered:
    """Answers by digest of the party."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, tuple[Found, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, digest: bytes) -> tuple[Found, ...] | None:
        """What was found, None when it is not remembered."""
        found = self._kept.get(digest)
        if found is not None:
            self._kept.move_to_end(digest)
        return found

    def put(self, digest: bytes, found: tuple[Found, ...]) -> None:
        """Remember what was found."""
        self._kept[digest] = found
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def forget(self) -> None:
        """Drop everything."""
        self._kept.clear()
