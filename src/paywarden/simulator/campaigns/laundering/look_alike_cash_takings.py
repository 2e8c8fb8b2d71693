"""Cash takings: a shop brings its takings to the bank, day by day, and pays its suppliers.

Innocent beside structuring: the sums follow the weekdays and now and then pass the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms


@dataclass(frozen=True, slots=True)
class CashTakings(Terms):
    """Deposits and supplies."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` deposits, a third as many payments to suppliers."""
        rng, size = brief.rng, brief.size
        people = moves.circle(brief, 1)
        when = moves.within(brief, size, float(size) * 0.7)
        level = rng.uniform(900, 8_500)
        euros = level * rng.lognormal(0, 0.45, size)
        takings = moves.deposit(
            brief, people, np.zeros(size), when, moves.typed(brief, people, euros)
        )
        bills = max(1, size // 3)
        suppliers = parts.mules(brief, np.repeat(people.country[:1], bills))
        later = moves.hours_later(brief, when[-bills:], 5, 50)
        spent = euros.sum() * rng.uniform(0.35, 0.7) * moves.shares(rng, bills)
        paid = moves.pay(
            brief, people, np.zeros(bills), suppliers, later, moves.exact(people, spent)
        )
        return moves.innocent(brief, "shopkeeper", takings, paid)


CAMPAIGN = CashTakings(
    type="look_alike_cash_takings",
    sizes=(6, 18),
    latest_start=0.5,
    engine="aml",
    innocent=True,
    evasive_share=0.0,
)
