"""Transfers that come late put in their place, once nothing earlier can come any more.

Guards: a transfer leaves in the order of (at_us, sequence) when the watermark has passed it; each
reference leaves once (the first that came; remembered for twice `lateness_us` and more); what does
not count (to oneself, of nothing) does not leave. One that is later than the lateness bound is
moved up to the watermark, so that no order breaks and back-dating evades nothing, and is counted.
Delay: a transfer waits `lateness_us` after its own time.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import replace

from paywarden.aml.monitoring.transfers import Transfer
from paywarden.core.instants import MINUTE_US

LATENESS_US = 15 * MINUTE_US
"""As for events of windows (docs/explanation/windows.md)."""


class Ordering:
    """A heap of transfers that wait. `late`: how many came beyond the bound."""

    def __init__(self, lateness_us: int = LATENESS_US) -> None:
        self._lateness_us = lateness_us
        self._waiting: list[tuple[int, int, Transfer]] = []
        self._watermark_us = 0
        self._young: set[str] = set()
        self._old: set[str] = set()
        self._turned_us = 0
        self.late = 0

    def __len__(self) -> int:
        """Transfers that wait."""
        return len(self._waiting)

    @property
    def oldest_us(self) -> int | None:
        """Time of the earliest transfer that waits."""
        return self._waiting[0][0] if self._waiting else None

    def add(self, one: Transfer) -> None:
        """Let a transfer wait; those of one reference after the first, and of nothing, are gone."""
        if not one.counts or self._seen(one):
            return
        if one.at_us < self._watermark_us:
            self.late += 1
            one = replace(one, at_us=self._watermark_us)
        heapq.heappush(self._waiting, (one.at_us, one.sequence, one))

    def release(self, clock_us: int) -> Iterator[Transfer]:
        """Transfers that nothing can come before: those up to `clock_us` - lateness, in order.

        `clock_us`: no transfer that is still to come is earlier than this less the lateness.
        """
        self._watermark_us = max(self._watermark_us, clock_us - self._lateness_us)
        while self._waiting and self._waiting[0][0] <= self._watermark_us:
            yield heapq.heappop(self._waiting)[2]

    def rest(self) -> Sequence[Transfer]:
        """What waits, in order: for a checkpoint."""
        return [one for _, _, one in sorted(self._waiting)]

    def drain(self) -> Iterator[Transfer]:
        """Everything, in order: at the end of a file."""
        while self._waiting:
            yield heapq.heappop(self._waiting)[2]

    def _seen(self, one: Transfer) -> bool:
        if one.at_us - self._turned_us > 4 * self._lateness_us + MINUTE_US:
            self._old, self._young, self._turned_us = self._young, set(), one.at_us
        if not one.reference:
            return False
        known = one.reference in self._young or one.reference in self._old
        self._young.add(one.reference)
        return known
