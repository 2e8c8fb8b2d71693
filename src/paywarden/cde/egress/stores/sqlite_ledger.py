"""The ledger of egress in SQLite: `egress.db`, its own file, fsync at each commit.

Guards: an approval is spent by a primary key, so that two processes or a crash cannot spend it
twice; a change and its spending are one transaction.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Final

from paywarden.kit.db.connection import fault_of, open_writing

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS spent (once_key BLOB PRIMARY KEY, at_us INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS counts (
    account TEXT NOT NULL, period TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (account, period)) STRICT;
CREATE TABLE IF NOT EXISTS changes (
    seq INTEGER PRIMARY KEY, destination BLOB NOT NULL, approval BLOB NOT NULL,
    at_us INTEGER NOT NULL) STRICT;
"""
_COUNT: Final = (
    "INSERT INTO counts VALUES (?, ?, 1) "
    "ON CONFLICT (account, period) DO UPDATE SET count = count + 1 RETURNING count"
)


class SqliteLedger:
    """`Ledger` over one file; may be used from any thread."""

    def __init__(self, path: Path) -> None:
        """Errors: Unavailable, Corrupt."""
        self._path = path
        self._lock = threading.Lock()
        self._db = open_writing(path, create=True)
        self._db.executescript(_SCHEMA)

    def spend(self, once_key: bytes, at_us: int) -> bool:
        """Note that an approval is used; False when it was before."""
        with self._lock, _faults(self._path):
            return self._spend(once_key, at_us)

    def count(self, account: str, window: str) -> int:
        """Add one to an account's window; the count with it."""
        with self._lock, _faults(self._path):
            (count,) = self._db.execute(_COUNT, (account, window)).fetchone()
            return int(count)

    def changes(self) -> list[tuple[bytes, bytes]]:
        """(destination, grant) as JSON, oldest first."""
        with self._lock, _faults(self._path):
            return list(self._db.execute("SELECT destination, approval FROM changes ORDER BY seq"))

    def accept(self, once_key: bytes, destination: bytes, grant: bytes, at_us: int) -> bool:
        """Spend the approval and keep its change in one transaction."""
        with self._lock, _faults(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                fresh = self._spend(once_key, at_us)
                if fresh:
                    self._db.execute(
                        "INSERT INTO changes (destination, approval, at_us) VALUES (?, ?, ?)",
                        (destination, grant, at_us),
                    )
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
            return fresh

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _spend(self, once_key: bytes, at_us: int) -> bool:
        words = "INSERT INTO spent VALUES (?, ?) ON CONFLICT DO NOTHING"
        return self._db.execute(words, (once_key, at_us)).rowcount == 1


class _faults:
    """Turns faults of SQLite into ours."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, fault: object, _trace: object) -> None:
        if isinstance(fault, sqlite3.Error):
            raise fault_of(fault, self._path) from fault
