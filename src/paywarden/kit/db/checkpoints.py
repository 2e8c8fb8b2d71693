"""Checkpoints beside the writer: folding the write-ahead log back without making a commit wait.

Guards: a commit of the writer never pays for folding thousands of pages. A thread of its own, with
a connection of its own, folds what is there (PASSIVE: it waits for nobody and nobody for it). While
commits go on, such a pass never catches the end of the log, and only a log that is folded whole is
written again from its start; so after each pass the writer folds the few pages that came meanwhile,
between two batches. Were the thread slow or gone, SQLite's own checkpoint still bounds the log at
`connection.CHECKPOINT_PAGES`. Durability does not depend on any of this: a checkpoint syncs the log
before it copies and the database after. Source: sqlite.org/wal.html, "Checkpointing".

Order of use: `start`, then in the writer's thread `committed` after each transaction; `stop` before
the writer's connection closes.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from paywarden.kit.db import connection
from paywarden.kit.log import logger

INTERVAL_SECONDS = 0.5
_FOLD = "PRAGMA wal_checkpoint(PASSIVE)"


class Checkpoints:
    """Folds the log of `path` every half second in which something was committed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._commits = 0
        self._rest_waits = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread. Errors: Unavailable, Corrupt, when the file cannot be opened."""
        held = connection.open_writing(self._path)
        self._stopping = threading.Event()
        self._rest_waits = False
        self._thread = threading.Thread(
            target=self._run, args=(held,), name="paywarden-checkpoints", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread and its connection; safe to repeat."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def committed(self, held: sqlite3.Connection) -> None:
        """The writer's connection `held` committed: fold the rest that a pass left, if it did.

        Errors: sqlite3.Error of a disk that fails.
        """
        self._commits += 1
        if self._rest_waits:
            self._rest_waits = False
            held.execute(_FOLD).fetchone()

    def _run(self, held: sqlite3.Connection) -> None:
        seen = 0
        try:
            while not self._stopping.wait(INTERVAL_SECONDS):
                if self._commits != seen:
                    seen = self._commits
                    self._pass(held)
        finally:
            held.close()

    def _pass(self, held: sqlite3.Connection) -> None:
        try:
            _busy, logged, folded = held.execute(_FOLD).fetchone()
        except sqlite3.Error as fault:
            # The next commit meets the same disk and refuses; here nobody waits for an answer.
            error = connection.fault_of(fault, self._path)
            logger().error("checkpoint_failed", code=error.code, file=self._path.name)
            return
        self._rest_waits = logged != folded
