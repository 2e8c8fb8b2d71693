"""Opening SQLite files the one way that is safe here.

Guards: write-ahead log with `synchronous=FULL` (a commit returns after fsync), foreign keys on,
deleted bytes overwritten, triggers also fire for rows that REPLACE removes, and no file of another
program is opened by mistake (application_id). Settings are read back, because SQLite ignores what
it cannot do. Source: sqlite.org/pragma.html, sqlite.org/wal.html.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import IO, Final

from paywarden.core.errors import Conflict, Corrupt, Unavailable

APPLICATION_ID: Final = 0x50415957  # "PAYW"
PAGE_OCTETS: Final = 16_384
CHECKPOINT_PAGES: Final = 4_000
"""Pages at which a commit folds the log itself: the bound behind `checkpoints`, seldom met."""
BUSY_SECONDS: Final = 5.0
_CACHED_STATEMENTS: Final = 512


def open_writing(
    path: Path, *, create: bool = False, page_octets: int = PAGE_OCTETS
) -> sqlite3.Connection:
    """A connection that writes, in autocommit mode (transactions are begun explicitly).

    Errors: Unavailable when the file is missing (unless `create`) or cannot be opened, Corrupt when
    it is not a database of ours.
    """
    if not create and not path.exists():
        raise Unavailable("database_missing", f"no database {path.name}; run init or migrate first")
    try:
        if create:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        connection = _connect(path, "rw")
        _claim_file(connection, path, page_octets)
        _set_pragmas(connection)
    except sqlite3.Error as fault:
        raise fault_of(fault, path) from fault
    return connection


def open_reading(path: Path) -> sqlite3.Connection:
    """A connection that can only read; usable from any one thread at a time."""
    try:
        connection = _connect(path, "ro")
        _check_file(connection, path)
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA cache_size=-16384")
    except sqlite3.Error as fault:
        raise fault_of(fault, path) from fault
    return connection


def fault_of(fault: sqlite3.Error, path: Path) -> Corrupt | Unavailable:
    """Our error for a fault of the store; names the file and SQLite's code, never a value."""
    name = getattr(fault, "sqlite_errorname", None) or type(fault).__name__
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return Corrupt("database_corrupt", f"{path.name} is damaged ({name}); restore a backup")
    return Unavailable("storage_failed", f"{path.name} cannot be used ({name}); check the disk")


def lock_file(path: Path) -> IO[bytes]:
    """Claim the single right to write `path`; held until the returned file is closed.

    Errors: Conflict when another process (or writer of this one) holds it.
    """
    handle = open(path.with_name(path.name + ".lock"), "wb")  # noqa: SIM115
    os.chmod(handle.name, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        handle.close()
        raise Conflict(
            "writer_already_running",
            f"another process writes {path.name}; stop it first, a log has one writer",
        ) from fault
    return handle


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(
        uri,
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_CACHED_STATEMENTS,
    )


def _claim_file(connection: sqlite3.Connection, path: Path, page_octets: int) -> None:
    fresh = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if fresh and connection.execute("PRAGMA application_id").fetchone()[0] == 0:
        connection.execute(f"PRAGMA page_size={page_octets}")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    _check_file(connection, path)


def _check_file(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise Corrupt("not_our_database", f"{path.name} is not a paywarden database")


def _set_pragmas(connection: sqlite3.Connection) -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "recursive_triggers": 1,
        "trusted_schema": 0,
    }
    for name, value in wanted.items():
        connection.execute(f"PRAGMA {name}={value}")
        if connection.execute(f"PRAGMA {name}").fetchone()[0] != value:
            raise Unavailable("database_setting_refused", f"SQLite refused {name}={value}")
    connection.execute("PRAGMA cache_size=-65536")
    connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    connection.execute("PRAGMA journal_size_limit=67108864")
