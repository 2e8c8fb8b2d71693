"""The event log in SQLite: one row per entry, chained at commit in the writer's thread.

Guards: `append` refuses gaps and duplicates before anything is queued, the chain refuses them again
in commit order, and the primary key and triggers refuse them in the file. Recovery after a kill
reads the last committed entry; nothing that was acknowledged is missing, because the writer
acknowledges after fsync. Order of use: pass the journal to `Writer` as a participant.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from paywarden.core.errors import Conflict, Corrupt
from paywarden.core.scope import Scope
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.statement import Insert, Parameters
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.journal.chain import GENESIS, link
from paywarden.kit.journal.model import Entry
from paywarden.kit.journal.order import check_continues

PAGE_ROWS: Final = 200
RESTORE: Final = "restore the database from a backup"
_COLUMNS: Final = ("seq", "scope", "kind", "at_us", "body", "digest")
_HEAD: Final = "SELECT seq, digest FROM journal ORDER BY seq DESC LIMIT 1"
_MARK: Final = "SELECT digest FROM journal WHERE seq <= ? ORDER BY seq DESC LIMIT 1"
_PAGE: Final = (
    "SELECT seq, scope, kind, at_us, body, digest FROM journal WHERE seq >= ? ORDER BY seq LIMIT ?"
)
_SCOPED_PAGE: Final = (
    "SELECT j.seq, j.scope, j.kind, j.at_us, j.body, j.digest, p.digest FROM journal j"
    " LEFT JOIN journal p ON p.seq = j.seq - 1"
    " WHERE j.seq >= ? AND j.scope = ? ORDER BY j.seq LIMIT ?"
)


class SqliteJournal:
    """`Journal` over the `journal` table; also a `Participant` of the writer."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._staged = 0
        self._committed = (0, GENESIS)
        self._chained = (0, GENESIS)
        self._insert = Insert("journal", _COLUMNS, finish=self._chain, given=5, sequenced=True)
        self._scopes: dict[Scope, str] = {}

    @property
    def staged_head(self) -> int:
        """Seq of the last entry given to `append`."""
        return self._staged

    def append(self, unit: UnitOfWork, entries: Sequence[Entry]) -> None:
        """Add `entries` to `unit`; Conflict when they do not continue `staged_head`."""
        staged = check_continues(self._staged, entries)
        for entry in entries:
            scope = self._scopes.get(entry.scope)
            if scope is None:
                scope = self._scopes[entry.scope] = entry.scope.text
            unit.add(self._insert, (entry.seq, scope, entry.kind, entry.at_us, entry.body))
        self._staged = staged

    def head(self) -> int:
        """Seq of the last committed entry, from the file; 0 when empty."""
        row = self._reader.one(_HEAD)
        return 0 if row is None else int(row[0])

    def mark(self, seq: int) -> bytes:
        """Chain digest of the last entry up to `seq`."""
        row = self._reader.one(_MARK, (seq,))
        return GENESIS if row is None else bytes(row[0])

    def read(self, scope: Scope | None, from_seq: int, limit: int) -> Iterator[Entry]:
        """Committed entries from `from_seq`, at most `limit`; each is checked against its chain."""
        if scope is None:
            return self._read_all(max(1, from_seq), limit)
        return self._read_scope(scope, max(1, from_seq), limit)

    def verify(self) -> int:
        """Check the whole chain; the head. Errors: Corrupt naming the first bad seq."""
        seq = 0
        for entry in self._read_all(1, 2**63 - 1):
            seq = entry.seq
        return seq

    def reset(self, connection: sqlite3.Connection) -> None:
        """Take up after the last committed entry (start and recovery)."""
        row = connection.execute(_HEAD).fetchone()
        self._committed = self._chained = (0, GENESIS) if row is None else (row[0], row[1])
        self._staged = self._committed[0]

    def before(self) -> None:
        """Nothing has to precede the batch."""

    def committed(self) -> None:
        """The chain's end is durable."""
        self._committed = self._chained

    def rolled_back(self) -> None:
        """Return to the durable end of the chain."""
        self._chained = self._committed

    def _chain(self, row: Parameters) -> Parameters:
        seq, scope, kind, at_us, body = row
        last, digest = self._chained
        if seq != last + 1:
            raise Conflict("journal_gap", f"the log continues at {last + 1}, not at {seq}")
        digest = link(digest, seq, scope, kind, at_us, body)
        self._chained = (seq, digest)
        return (seq, scope, kind, at_us, body, digest)

    def _read_all(self, from_seq: int, limit: int) -> Iterator[Entry]:
        previous = self._digest_before(from_seq)
        expected, left = from_seq, limit
        while left > 0:
            page = self._reader.rows(_PAGE, (expected, min(left, PAGE_ROWS)))
            for row in page:
                if row[0] != expected:
                    raise Corrupt(
                        "journal_corrupt", f"entry {expected} is missing from the log; {RESTORE}"
                    )
                yield _checked(row, previous)
                previous, expected = row[5], expected + 1
            if len(page) < min(left, PAGE_ROWS):
                return
            left -= len(page)

    def _read_scope(self, scope: Scope, from_seq: int, limit: int) -> Iterator[Entry]:
        start, left = from_seq, limit
        while left > 0:
            wanted = min(left, PAGE_ROWS)
            page = self._reader.rows(_SCOPED_PAGE, (start, scope.text, wanted))
            for row in page:
                if row[6] is None and row[0] != 1:
                    raise Corrupt(
                        "journal_corrupt", f"entry {row[0] - 1} is missing from the log; {RESTORE}"
                    )
                yield _checked(row, GENESIS if row[0] == 1 else row[6])
                start = row[0] + 1
            if len(page) < wanted:
                return
            left -= len(page)

    def _digest_before(self, seq: int) -> bytes:
        if seq == 1:
            return GENESIS
        row = self._reader.one("SELECT digest FROM journal WHERE seq = ?", (seq - 1,))
        if row is None:
            if self.head() < seq:
                return GENESIS
            raise Corrupt("journal_corrupt", f"entry {seq - 1} is missing from the log; {RESTORE}")
        return bytes(row[0])


_scope = lru_cache(maxsize=4_096)(Scope.parse)


def _checked(row: tuple[object, ...], previous: bytes) -> Entry:
    seq, scope, kind, at_us, body, digest = row[:6]
    try:
        wanted = link(previous, seq, scope, kind, at_us, body)  # type: ignore[arg-type]
        if wanted == digest:
            return Entry(seq, _scope(scope), kind, at_us, body)  # type: ignore[arg-type]
    except (TypeError, ValueError, AttributeError) as fault:
        raise Corrupt("journal_corrupt", f"entry {seq} of the log is damaged; {RESTORE}") from fault
    raise Corrupt("journal_corrupt", f"entry {seq} of the log is damaged; {RESTORE}")
