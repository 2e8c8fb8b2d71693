"""What a trial counts: both opinions on the same payments, faults, time, and what labels said.

Guards: counts only; no identifier and no personal datum. Tables are pairs: row the live ruleset's
outcome, column the candidate's, so that "what would change" needs no second run and differences
are judged on equal payments. Kept with the roll-out (JSON), so a restart goes on counting.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from paywarden.core.outcome import Outcome

WIDTH: Final = len(Outcome)
EVERYBODY_PPM: Final = 1_000_000
"""A whole, where shares of payers are parts per million."""
LATENCY_EDGES_US: Final = (50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200)
"""Upper edges of the buckets of the candidate's time; the last bucket is everything above."""
_ABOVE_US: Final = 10 * LATENCY_EDGES_US[-1]
Table = list[int]


def _table() -> Table:
    return [0] * (WIDTH * WIDTH)


class TrialTally(msgspec.Struct):
    """Counts since the trial began. Tables hold WIDTH x WIDTH cells, row by row."""

    pairs: Table = msgspec.field(default_factory=_table)
    fraud: Table = msgspec.field(default_factory=_table)
    genuine: Table = msgspec.field(default_factory=_table)
    answered: list[int] = msgspec.field(default_factory=lambda: [0] * WIDTH)
    faults: int = 0
    slow: list[int] = msgspec.field(default_factory=lambda: [0] * (len(LATENCY_EDGES_US) + 1))

    def payment(self, live: int, candidate: int, *, answered: bool, took_us: int) -> None:
        """Count a payment on which both gave an opinion."""
        self.pairs[live * WIDTH + candidate] += 1
        if answered:
            self.answered[candidate] += 1
        self.slow[_bucket(took_us)] += 1

    def label(self, live: int, candidate: int, verdict: str, step: int = 1) -> None:
        """Count what a label says of a payment; `step` -1 takes an earlier one back."""
        table = {"fraud": self.fraud, "genuine": self.genuine}.get(verdict)
        if table is not None:
            table[live * WIDTH + candidate] += step

    def take(self, other: TrialTally) -> None:
        """Add the counts of another tally."""
        for name in ("pairs", "fraud", "genuine", "answered", "slow"):
            held, more = getattr(self, name), getattr(other, name)
            held[:] = [mine + its for mine, its in zip(held, more, strict=True)]
        self.faults += other.faults

    @property
    def payments(self) -> int:
        """Payments on which both gave an opinion."""
        return sum(self.pairs)

    def changed(self) -> int:
        """Payments whose outcome the candidate changes."""
        return sum(self.pairs) - sum(self.pairs[i * WIDTH + i] for i in range(WIDTH))

    def slow_us(self, share: float) -> int:
        """Upper edge of the bucket below which `share` of the candidate's times lie; 0 if none."""
        wanted, seen = share * sum(self.slow), 0
        if not wanted:
            return 0
        for edge, count in zip((*LATENCY_EDGES_US, _ABOVE_US), self.slow, strict=True):
            seen += count
            if seen >= wanted:
                return edge
        return _ABOVE_US


def live_count(table: Table, outcomes: Iterable[Outcome]) -> int:
    """Payments to which the live ruleset gave one of these outcomes."""
    return sum(sum(table[int(one) * WIDTH : (int(one) + 1) * WIDTH]) for one in outcomes)


def candidate_count(table: Table, outcomes: Iterable[Outcome]) -> int:
    """Payments to which the candidate gave one of these outcomes."""
    return sum(sum(table[int(one) :: WIDTH]) for one in outcomes)


def discordant(table: Table, outcomes: Iterable[Outcome]) -> tuple[int, int]:
    """(only the live ruleset, only the candidate) gave one of these outcomes."""
    among = {int(one) for one in outcomes}
    only_live = only_candidate = 0
    for cell, count in enumerate(table):
        row, column = divmod(cell, WIDTH)
        only_live += count * (row in among and column not in among)
        only_candidate += count * (column in among and row not in among)
    return only_live, only_candidate


def _bucket(took_us: int) -> int:
    for bucket, edge in enumerate(LATENCY_EDGES_US):
        if took_us <= edge:
            return bucket
    return len(LATENCY_EDGES_US)
