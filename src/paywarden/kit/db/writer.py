"""The one writer of a database: group commit with full durability.

Guards: a unit's future is done only after its transaction is on disk (`synchronous=FULL`), units
commit in submission order, and after a failed commit nothing is acknowledged any more: the whole
batch and everything queued fail with Unavailable, and the writer refuses work until `recover`,
after which the state owner rebuilds its state from the log. Batches form by themselves: what
arrives during one fsync is the next batch. A lone unit never waits on purpose; when the batch
before held several, the next one lingers for `LINGER_SECONDS`, because on a fast disk the cost of
many tiny transactions would take the processor from those who make them. The write-ahead log is
folded back beside the commits (`checkpoints`).

A unit that breaks a constraint fails alone (Conflict) unless it is `sequenced`: then its place in
the log is lost and everything after it fails too. Cancelling a waiting task does not undo its unit.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import IO

from paywarden.core.errors import LimitExceeded, PaywardenError, Unavailable
from paywarden.kit.db import batch, connection
from paywarden.kit.db.checkpoints import Checkpoints
from paywarden.kit.db.participant import Participant
from paywarden.kit.db.rider import Rider
from paywarden.kit.db.schema import SchemaPart, check_schema
from paywarden.kit.db.tickets import Ticket, settle
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.verdict import is_units_fault, not_writing, unit_error

QUEUE_LIMIT = 4_096
BATCH_LIMIT = 256
LINGER_SECONDS = 0.005
"""Measured at 500 decisions a second: with 1 ms a commit held 1.1 of them, and commits took the
interpreter from the event loop so often that a stall of 10 ms took 50 to drain."""
CROWD = 2


class Writer:
    """Owns the only writing connection of `path` and its thread; see the module's text.

    Args: `parts` the schema parts that must be at their heads; `participants` in the order in which
    their `before` runs. States: `closed` -> `open` -> `failed` -> `open` -> `closed`.
    """

    def __init__(
        self,
        path: Path,
        parts: Sequence[SchemaPart],
        participants: Sequence[Participant] = (),
        *,
        queue_limit: int = QUEUE_LIMIT,
        batch_limit: int = BATCH_LIMIT,
    ) -> None:
        self._path = path
        self._parts = tuple(parts)
        self._participants = tuple(participants)
        self._checkpoints = Checkpoints(path)
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._queue: deque[Ticket] = deque()
        self._riders: list[Rider] = []
        self._changed = threading.Condition()
        self._idle = False
        self._crowded = False
        self._state = "closed"
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._lock: IO[bytes] | None = None
        self._connection: sqlite3.Connection | None = None
        self._batches = 0

    @property
    def state(self) -> str:
        """`open`, `failed` or `closed`."""
        return self._state

    @property
    def queued(self) -> int:
        """Units waiting for the next batch."""
        return len(self._queue)

    @property
    def batches(self) -> int:
        """Transactions committed so far; with the units, the size of a group."""
        return self._batches

    def start(self) -> None:
        """Open the file, check the schema, read the last state, accept units.

        Errors: Conflict (another writer), Unavailable, Corrupt.
        """
        if self._state != "closed":
            raise Unavailable("writer_started", "this writer is already started")
        self._lock = connection.lock_file(self._path)
        try:
            self._open()
        except BaseException:
            self._release()
            raise

    def recover(self) -> None:
        """After a failure: reopen, verify, accept units again; the caller then rebuilds its state.

        Errors: as `start`; the writer then stays `failed` and `recover` may be called again.
        """
        if self._state != "failed":
            raise Unavailable("writer_not_failed", "only a failed writer can recover")
        self._join()
        self._checkpoints.stop()
        self._open()

    def close(self) -> None:
        """Commit what is queued, fold the write-ahead log back, release the file."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._join()
        with self._changed:
            self._state = "closed"
        self._checkpoints.stop()
        held = self._connection
        if held is not None:
            held.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            held.close()
            self._connection = None
        self._release()

    def submit(self, unit: UnitOfWork) -> Future[None]:
        """Queue `unit`; the future is done when it is durable. For threads.

        Errors: LimitExceeded `writer_queue_full`, Unavailable `writer_failed` or `writer_closed`,
        at once; through the future: Conflict, Unavailable.
        """
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()
        self._enqueue(Ticket(unit, None, future))
        return future

    async def commit(self, unit: UnitOfWork) -> None:
        """Queue `unit` and wait until it is durable. For tasks; errors as `submit`."""
        await self.enqueue(unit)

    def board(self, unit: UnitOfWork) -> Rider:
        """Let the writes of `unit` travel with the next unit queued. Errors: Unavailable."""
        rider = Rider(unit, self.enqueue)
        with self._changed:
            if self._state != "open" or self._stopping:
                raise not_writing(self._state)
            self._riders.append(rider)
        return rider

    def enqueue(self, unit: UnitOfWork) -> asyncio.Future[None]:
        """Queue `unit` now; the future is done when it is durable. Within an event loop.

        Units queued later are not durable before this one. Errors as `submit`.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._enqueue(Ticket(unit, loop, future))
        return future

    def _enqueue(self, ticket: Ticket) -> None:
        with self._changed:
            if self._state != "open" or self._stopping:
                raise not_writing(self._state)
            if ticket.unit.submitted:
                raise ValueError("a unit of work is submitted once")
            if len(self._queue) >= self._queue_limit:
                raise LimitExceeded("writer_queue_full", "too many writes are waiting; slow down")
            ticket.unit.submitted = True
            if self._riders:
                self._take_along(ticket)
            self._queue.append(ticket)
            if self._idle:
                self._idle = False
                self._changed.notify()

    def _take_along(self, ticket: Ticket) -> None:
        ticket.unit.writes[:0] = [write for one in self._riders for write in one.unit.writes]
        for rider in self._riders:
            rider.carrier = ticket.future
        self._riders.clear()

    def _open(self) -> None:
        opened = connection.open_writing(self._path)
        try:
            check_schema(opened, self._parts)
            for participant in self._participants:
                participant.reset(opened)
            self._checkpoints.start()
        except sqlite3.Error as fault:
            opened.close()
            raise connection.fault_of(fault, self._path) from fault
        except BaseException:
            opened.close()
            raise
        self._connection = opened
        self._stopping = False
        self._state = "open"
        self._thread = threading.Thread(target=self._run, name="paywarden-writer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        held = self._connection
        assert held is not None
        try:
            while tickets := self._take():
                if not self._commit_batch(held, tickets):
                    return
        except BaseException as fault:
            self._fail(held, [], fault)  # the thread never dies unnoticed
            raise

    def _take(self) -> list[Ticket]:
        if self._crowded and len(self._queue) < self._batch_limit and not self._stopping:
            time.sleep(LINGER_SECONDS)
        with self._changed:
            while not self._queue:
                if self._stopping:
                    return []
                self._idle = True
                self._changed.wait()
            self._idle = False
            count = min(len(self._queue), self._batch_limit)
            self._crowded = count >= CROWD
            return [self._queue.popleft() for _ in range(count)]

    def _commit_batch(self, held: sqlite3.Connection, tickets: list[Ticket]) -> bool:
        try:
            self._transact(held, tickets)
        except Exception as fault:
            if not is_units_fault(fault):
                return self._fail(held, tickets, fault)
            return self._isolate(held, tickets)
        settle([(ticket, None) for ticket in tickets])
        try:
            self._checkpoints.committed(held)
        except sqlite3.Error as fault:
            return self._fail(held, [], fault)
        return True

    def _transact(self, held: sqlite3.Connection, tickets: list[Ticket]) -> None:
        for participant in self._participants:
            participant.before()
        held.execute("BEGIN IMMEDIATE")
        try:
            batch.send(held, [ticket.unit for ticket in tickets])
            held.execute("COMMIT")
        except BaseException:
            self._roll_back(held)
            raise
        self._batches += 1
        for participant in self._participants:
            participant.committed()

    def _isolate(self, held: sqlite3.Connection, tickets: list[Ticket]) -> bool:
        """Run a batch that holds a bad unit one by one, so that only the bad one fails."""
        for position, ticket in enumerate(tickets):
            try:
                self._transact(held, [ticket])
            except Exception as fault:
                rest = tickets[position:]
                if not is_units_fault(fault) or ticket.unit.sequenced:
                    return self._fail(held, rest, fault)
                settle([(ticket, unit_error(fault))])
            else:
                settle([(ticket, None)])
        return True

    def _roll_back(self, held: sqlite3.Connection) -> None:
        if held.in_transaction:
            held.execute("ROLLBACK")
        for participant in self._participants:
            participant.rolled_back()

    def _fail(self, held: sqlite3.Connection, tickets: list[Ticket], fault: BaseException) -> bool:
        with self._changed:
            self._state = "failed"
            tickets = [*tickets, *self._queue]
            self._queue.clear()
        self._connection = None
        error = self._failure(fault)
        try:
            held.close()
        finally:
            settle([(ticket, error) for ticket in tickets])
        return False

    def _failure(self, fault: BaseException) -> PaywardenError:
        if isinstance(fault, sqlite3.Error):
            return connection.fault_of(fault, self._path)
        if isinstance(fault, PaywardenError):
            return fault
        return Unavailable("storage_failed", f"the writer stopped ({type(fault).__name__})")

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
