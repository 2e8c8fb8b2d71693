"""The real clock and the real source of randomness.

Guards: these two classes are the only places of the platform that ask the operating system for
time or random bytes; every other room receives them (ports in `paywarden.core.clock`), so that
simulation and replay stay exact. Not done here: logical time of the log, which the state owner
derives (never goes back) from `now_us` and the event's own time.
"""

from __future__ import annotations

import os
import time


class SystemClock:
    """Wall time of this machine; it may step backwards when the machine's clock is set."""

    def now_us(self) -> int:
        """Wall-clock instant in microseconds since 1970 UTC."""
        return time.time_ns() // 1000

    def monotonic_ns(self) -> int:
        """Monotonic nanoseconds for durations and deadlines; never stored."""
        return time.monotonic_ns()


class SystemRandomness:
    """Random bytes of the operating system (getrandom); fit for keys and nonces."""

    def octets(self, count: int) -> bytes:
        """`count` unpredictable bytes."""
        return os.urandom(count)
