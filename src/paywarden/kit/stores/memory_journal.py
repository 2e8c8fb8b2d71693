"""The event log in memory: the twin of the SQLite log; passes the same suite.

Order of use: create it over the rows of a `MemoryWriter`, which takes it as a participant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from paywarden.core.errors import Conflict
from paywarden.core.scope import Scope
from paywarden.kit.db.statement import Insert, Parameters
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.journal.chain import GENESIS, link
from paywarden.kit.journal.model import Entry
from paywarden.kit.journal.order import check_continues

_COLUMNS: Final = ("entry",)


class MemoryJournal:
    """`Journal` that lives as long as the process."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._waiting: list[Entry] = []
        self._staged = 0
        self._insert = Insert("journal", _COLUMNS, finish=self._place, sequenced=True)

    @property
    def staged_head(self) -> int:
        """Seq of the last entry given to `append`."""
        return self._staged

    def append(self, unit: UnitOfWork, entries: Sequence[Entry]) -> None:
        """Add `entries` to `unit`; Conflict when they do not continue `staged_head`."""
        staged = check_continues(self._staged, entries)
        for entry in entries:
            unit.add(self._insert, (entry,))
        self._staged = staged

    def read(self, scope: Scope | None, from_seq: int, limit: int) -> Iterator[Entry]:
        """Committed entries from `from_seq`, ascending, at most `limit`."""
        left = limit
        for entry in self._entries[max(0, from_seq - 1) :]:
            if left <= 0:
                return
            if scope is None or entry.scope == scope:
                left -= 1
                yield entry

    def head(self) -> int:
        """Seq of the last committed entry; 0 when empty."""
        return len(self._entries)

    def mark(self, seq: int) -> bytes:
        """Chain digest of the last entry up to `seq`."""
        digest = GENESIS
        for entry in self._entries[: max(0, seq)]:
            digest = link(digest, entry.seq, entry.scope.text, entry.kind, entry.at_us, entry.body)
        return digest

    def verify(self) -> int:
        """The head; memory holds what was put in."""
        return self.head()

    def before(self) -> None:
        """Nothing precedes a unit."""

    def committed(self) -> None:
        """Keep the unit's entries."""
        self._entries += self._waiting
        self._waiting.clear()

    def rolled_back(self) -> None:
        """Forget the unit's entries."""
        self._waiting.clear()
        self._staged = self.head()

    def _place(self, row: Parameters) -> Parameters:
        entry: Entry = row[0]
        due = self.head() + len(self._waiting) + 1
        if entry.seq != due:
            raise Conflict("journal_gap", f"the log continues at {due}, not at {entry.seq}")
        self._waiting.append(entry)
        return row
