"""Shares of challenges, reviews and blocks by segment: a control chart of what is decided.

Guards: a rise tells of an attack or of a rule that went wrong, a fall of a rule or a feed that fell
silent; both are alarms. Segments are those of the policy, at most SEGMENTS of them by name.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from paywarden.core.outcome import Outcome
from paywarden.risk.drift.alarms import AlarmBook, Change, Key
from paywarden.risk.drift.places import Places
from paywarden.risk.drift.shares import Counts, Hits, Rule, judge
from paywarden.risk.drift.slots import Slots

KIND: Final = "alerts"
SEGMENTS: Final = 64
RULE: Final = Rule(
    least=100, least_before=500, change=0.02, z=5.0, ratio=1.5, both=True
)  # fmt: skip
ALERTS: Final = (Outcome.CHALLENGE, Outcome.REVIEW, Outcome.BLOCK)
_WIDTH: Final = len(Outcome)
_WORDS: Final = tuple(outcome.word for outcome in ALERTS)


class OutcomeWatch:
    """Outcomes by segment; row 0 is everything."""

    def __init__(self) -> None:
        self.slots = Slots(SEGMENTS + 1, len(Outcome), plain=True)
        self.segments: Places[str] = Places(self.slots)

    def seen(self, segment: str, outcome: int) -> None:
        """Count one payment. Column 0 counts all, so an allowed one counts there alone."""
        counts = self.slots.counts
        place = self.segments.row(segment) * _WIDTH if segment else 0
        counts[0] += 1
        if place:
            counts[place] += 1
        if outcome:
            counts[outcome] += 1
            if place:
                counts[place + outcome] += 1

    def turn(self, minute: int, now_us: int, book: AlarmBook) -> None:
        """Close the minute and judge."""
        self.slots.roll(minute)
        now, before, near = self.slots.parts(minute, _alerts)
        judged = judge(RULE, now, before, near)
        rising = {
            self._key(row, column): Change(
                float(before.share[row, column]), float(now.share[row, column])
            )
            for row, column in np.argwhere(judged.rises).tolist()
        }
        held = np.argwhere(judged.stays).tolist()
        book.take(KIND, rising, [self._key(row, column) for row, column in held], now_us)
        self.segments.turn()

    def _key(self, row: int, column: int) -> Key:
        return Key(KIND, _WORDS[column], self.segments.name(row) or "")

    def shown(self) -> list[tuple[str, Counts, Counts]]:
        """(segment, recent, reference) with counts of all, challenge, review, block."""
        recent, whole = self.slots.recent, self.slots.whole
        return [
            (self.segments.name(row) or "", recent[row], whole[row])
            for row in range(self.slots.used)
        ]


def _alerts(counts: Counts) -> Hits:
    total = np.repeat(counts[:, :1], len(ALERTS), axis=1)
    return Hits(counts[:, 1:], total)
