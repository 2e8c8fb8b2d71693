"""Clock port: time and randomness come in from outside, once per request.

Deterministic simulation and replay depend on it: no room calls `time.time()` or `os.urandom()`
itself. `SystemClock` lives in `paywarden.kit.clock`; tests use `FixedClock`.
"""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Wall time in microseconds since 1970 UTC, and a monotonic counter in nanoseconds."""

    def now_us(self) -> int:
        """Wall-clock instant in microseconds."""
        ...

    def monotonic_ns(self) -> int:
        """Monotonic nanoseconds for durations and deadlines; never stored."""
        ...


class FixedClock:
    """A clock that stands still until told to move; for tests and simulation."""

    def __init__(self, now_us: int = 0) -> None:
        self._now_us = now_us
        self._mono_ns = 0

    def now_us(self) -> int:
        """Wall-clock instant in microseconds."""
        return self._now_us

    def monotonic_ns(self) -> int:
        """Monotonic nanoseconds; moves only with `advance`."""
        return self._mono_ns

    def advance(self, seconds: float) -> None:
        """Move wall and monotonic time by `seconds` (wall may go backwards)."""
        self._now_us += round(seconds * 1_000_000)
        self._mono_ns += max(0, round(seconds * 1_000_000_000))


class Randomness(Protocol):
    """Source of random bytes."""

    def octets(self, count: int) -> bytes:
        """`count` unpredictable bytes (predictable ones in simulation)."""
        ...
