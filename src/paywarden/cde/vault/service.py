"""The vault: what each caller may ask, and what answers it.

Guards, in this order: the operation is one of the caller's (`PERMITTED`), the root has not been
refused, then the use case. Nothing is answered from memory that a commit could still take back.
Card numbers pass through tokenising only; no operation gives one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from paywarden.cde.frame_format import Refused
from paywarden.cde.frames import Peer
from paywarden.cde.vault import wire
from paywarden.cde.vault.anchoring import AnchoredRoot
from paywarden.cde.vault.caps import HOUR_US, CapLimits, Caps
from paywarden.cde.vault.checked_rows import CheckedRows
from paywarden.cde.vault.codes import SecurityCodes
from paywarden.cde.vault.facts import FactsSigner
from paywarden.cde.vault.group_frames import GroupFrames
from paywarden.cde.vault.groups import Groups
from paywarden.cde.vault.ports import CardKeys, OriginOf, VaultStore
from paywarden.cde.vault.purging import Purging, Retention
from paywarden.cde.vault.rotation import Rewrapping
from paywarden.cde.vault.row_marks import KEY_OCTETS, RowMarks
from paywarden.cde.vault.tokenising import TokeniseAct, Workshop
from paywarden.cde.vault.using import DeleteAct, Lookups, TakeAct, describe, take_again
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Corrupt, PaywardenError

_EVERYBODY: Final = frozenset({"edge", "egress", "operator"})
PERMITTED: Final[dict[type, frozenset[str]]] = {
    wire.Tokenise: frozenset({"edge"}),
    wire.Describe: frozenset({"edge", "egress"}),
    wire.Delete: frozenset({"edge"}),
    wire.TakeForUse: frozenset({"egress"}),
    wire.Ping: _EVERYBODY,
    wire.Status: _EVERYBODY,
    wire.RotateStep: frozenset({"operator"}),
    wire.RotateStatus: frozenset({"operator"}),
    wire.Purge: frozenset({"operator"}),
    wire.Audit: frozenset({"operator"}),
}
ROLLED_BACK: Final = "vault_rolled_back"
PURGE_SECONDS: Final = 300.0
AUDIT_SECONDS: Final = 6 * 3_600.0


def nothing_known(_bin: str) -> tuple[None, None]:
    """Funding and country where no issuer table was given."""
    return (None, None)


@dataclass(frozen=True, slots=True)
class VaultLimits:
    """What the operator sets."""

    caps: CapLimits = field(default_factory=CapLimits)
    retention: Retention = field(default_factory=Retention)


class VaultService:
    """Answers the structs of `wire`; `start` before, `close` after."""

    def __init__(
        self, store: VaultStore, agent: CardKeys, clock: Clock, randomness: Randomness,
        limits: VaultLimits | None = None, origin_of: OriginOf = nothing_known,
    ) -> None:  # fmt: skip
        limits = limits or VaultLimits()
        self._store, self._clock = store, clock
        marks = RowMarks(randomness.octets(KEY_OCTETS))
        rows = CheckedRows(store, marks)
        self.root = AnchoredRoot(store, agent, marks)
        self.groups = Groups(store, self.root, clock)
        self._codes = SecurityCodes(clock, randomness)
        self._caps = Caps(limits.caps)
        self._signer = FactsSigner(agent, clock)
        self._lookups = Lookups(rows, clock)
        self._shop = Workshop(
            rows, GroupFrames(agent), self._caps, self._codes, self._signer, randomness, origin_of
        )
        self._rewrapping = Rewrapping(store, agent, clock)
        self._purging = Purging(store, rows, self.groups, self.root, clock, limits.retention)
        self._told = False
        self._background: list[asyncio.Task[None]] = []

    async def start(self, *, background: bool = True) -> None:
        """Open, compare with the anchor, serve. Errors: Corrupt, Unavailable, Conflict."""
        await self._store.open()
        try:
            await self.root.open()
            await self._store.sweep_keys()
            self._caps.restore(await self._store.sightings(self._clock.now_us() - HOUR_US))
        except BaseException:
            await self._store.close()
            raise
        self.groups.start()
        if background:
            self._background = [
                asyncio.create_task(self._rewrapping.run()),
                asyncio.create_task(_again(PURGE_SECONDS, self._purge, "purge_waits")),
                asyncio.create_task(_again(AUDIT_SECONDS, self._audit, "audit_failed")),
            ]

    async def close(self) -> None:
        """End the background, the queue, the store."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.groups.close()
        await self._store.close()

    async def handle(self, peer: Peer, asked: Any) -> object:
        """One request of one caller."""
        if peer.name not in PERMITTED.get(type(asked), frozenset()):
            return Refused("operation_not_permitted", "this caller may not ask that")
        self.groups.check()
        try:
            return await self._answered(asked)
        except Corrupt as fault:
            self._ended_by(fault)
            raise

    async def _answered(self, asked: Any) -> object:
        match asked:
            case wire.Tokenise():
                return await self.groups.do(TokeniseAct(self._shop, asked))
            case wire.Describe():
                return await describe(self._lookups, self._signer, asked)
            case wire.TakeForUse():
                return await self._take(asked)
            case wire.Ping():
                return wire.Pong(self.root.head.revision)
            case wire.Delete():
                return await self.groups.do(DeleteAct(self._lookups, self._codes, asked))
        return await self._operate(asked)

    async def _take(self, asked: wire.TakeForUse) -> object:
        answer = await take_again(self._lookups, self._store, self._codes, asked)
        if answer is not None:
            return answer
        return await self.groups.do(TakeAct(self._lookups, self._store, self._codes, asked))

    async def _operate(self, asked: Any) -> object:
        match asked:
            case wire.RotateStep(count=count):
                await self._rewrapping.step(count)
                return await self._rewrapping.status()
            case wire.RotateStatus():
                return await self._rewrapping.status()
            case wire.Purge():
                return await self._purge()
            case wire.Audit():
                await self._audit()
        return await self._standing()

    async def _audit(self) -> None:
        try:
            await self.root.audit()
        except Corrupt as fault:
            self._ended_by(fault)
            raise

    async def _purge(self) -> wire.PurgeProof:
        try:
            return await self._purging.purge()
        except Corrupt as fault:
            self._ended_by(fault)
            raise

    def _ended_by(self, fault: Corrupt) -> None:
        """No service until a person has looked, once rows are not what was anchored."""
        if fault.code == ROLLED_BACK and not self._told:
            self._told = True
            self.groups.fault = fault
            structlog.get_logger().critical(ROLLED_BACK, code=fault.code)

    async def _standing(self) -> wire.Standing:
        counts, head = await self._store.counts(), self.root.head
        return wire.Standing(
            counts.records, counts.fingerprints, counts.spent, counts.tombstones,
            len(self._codes), head.revision, head.root, self._store.name,
        )  # fmt: skip


async def _again(seconds: float, act: Callable[[], Awaitable[object]], event: str) -> None:
    """Do something now and then; a fault is logged and the next turn tries again."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await act()
        except PaywardenError as fault:
            structlog.get_logger().warning(event, code=fault.code)
