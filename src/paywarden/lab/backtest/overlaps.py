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
from paywarden.lab.backtest.result import Overlap
from paywarden.lab.backtest.rule_pass import Matches

SHOWN = 5
WORK = 600_000_000
"""Pairs of rules on payments that are counted at most: about a second."""


def overlaps(
    period: Period, matches: Matches, order: Sequence[int], names: Sequence[str]
) -> Mapping[int, tuple[Overlap, ...]]:
    """By rule, the rules that fire most often beside it; rules beyond WORK are left out."""
    offsets, rows = matches.offsets, matches.payments
    held = np.bincount(rows, minlength=len(period.inside))
    begins = np.concatenate([[0], np.cumsum(held)])
    rules = np.empty(len(rows), np.int32)
    by_payment(offsets, rows, begins[:-1].copy(), rules)
    inside = np.where(period.inside, held, 0)
    work = _per_rule(inside[rows], matches)
    asked = np.array(order, np.int64)
    asked = asked[np.cumsum(work[asked]) <= WORK]
    best = np.full((len(asked), SHOWN), -1, np.int64)
    counts = np.zeros((len(asked), SHOWN), np.int64)
    beside = np.zeros(len(names), np.int64)
    count_beside(offsets, rows, period.inside, begins, rules, asked, beside, best, counts)
    matched = _per_rule(period.inside[rows], matches)
    told = zip(asked.tolist(), best.tolist(), counts.tolist(), strict=True)
    return {
        rule: tuple(
            Overlap(names[other], count, count / int(matched[rule]))
            for other, count in zip(others, times, strict=True)
            if count
        )
        for rule, others, times in told
    }


def _per_rule(each: np.ndarray, matches: Matches) -> np.ndarray:
    """Sums of what each pair has, int64 [r]."""
    running = np.concatenate([[0], np.cumsum(each, dtype=np.int64)])
    return np.asarray(running[matches.offsets[1:]] - running[matches.offsets[:-1]])
