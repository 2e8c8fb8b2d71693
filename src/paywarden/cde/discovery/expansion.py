"""Limits of unpacking: how deep, how much, and how much more than was stored.

Guards: archives that grow without end (a bomb) are given up and named; what was read until then
stays reported. One budget serves an outermost file with all that lies in it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO

DEPTH = 6
MEMBERS = 100_000
RATIO = 250
FREE_OCTETS = 16 << 20
"""So much may be unpacked at any ratio: text of one repeated line packs better than 250."""
MOST_OCTETS = 8 << 30
HELD_OCTETS = 256 << 20
"""A member that must be held whole (an archive, a database in an archive) has at most so many."""


class Refused(Exception):
    """A file or member is given up; `reason` is the word for `skipped`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Budget:
    """Octets unpacked from one outermost file."""

    def __init__(self) -> None:
        self._unpacked = 0
        self._members = 0

    def member(self) -> None:
        """Count one member. Errors: Refused."""
        self._members += 1
        if self._members > MEMBERS:
            raise Refused("too_many_members")

    def take(self, octets: int) -> None:
        """Count octets unpacked. Errors: Refused."""
        self._unpacked += octets
        if self._unpacked > MOST_OCTETS:
            raise Refused("unpacks_to_too_much")


class Unpacked(io.RawIOBase):
    """A stream of unpacked octets that is held to the budget; `stored` tells octets read of it."""

    def __init__(self, source: BinaryIO, stored: Callable[[], int], budget: Budget) -> None:
        self._source = source
        self._stored = stored
        self._budget = budget
        self._given = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, room: memoryview) -> int:  # type: ignore[override]
        """As of RawIOBase. Errors: Refused."""
        piece = self._source.read(len(room))
        self._given += len(piece)
        self._budget.take(len(piece))
        if self._given > FREE_OCTETS and self._given > RATIO * max(1, self._stored()):
            raise Refused("archive_bomb")
        room[: len(piece)] = piece
        return len(piece)


def whole(source: BinaryIO) -> io.BytesIO:
    """The stream in memory: unpacked card data is never written to a disk. Errors: Refused."""
    octets = source.read(HELD_OCTETS + 1)
    if len(octets) > HELD_OCTETS:
        raise Refused("member_too_large")
    return io.BytesIO(octets)
