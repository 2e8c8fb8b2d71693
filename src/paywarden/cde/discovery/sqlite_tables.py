"""A SQLite file: every cell of every table, then what its free space still holds.

Guards: opened for reading only, without creating anything; a file that cannot be opened as a
database is read as octets. Tables show where a number stands (`#table.column:rowid`); deleted rows
stay in free pages and in the unused part of pages until the file is vacuumed (SQLite file format
sections 1.5 and 1.6), so those octets are read as well. Octets of live cells are not read twice.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paywarden.cde.discovery.block import Hit
from paywarden.cde.discovery.cells import column_hits

MAGIC = b"SQLite format 3\x00"
_ROWS = 2_000
_CELL_OCTETS = 8 << 20


def open_file(path: Path) -> sqlite3.Connection:
    """Open for reading only, with its write-ahead log where that can be read."""
    quoted = path.absolute().as_uri()
    for options in ("mode=ro", "immutable=1"):
        database = sqlite3.connect(f"{quoted}?{options}", uri=True, isolation_level=None)
        try:
            database.execute("select count(*) from sqlite_master").fetchone()
        except sqlite3.Error:
            database.close()
            continue
        return database
    raise sqlite3.DatabaseError("not readable as a database")


def open_octets(octets: bytes) -> sqlite3.Connection:
    """A database that lies in memory."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.deserialize(octets)
    return database


def table_hits(database: sqlite3.Connection) -> Iterator[tuple[str, int, Hit]]:
    """(`table.column:rowid`, octet in the cell, hit)."""
    database.text_factory = bytes
    names = [
        row[0].decode("utf-8", "replace")
        for row in database.execute("select name from sqlite_master where type = 'table'")
    ]
    for name in names:
        try:
            yield from _of_table(database, name)
        except sqlite3.Error:
            continue  # a virtual table whose module is absent: its shadow tables are read


def long_cells(database: sqlite3.Connection, least: int = 400) -> Iterator[tuple[str, bytes]]:
    """(`table:row`, cell) of cells so long that they may be cut over several pages."""
    database.text_factory = bytes
    query = "select name from sqlite_master where type = 'table'"
    for (name,) in database.execute(query).fetchall():
        table = name.decode("utf-8", "replace")
        quoted = table.replace('"', '""')
        try:
            for n, row in enumerate(database.execute(f'select * from "{quoted}"')):  # noqa: S608
                for cell in row:
                    if isinstance(cell, bytes) and len(cell) >= least:
                        yield f"{table}:{n}", cell
        except sqlite3.Error:
            continue  # a virtual table whose module is absent: its shadow tables are read


def _of_table(database: sqlite3.Connection, name: str) -> Iterator[tuple[str, int, Hit]]:
    table = name.replace('"', '""')
    try:
        rows = database.execute(f'select rowid, * from "{table}"')  # noqa: S608 (quoted name)
        keyed = True
    except sqlite3.OperationalError:  # a table WITHOUT ROWID
        rows = database.execute(f'select * from "{table}"')  # noqa: S608 (quoted name)
        keyed = False
    columns = [_text(one[0]) for one in rows.description][1 if keyed else 0 :]
    first = 1
    for batch in _batches(rows):
        keys = [row[0] for row in batch] if keyed else range(first, first + len(batch))
        first += len(batch)
        for n, column in enumerate(columns):
            at = n + 1 if keyed else n
            for cell, hit in column_hits([row[at] for row in batch]):
                yield f"{name}.{column}:{keys[cell]}", hit.start, hit


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _batches(rows: sqlite3.Cursor) -> Iterator[list[Any]]:
    """Rows in batches that end at `_ROWS` rows or `_CELL_OCTETS` octets."""
    batch: list[Any] = []
    held = 0
    for row in rows:
        batch.append(row)
        held += sum(len(cell) for cell in row if isinstance(cell, bytes))
        if len(batch) == _ROWS or held > _CELL_OCTETS:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


class FreeSpace:
    """Which octets of a database file belong to no live cell. `read(at, size)` reads the file."""

    def __init__(self, read: Any, size: int) -> None:
        head = read(0, 100)
        self._read = read
        self._page = int.from_bytes(head[16:18], "big")
        self._page = 65_536 if self._page == 1 else self._page
        self._size = size
        self._usable = self._page - head[20]
        self._free = self._free_pages(int.from_bytes(head[32:36], "big"))

    def holds(self, offset: int) -> bool:
        """Whether the octet lies in free space."""
        number = offset // self._page + 1
        if number in self._free:
            return True
        base = (number - 1) * self._page
        page = self._read(base, self._page)
        inside = offset - base
        spans = _free_spans(page, 100 if number == 1 else 0)
        at = bisect_right(spans, (inside, self._page)) - 1
        return at >= 0 and spans[at][0] <= inside < spans[at][1]

    def _free_pages(self, trunk: int) -> set[int]:
        free: set[int] = set()
        while trunk and trunk not in free and trunk * self._page <= self._size:
            free.add(trunk)
            page = self._read((trunk - 1) * self._page, self._usable)
            count = min(int.from_bytes(page[4:8], "big"), (len(page) - 8) // 4)
            free.update(int.from_bytes(page[8 + 4 * n : 12 + 4 * n], "big") for n in range(count))
            trunk = int.from_bytes(page[:4], "big")
        return free


def _free_spans(page: bytes, base: int) -> list[tuple[int, int]]:
    """Unused octets of a b-tree page; none for other pages, whose octets belong to cells."""
    if len(page) < base + 12 or page[base] not in (2, 5, 10, 13):
        return []
    cells = int.from_bytes(page[base + 3 : base + 5], "big")
    content = int.from_bytes(page[base + 5 : base + 7], "big") or 65_536
    header = 12 if page[base] in (2, 5) else 8
    spans = [(base + header + 2 * cells, content)]
    block = int.from_bytes(page[base + 1 : base + 3], "big")
    while block and block + 4 <= len(page) and len(spans) < len(page) // 4:
        size = int.from_bytes(page[block + 2 : block + 4], "big")
        spans.append((block, block + size))
        after = int.from_bytes(page[block : block + 2], "big")
        if after <= block:
            break
        block = after
    return sorted(spans)
