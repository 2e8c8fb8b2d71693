"""Acts that write, gathered into groups: planned one after another, committed together.

Guards: one group at a time, so that what an act reads is what the one before it left. Acts of a
group ask the agent together (`prepare`, `finish`), decide one after another (`plan`); then, in this
order: data keys kept, intent anchored, rows committed, root anchored, and only then are the acts
answered. Any fault on the way fails every act of the group, and the next group begins with a
comparison of head and anchor. A refused root ends all service until a restart. The queue is
bounded. An act whose caller went away is carried out all the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from paywarden.cde.vault.anchoring import AnchoredRoot
from paywarden.cde.vault.model import Group, Record
from paywarden.cde.vault.ports import StableKey, VaultStore
from paywarden.core.clock import Clock
from paywarden.core.errors import Corrupt, LimitExceeded, PaywardenError, Unavailable

GROUP_ACTS: Final = 256
GROUP_CARDS: Final = 256
QUEUE_LIMIT: Final = 4_096


@dataclass(slots=True)
class Slot:
    """A record that an act will make, or found; acts after it may point at the same."""

    record: Record | None = None


@dataclass(slots=True)
class Plan:
    """A group in the making, and what its acts would see that no store holds yet."""

    now_us: int
    group: Group = field(default_factory=Group)
    fingerprints: dict[tuple[str, int, bytes], str] = field(default_factory=dict)
    stable: dict[StableKey, Slot] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def remove(self, record: Record, why: str) -> bool:
        """End a record in this group; False when an act before did."""
        if record.record_id in self.gone:
            return False
        self.gone.add(record.record_id)
        self.group.remove(record, why, self.now_us)
        return True


class Act:
    """Something to write, in three steps; see `Groups`."""

    weight = 1

    async def prepare(self, plan: Plan) -> None:
        """Ask for what is needed, beside the other acts of the group."""

    async def plan(self, plan: Plan) -> None:
        """Read and decide, alone and in order."""
        raise NotImplementedError

    async def finish(self, plan: Plan) -> None:
        """Make the rows that were decided, beside the other acts of the group."""

    async def answer(self) -> Any:
        """What the caller hears, after the commit."""
        raise NotImplementedError


class Groups:
    """The queue of acts and the one task that commits them."""

    def __init__(self, store: VaultStore, root: AnchoredRoot, clock: Clock) -> None:
        self._store, self._root, self._clock = store, root, clock
        self._queue: deque[tuple[Act, asyncio.Future[Any]]] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._doubtful = False
        self.fault: Corrupt | None = None
        self.committed = 0

    def start(self) -> None:
        """Begin to take acts."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Fail what waits, stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for _, future in self._queue:
            _fail(future, Unavailable("vault_closed", "the vault is stopping"))
        self._queue.clear()

    async def do(self, act: Act) -> Any:
        """The answer of an act, once it is durable. Errors: LimitExceeded, Unavailable, Corrupt."""
        self.check()
        if len(self._queue) >= QUEUE_LIMIT:
            raise LimitExceeded("vault_busy", "too many acts wait; slow down")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.append((act, future))
        self._wake.set()
        return await future

    def check(self) -> None:
        """Refuse all service once the root was refused. Errors: Corrupt."""
        if self.fault is not None:
            raise Corrupt(self.fault.code, self.fault.detail)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._group(self._taken())

    def _taken(self) -> list[tuple[Act, asyncio.Future[Any]]]:
        taken = [self._queue.popleft()]
        weight = taken[0][0].weight
        while self._queue and len(taken) < GROUP_ACTS:
            weight += self._queue[0][0].weight
            if weight > GROUP_CARDS:
                break
            taken.append(self._queue.popleft())
        return taken

    async def _group(self, acts: Sequence[tuple[Act, asyncio.Future[Any]]]) -> None:
        try:
            self.check()
            await self._settle_doubt()
            plan = Plan(self._clock.now_us())
            await self._plan(plan, [act for act, _ in acts])
            await self._commit(plan.group)
        except Exception as fault:
            self._failed(acts, fault)
            return
        for act, future in acts:
            task = asyncio.create_task(_answer(future, act))
            self._answering.add(task)  # a task that nobody holds may be collected
            task.add_done_callback(self._answering.discard)

    async def _plan(self, plan: Plan, acts: Sequence[Act]) -> None:
        await asyncio.gather(*(act.prepare(plan) for act in acts))
        for act in acts:
            await act.plan(plan)
        await asyncio.gather(*(act.finish(plan) for act in acts))

    async def _commit(self, group: Group) -> None:
        if group.is_empty:
            return
        if not group.moves_root:
            await self._store.commit(group, None)
            return
        head = self._root.after(group)
        self._doubtful = True
        await asyncio.gather(self._put_keys(group), self._root.intend(head, group))
        await self._store.commit(group, head)
        await self._root.confirm(head)
        self._doubtful = False
        self.committed += 1
        if group.removed:
            await self._store.drop_keys([record.record_id for record in group.removed])

    async def _put_keys(self, group: Group) -> None:
        if group.keys:
            await self._store.put_keys(group.keys)

    async def _settle_doubt(self) -> None:
        """After a fault in mid-commit: does the store stand before or after it?"""
        if self._doubtful:
            await self._root.open(every_row=False)
            self._doubtful = False

    def _failed(self, acts: Sequence[tuple[Act, asyncio.Future[Any]]], fault: Exception) -> None:
        if isinstance(fault, Corrupt) and fault.code == "vault_rolled_back":
            self.fault = fault
        known = isinstance(fault, PaywardenError)
        if not known:
            structlog.get_logger().error("vault_group_failed", error_type=type(fault).__name__)
        for _, future in acts:
            _fail(future, fault if known else Unavailable("vault_failed", "the group failed"))


async def _answer(future: asyncio.Future[Any], act: Act) -> None:
    try:
        value = await act.answer()
    except Exception as fault:
        _fail(future, fault)
        return
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], fault: Exception) -> None:
    if not future.done():
        future.set_exception(fault)
