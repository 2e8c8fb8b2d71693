"""Which rules fire on the same payments as a rule.

Guards: the work is the sum over a rule's payments of the rules that fire there; rules are looked up
in the order given until WORK is spent, so that a policy whose rules fire everywhere cannot hold up
a report. Shapes: n payments, r rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from paywarden.lab.backtest.measures import Period
from paywarden.lab.backtest.pair_kernels import by_payment, count_beside, count_by_payment
from paywarden.lab.backtest.rule_pass import Matches

SHOWN = 5
WORK = 60_000_000
"""Pairs of rules on payments that are counted at most: about a quarter of a second."""
_WIDE = 16_384
"""Payments that are looked at together: what is known of them fits in a processor's cache."""


def overlaps(
    period: Period, matches: Matches, order: Sequence[int], matched: Sequence[int]
) -> Mapping[int, tuple[tuple[int, int], ...]]:
    """By rule the rules that fire most often beside it: (rule, payments).

    `order`: rules, the most telling first; those beyond WORK are left out. `matched`: how many
    payments of the period each rule has.
    """
    offsets, rows = matches.offsets, matches.payments
    held = np.zeros(len(period.inside), np.int64)
    count_by_payment(offsets, rows, offsets[:-1].copy(), _WIDE, held)
    begins = np.concatenate([[0], np.cumsum(held)])
    rules, work = np.empty(len(rows), np.int32), np.zeros(len(offsets) - 1, np.int64)
    held *= period.inside
    place, cursor = begins[:-1].copy(), offsets[:-1].copy()
    by_payment(offsets, rows, cursor, _WIDE, held, place, rules, work)
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
