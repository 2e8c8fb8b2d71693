"""Integer ranges to row numbers: built once, one bisection a look-up.

Guards: overlaps have one answer, decided when the table is built. The most specific range (the
one that spans the fewest values) wins wherever it lies; of ranges that span equally many, the one
given later wins. Ranges may nest or cross; both ends are included. Values are non-negative.

>>> r = Ranges.build([(0, 255, 0), (16, 31, 1)])
>>> r.find(15), r.find(16), r.find(32), r.find(256)
(0, 1, 0, -1)
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Span = tuple[int, int, int]


class Ranges:
    """Disjoint segments over the non-negative integers; `find` gives the row or -1."""

    __slots__ = ("_rows", "_starts")

    def __init__(self, starts: list[int], rows: list[int]) -> None:
        self._starts = starts
        self._rows = rows

    @classmethod
    def build(cls, spans: Iterable[Span]) -> Ranges:
        """Segments of (low, high, row) spans; ValueError when low > high or low < 0."""
        ordered = list(spans)
        if any(low < 0 or low > high for low, high, _row in ordered):
            raise ValueError("a range must have 0 <= low <= high")
        # Ordinals keep "later wins" decidable after sorting.
        tagged = sorted((low, high, -n, row) for n, (low, high, row) in enumerate(ordered))
        disjoint = all(a[1] < b[0] for a, b in pairwise(tagged))
        segments = _plain(tagged) if disjoint else _sweep(tagged)
        starts, rows = [0], [-1]
        for start, row in segments:
            if start == starts[-1]:
                rows[-1] = row
            elif row != rows[-1]:
                starts.append(start)
                rows.append(row)
        return cls(starts, rows)

    def __len__(self) -> int:
        return sum(row >= 0 for row in self._rows)

    def find(self, value: int) -> int:
        """Row of the segment that holds `value` (>= 0), or -1."""
        return self._rows[bisect_right(self._starts, value) - 1]

    def find_all(self, low: int, high: int) -> Sequence[int]:
        """Rows of every segment that meets [low, high], gaps as -1, in order."""
        first = bisect_right(self._starts, low) - 1
        last = bisect_right(self._starts, high)
        return self._rows[first:last]

    def find_many(self, values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """`find` for a column; only for tables whose values fit 63 bits (IPv4, IIN)."""
        starts = np.array(self._starts, dtype=np.int64)
        rows = np.array(self._rows, dtype=np.int64)
        return rows[np.searchsorted(starts, values, side="right") - 1]


def _plain(tagged: Sequence[tuple[int, int, int, int]]) -> Iterable[tuple[int, int]]:
    end = -1
    for low, high, _ordinal, row in tagged:
        if end >= 0 and low > end:
            yield end, -1
        yield low, row
        end = high + 1
    if end >= 0:
        yield end, -1


def _sweep(tagged: Sequence[tuple[int, int, int, int]]) -> Iterable[tuple[int, int]]:
    edges = sorted({edge for low, high, _n, _row in tagged for edge in (low, high + 1)})
    live: list[tuple[int, int, int, int]] = []
    position = 0
    for edge in edges:
        while position < len(tagged) and tagged[position][0] == edge:
            low, high, ordinal, row = tagged[position]
            heapq.heappush(live, (high - low, ordinal, high, row))
            position += 1
        while live and live[0][2] < edge:
            heapq.heappop(live)
        yield edge, (live[0][3] if live else -1)
