"""Pacing: when to send an event so that simulated time runs 1 to 1000 times faster than the clock.

Pure arithmetic over an injected clock; sleeping and sending belong to the caller. The schedule is
absolute: a slow sender catches up instead of drifting.
"""

from __future__ import annotations

from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest

SLOWEST, FASTEST = 1.0, 1000.0


class Pace:
    """Maps simulated instants (microseconds) to moments of `clock`, from the first asked for."""

    def __init__(self, clock: Clock, speed: float) -> None:
        if not SLOWEST <= speed <= FASTEST:
            raise InvalidRequest("simulation_speed_invalid", "speed must be from 1 to 1000")
        self._clock, self._speed = clock, speed
        self._begin_ns: int | None = None
        self._begin_us = 0

    def wait_seconds(self, instant_us: int) -> float:
        """Seconds from now until this instant is due; 0 when it is due or late."""
        now_ns = self._clock.monotonic_ns()
        if self._begin_ns is None:
            self._begin_ns, self._begin_us = now_ns, instant_us
        due_ns = self._begin_ns + round((instant_us - self._begin_us) * 1_000 / self._speed)
        return max(0, due_ns - now_ns) / 1e9
