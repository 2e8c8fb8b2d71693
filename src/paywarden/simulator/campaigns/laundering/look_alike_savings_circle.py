"""Savings circle: each period all members pay the one whose turn it is, until each had it once.

Tanda, susu, chit fund. Innocent beside cycles and funnel accounts: the sums are equal and no fee
falls off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms


@dataclass(frozen=True, slots=True)
class SavingsCircle(Terms):
    """Turn by turn."""

    def attack(self, brief: Brief) -> Attack:
        """As many turns as make about `brief.size` payments."""
        rng = brief.rng
        members = int(rng.integers(4, 9))
        people = moves.circle(brief, members)
        turns = max(1, min(members, brief.size // (members - 1)))
        euros = float(rng.choice([50.0, 100.0, 150.0, 200.0, 250.0]))
        period_us = moves.wait_us(brief, 2.0)
        tables = []
        for turn in range(turns):
            payers = np.delete(np.arange(members), turn)
            begin = np.full(members - 1, brief.start_us + turn * period_us)
            when = moves.hours_later(brief, begin, 0, 20)
            minor = moves.exact(people, np.full(members - 1, euros))
            tables.append(moves.pay(brief, people, payers, people.account[turn], when, minor))
        return moves.innocent(brief, "savings circle", *tables)


CAMPAIGN = SavingsCircle(
    type="look_alike_savings_circle",
    sizes=(8, 30),
    latest_start=0.5,
    engine="aml",
    innocent=True,
    evasive_share=0.0,
)
