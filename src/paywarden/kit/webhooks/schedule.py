"""When a failed delivery is tried again: the ten attempts that Standard Webhooks suggests.

Guards: 75 hours in all, then the delivery has failed. Up to a tenth is added by chance, so that
receivers who failed together are not called together. `Retry-After` may postpone, never hasten, and
at most to a day.
"""

from __future__ import annotations

from typing import Final

MINUTE: Final = 60
HOUR: Final = 3_600
PAUSES_SECONDS: Final = (
    0, 5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR,
)  # fmt: skip
"""Pause before each attempt, the first included."""
LONGEST_RETRY_AFTER_SECONDS: Final = 24 * HOUR
JITTER: Final = 0.1


def pause_us(attempts: int, chance: float, retry_after_seconds: int | None = None) -> int | None:
    """Microseconds until the next attempt after `attempts` of them failed; None: give up.

    `chance` is uniform in 0..1.
    """
    if attempts >= len(PAUSES_SECONDS):
        return None
    seconds = PAUSES_SECONDS[attempts] * (1 + JITTER * chance)
    if retry_after_seconds is not None:
        seconds = max(seconds, min(retry_after_seconds, LONGEST_RETRY_AFTER_SECONDS))
    return int(seconds * 1_000_000)
