"""Reading beside the writer: a small pool of connections that can only read.

Guards: reads never wait for the writer and cannot write; a look-up sees every unit whose future is
done. Point look-ups are cheap enough (tens of microseconds) for the event loop's own thread; scans
belong in worker threads and page themselves, since a long open read keeps the write-ahead log from
being reused. Every row limit is explicit.
"""

from __future__ import annotations

import sqlite3
import threading
import time
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
        self._limit = limit
        self._free: list[sqlite3.Connection] = []
        self._opened = 0
        self._waiting = 0
        self._changed = threading.Condition()
        self._closed = False

    def one(self, text: str, parameters: Parameters = ()) -> Row | None:
        """First row of a query, or None. Errors: Unavailable, Corrupt."""
        held = self._take()
        try:
            row: Row | None = held.execute(text, parameters).fetchone()
            return row
        except sqlite3.Error as fault:
            raise connection.fault_of(fault, self._path) from fault
        finally:
            self._give(held)

    def rows(self, text: str, parameters: Parameters = (), *, limit: int = ROWS_LIMIT) -> list[Row]:
        """At most `limit` rows of a query. Errors: Unavailable, Corrupt."""
        held = self._take()
        try:
            return held.execute(text, parameters).fetchmany(limit)
        except sqlite3.Error as fault:
            raise connection.fault_of(fault, self._path) from fault
        finally:
            self._give(held)

    def close(self) -> None:
        """Close idle connections; borrowed ones close when they come back."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        while True:
            try:
                self._free.pop().close()
            except IndexError:
                return

    def _take(self) -> sqlite3.Connection:
        if self._closed:
            raise Unavailable("reader_closed", "this reader is closed")
        try:
            return self._free.pop()  # the usual way: no lock
        except IndexError:
            return self._wait()

    def _wait(self) -> sqlite3.Connection:
        """A connection that comes back in time, or a new one while there are few."""
        until = time.monotonic() + WAIT_SECONDS
        with self._changed:
            self._waiting += 1
            try:
                while self._opened >= self._limit:
                    if not self._changed.wait_for(self._may_take, until - time.monotonic()):
                        raise Unavailable("readers_busy", "all database readers are in use")
                    if self._closed:
                        raise Unavailable("reader_closed", "this reader is closed")
                    try:
                        return self._free.pop()
                    except IndexError:
                        continue  # somebody took it without the lock
                self._opened += 1
            finally:
                self._waiting -= 1
        return self._open()

    def _may_take(self) -> bool:
        return self._closed or bool(self._free) or self._opened < self._limit

    def _open(self) -> sqlite3.Connection:
        try:
            return connection.open_reading(self._path)
        except BaseException:
            with self._changed:
                self._opened -= 1
                self._changed.notify()
            raise

    def _give(self, held: sqlite3.Connection) -> None:
        self._free.append(held)
        if self._closed:
            self.close()
        elif self._waiting:
            with self._changed:
                self._changed.notify()
