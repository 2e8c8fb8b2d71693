"""Which rules fire on the same payments as a rule.

Guards: the work is the sum over a rule's payments of the rules that fire there; rules are looked up
in the order given until WORK is spent, so that a policy whose rules fire everywhere cannot hold up
a report. Shapes: n payments, r rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from paywarden.lab.backtest.measures import Period
from paywarden.lab.backtest.pair_kernels import by_payment, count_beside
from paywarden.lab.backtest.rule_pass import Matches

SHOWN = 5
WORK = 60_000_000
"""Pairs of rules on payments that are counted at most: about a quarter of a second."""


def overlaps(
    period: Period, matches: Matches, order: Sequence[int], matched: Sequence[int]
) -> Mapping[int, tuple[tuple[int, int], ...]]:
    """By rule the rules that fire most often beside it: (rule, payments).

    `order`: rules, the most telling first; those beyond WORK are left out. `matched`: how many
    payments of the period each rule has.
    """
    offsets, rows = matches.offsets, matches.payments
    held = np.bincount(rows, minlength=len(period.inside))
    begins = np.concatenate([[0], np.cumsum(held)])
    rules, work = np.empty(len(rows), np.int32), np.zeros(len(offsets) - 1, np.int64)
    by_payment(offsets, rows, held * period.inside, begins[:-1].copy(), rules, work)
    asked = np.array([rule for rule in order if matched[rule]], np.int64)
    asked = asked[np.cumsum(work[asked]) <= WORK]
    best = np.full((len(asked), SHOWN), -1, np.int64)
    counts = np.zeros((len(asked), SHOWN), np.int64)
    beside = np.zeros(len(work), np.int64)
    count_beside(offsets, rows, period.inside, begins, rules, asked, beside, best, counts)
    told = zip(asked.tolist(), best.tolist(), counts.tolist(), strict=True)
    return {
        rule: tuple((other, count) for other, count in zip(others, times, strict=True) if count)
        for rule, others, times in told
    }
