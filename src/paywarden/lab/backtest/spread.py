"""Intervals of the policy and of every rule that matched, from the same draws of customers.

Guards: one pass over the draws serves all figures. Customers count in the totals by what each of
them has in sum, and in a rule by their payments, read in place by machine code; so intervals cost a
fraction of a second for thousands of rules, and every rule has them.
Shapes: c customers, b replicates, r rules.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from paywarden.lab.backtest.bootstrap import Bootstrap, Sums, intervals, weighted
from paywarden.lab.backtest.combining import Outcomes
from paywarden.lab.backtest.measures import Period, stopped
from paywarden.lab.backtest.pair_kernels import add_weights
from paywarden.lab.backtest.result import Intervals
from paywarden.lab.backtest.rule_pass import Matches
from paywarden.lab.labels import FRAUD, GENUINE, UNKNOWN

_FRAUD, _CAUGHT, _GENUINE, _HURT, _VALUE, _VALUE_CAUGHT = range(6)


def spread(
    period: Period, outcome: Outcomes, matches: Matches, draws: Bootstrap
) -> tuple[Intervals, Sequence[Intervals]]:
    """Intervals of the period's figures under one policy, and of each of its rules."""
    held = _per_customer(period, outcome)
    rules = _RuleSums(period, matches)
    parts = []
    for weights in draws:
        parts.append(weighted(held, weights))
        rules.add(weights)
    whole = np.concatenate(parts, axis=1)
    return _totals(whole), rules.intervals(whole[_FRAUD], whole[_VALUE])


def _per_customer(period: Period, outcome: Outcomes) -> Sums:
    """Counts and values of each customer, [6, c]."""
    material, rows = period.material, period.rows
    marks, customer = material.marks[rows], material.customer[rows]
    size = int(material.customer.max(initial=-1)) + 1
    fraud, genuine, stop = marks == FRAUD, marks == GENUINE, stopped(outcome[rows])
    value = np.where(material.valued[rows], material.amount_minor[rows], 0).astype(np.float64)

    def each(chosen: npt.NDArray[np.bool_], weigh: bool = False) -> Sums:
        held = value[chosen] if weigh else None
        return np.bincount(customer[chosen], held, size).astype(np.float64)

    return np.stack(
        [
            each(fraud), each(fraud & stop), each(genuine), each(genuine & stop),
            each(fraud, True), each(fraud & stop, True),
        ]
    )  # fmt: skip


def _totals(whole: Sums) -> Intervals:
    parts = whole[[_CAUGHT, _CAUGHT, _VALUE_CAUGHT, _HURT]]
    over = [whole[_CAUGHT] + whole[_HURT], whole[_FRAUD], whole[_VALUE], whole[_GENUINE]]
    return Intervals(*intervals(parts, np.stack(over)))


class _RuleSums:
    """Weighted counts of every rule that matched, [r, b], turn by turn."""

    def __init__(self, period: Period, matches: Matches) -> None:
        material = period.material
        self._matches = matches
        self._kind = np.where(period.inside, material.marks, UNKNOWN).astype(np.int8)
        self._customer = material.customer
        self._value = np.where(material.valued, material.amount_minor, 0)
        self._parts: list[tuple[Sums, Sums, Sums]] = []

    def add(self, weights: npt.NDArray[np.uint8]) -> None:
        """Count one turn."""
        shape = len(self._matches.offsets) - 1, weights.shape[1]
        fraud, genuine = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        value = np.zeros(shape, np.float64)
        add_weights(
            self._matches.offsets, self._matches.payments, self._kind, self._customer,
            self._value, weights, fraud, genuine, value,
        )  # fmt: skip
        caught = fraud.astype(np.float64)
        self._parts.append((caught, caught + genuine, value))

    def intervals(self, frauds: Sums, value: Sums) -> Sequence[Intervals]:
        """`frauds`, `value`: of the whole period, [b]."""
        caught, known, worth = (
            np.concatenate(each, axis=1) for each in zip(*self._parts, strict=True)
        )
        told = zip(
            intervals(caught, known),
            intervals(caught, frauds),
            intervals(worth, value),
            np.diff(self._matches.offsets).tolist(),
            strict=True,
        )
        return [Intervals(*spans) if matched else Intervals() for *spans, matched in told]
