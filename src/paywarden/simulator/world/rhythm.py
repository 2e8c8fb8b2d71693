"""Rhythm: when people pay. Hours, weekdays, pay day, the late-year shopping season.

Local wall time decides; instants are UTC microseconds. Pay day falls on the 25th, 28th or 1st by
person; in the four days after it people spend more, in the three before it some run dry.
"""

from __future__ import annotations

from datetime import date

import numpy as np

from paywarden.core.instants import HOUR_US, to_datetime
from paywarden.simulator.rows import Bools, Floats, Ints

PAY_DAYS = (25, 28, 1)

_SHOP_HOURS = (.3, .2, .1, .1, .2, .6, 1.6, 3.2, 4.6, 5.4, 6.0, 6.8, 7.6, 6.4, 5.6, 5.8, 6.8, 8.0,
               7.6, 5.4, 3.4, 2.2, 1.4, .7)  # fmt: skip
_WEB_HOURS = (1.6, .9, .5, .4, .4, .6, 1.2, 2.4, 3.6, 4.4, 4.8, 5.0, 5.4, 5.0, 4.8, 4.8, 5.0, 5.4,
              6.0, 7.2, 8.2, 8.0, 6.0, 3.4)  # fmt: skip
_WEEKDAYS = (0.92, 0.94, 0.97, 1.02, 1.18, 1.22, 0.75)


def hour_profile(online: bool) -> Floats:
    """Share of payments per local hour (24 values, sum 1)."""
    weights = np.array(_WEB_HOURS if online else _SHOP_HOURS, dtype=np.float64)
    profile: Floats = weights / weights.sum()
    return profile


def time_of_day(rng: np.random.Generator, online: Bools, shift_hours: Floats) -> Ints:
    """Local microseconds after midnight (shifted by the person's habit, within the same day)."""
    at = rng.random(len(online))
    hour = np.where(
        online,
        np.searchsorted(np.cumsum(hour_profile(True)), at),
        np.searchsorted(np.cumsum(hour_profile(False)), at),
    )
    hours = np.minimum(hour, 23) + rng.random(len(online)) + shift_hours
    return ((hours % 24) * HOUR_US).astype(np.int64)


def day_factors(start_us: int, days: int, online: bool) -> Floats:
    """How busy each day of the span is, relative to an average day."""
    first = to_datetime(start_us).date().toordinal()
    return np.array([_day_factor(date.fromordinal(first + d), online) for d in range(days)])


def _day_factor(day: date, online: bool) -> float:
    factor = _WEEKDAYS[day.weekday()]
    if (day.month == 11 and day.day >= 15) or (day.month == 12 and day.day <= 23):
        factor *= 1.35 if online else 1.15
    if online and day.month == 11 and day.day >= 23 and day.weekday() in (0, 4):
        factor *= 1.7  # the Friday and Monday of the November sales
    if day.month == 12 and day.day in (25, 26):
        factor *= 0.35
    return factor


def pay_day_distance(start_us: int, days: int) -> tuple[Ints, Ints]:
    """Days since and until the nearest pay day, each of shape (len(PAY_DAYS), days)."""
    first = to_datetime(start_us).date().toordinal()
    monthday = np.array([date.fromordinal(first + d).day for d in range(-31, days + 31)])
    since = np.zeros((len(PAY_DAYS), days), dtype=np.int64)
    until = np.zeros_like(since)
    for row, pay_day in enumerate(PAY_DAYS):
        marks = np.flatnonzero(monthday == pay_day) - 31
        here = np.arange(days)
        nth = np.searchsorted(marks, here, side="right")
        since[row] = here - marks[nth - 1]
        until[row] = marks[np.minimum(nth, len(marks) - 1)] - here
    return since, until
