"""Marketplace: a platform collects from buyers and pays sellers, day by day, less its commission.

Innocent beside gather-scatter and pass-through with a fee.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms


@dataclass(frozen=True, slots=True)
class Marketplace(Terms):
    """Buyers, platform, sellers."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` purchases, two thirds as many payouts."""
        rng, size = brief.rng, brief.size
        sellers = max(2, size * 2 // 3)
        people = moves.circle(brief, 1 + size + sellers)
        when = moves.within(brief, size, 3.0)
        bought = moves.exact(people, rng.lognormal(np.log(60), 0.9, size))
        buys = moves.pay(brief, people, np.arange(1, size + 1), people.account[0], when, bought)
        of = np.arange(size) % sellers
        owed = np.bincount(of, weights=bought, minlength=sellers) * rng.uniform(0.85, 0.92)
        last = np.array([when[of == seller].max() for seller in range(sellers)])
        later = moves.hours_later(brief, last, 12, 36)
        payouts = moves.pay(
            brief, people, np.zeros(sellers), people.account[size + 1 :], later, owed
        )
        return moves.innocent(brief, "marketplace", buys, payouts)


CAMPAIGN = Marketplace(
    type="look_alike_marketplace",
    sizes=(8, 24),
    latest_start=0.7,
    engine="aml",
    innocent=True,
    evasive_share=0.0,
)
