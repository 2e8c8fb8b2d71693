"""Intervals of the policy as a whole: precision, recall, value, genuine payments hurt.

Guards: customers without anything to stop count only in the number of genuine payments, so each
customer's counts are summed first and drawn together. Shapes: c customers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from paywarden.lab.backtest.bootstrap import Bootstrap, Sums, interval
from paywarden.lab.backtest.combining import Outcomes
from paywarden.lab.backtest.measures import Period, stopped
from paywarden.lab.backtest.result import Intervals
from paywarden.lab.labels import FRAUD, GENUINE


def total_intervals(period: Period, outcome: Outcomes, bootstrap: Bootstrap) -> Intervals:
    """Intervals of the period's figures under one policy."""
    material, rows = period.material, period.rows
    marks, customer = material.marks[rows], material.customer[rows]
    size = int(material.customer.max(initial=-1)) + 1
    fraud, genuine, stop = marks == FRAUD, marks == GENUINE, stopped(outcome[rows])
    value = np.where(material.valued[rows], material.amount_minor[rows], 0)

    def each(chosen: npt.NDArray[np.bool_], weight: npt.NDArray[np.int64] | None = None) -> Sums:
        held = None if weight is None else weight[chosen].astype(np.float64)
        return np.bincount(customer[chosen], held, size).astype(np.float64)

    columns = {
        "fraud": each(fraud),
        "caught": each(fraud & stop),
        "genuine": each(genuine),
        "hurt": each(genuine & stop),
        "value": each(fraud, value),
        "value_caught": each(fraud & stop, value),
    }
    sums: dict[str, list[Sums]] = {name: [] for name in columns}
    for turn in bootstrap:
        for name, column in columns.items():
            sums[name].append(turn.per_customer(column))
    both = [caught + hurt for caught, hurt in zip(sums["caught"], sums["hurt"], strict=True)]
    return Intervals(
        interval(sums["caught"], both),
        interval(sums["caught"], sums["fraud"]),
        interval(sums["value_caught"], sums["value"]),
        interval(sums["hurt"], sums["genuine"]),
    )
