"""Figures of each rule: what it matches, what only it stops, what is new, who fires beside it.

Guards: a rule is judged on its own matches and on its part in the whole: what would pass without it
(`alone_*`), and what the present policy lets pass (`new_*`). All rules are counted together, in one
reading of their matches. Shapes: n payments, r rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.lab.backtest.deciding_again import Again
from paywarden.lab.backtest.measures import Period, share, stopped, valued_sum
from paywarden.lab.backtest.overlaps import overlaps
from paywarden.lab.backtest.pair_kernels import CODES, LOW_BITS, count_codes
from paywarden.lab.backtest.result import Intervals, Overlap, RuleFigures
from paywarden.lab.backtest.sweep import lowest_threshold
from paywarden.lab.labels import FRAUD, GENUINE

_INSIDE, _FRAUD, _GENUINE, _STOPPED, _FRESH = 1, 2, 4, 8, 16
"""Bits of a payment's code. Fresh: stopped by this policy and not by the compared one."""
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of rules and payments, counted by rule and code of the payment (`count_codes`)."""

    counts: Counts
    sums: Counts

    def payments(self, bits: int) -> list[int]:
        """Payments of the period that have all these bits, of every rule."""
        found: list[int] = self.counts[:, _having(bits)].sum(axis=1).tolist()
        return found

    def value(self, bits: int) -> list[int]:
        """Their value in minor units, exactly."""
        parts = self.sums[:, _having(bits)].sum(axis=1).tolist()
        return [(high << LOW_BITS) + low for high, low in parts]


def rule_figures(
    period: Period, again: Again, against: Again | None, spans: Sequence[Intervals]
) -> tuple[RuleFigures, ...]:
    """Every rule of the policy, in its order. `spans`: their intervals."""
    material = period.material
    frauds = period.rows[material.marks[period.rows] == FRAUD]
    code = _codes(period, again, against)
    value = np.where(material.valued, material.amount_minor, 0)
    matched = _counted(again.matches.offsets, again.matches.payments, code, value)
    counted = _columns(matched, _counted(*_alone(again), code, value), against is not None)
    whole = len(frauds), valued_sum(material, frauds)
    names = [row.id for row in again.candidate.runtime.rows]
    figures = [_figures(again, rule, each, whole, spans[rule]) for rule, each in enumerate(counted)]
    telling = sorted(range(len(names)), key=lambda rule: _worth(figures[rule]))
    beside = overlaps(period, again.matches, telling, [one.matches for one in figures])
    for rule, others in beside.items():
        matches = figures[rule].matches
        near = tuple(Overlap(names[other], held, held / matches) for other, held in others)
        figures[rule] = replace(figures[rule], overlaps=near)
    return tuple(figures)


def _worth(one: RuleFigures) -> tuple[int, int, int]:
    """What rules are ordered by: fraud value that only they stop, that they match, matches."""
    return -one.alone_fraud_value_minor, -one.fraud_value_minor, -one.matches


def _codes(period: Period, again: Again, against: Again | None) -> npt.NDArray[np.uint8]:
    """The code of every payment, [n]."""
    marks, stop = period.material.marks, stopped(again.outcome)
    code = np.where(period.inside, _INSIDE, 0)
    code |= np.where(marks == FRAUD, _FRAUD, 0) | np.where(marks == GENUINE, _GENUINE, 0)
    code |= np.where(stop, _STOPPED, 0)
    if against is not None:
        code |= np.where(stop & ~stopped(against.outcome), _FRESH, 0)
    return code.astype(np.uint8)


def _having(bits: int) -> Counts:
    """Codes of the period with all these bits."""
    codes = np.arange(CODES)
    wanted = bits | _INSIDE
    return np.flatnonzero((codes & wanted) == wanted)


def _counted(
    offsets: Counts, rows: npt.NDArray[np.int32], code: npt.NDArray[np.uint8], value: Counts
) -> _Pairs:
    rules = len(offsets) - 1
    found = _Pairs(np.zeros((rules, CODES), np.int64), np.zeros((rules, CODES, 2), np.int64))
    count_codes(offsets, rows, code, value, found.counts, found.sums)
    return found


def _alone(again: Again) -> tuple[Counts, npt.NDArray[np.int32]]:
    """Payments by rule that are stopped and would not be without it; an allow rule stops none."""
    combination = again.combination
    # What the record decided beside the rules (a test value) passes no sooner without one of them.
    stops = stopped(again.outcome) & stopped(combination.outcome)
    lowest = lowest_threshold(again.candidate.runtime.policy.points)
    counts = np.zeros(len(again.candidate.runtime.rows), np.int64)
    parts = [np.zeros(0, np.int32)]
    for rules, payments in combination.standing_pairs(stops, lowest):
        passes = ~stopped(combination.without(rules, payments))
        counts += np.bincount(rules[passes], minlength=len(counts))
        parts.append(payments[passes])
    return np.concatenate([[0], np.cumsum(counts)]), np.concatenate(parts)


def _columns(matched: _Pairs, alone: _Pairs, compared: bool) -> list[dict[str, Any]]:
    """What is counted of each rule, by the names of `RuleFigures`."""
    found: dict[str, list[Any]] = {
        "matches": matched.payments(0),
        "fraud": matched.payments(_FRAUD),
        "fraud_value_minor": matched.value(_FRAUD),
        "genuine": matched.payments(_GENUINE),
        "genuine_value_minor": matched.value(_GENUINE),
        "stopped": matched.payments(_STOPPED),
        "alone": alone.payments(0),
        "alone_fraud": alone.payments(_FRAUD),
        "alone_fraud_value_minor": alone.value(_FRAUD),
        "alone_genuine": alone.payments(_GENUINE),
        "alone_genuine_value_minor": alone.value(_GENUINE),
        "new_fraud": matched.payments(_FRAUD | _FRESH),
        "new_fraud_value_minor": matched.value(_FRAUD | _FRESH),
        "new_genuine": matched.payments(_GENUINE | _FRESH),
    }
    if not compared:
        found |= {name: [None] * len(held) for name, held in found.items() if name[:4] == "new_"}
    return [dict(zip(found, each, strict=True)) for each in zip(*found.values(), strict=True)]


def _figures(
    again: Again, rule: int, counted: dict[str, Any], whole: tuple[int, int], spans: Intervals
) -> RuleFigures:
    """`whole`: frauds of the period and their value."""
    runtime = again.candidate.runtime
    row, written = runtime.rows[rule], runtime.compiled.written[rule]
    matches, fraud, genuine = counted["matches"], counted["fraud"], counted["genuine"]
    anyway = counted.pop("stopped") - counted.pop("alone")
    return RuleFigures(
        id=row.id,
        title=written.title,
        scenario=row.scenario,
        points=row.points,
        outcome=None if row.outcome is None else row.outcome.word,
        errors=int(again.matches.errors[rule]),
        unlabelled=matches - fraud - genuine,
        precision=share(fraud, fraud + genuine),
        recall=share(fraud, whole[0]),
        value_recall=share(counted["fraud_value_minor"], whole[1]),
        intervals=spans,
        already_stopped=share(anyway, matches),
        **counted,
    )
