"""Counts over time in fixed memory: the last quarter of an hour, and a reference behind it.

Guards: memory is fixed when the table is made, whatever comes. Minutes stand in a ring of SLOTS;
what leaves the ring becomes reference, so that a fault is not compared with itself. The reference
has one slot for each hour of the day; when an hour comes again, what stands there is multiplied by
FADE: it counts half after seven days and a sixteenth after 28. Counting touches only `now`; sums
are carried along once a minute, so that judging reads no history. Rows that were never used are
memory that the system never gives. Shapes: rows, columns; column 0 is the count of payments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from paywarden.risk.drift.shares import Counts, Hits, Near

SLOTS: Final = 15
HOURS: Final = 24
DAY_MINUTES: Final = 1_440
FADE: Final = 0.5 ** (1 / 7)


class Slots:
    """Counts of `rows` things by `columns` marks."""

    def __init__(self, rows: int, columns: int, plain: bool = False) -> None:
        """`plain`: a small table, counted into `counts` (place: row times columns plus column)."""
        shape = (rows, columns)
        self.counts = [0] * (rows * columns) if plain else []
        self.now = np.zeros(shape, np.uint32)
        self.views = list(self.now)
        """Rows of `now`, to count into without making a view each time."""
        self.used = 1
        self._ring = np.zeros((SLOTS, *shape), np.uint32)
        self._recent = np.zeros(shape, np.int64)
        self._hours = np.zeros((HOURS, *shape), np.float32)
        self._whole = np.zeros(shape, np.float64)
        self._days = [0] * HOURS
        self._minute: int | None = None

    @property
    def recent(self) -> Counts:
        """Counts of the last SLOTS whole minutes, [used, columns]."""
        return self._recent[: self.used].astype(np.float64)

    @property
    def whole(self) -> Counts:
        """The reference: everything before, faded, [used, columns]."""
        return np.asarray(np.maximum(self._whole[: self.used], 0.0), np.float64)

    def near(self, minute: int) -> list[Counts]:
        """The reference of this hour of the day and of its two neighbours, [used, columns] each."""
        hour = minute // 60
        places = [(hour + shift) % HOURS for shift in (-1, 0, 1)]
        return [self._hours[place, : self.used].astype(np.float64) for place in places]

    def parts(self, minute: int, of: Callable[[Counts], Hits]) -> tuple[Hits, Hits, Near]:
        """Recent counts, reference and near hours, each as what is judged."""
        return of(self.recent), of(self.whole), lambda: [of(one) for one in self.near(minute)]

    def roll(self, minute: int) -> None:
        """Close the minutes up to `minute` (since 1970); a clock that goes back closes none."""
        if self._minute is None:
            self._minute = minute
        if self.counts:
            self.now += np.array(self.counts, np.uint32).reshape(self.now.shape)
            self.counts[:] = [0] * len(self.counts)
        missed = minute - self._minute
        if missed > SLOTS:  # after a long sleep the ring empties once
            self._close_all(SLOTS + 1)
            self._minute = minute
        elif missed > 0:
            self._close_all(missed)

    def _close_all(self, count: int) -> None:
        for _ in range(count):
            assert self._minute is not None
            self._close(self._minute)
            self._minute += 1

    def _close(self, minute: int) -> None:
        used, place = self.used, minute % SLOTS
        old, new = self._ring[place, :used], self.now[:used]
        hour, day = divmod_hour(minute - SLOTS)
        self._fade(hour, day)
        self._hours[hour, :used] += old
        self._whole[:used] += old
        self._recent[:used] += new
        self._recent[:used] -= old
        old[:] = new
        new[:] = 0

    def _fade(self, hour: int, day: int) -> None:
        passed, self._days[hour] = day - self._days[hour], day
        if passed > 0:
            held = self._hours[hour, : self.used]
            kept = FADE**passed
            self._whole[: self.used] -= held * (1 - kept)
            held *= kept

    def weights(self) -> Counts:
        """Payments of each used row, recent and faded, [used]."""
        return np.asarray(self._recent[: self.used, 0] + self._whole[: self.used, 0])

    def clear(self, row: int) -> None:
        """Forget a row: another thing takes its place."""
        for part in (self.now, self._recent, self._whole):
            part[row] = 0
        self._ring[:, row] = 0
        self._hours[:, row] = 0


def divmod_hour(minute: int) -> tuple[int, int]:
    """(hour of the day, day since 1970) of a minute.

    >>> divmod_hour(1_440 + 61)
    (1, 1)
    """
    return minute // 60 % HOURS, minute // DAY_MINUTES
