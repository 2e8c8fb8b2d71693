"""Pacing: simulated time against the clock, with a bounded lag.

Guards: nothing is ever queued. A world that falls behind (an attack script that waits for answers,
a server under load) may catch up for at most MAX_LAG_SECONDS; what is beyond that is given up and
stated, so that the load that was missed is not thrown at the server later. Pure arithmetic over an
injected clock; sleeping is the caller's.
"""

from __future__ import annotations

import math

from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest

SLOWEST, FASTEST = 1.0, 5_000.0
MAX_LAG_SECONDS = 1.0


class Pace:
    """One world's way through simulated time, from the first instant asked for."""

    def __init__(self, clock: Clock, speed: float) -> None:
        if not (math.isfinite(speed) and SLOWEST <= speed <= FASTEST):
            raise InvalidRequest(
                "demo_speed_invalid",
                f"speed is simulated seconds per second, from {SLOWEST:g} to {FASTEST:g}",
                pointer="--speed",
            )
        self._clock, self._speed = clock, speed
        self._begin_ns = 0
        self._first_us: int | None = None
        self._last_us = 0
        self.given_up_seconds = 0.0

    def wait_seconds(self, instant_us: int) -> float:
        """Seconds until this simulated instant is due; 0.0 when it is due or late."""
        now_ns = self._clock.monotonic_ns()
        if self._first_us is None:
            self._first_us, self._begin_ns = instant_us, now_ns
        self._last_us = max(self._last_us, instant_us)
        due_ns = self._begin_ns + round((instant_us - self._first_us) * 1_000 / self._speed)
        lag_seconds = (now_ns - due_ns) / 1e9
        if lag_seconds > MAX_LAG_SECONDS:
            surplus = lag_seconds - MAX_LAG_SECONDS
            self._begin_ns += round(surplus * 1e9)
            self.given_up_seconds += surplus
        return max(0.0, -lag_seconds)

    @property
    def simulated_seconds(self) -> float:
        """Simulated time that has passed."""
        return 0.0 if self._first_us is None else (self._last_us - self._first_us) / 1e6
