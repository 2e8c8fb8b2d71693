"""House purchase: savings and gifts come together on one account and leave the same day, all of it.

Innocent beside pass-through and funnel accounts: once in a life, to one who was never paid before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.campaigns import parts
from paywarden.simulator.campaigns.laundering import moves
from paywarden.simulator.campaigns.model import Attack, Brief, Terms


@dataclass(frozen=True, slots=True)
class HousePurchase(Terms):
    """Everything to the notary."""

    def attack(self, brief: Brief) -> Attack:
        """`brief.size` transfers in, one out."""
        rng, size = brief.rng, brief.size
        people = moves.circle(brief, size + 1)
        when = moves.within(brief, size, 3.0)
        euros = rng.uniform(20_000, 160_000) * moves.shares(rng, size, 0.8)
        minor = moves.typed(brief, people, euros.clip(200))
        into = moves.pay(brief, people, np.arange(1, size + 1), people.account[0], when, minor)
        notary = parts.mules(brief, people.country[:1])
        later = moves.hours_later(brief, when[-1:], 2, 30)
        out = moves.pay(brief, people, [0], notary, later, [into["amount"].sum() * 0.99])
        moves.say(brief, out, ["purchase price"])
        return moves.innocent(brief, "buyer of a house", into, out)


CAMPAIGN = HousePurchase(
    type="look_alike_house_purchase",
    sizes=(2, 5),
    latest_start=0.8,
    engine="aml",
    innocent=True,
    evasive_share=0.0,
)
