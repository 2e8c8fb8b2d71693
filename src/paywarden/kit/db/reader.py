"""Reading beside the writer: a small pool of connections that can only read.

Guards: reads never wait for the writer and cannot write; a look-up sees every unit whose future is
done. Point look-ups are cheap enough (tens of microseconds) for the event loop's own thread; scans
belong in worker threads and page themselves, since a long open read keeps the write-ahead log from
being reused. Every row limit is explicit.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paywarden.core.errors import Unavailable
from paywarden.kit.db import connection
from paywarden.kit.db.statement import Parameters

POOL_LIMIT = 8
WAIT_SECONDS = 5.0
ROWS_LIMIT = 10_000
Row = tuple[Any, ...]


class Reader:
    """At most `limit` read-only connections of `path`, opened when first needed."""

    def __init__(self, path: Path, *, limit: int = POOL_LIMIT) -> None:
        self._path = path
        self._free: list[sqlite3.Connection] = []
        self._slots = threading.BoundedSemaphore(limit)
        self._closed = False

    def one(self, text: str, parameters: Parameters = ()) -> Row | None:
        """First row of a query, or None. Errors: Unavailable, Corrupt."""
        with self._borrowed() as held:
            row: Row | None = held.execute(text, parameters).fetchone()
            return row

    def rows(self, text: str, parameters: Parameters = (), *, limit: int = ROWS_LIMIT) -> list[Row]:
        """At most `limit` rows of a query. Errors: Unavailable, Corrupt."""
        with self._borrowed() as held:
            return held.execute(text, parameters).fetchmany(limit)

    def close(self) -> None:
        """Close idle connections; borrowed ones close when they come back."""
        self._closed = True
        while self._free:
            self._free.pop().close()

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        if not self._slots.acquire(timeout=WAIT_SECONDS):
            raise Unavailable("readers_busy", "all database readers are in use")
        try:
            held = self._take()
            try:
                yield held
            finally:
                self._give(held)
        except sqlite3.Error as fault:
            raise connection.fault_of(fault, self._path) from fault
        finally:
            self._slots.release()

    def _take(self) -> sqlite3.Connection:
        if self._closed:
            raise Unavailable("reader_closed", "this reader is closed")
        try:
            return self._free.pop()
        except IndexError:
            return connection.open_reading(self._path)

    def _give(self, held: sqlite3.Connection) -> None:
        if self._closed:
            held.close()
        else:
            self._free.append(held)
