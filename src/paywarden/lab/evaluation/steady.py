"""A threshold that keeps its price: the rule is frozen, the number moves once a day.

A number that cost 1 % of genuine payments on validation days costs something else when people or
attacks change. Here each day's threshold is the lowest one that would have cost the aim on the days
before it. What the days so far cost beyond the budget is paid back within PAY_BACK days.
Guards: only what is known when the day begins is read. A payment counts as nothing once
its fraud was reported, as one genuine payment once the label delay has passed without a report, and
until then as genuine by its own probability, 1 - p; payments without any label never come to be
known. Nothing before the validation days is read, since the model was fitted to it.
Shapes: n payments from the first validation day on, in order of time.
Not done here: what is scored (`ways.py`). A server holds the frozen number instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.core.instants import DAY_US
from paywarden.lab.labels import FRAUD, UNKNOWN

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
AIM = 0.95
"""Share of the budget that is aimed at: days differ, and a budget is kept when it is not passed."""
DAYS, PAY_BACK, ACCOUNT = 7, 3, 28
"""Days that are looked back on, that a debt is spread over, and that are on the account."""
LEAST_RATE = 0.5
"""Share of the budget that a day has at least, whatever is owed: fraud goes on."""
LEAST = 5_000
"""Payments that are looked back on, where seven days do not hold them."""


@dataclass(frozen=True, slots=True)
class Course:
    """Payments as they come. `p`: calibrated probability; `marks`: labels, known `delay_us` after
    their payment. Float64, int8 and int64, [n]."""

    time_us: npt.NDArray[np.int64]
    p: Array
    marks: npt.NDArray[np.int8]
    delay_us: int

    def genuine(self, start: int, stop: int, now_us: int) -> Array:
        """How far payments from `start` up to `stop` count as genuine at an instant, 0 to 1."""
        marks = self.marks[start:stop]
        known = (marks != UNKNOWN) & (self.time_us[start:stop] + self.delay_us <= now_us)
        return np.where(known, np.where(marks == FRAUD, 0.0, 1.0), 1.0 - self.p[start:stop])


def stopped_daily(course: Course, score: Array, budget: float, from_us: int) -> Bools:
    """Which payments reach the threshold of their day, [n]; none before `from_us`, a midnight.

    `score`: higher is riskier, [n]; `budget`: share of genuine payments that may be stopped.
    """
    stopped = np.zeros(len(score), np.bool_)
    days = course.time_us // DAY_US
    opened = int(np.searchsorted(course.time_us, from_us))
    for day in np.unique(days[opened:]).tolist():
        start, stop, week, month = np.searchsorted(
            days, [day, day + 1, day - DAYS, day - ACCOUNT]
        ).tolist()
        past = slice(min(week, max(0, start - LEAST)), start)
        weights = course.genuine(past.start, start, day * DAY_US)
        own = slice(max(opened, month), start)
        spent = course.genuine(own.start, start, day * DAY_US) * (stopped[own] - budget)
        daily = weights.sum() / max(1, len(np.unique(days[past])))
        rate = AIM * budget - max(0.0, float(spent.sum())) / (PAY_BACK * max(1.0, daily))
        least = weighted_threshold(score[past], weights, max(LEAST_RATE * budget, rate))
        stopped[start:stop] = score[start:stop] >= least
    return stopped


def weighted_threshold(score: Array, weight: Array, rate: float) -> float:
    """Lowest threshold (score >= threshold) that hits at most `rate` of the weight; inf if none."""
    order = np.argsort(-score, kind="stable")
    falling, reached = score[order], np.cumsum(weight[order])
    if not len(falling) or reached[-1] <= 0:
        return float("inf")
    allowed = int(np.searchsorted(reached, rate * reached[-1], side="right"))
    if allowed >= len(falling):
        return float(falling[-1])
    # all scores strictly above the first that may not be hit
    return float(np.nextafter(falling[allowed], np.inf))
