"""Rush: a modest shop has its best week: more buyers and larger carts, all of its own trade.

Innocent beside merchant laundering: tickets are those of the trade, times two or three.
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.laundering.merchant_laundering import rows_at_shop
from paywarden.simulator.campaigns.model import Attack, Brief, Terms
from paywarden.simulator.world import spending


@dataclass(frozen=True, slots=True)
class Rush(Terms):
    """Before a feast."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` card payments to one shop."""
        rng, size = brief.rng, brief.size
        made = moves.innocent(brief, "shop before a feast", rows_at_shop(brief, size))
        payments = made.payments
        scale = rng.uniform(1.5, 3.5, size)
        payments["amount"] = spending.amounts(rng, brief.pools, payments["merchant"], scale)
        return made


CAMPAIGN = Rush(
    type="look_alike_rush",
    sizes=(14, 40),
    latest_start=0.6,
    engine="aml",
    innocent=True,
    evasive_share=0.0,
)
