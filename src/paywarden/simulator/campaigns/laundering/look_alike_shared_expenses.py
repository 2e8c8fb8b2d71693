"""Shared expenses: friends settle small debts among one another, and money comes back round.

Innocent beside layering cycles: small sums, no order, no fee.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms


@dataclass(frozen=True, slots=True)
class SharedExpenses(Terms):
    """A holiday's worth of debts."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` payments."""
        rng, size = brief.rng, brief.size
        members = int(rng.integers(3, 7))
        people = moves.circle(brief, members)
        payer = rng.integers(0, members, size)
        payee = (payer + rng.integers(1, members, size)) % members
        when = moves.within(brief, size, 5.0)
        minor = moves.exact(people, rng.lognormal(np.log(34), 0.8, size))
        rows = moves.pay(brief, people, payer, people.account[payee], when, minor)
        return moves.innocent(brief, "friends", rows)


CAMPAIGN = SharedExpenses(
    type="look_alike_shared_expenses",
    sizes=(5, 18),
    latest_start=0.8,
    engine="aml",
    innocent=True,
    evasive_share=0.0,
)
