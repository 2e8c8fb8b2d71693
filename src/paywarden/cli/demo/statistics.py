"""Statistics of a run: rates, latency percentiles and counts, in memory that does not grow.

Guards: percentiles come from a histogram whose buckets are 2 % wide (upper edge given), so that a
run of hours costs as much as one of seconds; counters keep a bounded number of names, the rest is
counted as `other`. Pure: time comes in as an argument. Not done here: what was fraud (`scoring`).
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass

_GROWTH = 1.02
_LOG_GROWTH = math.log(_GROWTH)
_BUCKETS = 1_200  # 1.02 ** 1200 microseconds are about six hours
_NAMES_KEPT = 500


class Latencies:
    """Durations in milliseconds: count, largest and percentiles within 2 %."""

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self._largest_ms = 0.0
        self.count = 0

    def add(self, milliseconds: float) -> None:
        """Count one duration; below a microsecond counts as one."""
        microseconds = max(1.0, milliseconds * 1_000)
        bucket = min(_BUCKETS - 1, math.ceil(math.log(microseconds) / _LOG_GROWTH - 1e-9))
        self._counts[bucket] += 1
        self.count += 1
        self._largest_ms = max(self._largest_ms, milliseconds)

    def percentile(self, share: float) -> float:
        """Milliseconds that at least `share` (0 to 1) of all stayed within; 0.0 without any."""
        wanted = max(1, math.ceil(share * self.count))
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if seen >= wanted:
                return min(_GROWTH**bucket / 1_000, self._largest_ms)
        return 0.0

    @property
    def largest(self) -> float:
        """The longest, in milliseconds."""
        return self._largest_ms


class Rate:
    """How many per second lately, and the course of the last minute."""

    SECONDS_KEPT = 60

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, int]] = deque(maxlen=self.SECONDS_KEPT + 2)

    def add(self, at_seconds: float) -> None:
        """Count one at this time (seconds since the run began)."""
        second = int(at_seconds)
        if self._seconds and self._seconds[-1][0] >= second:
            last, count = self._seconds.pop()
            self._seconds.append((last, count + 1))
        else:
            self._seconds.append((second, 1))

    def course(self, now_seconds: float) -> list[int]:
        """Counts of the finished seconds, oldest first, at most the last sixty."""
        now = int(now_seconds)
        counts = dict(self._seconds)
        return [counts.get(second, 0) for second in range(max(0, now - self.SECONDS_KEPT), now)]

    def lately(self, now_seconds: float, over: int = 5) -> float:
        """Mean of the last finished seconds; of the first second, the count itself."""
        course = self.course(now_seconds)[-over:]
        if not course:
            return float(sum(count for _, count in self._seconds))
        return sum(course) / len(course)


class Tally:
    """Counts by name; beyond 500 names the rest is `other`."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, name: str) -> None:
        """Count one."""
        known = name in self._counts or len(self._counts) < _NAMES_KEPT
        self._counts[name if known else "other"] += 1

    def most(self, count: int) -> list[tuple[str, int]]:
        """The most frequent, equals by name."""
        ranked = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        return ranked[:count]

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    @property
    def total(self) -> int:
        """All counts together."""
        return self._counts.total()


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Latencies in milliseconds, measured by the client from sending to the whole answer."""

    p50: float
    p95: float
    p99: float
    largest: float


def percentiles(latencies: Latencies) -> Percentiles:
    """The usual four."""
    p50, p95, p99 = (latencies.percentile(share) for share in (0.50, 0.95, 0.99))
    return Percentiles(p50, p95, p99, latencies.largest)
