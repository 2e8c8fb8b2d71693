"""TATs of many senders in memory of fixed size.

Guards: memory never grows beyond what was reserved at the start (16 octets a place), however many
senders there are. A sender has `WAYS` places that its keyed hash names; the hash is keyed with
fresh randomness, so that nobody can aim at another's places. When all are taken by senders still in
debt, the newcomer takes the place with the least debt, and that debt with it: eviction forgives
nothing, so a crowd is slowed a little too much and never too little. A place whose TAT has passed
is free, because an unknown sender and one without debt are the same. Not done here: the rate
(`gcra`).
"""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import Final

WAYS: Final = 8
_TAG_BITS: Final = 63


class TatTable:
    """TAT by sender; `places` is rounded up to a power of two times `WAYS`."""

    def __init__(self, places: int, key: bytes) -> None:
        rows = 1
        while rows * WAYS < places:
            rows *= 2
        self._mask = rows - 1
        self._key = key
        self._tags = array("q", bytes(8 * rows * WAYS))
        self._tats = array("q", bytes(8 * rows * WAYS))

    @property
    def octets(self) -> int:
        """Memory that the table holds, for ever."""
        return 8 * (len(self._tags) + len(self._tats))

    def place(self, sender: bytes, now_ns: int) -> tuple[int, int]:
        """(place, TAT) of a sender: its own, a free one, or the one with the least debt."""
        digest = blake2b(sender, key=self._key, digest_size=16).digest()
        tag = int.from_bytes(digest[:8], "big") >> 1 or 1
        first = (int.from_bytes(digest[8:], "big") & self._mask) * WAYS
        tags, tats = self._tags, self._tats
        least = first
        for place in range(first, first + WAYS):
            if tags[place] == tag:
                return place, tats[place]
            if tats[place] < tats[least]:
                least = place
        tags[least] = tag
        if tats[least] <= now_ns:
            tats[least] = 0
        return least, tats[least]

    def put(self, place: int, tat_ns: int) -> None:
        """Store a TAT at a place that `place` gave."""
        self._tats[place] = tat_ns
