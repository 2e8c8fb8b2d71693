"""The real clock, pause and randomness; tests give their own.

Guards: the only module of the client that asks the operating system for time or random bytes.
"""

from __future__ import annotations

import os
import time


class SystemClock:
    """Wall time and a monotonic counter of this machine (`paywarden.core.clock.Clock`)."""

    def now_us(self) -> int:
        """Wall-clock instant in microseconds since 1970 UTC."""
        return time.time_ns() // 1000

    def monotonic_ns(self) -> int:
        """Monotonic nanoseconds."""
        return time.monotonic_ns()


class SystemRandomness:
    """Random bytes of the operating system (`paywarden.core.clock.Randomness`)."""

    def octets(self, count: int) -> bytes:
        """`count` unpredictable bytes."""
        return os.urandom(count)
