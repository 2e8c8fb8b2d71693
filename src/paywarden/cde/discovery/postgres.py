"""A PostgreSQL database: every column of every table of every schema but the system's.

Guards: each table in a transaction that reads only, with a cursor, so that memory is bounded; a
table that may not be read is named. The password of the DSN stands in no
path and no error. Places are `postgresql://host:port/database#schema.table.column:ctid`.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from paywarden.cde.discovery.cells import column_hits
from paywarden.cde.discovery.findings import Findings
from paywarden.core.errors import InvalidRequest, Unavailable

_ROWS = 5_000
_CONNECT_SECONDS = 15.0
_TABLES = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
and n.nspname not like 'pg_toast%' and n.nspname not like 'pg_temp%' order by 1, 2
"""
_COLUMNS = """
select a.attname, t.typname from pg_attribute a join pg_type t on t.oid = a.atttypid
join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
_NUMBERLESS = frozenset(
    {"bool", "int2", "int4", "oid", "date", "time", "timetz", "timestamp", "timestamptz",
     "interval", "uuid", "inet", "cidr", "macaddr", "float4"}
)  # fmt: skip


def scan_database(dsn: str, findings: Findings) -> None:
    """Scan into `findings`. Errors: InvalidRequest for the DSN, Unavailable for the database."""
    try:
        place = _place(dsn)
    except ValueError:
        raise InvalidRequest("dsn_invalid", "not a PostgreSQL DSN", pointer="DSN") from None
    try:
        import asyncpg
    except ImportError:
        raise Unavailable(
            "postgres_absent", "install paywarden[postgres] to scan PostgreSQL databases"
        ) from None
    try:
        asyncio.run(_scan(asyncpg, dsn, place, findings))
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError):
        # The driver's own text may repeat the DSN, and with it the password.
        raise Unavailable(
            "database_unreachable", f"no answer from {place} with these credentials"
        ) from None


def _place(dsn: str) -> str:
    parts = urlsplit(dsn)
    host = f"{parts.hostname or 'local'}:{parts.port or 5432}"
    return f"postgresql://{host}/{parts.path.lstrip('/')}"


async def _scan(asyncpg: Any, dsn: str, place: str, findings: Findings) -> None:
    connection = await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS)
    try:
        for schema, table in await connection.fetch(_TABLES):
            label = f"{place}#{schema}.{table}"
            try:
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    await _table(connection, schema, table, label, findings)
            except asyncpg.InsufficientPrivilegeError:
                findings.skip(label, "unreadable")
    finally:
        await connection.close(timeout=_CONNECT_SECONDS)


async def _table(connection: Any, schema: str, table: str, label: str, findings: Findings) -> None:
    names = [
        (name, kind)
        for name, kind in await connection.fetch(_COLUMNS, schema, table)
        if kind not in _NUMBERLESS
    ]
    if not names:
        return
    listed = ", ".join(
        _quoted(name) + ("" if kind == "bytea" else "::text") for name, kind in names
    )
    query = f"select ctid::text, {listed} from {_quoted(schema)}.{_quoted(table)}"  # noqa: S608
    cursor = await connection.cursor(query)
    while rows := await cursor.fetch(_ROWS):
        for n, (name, _kind) in enumerate(names, 1):
            cells = [row[n] for row in rows]
            findings.octets += sum(len(cell) for cell in cells if cell is not None)
            for cell, hit in column_hits(cells):
                findings.add(f"{label}.{name}:{rows[cell][0]}", hit.start, hit)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
