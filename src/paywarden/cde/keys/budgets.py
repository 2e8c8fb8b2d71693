"""Decrypt budgets: how many data keys may be opened in a minute, an hour and a day.

Guards: every opened key is spent of the caller's account and of the global one, before it leaves,
in three windows each (aligned to the clock in UTC: up to twice the limit may pass across a border,
which the next longer window bounds). A restart never refills: on disk stands a ceiling, durable
before the count reaches it; after a crash the ceiling counts as spent. So a crash costs a caller at
most one block, and several hundred openings a second need few syncs. A clock set back opens no
window again. A refusal spends nothing, a failed opening does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from paywarden.cde.frame_format import Refused
from paywarden.cde.keys.state_journal import CeilingRecord, StateJournal
from paywarden.core.clock import Clock

GLOBAL: Final = "global"
WINDOWS: Final = ("minute", "hour", "day")
LENGTHS_US: Final = (60_000_000, 3_600_000_000, 86_400_000_000)
LARGEST_BLOCK: Final = 64


@dataclass(frozen=True, slots=True)
class Limits:
    """How many openings each window allows; 0 allows none."""

    minute: int
    hour: int
    day: int

    @property
    def by_window(self) -> tuple[int, int, int]:
        """In the order of `WINDOWS`."""
        return self.minute, self.hour, self.day

    @property
    def block(self) -> int:
        """How far ahead of the count the ceiling is written."""
        return max(1, min(LARGEST_BLOCK, self.minute // 20))


@dataclass(frozen=True, slots=True)
class Spent:
    """One window of one account, as it stands."""

    account: str
    window: str
    spent: int
    limit: int
    ends_at_us: int


@dataclass(slots=True)
class _Account:
    name: str
    limits: Limits
    numbers: list[int] = field(default_factory=lambda: [0, 0, 0])
    counts: list[int] = field(default_factory=lambda: [0, 0, 0])
    ceilings: list[int] = field(default_factory=lambda: [0, 0, 0])
    durable: asyncio.Future[None] | None = None

    def roll(self, now_us: int) -> None:
        for place, length in enumerate(LENGTHS_US):
            number = now_us // length
            if number > self.numbers[place]:
                self.numbers[place] = number
                self.counts[place] = self.ceilings[place] = 0

    def full_window(self, count: int) -> int | None:
        for place, limit in enumerate(self.limits.by_window):
            if self.counts[place] + count > limit:
                return place
        return None

    def restore(self, record: CeilingRecord) -> None:
        for place, (number, ceiling) in enumerate(record.windows[: len(WINDOWS)]):
            self.numbers[place] = number
            self.counts[place] = self.ceilings[place] = ceiling

    def record(self) -> CeilingRecord:
        windows = tuple(zip(self.numbers, self.ceilings, strict=True))
        return CeilingRecord(self.name, windows)


class DecryptBudgets:
    """The accounts; an account without limits may open nothing."""

    def __init__(self, limits: Mapping[str, Limits], clock: Clock, journal: StateJournal) -> None:
        self._clock, self._journal = clock, journal
        self._accounts = {name: _Account(name, limit) for name, limit in limits.items()}
        for record in journal.records:
            if isinstance(record, CeilingRecord) and record.account in self._accounts:
                self._accounts[record.account].restore(record)

    async def spend(self, caller: str, count: int) -> Refused | None:
        """None once `count` is spent, durably. Refused: `decrypt_budget_exceeded`."""
        accounts = [self._accounts.get(name) for name in (caller, GLOBAL)]
        now_us = self._clock.now_us()
        for account in accounts:
            if account is None:
                return Refused("decrypt_budget_exceeded", f"{caller} has no budget")
            account.roll(now_us)
            full = account.full_window(count)
            if full is not None:
                return Refused(
                    "decrypt_budget_exceeded", f"{account.name}, this {WINDOWS[full]}: not {count}"
                )
        taken = [self._take(account, count) for account in accounts if account is not None]
        for written in taken:
            if written is not None:
                await asyncio.shield(written)
        return None

    def spent(self) -> list[Spent]:
        """Every window of every account."""
        now_us, found = self._clock.now_us(), []
        for account in self._accounts.values():
            account.roll(now_us)
            for place, window in enumerate(WINDOWS):
                ends = (account.numbers[place] + 1) * LENGTHS_US[place]
                limit = account.limits.by_window[place]
                found.append(Spent(account.name, window, account.counts[place], limit, ends))
        return found

    def records(self) -> Iterable[CeilingRecord]:
        """What a compacted journal keeps."""
        return [account.record() for account in self._accounts.values()]

    async def settle(self) -> None:
        """Write exact counts: an orderly end costs nobody a block."""
        for account in self._accounts.values():
            account.ceilings = list(account.counts)
            await self._journal.commit(account.record())

    def _take(self, account: _Account, count: int) -> asyncio.Future[None] | None:
        """Count now; the future to wait for, when the ceiling is not on disk yet."""
        account.counts = [held + count for held in account.counts]
        if any(c > top for c, top in zip(account.counts, account.ceilings, strict=True)):
            limits, block = account.limits.by_window, account.limits.block
            account.ceilings = [
                max(top, min(held + block, limit))
                for held, top, limit in zip(account.counts, account.ceilings, limits, strict=True)
            ]
            account.durable = self._journal.commit(account.record())
        written = account.durable
        if written is None or (written.done() and not written.exception()):
            return None
        return written
