"""What is past its time goes: single-use tokens, records past retention, marks of spent tokens.

Guards: removal is an act like any other: record out, tombstone in, data key dropped, the root moved
and anchored. Retention is per merchant, in days since the record was made, with a default of the
operator; without either a record stays until it is deleted. The proof tells counts, the oldest that
is left and the root after it (PCI DSS 4.0.1, 3.2.1: at least every quarter, and shown).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from paywarden.cde.vault.anchoring import AnchoredRoot
from paywarden.cde.vault.caps import HOUR_US
from paywarden.cde.vault.checked_rows import CheckedRows
from paywarden.cde.vault.groups import Act, Groups, Plan
from paywarden.cde.vault.model import Record, Spent
from paywarden.cde.vault.ports import VaultStore
from paywarden.cde.vault.wire import PurgeProof
from paywarden.core.clock import Clock

PORTION: Final = 200
DAY_US: Final = 86_400_000_000
SPENT_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that records are kept: of `scope:merchant`, of all others (None: until deleted)."""

    by_merchant: Mapping[str, int] = field(default_factory=dict)
    days: int | None = None

    def of(self, scope: str, merchant: str) -> int | None:
        """Days of one merchant."""
        return self.by_merchant.get(f"{scope}:{merchant}", self.days)


class RemoveAct(Act):
    """A portion of records or marks that go."""

    def __init__(self, records: list[Record], marks: list[Spent], why: str) -> None:
        self._records, self._marks, self._why = records, marks, why
        self._removed = len(marks)

    async def plan(self, plan: Plan) -> None:
        """See `Act`."""
        self._removed += sum(plan.remove(record, self._why) for record in self._records)
        plan.group.unmarked.extend(self._marks)

    async def answer(self) -> int:
        """How many went."""
        return self._removed


class Purging:
    """One purge at a time."""

    def __init__(
        self, store: VaultStore, rows: CheckedRows, groups: Groups, root: AnchoredRoot,
        clock: Clock, retention: Retention,
    ) -> None:  # fmt: skip
        self._store, self._rows, self._groups, self._root = store, rows, groups, root
        self._clock, self._retention = clock, retention

    async def purge(self) -> PurgeProof:
        """Remove everything past its time; the proof."""
        now = self._clock.now_us()
        expired = await self._expired(now)
        past = 0
        for scope, merchant, _, _ in await self._store.by_merchant():
            past += await self._past_retention(scope, merchant, now)
        marks = await self._marks(now - SPENT_DAYS * DAY_US)
        await self._store.drop_sightings(now - HOUR_US)
        return await self._proof(now, expired, past, marks)

    async def _expired(self, now_us: int) -> int:
        removed = 0
        while found := await self._rows.expired(now_us, PORTION):
            removed += await self._remove(found, [], "expired")
        return removed

    async def _past_retention(self, scope: str, merchant: str, now_us: int) -> int:
        days, removed = self._retention.of(scope, merchant), 0
        if days is None:
            return 0
        before = now_us - days * DAY_US
        while found := await self._rows.created_before(scope, merchant, before, PORTION):
            removed += await self._remove(found, [], "retention")
        return removed

    async def _marks(self, before_us: int) -> int:
        removed = 0
        while found := await self._rows.spent_before(before_us, PORTION):
            removed += await self._remove([], found, "")
        return removed

    async def _remove(self, records: list[Record], marks: list[Spent], why: str) -> int:
        removed: int = await self._groups.do(RemoveAct(records, marks, why))
        return removed

    async def _proof(self, now_us: int, expired: int, past: int, marks: int) -> PurgeProof:
        merchants = await self._store.by_merchant()
        head = self._root.head
        return PurgeProof(
            now_us, expired, past, marks, sum(count for _, _, count, _ in merchants),
            min((oldest for *_, oldest in merchants), default=None),
            {f"{scope}:{merchant}": count for scope, merchant, count, _ in merchants},
            head.revision, head.root,
        )  # fmt: skip
