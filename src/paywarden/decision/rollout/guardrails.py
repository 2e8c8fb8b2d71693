"""Judging a trial: what breaks a guardrail, and whether a difference is more than chance. Pure.

Guards: rates are compared on the same payments, so a busy hour or an attack moves both. The test is
McNemar's on payments that the two rulesets treat differently, exact (binomial) up to EXACT pairs
and by the normal approximation with continuity correction above; nothing is judged before
`min_payments`, except faults, of which five are enough. Source: Q. McNemar, Psychometrika 12
(1947) 153.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from paywarden.core.outcome import Outcome
from paywarden.decision.rollout.model import Guardrails
from paywarden.decision.trial_tally import (
    Table,
    TrialTally,
    candidate_count,
    discordant,
    live_count,
)

EXACT: Final = 1_000
LEAST_FAULTS: Final = 5
"""Fewer faults than this are no rate: one late evaluation on a busy machine takes nothing back."""
BLOCKS: Final = (Outcome.BLOCK,)
ALERTS: Final = (Outcome.CHALLENGE, Outcome.REVIEW)
STOPS: Final = (Outcome.CHALLENGE, Outcome.REVIEW, Outcome.BLOCK)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Counts of one kind of outcome on the same payments, and the two-sided p-value."""

    payments: int
    live: int
    candidate: int
    p_value: float


def compare(table: Table, outcomes: tuple[Outcome, ...]) -> Comparison:
    """How often each ruleset gave one of `outcomes`."""
    only_live, only_candidate = discordant(table, outcomes)
    return Comparison(
        sum(table),
        live_count(table, outcomes),
        candidate_count(table, outcomes),
        mcnemar(only_live, only_candidate),
    )


def mcnemar(first: int, second: int) -> float:
    """Two-sided p-value that discordant pairs fall to either side by chance; 1.0 without pairs."""
    pairs = first + second
    if pairs == 0:
        return 1.0
    low = min(first, second)
    if pairs <= EXACT:
        tail = sum(math.comb(pairs, k) for k in range(low + 1))
        return float(min(1.0, 2 * tail / 2**pairs))
    z = (abs(first - second) - 1) / math.sqrt(pairs)
    return math.erfc(max(0.0, z) / math.sqrt(2))


def broken(tally: TrialTally, guard: Guardrails) -> str | None:
    """The guardrail that the candidate breaks, in words for the record; None while all hold."""
    seen = tally.payments + tally.faults
    if tally.faults >= LEAST_FAULTS and tally.faults > guard.fault_rate * seen:
        return f"faults: {tally.faults} of {seen} payments"
    if tally.payments < guard.min_payments:
        return None
    for name, outcomes, limit in (
        ("blocks", BLOCKS, guard.block_increase),
        ("alerts", ALERTS, guard.alert_increase),
    ):
        found = compare(tally.pairs, outcomes)
        if found.candidate - found.live > limit * found.payments:
            return f"{name}: {found.candidate} against {found.live} of {found.payments} payments"
    slow_ms = tally.slow_us(0.99) / 1_000
    if slow_ms > guard.latency_ms:
        return f"latency: 99 % within {slow_ms} ms"
    return None
