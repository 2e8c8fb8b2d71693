"""Wrapped subject keys in a SQLite file of their own.

Guards: backups of the main database hold no keys; an erased key's bytes are overwritten in the file
(`secure_delete`) and the write-ahead log is folded back and cut, so that no older copy stays in our
files. Not done here, and said plainly: blocks that the file system or a flash drive freed, and
backups of this file, which hold the key until they are thrown away; when one is put back, the
privacy room destroys the keys anew that its own record names. `compact` (VACUUM) is for quiet
hours: it rewrites the file and is not needed for erasure.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from paywarden.core.errors import Conflict, Unavailable
from paywarden.kit.crypto.ports import WrappedKey
from paywarden.kit.db import connection
from paywarden.kit.db.batch import send_rows
from paywarden.kit.db.checkpoints import Checkpoints
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import SchemaPart, check_schema
from paywarden.kit.db.statement import Insert

SUBJECT_KEYS: Final = SchemaPart(
    "subject_keys", "subject_keys_0001", "paywarden.kit.crypto:migrations/versions"
)
PAGE_OCTETS: Final = 4_096
_ADD = Insert("subject_keys", ("scope", "subject", "key_id", "wrapped"))
_FIND = "SELECT key_id, wrapped FROM subject_keys WHERE scope = ? AND subject = ?"
_DELETE = "DELETE FROM subject_keys WHERE scope = ? AND subject = ? AND key_id = ?"
_NOTE = "INSERT OR IGNORE INTO erased_keys (key_id, erased_at_us) VALUES (?, ?)"
_ERASED = "SELECT erased_at_us FROM erased_keys WHERE key_id = ?"


class SqliteWrappedKeys:
    """`WrappedKeys` over the key database `path`, migrated to `SUBJECT_KEYS`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = Reader(path)
        self._checkpoints = Checkpoints(path)
        self._writing = threading.RLock()
        self._held: sqlite3.Connection | None = None
        self._lock: IO[bytes] | None = None

    def find(self, scope: str, subject: bytes) -> WrappedKey | None:
        """The present key of a subject."""
        row = self._reader.one(_FIND, (scope, subject))
        return None if row is None else WrappedKey(scope, subject, row[0], row[1])

    def add(self, keys: Sequence[WrappedKey]) -> None:
        """Store new keys. Errors: Conflict `subject_key_exists`, Unavailable."""
        values: list[str | bytes] = []
        for key in keys:
            values += (key.scope, key.subject, key.key_id, key.wrapped)
        try:
            with self._transaction() as held:
                send_rows(held, _ADD, values)
        except sqlite3.IntegrityError as fault:
            raise Conflict("subject_key_exists", "a subject already has another key") from fault

    def erase(self, scope: str, subject: bytes, key_id: bytes, at_us: int) -> bool:
        """Destroy this key of the subject; False when it is not stored. Safe to repeat.

        Errors: Unavailable `erasure_not_folded` when old pages could not be cut off: repeat it.
        """
        with self._transaction() as held:
            gone = held.execute(_DELETE, (scope, subject, key_id)).rowcount
            held.execute(_NOTE, (key_id, at_us))
        self._fold()
        return gone > 0

    def erased_at_us(self, key_id: bytes) -> int | None:
        """When the key `key_id` was erased; None when it never was."""
        row = self._reader.one(_ERASED, (key_id,))
        return None if row is None else int(row[0])

    def reopen(self) -> None:
        """Open (again) for writing. Errors: Conflict while another process has it, Unavailable."""
        with self._writing:
            if self._lock is None:
                self._lock = connection.lock_file(self._path)
            self._checkpoints.stop()
            if self._held is not None:
                self._held.close()
                self._held = None
            try:
                held = connection.open_writing(self._path)
                check_schema(held, [SUBJECT_KEYS])
                self._checkpoints.start()
            except BaseException:
                self._release()
                raise
            self._held = held

    def compact(self) -> None:
        """Rewrite the file without free pages (VACUUM); slow, blocks writers of keys."""
        with self._writing:
            self._writable().execute("VACUUM")
            self._fold()

    def close(self) -> None:
        """Fold back and release the file; readers first, since only the last to close folds."""
        self._reader.close()
        with self._writing:
            self._checkpoints.stop()
            if self._held is not None:
                self._held.close()
                self._held = None
            self._release()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._writing:
            held = self._writable()
            try:
                held.execute("BEGIN IMMEDIATE")
                yield held
                held.execute("COMMIT")
                self._checkpoints.committed(held)
            except BaseException as fault:
                if held.in_transaction:
                    held.execute("ROLLBACK")
                if isinstance(fault, sqlite3.Error) and not isinstance(
                    fault, sqlite3.IntegrityError
                ):
                    raise connection.fault_of(fault, self._path) from fault
                raise

    def _writable(self) -> sqlite3.Connection:
        if self._held is None:
            raise Unavailable("subject_keys_closed", "the key database is not open for writing")
        return self._held

    def _fold(self) -> None:
        with self._writing:
            busy = self._writable().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise Unavailable("erasure_not_folded", "a reader holds old pages; erase again")

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
