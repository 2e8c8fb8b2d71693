"""What each row was when it was last proved: so that a changed one shows at its next reading.

Guards: the whole of a row is compared, not only what its ciphertext authenticates (expiry,
fingerprint and last four are columns). At start every row is read and adds up to the anchored root;
of that same reading this process keeps, for each record, index row and spent mark, 60 bits of where
it lies and 60 bits of what it says, under a key drawn at start that is written nowhere. Whoever
writes the database can neither make a second row with the same mark nor try: without the key a
guess is one in 2^60, and a wrong one ends the service. A group under way is accepted before and
after its commit, until it is known which of the two happened.
Not done here: tombstones, which nobody looks up; they show at the next audit, as does a row of
another table. The price is memory: some 155 octets a row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from paywarden.cde.vault.model import Group, IndexRow, Looked, Record, Rooted, Spent

KEY_OCTETS: Final = 32
_SHIFT: Final = 4  # 60 bits: an integer of two digits of CPython's, 32 octets


@dataclass(frozen=True, slots=True)
class Moving:
    """A group under way: what each of its places will say (None: nothing)."""

    revision: int
    marks: dict[int, int | None]


class RowMarks:
    """The marks of the running vault."""

    __slots__ = ("_held", "_key", "_moving", "changes")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_OCTETS:
            raise ValueError(f"the key of marks has {KEY_OCTETS} octets")
        self._key = key
        self._held: dict[int, int] = {}
        self._moving: Moving | None = None
        self.changes = 0  # a reading that saw no change of this number saw one state

    def __len__(self) -> int:
        return len(self._held)

    def learn(self, rows: Iterable[Rooted], into: dict[int, int]) -> None:
        """Note rows of a reading that is not proved yet."""
        for row in rows:
            if isinstance(row, Record | IndexRow | Spent):
                into[self._of(row.place)] = self._of(row.element)

    def replace(self, held: dict[int, int]) -> None:
        """The reading is proved: these are the rows."""
        self._held, self._moving = held, None
        self.changes += 1

    def begin(self, group: Group, revision: int) -> None:
        """A group is about to be committed under a revision."""
        marks: dict[int, int | None] = {}
        going: list[Looked] = [*group.removed, *group.unmarked]
        coming: list[Looked] = [*group.records, *group.index, *group.spent]
        for gone in going:
            marks[self._of(gone.place)] = None
        for come in coming:
            marks[self._of(come.place)] = self._of(come.element)
        self._moving = Moving(revision, marks)
        self.changes += 1

    def settle(self, revision: int) -> None:
        """The store stands at this revision: the group under way happened, or did not."""
        moving, self._moving = self._moving, None
        self.changes += 1
        if moving is None or moving.revision != revision:
            return
        for place, mark in moving.marks.items():
            if mark is None:
                self._held.pop(place, None)
            else:
                self._held[place] = mark

    def absent(self, place: bytes) -> bool:
        """Whether there may be nothing at a place."""
        return self._says(place, None)

    def all_fit(self, rows: Sequence[Looked], asked: Iterable[bytes] = ()) -> bool:
        """Whether every row fits, and nothing is missing of the places asked for."""
        found = set()
        for row in rows:
            place = row.place
            if not self._says(place, self._of(row.element)):
                return False
            found.add(place)
        return all(self.absent(place) for place in asked if place not in found)

    def _says(self, place: bytes, mark: int | None) -> bool:
        at = self._of(place)
        if self._held.get(at) == mark:
            return True
        return (
            self._moving is not None and at in self._moving.marks and self._moving.marks[at] == mark
        )

    def _of(self, octets: bytes) -> int:
        digest = hashlib.blake2b(octets, digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "big") >> _SHIFT
