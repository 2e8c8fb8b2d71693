"""Counts and values of payments under one policy: in sum, by group, by rule.

Guards: sums of money are exact integers; shares over nothing are None, not 0. Only payments of the
reported period are counted, while windows and lists saw all before them.
Shapes: n payments; `rows` are positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.core.instants import DAY_US, format_rfc3339
from paywarden.core.outcome import Outcome
from paywarden.lab.backtest.combining import Outcomes
from paywarden.lab.backtest.deciding_again import Again
from paywarden.lab.backtest.material import Material
from paywarden.lab.backtest.result import Change, Group, Labels, Options, Tally, Workload
from paywarden.lab.labels import FRAUD, GENUINE, UNKNOWN
from paywarden.lab.summary import outcomes_of, total

Rows = npt.NDArray[np.int64]
_MONDAY = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True)
class Period:
    """The payments that are judged: positions, ascending, and arrays of all payments beside."""

    material: Material
    rows: Rows
    inside: npt.NDArray[np.bool_]

    @property
    def days(self) -> float:
        """Length in days, at least one."""
        time_us = self.material.table.time_us
        if not len(self.rows):
            return 1.0
        return max(1.0, float(time_us[self.rows[-1]] - time_us[self.rows[0]]) / DAY_US)


def period_of(material: Material, options: Options) -> Period:
    """The payments from `from_us` to before `to_us`."""
    time_us = material.table.time_us
    inside = np.ones(len(material), np.bool_)
    if options.from_us is not None:
        inside &= time_us >= options.from_us
    if options.to_us is not None:
        inside &= time_us < options.to_us
    return Period(material, np.flatnonzero(inside), inside)


def share(part: int, whole: int) -> float | None:
    """A share, None over nothing."""
    return part / whole if whole else None


def tally(material: Material, outcome: Outcomes, rows: Rows) -> Tally:
    """Figures of the payments at `rows`; `outcome` is of all payments."""
    marks, value, valued = material.marks[rows], material.amount_minor[rows], material.valued[rows]
    here = outcome[rows]
    fraud, genuine, stopped = marks == FRAUD, marks == GENUINE, here != Outcome.ALLOW
    caught, hurt = fraud & stopped, genuine & stopped
    counts = [int(one.sum()) for one in (fraud, caught, genuine, hurt)]
    values = [total(value, one & valued) for one in (fraud, caught, genuine, hurt)]
    return Tally(
        payments=len(rows),
        outcomes=outcomes_of(here),
        fraud=counts[0],
        fraud_value_minor=values[0],
        caught=counts[1],
        caught_value_minor=values[1],
        genuine=counts[2],
        genuine_value_minor=values[2],
        hurt=counts[3],
        hurt_value_minor=values[3],
        unlabelled=int((marks == UNKNOWN).sum()),
        precision=share(counts[1], counts[1] + counts[3]),
        recall=share(counts[1], counts[0]),
        value_recall=share(values[1], values[0]),
        hurt_rate=share(counts[3], counts[2]),
    )


def by_week(period: Period, outcome: Outcomes) -> tuple[Group, ...]:
    """Weeks from Monday, UTC, named by their first day."""
    days = period.material.table.time_us[period.rows] // DAY_US
    weeks = (days + _MONDAY) // 7
    return tuple(
        Group(
            format_rfc3339((number * 7 - _MONDAY) * DAY_US)[:10],
            tally(period.material, outcome, rows),
        )
        for number, rows in _split(weeks, period.rows)
    )


def _monday(week: int) -> str:
    return format_rfc3339((week * 7 - _MONDAY) * DAY_US)[:10]


def by_segment(period: Period, again: Again) -> tuple[Group, ...]:
    """Segments of the policy; payments in none are `(none)`."""
    segment = again.matches.segment
    return tuple(
        Group(segment.dictionary[code] or "(none)", tally(period.material, again.outcome, rows))
        for code, rows in _split(segment.data[period.rows].astype(np.int64), period.rows)
    )


def by_scenario(period: Period, again: Again) -> tuple[Group, ...]:
    """Scenarios: payments in which a rule of the scenario counts. A payment may be in several."""
    members: dict[str, npt.NDArray[np.bool_]] = {}
    for rule, row in enumerate(again.candidate.runtime.rows):
        mask = members.setdefault(row.scenario, np.zeros(len(period.material), np.bool_))
        mask[again.combination.standing(rule)] = True
    return tuple(
        Group(name, tally(period.material, again.outcome, np.flatnonzero(mask & period.inside)))
        for name, mask in sorted(members.items())
    )


def _split(codes: Rows, rows: Rows) -> Iterator[tuple[int, Rows]]:
    """(code, rows that have it), ascending."""
    order = np.argsort(codes, kind="stable")
    values, starts = np.unique(codes[order], return_index=True)
    yield from zip(values.tolist(), np.split(rows[order], starts[1:]), strict=True)


def workload(period: Period, now: Outcomes, before: Outcomes | None, options: Options) -> Workload:
    """Alerts are outcomes `review`: somebody has to look."""

    def alerts(outcome: Outcomes) -> float:
        return float((outcome[period.rows] == Outcome.REVIEW).sum()) / period.days

    here = alerts(now)
    extra = None if before is None else here - alerts(before)
    each = None if extra is None else extra / options.analysts
    return Workload(period.days, here, here / options.analysts, extra, each)


def changes(period: Period, before: Outcomes, after: Outcomes) -> tuple[Change, ...]:
    """Every pair of outcomes that differ, with what is known of the payments."""
    material, rows = period.material, period.rows
    was, now = before[rows], after[rows]
    found = []
    for one in Outcome:
        for other in Outcome:
            chosen = rows[(was == one) & (now == other)] if one is not other else rows[:0]
            if len(chosen):
                held = tally(material, after, chosen)
                found.append(
                    Change(
                        one.word, other.word, len(chosen), held.fraud, held.fraud_value_minor,
                        held.genuine, held.genuine_value_minor,
                    )
                )  # fmt: skip
    return tuple(found)


def labels_of(period: Period) -> Labels:
    """What is known of the period's payments, and how late it became known."""
    material, rows = period.material, period.rows
    unknown = int((material.marks[rows] == UNKNOWN).sum())
    delay = material.label_delay_us
    time_us = material.table.time_us
    until, immature = None, 0
    if delay is not None:
        cut = int(time_us[-1]) - delay
        until, immature = format_rfc3339(cut), int((time_us[rows] > cut).sum())
    rule = (
        "labels of the file; in decisions each counts only after its delay, in judging all count"
        if material.recorded is None
        else "labels of the log; in decisions each counts from its receipt, in judging the last one"
    )
    return Labels(
        len(rows) - unknown,
        unknown,
        unknown / len(rows) if len(rows) else 0.0,
        None if delay is None else delay // 1_000_000,
        until,
        immature,
        rule,
    )


def stopped(outcome: Outcomes) -> npt.NDArray[np.bool_]:
    """Where an outcome is not allow."""
    return np.asarray(outcome != Outcome.ALLOW)


def valued_sum(material: Material, rows: Sequence[int] | Rows) -> int:
    """Exact value of payments at `rows`; those without a value count nothing."""
    return total(material.amount_minor[rows], material.valued[rows])
