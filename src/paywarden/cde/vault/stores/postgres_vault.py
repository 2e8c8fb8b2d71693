"""The vault's rows in PostgreSQL: schema `vault`, and data keys apart in schema `vault_keys`.

Guards: the role that connects owns neither schema and may read and write rows only (see
deploy/postgresql/vault.sql, which an administrator runs once); `synchronous_commit` is on for every
session, whatever the server says; an advisory lock lets one vault write, and a lost connection that
held it ends service until a restart. Every value is a parameter. Not done here: making the schema.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import asyncpg

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

PORTION: Final = 250  # hashed in one go: some milliseconds
SWEEP_PORTION: Final = 10_000
READERS: Final = 4
WRITER_LOCK: Final = 0x50415957_56415554  # one vault writes
_SESSION: Final = {
    "search_path": "vault,vault_keys",
    "synchronous_commit": "on",
    "application_name": "paywarden-vault",
}


class PostgresVault:
    """A `VaultStore` in the database that a DSN names."""

    name = "postgresql"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """See `VaultStore`."""
        with _faults():
            self._writing = await asyncpg.connect(self._dsn, server_settings=_SESSION)
        try:
            await self._claim()
            with _faults():
                self._readers = await asyncpg.create_pool(
                    self._dsn, min_size=1, max_size=READERS, server_settings=_SESSION
                )
        except BaseException:
            await self._writing.close()
            raise

    async def _claim(self) -> None:
        with _faults():
            if not await self._writing.fetchval("SELECT pg_try_advisory_lock($1)", WRITER_LOCK):
                raise Conflict("writer_already_running", "another vault writes this database")
            found = await self._writing.fetchval("SELECT max(version) FROM schema_version")
        if found != sql.SCHEMA_VERSION:
            raise Unavailable("schema_older", "run deploy/postgresql/vault.sql of this version")

    async def close(self) -> None:
        """See `VaultStore`."""
        await self._readers.close()
        await self._writing.close()

    async def head(self) -> Head | None:
        """See `VaultStore`."""
        found = await self._read(sql.GET_HEAD)
        return Head(*found[0]) if found else None

    async def rooted(self) -> AsyncIterator[list[Rooted] | Head]:
        """See `VaultStore`."""
        with _faults():
            async with (
                self._readers.acquire() as held,
                held.transaction(isolation="repeatable_read", readonly=True),
            ):
                for row in await held.fetch(sql.GET_HEAD):
                    yield Head(*row)
                for table, columns, kind in ROOTED:
                    cursor = await held.cursor(f"SELECT {columns} FROM {table}")  # noqa: S608
                    while rows := await cursor.fetch(PORTION):
                        yield [kind(*row) for row in rows]

    async def counts(self) -> Counts:
        """See `VaultStore`."""
        return Counts(*(await self._read(sql.COUNTS))[0])

    async def indexed(self, rows: Sequence[tuple[str, int, bytes]]) -> list[IndexRow]:
        """See `VaultStore`."""
        text = (
            f"SELECT {sql.INDEX} FROM card_index WHERE (scope, version, digest) IN"  # noqa: S608
            " (SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[]))"
        )
        found = await self._read(text, *(list(column) for column in zip(*rows, strict=True)))
        return [IndexRow(*row) for row in found]

    async def stable(self, wanted: Sequence[StableKey]) -> dict[StableKey, Record]:
        """See `VaultStore`."""
        found: dict[StableKey, Record] = {}
        columns = ", ".join(f"r.{name}" for name in sql.RECORD.split(", "))
        text = (
            f"SELECT {columns} FROM unnest($1::text[], $2::text[], $3::text[], $4::text[],"  # noqa: S608
            " $5::text[]) AS w (scope, merchant, fingerprint, expiry, form) CROSS JOIN LATERAL"
            " (SELECT * FROM records WHERE scope = w.scope AND merchant = w.merchant"
            " AND fingerprint = w.fingerprint AND expiry = w.expiry AND form = w.form"
            " ORDER BY created_at_us DESC, record_id DESC LIMIT 1) r"
        )
        keys = [(k.scope, k.merchant, k.fingerprint, k.expiry, k.form) for k in wanted]
        for row in await self._read(text, *(list(column) for column in zip(*keys, strict=True))):
            one = Record(*row)
            key = StableKey(one.scope, one.merchant, one.fingerprint, one.expiry, one.form)
            found[key] = one
        return found

    async def by_tokens(self, tokens: Sequence[str]) -> dict[str, Record]:
        """See `VaultStore`."""
        text = f"SELECT {sql.RECORD} FROM records WHERE token = ANY($1::text[])"  # noqa: S608
        rows = await self._read(text, list(tokens)) if tokens else []
        return {record.token: record for record in (Record(*row) for row in rows)}

    async def spent(self, token: str) -> Spent | None:
        """See `VaultStore`."""
        found = await self._read(sql.GET_SPENT, token)
        return Spent(*found[0]) if found else None

    async def wrapped(self, record_id: str) -> WrappedKey | None:
        """See `VaultStore`."""
        found = await self._read(sql.GET_KEY, record_id)
        return WrappedKey(*found[0]) if found else None

    async def expired(self, now_us: int, limit: int) -> list[Record]:
        """See `VaultStore`."""
        return [Record(*row) for row in await self._read(sql.GET_EXPIRED, now_us, limit)]

    async def created_before(
        self, scope: str, merchant: str, before_us: int, limit: int
    ) -> list[Record]:
        """See `VaultStore`."""
        rows = await self._read(sql.GET_OLD, scope, merchant, before_us, limit)
        return [Record(*row) for row in rows]

    async def spent_before(self, before_us: int, limit: int) -> list[Spent]:
        """See `VaultStore`."""
        return [Spent(*row) for row in await self._read(sql.GET_OLD_SPENT, before_us, limit)]

    async def by_merchant(self) -> list[tuple[str, str, int, int]]:
        """See `VaultStore`."""
        return [tuple(row) for row in await self._read(sql.GET_MERCHANTS)]

    async def sightings(self, since_us: int) -> list[Sighting]:
        """See `VaultStore`."""
        return [Sighting(*row) for row in await self._read(sql.GET_SIGHTINGS, since_us)]

    async def drop_sightings(self, before_us: int) -> None:
        """See `VaultStore`."""
        await self._write([(sql.DROP_SIGHTINGS, [(before_us,)])])

    async def put_keys(self, new: Sequence[WrappedKey]) -> None:
        """See `VaultStore`."""
        await self._write([(sql.PUT_KEY, [key_row(key) for key in new])])

    async def drop_keys(self, record_ids: Sequence[str]) -> None:
        """See `VaultStore`."""
        await self._write([(sql.DROP_KEY, [(one,) for one in record_ids])])

    async def commit(self, group: Group, head: Head | None) -> None:
        """See `VaultStore`."""
        await self._write(group_writes(group, head))

    async def key_versions(self) -> dict[int, int]:
        """See `VaultStore`."""
        return {row[0]: row[1] for row in await self._read(sql.GET_VERSIONS)}

    async def keys_under(self, below: int, after: tuple[int, str], limit: int) -> list[WrappedKey]:
        """See `VaultStore`."""
        return [WrappedKey(*row) for row in await self._read(sql.GET_UNDER, below, *after, limit)]

    async def newest_keys(self, limit: int) -> list[WrappedKey]:
        """See `VaultStore`."""
        return [WrappedKey(*row) for row in await self._read(sql.GET_NEWEST, limit)]

    async def rewrap(self, changed: Sequence[tuple[WrappedKey, WrappedKey]]) -> int:
        """See `VaultStore`."""
        done = 0
        async with self._turn:
            with _faults():
                async with self._writing.transaction():
                    for old, new in changed:
                        values = (new.kek_version, new.wrapped, old.record_id)
                        text = await self._writing.execute(
                            numbered(sql.CHANGE_KEY), *values, old.kek_version, old.wrapped
                        )
                        done += int(text.rpartition(" ")[2])
        return done

    async def sweep_keys(self) -> int:
        """See `VaultStore`."""
        text = (
            "DELETE FROM wrapped_keys w WHERE NOT EXISTS"
            " (SELECT 1 FROM records r WHERE r.record_id = w.record_id)"
        )
        with _faults():
            async with self._turn:
                return int((await self._writing.execute(text)).rpartition(" ")[2])

    async def _read(self, text: str, *values: Any) -> list[Any]:
        with _faults():
            found: list[Any] = await self._readers.fetch(numbered(text), *values)
        return found

    async def _write(self, writes: Sequence[tuple[str, Sequence[Sequence[Any]]]]) -> None:
        async with self._turn:
            with _faults():
                async with self._writing.transaction():
                    for text, rows in writes:
                        await self._writing.executemany(numbered(text), rows)


ROOTED: Final[tuple[tuple[str, str, Callable[..., Any]], ...]] = (
    ("records", sql.RECORD, Record),
    ("card_index", sql.INDEX, IndexRow),
    ("spent", sql.SPENT, Spent),
    ("tombstones", sql.TOMBSTONE, Tombstone),
)
"""Tables under the root, with their columns and rows."""


@cache
def numbered(text: str) -> str:
    """`?` as $1, $2, ..."""
    first, *others = text.split("?")
    return first + "".join(f"${n}{other}" for n, other in enumerate(others, 1))


@contextmanager
def _faults() -> Iterator[None]:
    """The driver's faults as ours: its texts may quote a row, so only their kind is told."""
    try:
        yield
    except asyncpg.UniqueViolationError as fault:
        raise Conflict("vault_row_exists", "a row is there already") from fault
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as fault:
        name = type(fault).__name__
        raise Unavailable("storage_failed", f"the vault's database failed ({name})") from None
