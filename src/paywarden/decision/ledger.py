"""The ledger: gives each act its place in the log and says when it is durable.

Guards: nothing is staged that could not be written (`reserve`), entries commit in sequence, and no
answer leaves before its commit. From the moment windows are touched until the commit (`Ahead`), a
fault means that memory is ahead of the log: everything is then refused until the state was rebuilt
(`recovery.py`). All methods run on one event loop; that loop is the lock.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from paywarden.core.clock import Clock
from paywarden.core.errors import LimitExceeded, Unavailable
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.decision import entries, errors
from paywarden.decision.ports import Records
from paywarden.decision.state import ScopeState
from paywarden.kit.audit import AuditLog
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.journal.model import Entry
from paywarden.kit.journal.ports import Journal
from paywarden.kit.log import logger
from paywarden.kit.metrics import Metrics
from paywarden.risk.features.observation import Observation

QUEUE_MARGIN = 3_500
_CANONICAL = msgspec.msgpack.Encoder(order="deterministic")


@dataclass(frozen=True, slots=True)
class Stores:
    """Where acts are written; one unit of work reaches them all."""

    journal: Journal
    writer: Writer
    records: Records
    audit: AuditLog


class Staged(NamedTuple):
    """An entry that has its place in the log and is not yet durable."""

    seq: int
    body: Any
    observation: Observation | None


@dataclass(slots=True)
class _Waiting:
    body: Any
    done: asyncio.Future[None]
    submitted: bool = False


class Ledger:
    """Stages entries of every scope, commits them, and holds the states that they move."""

    def __init__(
        self, stores: Stores, body_key: Secret[bytes], clock: Clock, metrics: Metrics
    ) -> None:
        self.stores = stores
        self.clock = clock
        self.metrics = metrics
        self.states: dict[Scope, ScopeState] = {}
        self.failed = False
        self.on_failed: Callable[[], None] = lambda: None
        self.on_staged: Callable[[Scope, Observation], None] = lambda _scope, _seen: None
        self.on_committed: Callable[[Scope, Observation], None] = lambda _scope, _seen: None
        self._body_key = body_key.expose()
        self._waiting: dict[int, _Waiting] = {}
        self._uncommitted: deque[tuple[int, Scope, Observation | None]] = deque()

    @property
    def next_seq(self) -> int:
        """The place that the next entry takes."""
        return self.stores.journal.staged_head + 1

    def ready(self, scope: Scope) -> ScopeState:
        """The state of a scope, able to take one more act. Errors: Unavailable, LimitExceeded."""
        if self.failed:
            raise errors.engine_recovering()
        if self.stores.writer.queued >= QUEUE_MARGIN:
            raise LimitExceeded("writer_queue_full", "too many writes are waiting; slow down")
        state = self.states.get(scope)
        if state is None:
            raise Unavailable("scope_not_ready", "this tenant and environment is not set up")
        if state.importing:
            raise errors.import_unfinished()
        return state

    def ahead(self) -> Ahead:
        """Context in which memory may be ahead of the log; a fault inside fails the ledger."""
        return Ahead(self)

    def stage(
        self,
        unit: UnitOfWork,
        scope: Scope,
        kind: str,
        at_us: int,
        body: Any,
        observation: Observation | None = None,
    ) -> Staged:
        """Give `body` the next place in the log, as part of `unit`."""
        seq = self.next_seq
        entry = Entry(seq, scope, kind, at_us, entries.encode(body))
        self.stores.journal.append(unit, [entry])
        if kind in entries.CONTROL_KINDS:
            self.stores.records.add_control(unit, scope, seq, kind)
        loop = asyncio.get_running_loop()
        self._waiting[seq] = _Waiting(body, loop.create_future())
        self._uncommitted.append((seq, scope, observation))
        if observation is not None:
            self.on_staged(scope, observation)
        return Staged(seq, body, observation)

    async def commit(self, unit: UnitOfWork, staged: Sequence[Staged]) -> None:
        """Return when `unit` is durable; otherwise fail everything that is staged."""
        started = self.clock.monotonic_ns()
        fault: BaseException | None = None
        for one in staged:
            if one.seq in self._waiting:
                self._waiting[one.seq].submitted = True
        try:
            await self.stores.writer.commit(unit)
        except BaseException as error:
            fault = error
            self.fail()
            raise errors.engine_recovering() from error
        finally:
            for one in staged:
                self._resolve(one.seq, fault)
        last = staged[-1].seq
        self.metrics.commit_seconds.observe((self.clock.monotonic_ns() - started) / 1e9)
        self.metrics.journal_head.set(last)
        self._tell_committed(last)

    def place_of(self, state: ScopeState, identity: int) -> int:
        """Sequence of an event or continuation, staged or durable; 0 when it is not known."""
        return state.identities.get(identity) or self.stores.records.identity(state.scope, identity)

    async def body_at(self, scope: Scope, seq: int) -> Any:
        """The body of entry `seq`, once durable; None when it is not of this scope."""
        waiting = self._waiting.get(seq)
        if waiting is not None:
            await asyncio.shield(waiting.done)
            return waiting.body
        return self.read(scope, seq)

    def staged_body(self, scope: Scope, seq: int) -> Any:
        """The body of entry `seq`, durable or about to be."""
        waiting = self._waiting.get(seq)
        return waiting.body if waiting is not None else self.read(scope, seq)

    def read(self, scope: Scope, seq: int) -> Any:
        """The body of the committed entry `seq` of `scope`, or None."""
        for entry in self.stores.journal.read(scope, seq, 1):
            if entry.seq == seq:
                return entries.decode(entry.kind, entry.body)
        return None

    def body_digest(self, scope: Scope, body: msgspec.Struct) -> bytes:
        """Keyed digest of a message, to tell a repeat from another body."""
        keyed = hashlib.blake2b(_CANONICAL.encode(body), key=self._body_key, digest_size=16)
        keyed.update(scope.text.encode())
        return keyed.digest()

    async def settle(self) -> None:
        """Wait until everything staged so far is durable or lost."""
        waiting = [one.done for one in self._waiting.values()]
        if waiting:
            await asyncio.gather(*waiting, return_exceptions=True)

    def fail(self) -> None:
        """Memory is ahead of the log: refuse everything until the state is rebuilt."""
        if not self.failed:
            self.failed = True
            logger().error("ledger_failed", head=self.stores.journal.staged_head)
            # What never reached the writer is settled by nobody else; recovery waits for the rest.
            for seq in [seq for seq, one in self._waiting.items() if not one.submitted]:
                self._resolve(seq, errors.engine_recovering())
            self.on_failed()

    def restart(self) -> None:
        """Drop every state; the recovery fills them from the log and clears `failed`."""
        self.states.clear()
        self._uncommitted.clear()

    def _resolve(self, seq: int, fault: BaseException | None) -> None:
        waiting = self._waiting.pop(seq, None)
        if waiting is None or waiting.done.done():
            return
        if fault is None:
            waiting.done.set_result(None)
        else:
            waiting.done.set_exception(errors.engine_recovering())
            waiting.done.exception()

    def _tell_committed(self, last: int) -> None:
        while self._uncommitted and self._uncommitted[0][0] <= last:
            _seq, scope, observation = self._uncommitted.popleft()
            if observation is not None:
                self.on_committed(scope, observation)


class Ahead:
    """While inside, memory may be ahead of the log; leaving by an exception fails the ledger."""

    __slots__ = ("_ledger",)

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, _error: object, _trace: object) -> None:
        if kind is not None:
            self._ledger.fail()


def identity_of(state: ScopeState, kind: str, name: str, part: str) -> int:
    """Digest of a payment attempt, event or continuation within its scope."""
    return state.digester.digest(kind, f"{len(name)}:{name}:{part}")
