"""The ring in use, and its changes: one at a time, durable before anybody sees them.

Guards: a change is written to the key file first; when that fails (disk, or the root's back end is
gone) the ring in use stays as it was and the caller is told. The file is written by one thread
beside the event loop, so that answers go on meanwhile. The journal knows the newest revision, so
that an older key file put back alone is noticed at the next start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from pathlib import Path

from paywarden.cde.keys.key_file import read_ring, write_ring
from paywarden.cde.keys.making import key_maker
from paywarden.cde.keys.model import Ring, Status, months_around
from paywarden.cde.keys.publishing import publish
from paywarden.cde.keys.root import Root
from paywarden.cde.keys.state_journal import RingRecord, StateJournal
from paywarden.cde.keys.using import KeyUse
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Conflict, Corrupt, Unavailable
from paywarden.core.instants import format_rfc3339

Note = Callable[[RingRecord], Awaitable[None]]


class Keeper:
    """Holds the ring in use and its `KeyUse`."""

    def __init__(
        self,
        path: Path,
        root: Root,
        clock: Clock,
        randomness: Randomness,
        beside: Executor,
        published: Path,
    ) -> None:
        self.root = root
        self.make = key_maker(randomness)
        self._path, self._clock, self._randomness = path, clock, randomness
        self._beside, self._published = beside, published
        self._changing = asyncio.Lock()
        self._note: Note | None = None
        self.ring = read_ring(path, root)
        self.use = KeyUse(self.ring, randomness)

    async def change(self, change: Callable[[Ring], Ring]) -> Ring:
        """The ring after `change`, durable. Errors: those of `change`; Unavailable."""
        async with self._changing:
            changed = change(self.ring)
            if changed is self.ring:
                return changed
            loop = asyncio.get_running_loop()
            try:
                use = await loop.run_in_executor(self._beside, self._written, changed)
            except OSError as fault:
                raise Unavailable(
                    "key_file_unwritable", "the key file cannot be written"
                ) from fault
            self.ring, self.use = changed, use
            if self._note is not None:
                await self._note(RingRecord(changed.revision))
            return changed

    def follow(self, journal: StateJournal) -> None:
        """Note revisions in the journal, publish keys. Errors: Corrupt `key_file_behind`."""
        known = [one.revision for one in journal.records if isinstance(one, RingRecord)]
        if known and self.ring.revision < known[-1]:
            raise Corrupt(
                "key_file_behind",
                f"the key file has revision {self.ring.revision}, and {known[-1]} was written",
            )
        self._note = journal.commit
        publish(self._published, self.use.facts_keys())

    def records(self) -> list[RingRecord]:
        """What a compacted journal keeps."""
        return [RingRecord(self.ring.revision)]

    async def open_period(self, purpose: str, period: str) -> None:
        """Make sure that a month may wrap: this month and those beside it, never one destroyed.

        Errors: Conflict `period_closed` or `key_destroyed`; Unavailable.
        """
        now_us = self._clock.now_us()
        if period not in months_around(month_of(now_us)):
            raise Conflict("period_closed", f"{period} is neither this month nor beside it")
        held = self.ring.find(purpose, period)
        if held is None:
            await self.change(lambda ring: self._with_period(ring, purpose, period, now_us))
        elif held.status is not Status.ACTIVE:
            raise Conflict("key_destroyed", f"{purpose} {period} is {held.status}")

    def _with_period(self, ring: Ring, purpose: str, period: str, now_us: int) -> Ring:
        if ring.find(purpose, period) is not None:  # made while this one waited
            return ring
        return ring.adding([self.make(purpose, period, now_us).moved(Status.ACTIVE, now_us)])

    def _written(self, ring: Ring) -> KeyUse:
        """The use of a ring that is on disk; its public keys are known before it signs."""
        use = KeyUse(ring, self._randomness)
        publish(self._published, use.facts_keys())
        write_ring(self._path, ring, self.root, self._randomness)
        return use


def month_of(at_us: int) -> str:
    """The month of an instant in UTC, "2026-11"."""
    return format_rfc3339(at_us)[:7]
