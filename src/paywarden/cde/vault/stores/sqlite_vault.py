"""The vault's rows in SQLite: `vault.db`, and data keys apart in `vault-keys.db`.

Guards: both files in write-ahead mode with `synchronous=FULL` and deleted octets overwritten; one
process writes (a lock file), in one thread of its own; a group is one transaction. Readings run in
the event loop's thread on connections that cannot write (a few pages, from memory as a rule).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, Final, TypeVar

from paywarden.cde.vault import sql
from paywarden.cde.vault.model import (
    Counts,
    Group,
    Head,
    IndexRow,
    Record,
    Rooted,
    Sighting,
    Spent,
    Tombstone,
    WrappedKey,
)
from paywarden.cde.vault.ports import StableKey
from paywarden.cde.vault.rows import group_writes, key_row
from paywarden.core.errors import Conflict, Unavailable
from paywarden.kit.db import connection

T = TypeVar("T")
PORTION: Final = 250  # hashed in one go: some milliseconds
SWEEP_PORTION: Final = 10_000
_SCHEMA = "PRAGMA user_version"


class SqliteVault:
    """A `VaultStore` in the folder given."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._path, self._keys_path = folder / "vault.db", folder / "vault-keys.db"
        self._lock: IO[bytes] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="paywarden-vault-writer")

    async def open(self) -> None:
        """See `VaultStore`."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = connection.lock_file(self._path)
        try:
            self._writing = _opened(self._path, sql.TABLES)
            self._keys = _opened(self._keys_path, sql.KEY_TABLES)
        except BaseException:
            self._lock.close()
            raise
        self._reading = connection.open_reading(self._path)
        self._keys_reading = connection.open_reading(self._keys_path)

    async def close(self) -> None:
        """See `VaultStore`."""
        self._thread.shutdown(wait=True)
        self._reading.close()
        self._keys_reading.close()
        for held in (self._writing, self._keys):
            held.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            held.close()
        if self._lock is not None:
            self._lock.close()

    async def head(self) -> Head | None:
        """See `VaultStore`."""
        found = self._read(sql.GET_HEAD)
        return Head(*found[0]) if found else None

    async def rooted(self) -> AsyncIterator[list[Rooted] | Head]:
        """See `VaultStore`."""
        with closing(connection.open_reading(self._path)) as held:
            held.execute("BEGIN")
            for row in held.execute(sql.GET_HEAD).fetchall():
                yield Head(*row)
            for table, columns, kind in ROOTED:
                cursor = held.execute(f"SELECT {columns} FROM {table}")  # noqa: S608
                while rows := await asyncio.to_thread(cursor.fetchmany, PORTION):
                    yield [kind(*row) for row in rows]

    async def counts(self) -> Counts:
        """See `VaultStore`."""
        return Counts(*self._read(sql.COUNTS)[0])

    async def indexed(self, rows: Sequence[tuple[str, int, bytes]]) -> list[IndexRow]:
        """See `VaultStore`."""
        return [IndexRow(*found) for row in rows for found in self._read(sql.GET_INDEX, row)]

    async def stable(self, wanted: Sequence[StableKey]) -> dict[StableKey, Record]:
        """See `VaultStore`."""
        found = {}
        for key in wanted:
            values = (key.scope, key.merchant, key.fingerprint, key.expiry, key.form)
            for row in self._read(sql.GET_STABLE, values):
                found[key] = Record(*row)
        return found

    async def by_tokens(self, tokens: Sequence[str]) -> dict[str, Record]:
        """See `VaultStore`."""
        rows = [row for token in tokens for row in self._read(sql.GET_TOKEN, (token,))]
        return {record.token: record for record in (Record(*row) for row in rows)}

    async def spent(self, token: str) -> Spent | None:
        """See `VaultStore`."""
        found = self._read(sql.GET_SPENT, (token,))
        return Spent(*found[0]) if found else None

    async def wrapped(self, record_id: str) -> WrappedKey | None:
        """See `VaultStore`."""
        found = self._read_keys(sql.GET_KEY, (record_id,))
        return WrappedKey(*found[0]) if found else None

    async def expired(self, now_us: int, limit: int) -> list[Record]:
        """See `VaultStore`."""
        return [Record(*row) for row in self._read(sql.GET_EXPIRED, (now_us, limit))]

    async def created_before(
        self, scope: str, merchant: str, before_us: int, limit: int
    ) -> list[Record]:
        """See `VaultStore`."""
        values = (scope, merchant, before_us, limit)
        return [Record(*row) for row in self._read(sql.GET_OLD, values)]

    async def spent_before(self, before_us: int, limit: int) -> list[Spent]:
        """See `VaultStore`."""
        return [Spent(*row) for row in self._read(sql.GET_OLD_SPENT, (before_us, limit))]

    async def by_merchant(self) -> list[tuple[str, str, int, int]]:
        """See `VaultStore`."""
        return [tuple(row) for row in self._read(sql.GET_MERCHANTS)]

    async def sightings(self, since_us: int) -> list[Sighting]:
        """See `VaultStore`."""
        return [Sighting(*row) for row in self._read(sql.GET_SIGHTINGS, (since_us,))]

    async def drop_sightings(self, before_us: int) -> None:
        """See `VaultStore`."""
        await self._write(self._writing, [(sql.DROP_SIGHTINGS, [(before_us,)])])

    async def put_keys(self, new: Sequence[WrappedKey]) -> None:
        """See `VaultStore`."""
        await self._write(self._keys, [(sql.PUT_KEY, [key_row(key) for key in new])])

    async def drop_keys(self, record_ids: Sequence[str]) -> None:
        """See `VaultStore`."""
        await self._write(self._keys, [(sql.DROP_KEY, [(one,) for one in record_ids])])

    async def commit(self, group: Group, head: Head | None) -> None:
        """See `VaultStore`."""
        await self._write(self._writing, group_writes(group, head))

    async def key_versions(self) -> dict[int, int]:
        """See `VaultStore`."""
        with closing(connection.open_reading(self._keys_path)) as held:
            return dict(await asyncio.to_thread(lambda: _all(held, sql.GET_VERSIONS)))

    async def keys_under(self, below: int, after: tuple[int, str], limit: int) -> list[WrappedKey]:
        """See `VaultStore`."""
        rows = self._read_keys(sql.GET_UNDER, (below, *after, limit))
        return [WrappedKey(*row) for row in rows]

    async def newest_keys(self, limit: int) -> list[WrappedKey]:
        """See `VaultStore`."""
        return [WrappedKey(*row) for row in self._read_keys(sql.GET_NEWEST, (limit,))]

    async def rewrap(self, changed: Sequence[tuple[WrappedKey, WrappedKey]]) -> int:
        """See `VaultStore`."""
        rows = [
            (new.kek_version, new.wrapped, old.record_id, old.kek_version, old.wrapped)
            for old, new in changed
        ]
        return await self._write(self._keys, [(sql.CHANGE_KEY, rows)])

    async def sweep_keys(self) -> int:
        """See `VaultStore`."""
        orphans, last = [], ""
        while found := self._read_keys(sql.ALL_KEY_IDS, (last, SWEEP_PORTION)):
            last = found[-1][0]
            orphans += [one for (one,) in found if not self._read(sql.IS_RECORD, (one,))]
            await asyncio.sleep(0)
        if orphans:
            await self.drop_keys(orphans)
        return len(orphans)

    def _read(self, text: str, values: Sequence[Any] = ()) -> list[Any]:
        with _faults(self._path):
            return self._reading.execute(text, values).fetchall()

    def _read_keys(self, text: str, values: Sequence[Any] = ()) -> list[Any]:
        with _faults(self._keys_path):
            return self._keys_reading.execute(text, values).fetchall()

    async def _write(
        self, held: sqlite3.Connection, writes: Sequence[tuple[str, Sequence[Sequence[Any]]]]
    ) -> int:
        path = self._path if held is self._writing else self._keys_path
        return await self._in_thread(lambda: _transact(held, path, writes))

    async def _in_thread(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, act)


ROOTED: Final[tuple[tuple[str, str, Any], ...]] = (
    ("records", sql.RECORD, Record),
    ("card_index", sql.INDEX, IndexRow),
    ("spent", sql.SPENT, Spent),
    ("tombstones", sql.TOMBSTONE, Tombstone),
)
"""Tables under the root, with their columns and rows."""


def _opened(path: Path, tables: Sequence[str]) -> sqlite3.Connection:
    held = connection.open_writing(path, create=True, page_octets=4_096)
    try:
        with _faults(path):
            _bring_up(held, tables)
    except BaseException:
        held.close()
        raise
    return held


def _bring_up(held: sqlite3.Connection, tables: Sequence[str]) -> None:
    version = held.execute(_SCHEMA).fetchone()[0]
    if version > sql.SCHEMA_VERSION:
        raise Unavailable("schema_newer", "the vault's database is newer than this program")
    if version == sql.SCHEMA_VERSION:
        return
    held.execute("BEGIN IMMEDIATE")
    for statement in tables:
        held.execute(sql.typed(statement, "BLOB", "INTEGER"))
    held.execute(f"{_SCHEMA}={sql.SCHEMA_VERSION}")
    held.execute("COMMIT")


def _transact(
    held: sqlite3.Connection, path: Path, writes: Sequence[tuple[str, Sequence[Sequence[Any]]]]
) -> int:
    changed = 0
    with _faults(path):
        held.execute("BEGIN IMMEDIATE")
        try:
            for text, rows in writes:
                changed += held.executemany(text, rows).rowcount if rows else 0
            held.execute("COMMIT")
        except BaseException:
            if held.in_transaction:
                held.execute("ROLLBACK")
            raise
    return changed


def _all(held: sqlite3.Connection, text: str) -> list[Any]:
    return held.execute(text).fetchall()


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as fault:
        raise Conflict("vault_row_exists", "a row is there already") from fault
    except sqlite3.Error as fault:
        raise connection.fault_of(fault, path) from fault
