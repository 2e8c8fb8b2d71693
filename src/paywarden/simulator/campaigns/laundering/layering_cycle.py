"""Layering in a circle: money goes round and comes back, each hop leaving a fee behind.

Three to six accounts; every hop is later than the one before and carries a few percent less.
Evasive: longer waits and uneven fees. Source: FATF, Professional money laundering (2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms


@dataclass(frozen=True, slots=True)
class LayeringCycle(Terms):
    """Round and round."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` hops."""
        rng = brief.rng
        members = int(rng.integers(3, 7))
        people = moves.circle(brief, members, fresh=0.3)
        hop = np.arange(brief.size)
        fee = rng.uniform(0.005, 0.05 if brief.evasive else 0.03, brief.size)
        euros = rng.uniform(4_000, 40_000) * np.cumprod(1 - fee)
        gaps = rng.uniform(8, 40, brief.size) if brief.evasive else rng.uniform(1, 20, brief.size)
        start = moves.hours_later(brief, np.full(brief.size, brief.start_us), 0, 0)
        when = start + np.cumsum(gaps * moves.wait_us(brief, 1 / 24)).astype(np.int64)
        payees = people.account[(hop + 1) % members]
        minor = moves.exact(people, euros)
        rows = moves.pay(brief, people, hop % members, payees, when, minor)
        return moves.guilty(brief, "layerer", rows)


CAMPAIGN = LayeringCycle(
    type="layering_cycle",
    sizes=(4, 14),
    latest_start=0.6,
    engine="aml",
)
