"""Where each payment attempt stands in the log: digest to sequence, 16 bytes a slot.

Guards: a payment counts once per (tenant, environment, id, attempt), and results find their attempt
without a database index. Open addressing in arrays, split into 256 parts by the top bits of the
digest, so that growing one part never stalls a request. Digest 0 is refused; a second `put` of a
digest replaces its sequence, sequence 0 forgets it. Should two payments share a 64-bit digest, the
caller compares ids.

>>> index = IdentityIndex()
>>> index.put(2**63 + 5, 7)
>>> index.get(2**63 + 5), index.get(6)
(7, 0)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from paywarden.risk.features.jit import compiled, door

PARTS = 256
FIRST_SLOTS = 64
_HALF = 1 << 63
_WHOLE = 1 << 64
Table = npt.NDArray[np.int64]
Words = npt.NDArray[np.int64]


@compiled
def _slot(table: Table, wanted: int) -> int:
    mask = len(table) - 1
    slot = wanted & mask
    while table[slot, 0] != 0 and table[slot, 0] != wanted:
        slot = (slot + 1) & mask
    return slot


@compiled
def _place(table: Table, wanted: int, seq: int) -> int:
    slot = _slot(table, wanted)
    fresh = 1 if table[slot, 0] == 0 else 0
    table[slot, 0] = wanted
    table[slot, 1] = seq
    return fresh


@door
def _get(table: Table, wanted: int) -> int:
    slot = _slot(table, wanted)
    return table[slot, 1] if table[slot, 0] == wanted else 0


@door
def _put(table: Table, wanted: int, seq: int) -> int:
    return _place(table, wanted, seq)


@door
def _put_all(table: Table, wanted: Words, seqs: Words) -> int:
    fresh = 0
    for row in range(len(wanted)):
        fresh += _place(table, wanted[row], seqs[row])
    return fresh


@door
def _move(old: Table, new: Table) -> None:
    for row in range(len(old)):
        if old[row, 0] != 0:
            slot = _slot(new, old[row, 0])
            new[slot, 0] = old[row, 0]
            new[slot, 1] = old[row, 1]


class IdentityIndex:
    """Digest of an attempt or event (1 to 2**64 - 1) to log sequence (from 1)."""

    def __init__(self) -> None:
        self._tables = [np.zeros((FIRST_SLOTS, 2), np.int64) for _ in range(PARTS)]
        self._used = [0] * PARTS

    def __len__(self) -> int:
        return sum(self._used)

    def put(self, digest: int, seq: int) -> None:
        """Remember where `digest` stands."""
        if not 0 < digest < _WHOLE:
            raise ValueError("a digest is 1 to 2**64 - 1")
        part = digest >> 56
        self._reserve(part, 1)
        self._used[part] += int(_put(self._tables[part], _signed(digest), seq))

    def put_many(self, digests: npt.NDArray[np.uint64], seqs: Words) -> None:
        """`put` for many, in order; digest 0 is passed over."""
        parts = (digests >> np.uint64(56)).astype(np.int64)
        for part in np.unique(parts[digests != 0]).tolist():
            chosen = (parts == part) & (digests != 0)
            wanted = digests[chosen].view(np.int64)
            self._reserve(part, len(wanted))
            self._used[part] += int(_put_all(self._tables[part], wanted, seqs[chosen]))

    def get(self, digest: int) -> int:
        """Sequence of `digest`, 0 when it is not known."""
        return int(_get(self._tables[digest >> 56], _signed(digest)))

    def _reserve(self, part: int, count: int) -> None:
        table = self._tables[part]
        slots = len(table)
        while (self._used[part] + count) * 4 > slots * 3:
            slots *= 2
        if slots > len(table):
            grown = np.zeros((slots, 2), np.int64)
            _move(table, grown)
            self._tables[part] = grown

    def image(self) -> tuple[list[int], list[Table]]:
        """Entries in use and table of each part (views, valid until the next `put`)."""
        return list(self._used), list(self._tables)

    @classmethod
    def resumed(cls, used: Sequence[int], tables: Sequence[Table]) -> IdentityIndex:
        """An index that goes on from an image, whose tables it keeps."""
        index = cls()
        index._used, index._tables = list(used), list(tables)
        return index

    def memory_bytes(self) -> int:
        """Bytes of all tables."""
        return sum(table.nbytes for table in self._tables)


def _signed(digest: int) -> int:
    return digest - _WHOLE if digest >= _HALF else digest
