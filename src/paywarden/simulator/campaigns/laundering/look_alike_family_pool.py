"""Family pool: relatives put money together for one thing, and nearly all of it is paid on.

A wedding, a funeral, a flight home. Innocent beside fan-in and funnel accounts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms


@dataclass(frozen=True, slots=True)
class FamilyPool(Terms):
    """Many small sums in, one out."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` gifts."""
        rng, size = brief.rng, brief.size
        people = moves.circle(brief, size + 1)
        when = moves.within(brief, size, 4.0)
        euros = rng.choice([50.0, 100.0, 100.0, 150.0, 200.0, 300.0, 500.0], size)
        minor = moves.typed(brief, people, euros)
        gifts = moves.pay(brief, people, np.arange(1, size + 1), people.account[0], when, minor)
        shop = parts.mules(brief, people.country[:1])
        later = moves.hours_later(brief, when[-1:], 4, 60)
        total = gifts["amount"].sum() * rng.uniform(0.85, 1.0)
        bill = moves.pay(brief, people, [0], shop, later, [total])
        return moves.innocent(brief, "family", gifts, bill)


CAMPAIGN = FamilyPool(
    type="look_alike_family_pool",
    sizes=(5, 16),
    latest_start=0.8,
    engine="aml",
    innocent=True,
    evasive_share=0.0,
)
