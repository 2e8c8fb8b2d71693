"""The real clock and the real source of randomness.

Guards: these two classes are the only places of the platform that ask the operating system for
time or random bytes; every other room receives them (ports in `paywarden.core.clock`), so that
simulation and replay stay exact. Not done here: logical time of the log, which the state owner
derives (never goes back) from `now_us` and the event's own time.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Final

STOCK_OCTETS: Final = 4_096
LARGEST_DRAW: Final = 64


class SystemClock:
    """Wall time of this machine; it may step backwards when the machine's clock is set."""

    def now_us(self) -> int:
        """Wall-clock instant in microseconds since 1970 UTC."""
        return time.time_ns() // 1000

    def monotonic_ns(self) -> int:
        """Monotonic nanoseconds for durations and deadlines; never stored."""
        return time.monotonic_ns()


class SystemRandomness:
    """Random bytes of the operating system (getrandom); fit for keys and nonces.

    Each thread draws from its own stock, so that the interpreter lock changes hands once in some
    hundred draws and no byte is given twice; a forked child starts with an empty stock.
    """

    def __init__(self) -> None:
        self._stock = threading.local()
        os.register_at_fork(after_in_child=self._empty)

    def octets(self, count: int) -> bytes:
        """`count` unpredictable bytes."""
        if count > LARGEST_DRAW:
            return os.urandom(count)
        held: bytes = getattr(self._stock, "held", b"")
        start: int = getattr(self._stock, "start", 0)
        if start + count > len(held):
            held, start = os.urandom(STOCK_OCTETS), 0
            self._stock.held = held
        self._stock.start = start + count
        return held[start : start + count]

    def _empty(self) -> None:
        self._stock = threading.local()
