"""Rent: many tenants pay one landlord in the first days of a month; he keeps most of it.

Innocent beside fan-in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms


@dataclass(frozen=True, slots=True)
class Rent(Terms):
    """One round of rents, and the landlord's instalment to his bank."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` rents."""
        rng, size = brief.rng, brief.size
        people = moves.circle(brief, size + 1)
        when = moves.within(brief, size, 5.0)
        euros = rng.normal(780, 160, size).clip(350)
        minor = moves.typed(brief, people, euros)
        rents = moves.pay(brief, people, np.arange(1, size + 1), people.account[0], when, minor)
        moves.say(brief, rents, ["rent"] * size)
        bank = parts.mules(brief, people.country[:1])
        later = moves.hours_later(brief, when[-1:], 10, 90)
        share = rents["amount"].sum() * rng.uniform(0.2, 0.5)
        loan = moves.pay(brief, people, [0], bank, later, [share])
        return moves.innocent(brief, "landlord", rents, loan)


CAMPAIGN = Rent(
    type="look_alike_rent",
    sizes=(6, 26),
    latest_start=0.7,
    engine="aml",
    innocent=True,
    evasive_share=0.0,
)
