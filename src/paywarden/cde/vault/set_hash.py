"""A hash of a set that grows and shrinks: the root over every row of the vault.

Guards: two different sets of rows have different roots, as far as anybody can compute. Each element
is stretched by SHAKE-128 to 1,024 lanes of 16 bits, and lanes are added without carry between
them; an element leaves by subtraction (the LtHash of Bellare and Micciancio, with the parameters of
Lewi and others 2019, over 200 bits). Chosen over a Merkle tree because adding or removing a row
costs some microseconds, whatever the number of rows, needs no order and no further rows, and two
stores agree by construction; the price is that a single row cannot be proved without reading all.
No key is needed, which fits a process that must hold none.

>>> one, two = SetHash(), SetHash()
>>> one.add([b"a", b"b"]); two.add([b"b"]); two.add([b"a"])
>>> one.root(1) == two.root(1), one.root(1) == one.root(2)
(True, False)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from paywarden.kit.crypto.framing import framed

STATE_OCTETS: Final = 2_048
_EVEN: Final = int.from_bytes(b"\xff\xff\x00\x00" * (STATE_OCTETS // 4), "little")
_ONES: Final = int.from_bytes(b"\x00\x00\x01\x00" * (STATE_OCTETS // 4), "little")
_MOST: Final = 30_000  # sums of 16-bit lanes that a lane of 32 bits holds


class SetHash:
    """The state of a set; add and remove elements, take the root."""

    __slots__ = ("_even", "_odd")

    def __init__(self, state: bytes = bytes(STATE_OCTETS)) -> None:
        if len(state) != STATE_OCTETS:
            raise ValueError(f"a state has {STATE_OCTETS} octets")
        whole = int.from_bytes(state, "little")
        self._even, self._odd = whole & _EVEN, (whole >> 16) & _EVEN

    def add(self, elements: Iterable[bytes]) -> None:
        """Let elements come; each must not be in the set yet."""
        for chunk in _chunks(elements):
            for element in chunk:
                whole = _lanes(element)
                self._even += whole & _EVEN
                self._odd += (whole >> 16) & _EVEN
            self._settle()

    def remove(self, elements: Iterable[bytes]) -> None:
        """Let elements go that are in the set."""
        for chunk in _chunks(elements):
            for element in chunk:
                whole = _lanes(element)
                self._even += _ONES - (whole & _EVEN)
                self._odd += _ONES - ((whole >> 16) & _EVEN)
            self._settle()

    @property
    def state(self) -> bytes:
        """The lanes, 2,048 octets."""
        return (self._even | self._odd << 16).to_bytes(STATE_OCTETS, "little")

    def root(self, revision: int) -> bytes:
        """SHA-256 over revision and state: 32 octets."""
        parts = framed(b"pw.vault-root.1", revision.to_bytes(8, "big"), self.state)
        return hashlib.sha256(parts).digest()

    def _settle(self) -> None:
        self._even &= _EVEN
        self._odd &= _EVEN


def _lanes(element: bytes) -> int:
    return int.from_bytes(hashlib.shake_128(element).digest(STATE_OCTETS), "little")


def _chunks(elements: Iterable[bytes]) -> Iterable[list[bytes]]:
    held: list[bytes] = []
    for element in elements:
        held.append(element)
        if len(held) == _MOST:
            yield held
            held = []
    yield held
